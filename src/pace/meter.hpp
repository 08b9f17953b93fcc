// How fast something went: units of the last ten whole seconds. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"

namespace loa {

class Meter {
 public:
  void add(Tick at, std::uint64_t units) { slot(at) += units; }
  double per_second(Tick now) {
    slot(now);  // what is older goes
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (i != static_cast<std::size_t>(second_) % counts_.size()) sum += counts_[i];
    return static_cast<double>(sum) / kSeconds;
  }

 private:
  static constexpr std::int64_t kSeconds = 10;

  std::uint64_t& slot(Tick at) {
    const std::int64_t second =
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
    for (std::int64_t gone = 0; second_ < second && gone <= kSeconds; ++gone)
      counts_[static_cast<std::size_t>(++second_) % counts_.size()] = 0;
    second_ = second;
    return counts_[static_cast<std::size_t>(second_) % counts_.size()];
  }

  std::array<std::uint64_t, kSeconds + 1> counts_{};  // and the second that is not over
  std::int64_t second_ = 0;
};

}  // namespace loa
