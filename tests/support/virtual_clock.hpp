// Time that passes only when everybody waits: a campaign of hours runs in milliseconds, the same
// way each time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>

#include "async/clock.hpp"

namespace loa {

class VirtualClock final : public Clock {
 public:
  // `start` is the wall clock at Tick{}; the clock begins `elapsed` later.
  VirtualClock(asio::io_context& context, Instant start, Duration elapsed = Duration{0})
      : context_(context), start_(start), now_(Tick{} + elapsed) {}

  Tick now() override { return now_; }
  Instant wall() override {
    return std::chrono::floor<std::chrono::milliseconds>(
        start_ + std::chrono::duration_cast<std::chrono::microseconds>(now_ - Tick{}));
  }
  // Somebody sets the wall clock; the monotonic one, and all who wait on it, do not notice.
  void set_by(Duration by) { start_ += std::chrono::floor<std::chrono::microseconds>(by); }
  // The process is not run for so long: all that was to happen meanwhile happens after it.
  void hold_up(Duration by) { now_ += by; }
  std::unique_ptr<Alarm> make_alarm() override { return std::make_unique<VirtualAlarm>(*this); }

  // Runs until nobody waits for a time any more, or `limit` has passed. `settle` does what needs no
  // time; it is to wait for other threads, where there are any.
  void run(Duration limit = std::chrono::hours(1000), const std::function<void()>& settle = {}) {
    const Tick end = now_ + limit;
    for (;;) {
      context_.restart();
      context_.poll();
      if (settle) settle();
      if (sleepers_.empty() || sleepers_.begin()->first > end) return;
      now_ = std::max(now_, sleepers_.begin()->first);
      sleepers_.begin()->second->expire();
    }
  }

 private:
  class VirtualAlarm final : public Alarm {
   public:
    explicit VirtualAlarm(VirtualClock& clock)
        : clock_(clock), timer_(clock.context_, asio::steady_timer::time_point::max()) {}
    ~VirtualAlarm() override { forget(); }

    Task<void> wait_until(Tick deadline) override {
      if (!woken_ && deadline > clock_.now_) {
        if (deadline != Tick::max()) {
          at_ = clock_.sleepers_.emplace(deadline, this);
          asleep_ = true;
        }
        boost::system::error_code ec;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        timer_.expires_at(asio::steady_timer::time_point::max());
        forget();
      }
      woken_ = false;
    }
    void wake() override {
      woken_ = true;
      timer_.cancel();
    }
    void expire() {
      forget();
      timer_.cancel();
    }

   private:
    void forget() {
      if (asleep_) clock_.sleepers_.erase(at_);
      asleep_ = false;
    }

    VirtualClock& clock_;
    asio::steady_timer timer_;
    std::multimap<Tick, VirtualAlarm*>::iterator at_;
    bool asleep_ = false;
    bool woken_ = false;
  };

  asio::io_context& context_;
  Instant start_;
  Tick now_;
  std::multimap<Tick, VirtualAlarm*> sleepers_;
};

}  // namespace loa
