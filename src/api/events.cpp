#include "api/events.hpp"

#include <algorithm>

#include "api/views.hpp"

namespace loa {
namespace {

constexpr Duration kBetween = std::chrono::milliseconds(500);
constexpr Duration kGather = std::chrono::milliseconds(100);
constexpr Duration kRightsAgain = std::chrono::seconds(1);
// More than a reader may be behind is never sent at once.
constexpr std::size_t kRecordMax = 128 * 1024;
// Reconnect after so many milliseconds.
constexpr std::string_view kRetry = "retry: 2000\n\n";

auto shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

}  // namespace

std::string format_event(std::string_view name, std::uint64_t id, std::string_view data) {
  std::string out;
  constexpr std::size_t kFrame = 64;
  out.reserve(data.size() + kFrame);
  out.append("event: ").append(name).append("\nid: ").append(std::to_string(id));
  return out.append("\ndata: ").append(data).append("\n\n");
}

EventHub::EventHub(asio::any_io_executor executor, Clock& clock, Desk& desk, Access& access)
    : clock_(clock),
      desk_(desk),
      access_(access),
      alarm_(clock.make_alarm()),
      tasks_(std::move(executor), clock) {
  subscription_ = desk_.subscribe([this](const Change& change) { take(change); });
  tasks_.spawn(run());
}

void EventHub::take(const Change& change) {
  lsn_ = change.lsn;
  if (readers_.empty()) return;
  gateways_changed_ = true;
  if (!change.campaign.empty()) changed_.insert(change.campaign);
  const bool is_followed = std::any_of(readers_.begin(), readers_.end(),
                                       [](const Reader& reader) { return reader.topics.record; });
  if (is_followed) record_ += format_event("record", change.lsn, change.line);
  if (record_.size() > kRecordMax) flush();
  alarm_->wake();
}

void EventHub::add(std::shared_ptr<HttpStream> stream, Identity who, Topics topics,
                   std::optional<std::uint64_t> last_seen) {
  Reader reader{std::move(stream), std::move(who), std::move(topics)};
  reader.stream->send(shared(std::string(kRetry)));
  if (record_.empty()) {
    if (last_seen) catch_up(reader, *last_seen);
  } else {
    flush();  // those lines are among what he is told now
    if (last_seen) catch_up(reader, *last_seen);
  }
  readers_.push_back(std::move(reader));
  tell_gateways(clock_.now());
  alarm_->wake();
}

void EventHub::catch_up(const Reader& reader, std::uint64_t last_seen) {
  const auto missed = desk_.changes_after(last_seen);
  if (!missed) {
    reader.stream->send(shared(format_event("reset", lsn_, "{}")));
    return;
  }
  std::set<std::string> campaigns;
  std::string lines;
  for (const Change& change : *missed) {
    if (!change.campaign.empty()) campaigns.insert(change.campaign);
    if (!reader.topics.record) continue;
    lines += format_event("record", change.lsn, change.line);
    if (lines.size() <= kRecordMax) continue;
    reader.stream->send(shared(format_event("reset", lsn_, "{}")));
    return;
  }
  if (!lines.empty()) reader.stream->send(shared(std::move(lines)));
  if (!reader.topics.campaigns) return;
  for (const std::string& id : campaigns) {
    if (!reader.topics.campaign.empty() && reader.topics.campaign != id) continue;
    if (const Bytes event = campaign_event(id)) reader.stream->send(event);
  }
}

bool EventHub::is_anything_untold() const {
  return !record_.empty() || !changed_.empty() || (gateways_changed_ && follows_gateways());
}

// Changes that come together are told together.
Task<void> EventHub::run() {
  while (!stopping_) {
    if (!is_anything_untold()) {
      // Rights end also while nothing happens.
      const Tick next = readers_.empty() ? Tick::max() : clock_.now() + kRightsAgain;
      co_await alarm_->wait_until(next);
      drop_readers();
      continue;
    }
    const Tick until = clock_.now() + kGather;
    while (clock_.now() < until && !stopping_) co_await alarm_->wait_until(until);
    flush();
  }
}

void EventHub::flush() {
  drop_readers();
  if (!record_.empty()) {
    const Bytes lines = shared(std::exchange(record_, {}));
    for (const Reader& reader : readers_)
      if (reader.topics.record) reader.stream->send(lines);
  }
  tell_campaigns(clock_.now());
  tell_gateways(clock_.now());
}

EventHub::Bytes EventHub::campaign_event(const std::string& id) {
  const auto campaign = desk_.campaign(id);
  if (!campaign) return nullptr;
  JsonWriter out;
  put_summary(out, *campaign);
  return shared(format_event("campaign", lsn_, out.text()));
}

void EventHub::tell_campaigns(Tick now) {
  std::erase_if(told_, [&](const auto& one) { return one.second + kBetween <= now; });
  for (auto it = changed_.begin(); it != changed_.end();) {
    if (told_.contains(*it)) {  // a moment ago: later, as it will be then
      ++it;
      continue;
    }
    const Bytes event = campaign_event(*it);
    for (const Reader& reader : readers_) {
      if (!event || !reader.topics.campaigns) continue;
      if (reader.topics.campaign.empty() || reader.topics.campaign == *it)
        reader.stream->send(event);
    }
    told_.emplace(*it, now);
    it = changed_.erase(it);
  }
}

bool EventHub::follows_gateways() const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [](const Reader& reader) { return reader.topics.gateways; });
}

void EventHub::tell_gateways(Tick now) {
  if (!follows_gateways() || now < gateways_told_ + kBetween) return;
  gateways_told_ = now;
  gateways_changed_ = false;
  const bool is_first = seen_.empty();
  for (const GatewayView& gateway : desk_.gateways()) {
    JsonWriter out;
    put_gateway(out, gateway);
    std::string& seen = seen_[gateway.name];
    if (seen == out.text()) continue;
    seen = out.text();
    if (is_first) continue;
    const Bytes event = shared(format_event("gateway", lsn_, seen));
    for (const Reader& reader : readers_) {
      if (reader.topics.gateways && allowed(reader.who, Permission::read_gateways, gateway.name))
        reader.stream->send(event);
    }
  }
}

// Those who went, and those who are not any more what they were when they came.
void EventHub::drop_readers() {
  std::erase_if(readers_, [this](const Reader& reader) {
    if (!reader.stream->is_open()) return true;
    if (access_.still(reader.who)) return false;
    reader.stream->close();
    return true;
  });
}

Task<void> EventHub::stop() {
  stopping_ = true;
  subscription_.reset();
  for (const Reader& reader : readers_) reader.stream->close();
  readers_.clear();
  alarm_->wake();
  co_await tasks_.join();
}

}  // namespace loa
