// One at a time: who comes while another is inside waits, in order.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "async/clock.hpp"

namespace loa {

class Gate {
 public:
  explicit Gate(Clock& clock) : clock_(clock) {}

  // Inside while it lives.
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  Task<Pass> enter() {
    if (std::exchange(taken_, true)) {
      const std::unique_ptr<Alarm> alarm = clock_.make_alarm();
      waiting_.push_back(alarm.get());
      co_await alarm->wait_until(Tick::max());
    }
    co_return Pass(*this);
  }

 private:
  void leave() {
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    Alarm* next = waiting_.front();
    waiting_.pop_front();
    next->wake();  // the gate stays taken, for it
  }

  Clock& clock_;
  bool taken_ = false;
  std::deque<Alarm*> waiting_;
};

}  // namespace loa
