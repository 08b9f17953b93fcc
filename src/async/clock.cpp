#include "async/clock.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace loa {
namespace {

class SystemAlarm final : public Alarm {
 public:
  explicit SystemAlarm(const asio::any_io_executor& executor) : timer_(executor) {}

  Task<void> wait_until(Tick deadline) override {
    if (!woken_) {
      boost::system::error_code ec;
      timer_.expires_at(std::chrono::time_point_cast<asio::steady_timer::duration>(deadline));
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    woken_ = false;
  }

  void wake() override {
    woken_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  bool woken_ = false;
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  Tick now() override { return std::chrono::steady_clock::now(); }
  Instant wall() override { return system_wall(); }
  std::unique_ptr<Alarm> make_alarm() override { return std::make_unique<SystemAlarm>(executor_); }

 private:
  asio::any_io_executor executor_;
};

}  // namespace

Instant system_wall() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::unique_ptr<Clock> create_system_clock(asio::any_io_executor executor) {
  return std::make_unique<SystemClock>(std::move(executor));
}

}  // namespace loa
