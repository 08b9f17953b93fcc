#include "service/log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "service/one_line.hpp"

namespace loa {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr std::size_t kKeysMax = 1000;
constexpr std::size_t kMessageMax = 1500;  // with every byte escaped, a line fits in PIPE_BUF
constexpr std::size_t kNameMax = 128;

const LogEventKind& kind_of(LogEvent event) {
  const auto* const kind = std::find_if(kLogEvents.begin(), kLogEvents.end(),
                                        [&](const auto& each) { return each.event == event; });
  LOA_CHECK(kind != kLogEvents.end());
  return *kind;
}

}  // namespace

Log::Log(Clock& clock, std::unique_ptr<LogSink> sink)
    : clock_(clock), sink_(std::move(sink)), looked_(clock.now()) {}

void Log::info(LogEvent event, std::string_view message, const LogFields& fields) {
  say(Severity::info, event, message, fields);
}

void Log::warning(LogEvent event, std::string_view message, const LogFields& fields) {
  say(Severity::warning, event, message, fields);
}

void Log::error(LogEvent event, std::string_view message, const LogFields& fields) {
  say(Severity::error, event, message, fields);
}

void Log::say(Severity severity, LogEvent event, std::string_view message,
              const LogFields& fields) {
  turn();
  Key key{event, fmt::format("{}\n{}", fields.campaign, fields.gateway)};
  // With more subjects in one minute than are kept apart, the rest of a kind is counted together.
  if (repeats_.size() >= kKeysMax && !repeats_.contains(key)) key.second.clear();
  Repeats& repeats = repeats_[key];
  if (repeats.written == 0) {
    repeats.since = clock_.now();
    if (!key.second.empty()) {
      repeats.campaign = fields.campaign;
      repeats.gateway = fields.gateway;
    }
  }
  if (repeats.written < kSameLinesMax) {
    ++repeats.written;
    write(severity, event, one_line(message, kMessageMax), fields);
    return;
  }
  ++repeats.held_back;
  repeats.severity = severity;
  repeats.last = one_line(message, kMessageMax);
}

void Log::turn() {
  const Tick now = clock_.now();
  if (now - looked_ < std::chrono::seconds(1)) return;
  looked_ = now;
  for (auto it = repeats_.begin(); it != repeats_.end();) {
    if (now - it->second.since < kMinute) {
      ++it;
      continue;
    }
    const Repeats repeats = std::move(it->second);
    const LogEvent event = it->first.first;
    it = repeats_.erase(it);
    if (repeats.held_back == 0) continue;
    LogFields fields;
    fields.campaign = repeats.campaign;
    fields.gateway = repeats.gateway;
    write(repeats.severity, LogEvent::suppressed,
          one_line(fmt::format("{} more of '{}' in a minute; the last: {}", repeats.held_back,
                               kind_of(event).name, repeats.last),
                   kMessageMax),
          fields);
  }
}

void Log::write(Severity severity, LogEvent event, std::string message, const LogFields& fields) {
  const std::string campaign = one_line(fields.campaign, kNameMax);
  const std::string gateway = one_line(fields.gateway, kNameMax);
  const std::string actor = one_line(fields.actor, kNameMax);
  LogFields clean = fields;
  clean.campaign = campaign;
  clean.gateway = gateway;
  clean.actor = actor;
  const Instant at = clock_.wall();
  if (lost_ > 0) {
    const LogSink::Line gap{
        .at = at,
        .severity = Severity::warning,
        .kind = kind_of(LogEvent::suppressed),
        .message = fmt::format("{} lines of the log could not be written", lost_),
        .fields = {}};
    if (!sink_->write(gap)) {
      ++lost_;
      return;
    }
    lost_ = 0;
  }
  const LogSink::Line line{.at = at,
                           .severity = severity,
                           .kind = kind_of(event),
                           .message = std::move(message),
                           .fields = clean};
  if (!sink_->write(line)) ++lost_;
}

}  // namespace loa
