// Pace: the generic cell rate algorithm (GCRA, ITU-T I.371) on the monotonic clock. Pure: the
// caller brings the time. Messages leave evenly, a batch counts as all its rows, and no burst saved
// up from idle time is ever let out.
//
// The promise is that a gateway sees no more than its limit in ANY one-second window. What leaves
// evenly arrives less so: the spacing is therefore kSlack longer than the limit alone asks for, of
// which kCatchUp may be used to make up for a timer that fired late, and the rest is for the
// network.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "pace/limits.hpp"

namespace loa {

constexpr Duration kPaceWindow = std::chrono::seconds(1);
constexpr Duration kPaceSlack =
    std::chrono::milliseconds(7);  // 0.7 % of the limit is given up for it
constexpr Duration kPaceCatchUp = std::chrono::milliseconds(3);

// What one request takes from each limit.
struct Cost {
  std::uint64_t requests = 1;
  std::uint64_t messages = 0;
  std::uint64_t parts = 0;

  Cost& operator+=(const Cost& other);
  Cost& operator-=(const Cost& other);
};

// One rate. 0 a second means unlimited.
class Gcra {
 public:
  explicit Gcra(double per_second);

  // When the next request may leave, were `ahead` units to leave before it; not before `now`.
  Tick earliest(Tick now, std::uint64_t ahead) const;
  // Units leave at `at` (not before earliest()).
  void take(Tick at, std::uint64_t units);
  // Stretches the spacing: 1 is the configured rate, 0.5 half of it.
  void set_share(double share) { share_ = share; }
  bool unlimited() const { return interval_ns_ <= 0; }

 private:
  Duration spacing(std::uint64_t units) const;

  double interval_ns_;  // between two units at full rate
  double share_ = 1;
  Tick next_ = Tick::min();  // theoretical arrival time of the next unit
};

// The limits of a gateway (or of a campaign) together.
class Limiter {
 public:
  explicit Limiter(const Limits& limits);

  Tick earliest(Tick now, const Cost& ahead) const;
  void take(Tick at, const Cost& cost);

  // The gateway said "too fast": halves the rate, and waits for `retry_after` at least.
  void throttled(Tick now, Duration retry_after);
  // An answer without a throttle: the rate comes back by a tenth of the full rate a second.
  void accepted(Tick now);
  // Nothing leaves before `until`.
  void pause(Tick until);
  double share() const { return share_; }

 private:
  void set_share(double share);

  Gcra requests_;
  Gcra messages_;
  Gcra parts_;
  double share_ = 1;
  Tick changed_ = Tick::min();
  Tick paused_until_ = Tick::min();
};

// The largest batch of at most `batch_max` rows with which a whole number of requests fills the
// second: with 500 messages a second and 200 rows, batches of 166, since three of 200 would exceed
// any window. `parts_per_row` is the most one row costs.
int fitting_batch(const Limits& limits, int batch_max, int parts_per_row);

}  // namespace loa
