#include "service/notifier.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "service/one_line.hpp"

namespace loa {
namespace {

using Patience = Datagram::Patience;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || value <= 0) return {};
  return value;
}

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

Notifier::Notifier(std::string_view socket, std::optional<Duration> watchdog)
    : manager_(socket.empty() ? nullptr : std::make_unique<Datagram>(socket)),
      watchdog_(socket.empty() ? std::nullopt : watchdog) {}

Notifier Notifier::from_environment() {
  const std::optional<std::int64_t> patience = number(variable("WATCHDOG_USEC"));
  const std::string_view whose = variable("WATCHDOG_PID");
  std::optional<Duration> watchdog;
  if (patience && (whose.empty() || number(whose) == std::int64_t{::getpid()}))
    watchdog = std::chrono::microseconds(*patience);
  return Notifier(variable("NOTIFY_SOCKET"), watchdog);
}

Result<void> Notifier::ready(std::string_view status) {
  if (!manager_) return {};
  status_ = one_line(status);
  if (manager_->send(fmt::format("READY=1\nSTATUS={}\n", status_), Patience::a_second)) return {};
  return fail(Code::unavailable,
              "the service manager does not take the message that Loa is ready; is NOTIFY_SOCKET "
              "right, and does the unit say Type=notify?");
}

void Notifier::reloading(Tick now) {
  if (!manager_) return;
  manager_->send(
      fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", microseconds(now.time_since_epoch())),
      Patience::a_second);
}

void Notifier::stopping(std::string_view status) {
  if (!manager_) return;
  status_ = one_line(status);
  manager_->send(fmt::format("STOPPING=1\nSTATUS={}\n", status_), Patience::a_second);
}

void Notifier::status(std::string_view line) {
  std::string text = one_line(line);
  if (!manager_ || text == status_) return;
  if (manager_->send(fmt::format("STATUS={}\n", text), Patience::none)) status_ = std::move(text);
}

void Notifier::alive() {
  if (manager_) manager_->send("WATCHDOG=1\n", Patience::none);
}

void Notifier::extend(Duration more) {
  if (manager_)
    manager_->send(fmt::format("EXTEND_TIMEOUT_USEC={}\n", microseconds(more)), Patience::none);
}

Watchdog::Watchdog(Notifier& notifier, Clock& clock, std::function<bool()> turned)
    : notifier_(notifier), clock_(clock), turned_(std::move(turned)), alarm_(clock.make_alarm()) {}

Task<void> Watchdog::run() {
  if (!notifier_.watchdog()) co_return;
  const Duration period = *notifier_.watchdog() / 3;
  while (!stopped_) {
    if (turned_()) notifier_.alive();
    const Tick next = clock_.now() + period;
    co_await alarm_->wait_until(next);
  }
}

void Watchdog::stop() {
  stopped_ = true;
  alarm_->wake();
}

}  // namespace loa
