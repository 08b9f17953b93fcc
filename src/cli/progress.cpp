#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/printable.hpp"
#include "cli/output.hpp"

namespace loa {
namespace {

std::uint64_t done(const CampaignRecord& record) {
  std::uint64_t count = record.accepted + record.in_doubt;
  for (const auto& [code, rows] : record.refused) count += rows;
  return count;
}

bool is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Progress::Progress(Clock& clock, const CampaignRecord& record)
    : clock_(clock),
      record_(record),
      alarm_(clock.make_alarm()),
      terminal_(is_terminal()),
      began_(clock.now()),
      done_before_(done(record)) {}

void Progress::note(const std::string& message) {
  say("{}{}\n", drawn_ ? "\r\x1b[K" : "", printable(message));
  drawn_ = false;
}

Task<void> Progress::show() {
  const Duration period =
      terminal_ ? Duration(std::chrono::milliseconds(250)) : Duration(std::chrono::seconds(10));
  Tick next = clock_.now() + period;
  while (!stopped_) {
    if (terminal_) draw();
    co_await alarm_->wait_until(next);
    if (!terminal_ && !stopped_) say("{}\n", line());
    next += period;
  }
  if (terminal_) {
    draw();
    say("\n");
  }
}

void Progress::stop() {
  stopped_ = true;
  alarm_->wake();
}

void Progress::draw() {
  constexpr std::uint64_t kWidth = 30;
  const std::uint64_t total = record_.rows.size();
  const std::uint64_t filled = total > 0 ? done(record_) * kWidth / total : 0;
  std::string bar;
  for (std::uint64_t i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  say("\r{} {}\x1b[K", bar, line());
  std::fflush(stderr);
  drawn_ = true;
}

std::string Progress::line() const {
  const std::uint64_t total = record_.rows.size();
  const std::uint64_t now_done = done(record_);
  const double seconds = std::chrono::duration<double>(clock_.now() - began_).count();
  const double rate = seconds > 0 ? static_cast<double>(now_done - done_before_) / seconds : 0;
  std::string text = fmt::format("{} of {}, {}/s", grouped(now_done), grouped(total),
                                 grouped(static_cast<std::uint64_t>(rate)));
  if (rate > 0 && now_done < total)
    text += ", " +
            to_words(std::chrono::duration_cast<Duration>(
                std::chrono::duration<double>(static_cast<double>(total - now_done) / rate))) +
            " left";
  if (record_.in_doubt > 0) text += fmt::format(", {} in doubt", grouped(record_.in_doubt));
  return text;
}

}  // namespace loa
