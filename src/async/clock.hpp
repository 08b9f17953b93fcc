// Time as an effect. Production uses the system's clocks, tests a virtual one, so that a whole
// campaign runs in milliseconds. Nothing else in the network core reads a clock or makes a timer.
#pragma once

#include <memory>

#include "async/task.hpp"
#include "base/time.hpp"

namespace loa {

// A wait that can be ended early. One coroutine waits on an alarm at a time.
class Alarm {
 public:
  virtual ~Alarm() = default;

  // Returns at `deadline`, or as soon as wake() is called, also when it was called before.
  virtual Task<void> wait_until(Tick deadline) = 0;
  virtual void wake() = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;

  virtual Tick now() = 0;      // monotonic
  virtual Instant wall() = 0;  // for records and schedules, in whole milliseconds
  virtual std::unique_ptr<Alarm> make_alarm() = 0;
};

// The wall clock where there is no executor yet.
Instant system_wall();

std::unique_ptr<Clock> create_system_clock(asio::any_io_executor executor);

}  // namespace loa
