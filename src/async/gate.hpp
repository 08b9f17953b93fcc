// One at a time: who comes while another is inside waits, in order.
#pragma once

#include <deque>
#include <memory>
#include <optional>
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
      const Place place(*this);
      co_await place.alarm->wait_until(Tick::max());
    }
    co_return Pass(*this);
  }
  // Nothing when somebody is inside.
  std::optional<Pass> enter_now() {
    if (std::exchange(taken_, true)) return std::nullopt;
    return Pass(*this);
  }
  bool taken() const { return taken_; }

 private:
  // In the queue; a coroutine that is given up leaves it.
  struct Place {
    explicit Place(Gate& at) : gate(at), alarm(at.clock_.make_alarm()) {
      gate.waiting_.push_back(alarm.get());
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { std::erase(gate.waiting_, alarm.get()); }

    Gate& gate;
    std::unique_ptr<Alarm> alarm;
  };

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
