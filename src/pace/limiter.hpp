// Pace: the generic cell rate algorithm (GCRA, ITU-T I.371) on the monotonic clock, for evenness,
// and a log of the last second, for the bound. Pure: the caller brings the time. Messages leave
// evenly, a batch counts as all its rows, and no burst saved up from idle time is ever let out.
//
// The promise is that a gateway sees no more than its limit in ANY one-second window. What leaves
// evenly arrives less so: the spacing is therefore kPaceSlack longer than the limit alone asks for,
// of which kPaceCatchUp may be used to make up for a timer that fired late, and the rest is for the
// network. Spacing alone is not enough for batches (six and a half of two rows a second are seven
// in some second): so the units of the last second are also counted. And what was held up leaves
// later than its turn: it is then counted as leaving now, if the last second has room for it.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

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
class Rate {
 public:
  explicit Rate(double per_second);

  // When the next unit may leave by spacing alone, were `ahead` units to leave before it; not
  // before `now`.
  Tick next(Tick now, std::uint64_t ahead) const;
  // When `units` together may leave; not before `now`. Forgets what left before the last second.
  Tick earliest(Tick now, std::uint64_t units);
  // Units leave at `at` (not before earliest()).
  void take(Tick at, std::uint64_t units);
  // When the turn has come, `now` may be later: the units are given back, may leave when room()
  // says, and are counted there. Spacing is not asked again: they have had their turn.
  void give_back(Tick turn, std::uint64_t units);
  Tick room(Tick now, std::uint64_t units) const;
  void count(Tick at, std::uint64_t units);
  // Stretches the spacing: 1 is the configured rate, 0.5 half of it.
  void set_share(double share) { share_ = share; }

 private:
  bool unlimited() const { return per_second_ <= 0; }
  Duration spacing(std::uint64_t units) const;
  // When `units` fit, not before `at`, beside what leaves until `horizon`.
  Tick fit(Tick at, std::uint64_t units, Tick horizon) const;

  double per_second_;
  double share_ = 1;
  Tick next_ = Tick::min();  // GCRA's theoretical arrival time of the next unit
  std::deque<std::pair<Tick, std::uint64_t>> last_second_;  // by time; the last may be to come
  std::uint64_t in_last_second_ = 0;
};

// The limits of a gateway (or of a campaign) together.
class Limiter {
 public:
  explicit Limiter(const Limits& limits);

  // When the next request may leave, were `ahead` to leave before it: to prepare in time.
  Tick next(Tick now, const Cost& ahead) const;
  // When a request of this cost may leave, not before `now`; take() it then.
  Tick earliest(Tick now, const Cost& cost);
  void take(Tick at, const Cost& cost);
  // As in Rate; a pause that was asked for since is kept too.
  void give_back(Tick turn, const Cost& cost);
  Tick room(Tick now, const Cost& cost) const;
  void count(Tick at, const Cost& cost);

  // The gateway said "too fast": halves the rate, and waits for `retry_after` at least.
  void throttled(Tick now, Duration retry_after);
  // An answer without a throttle: the rate comes back by a tenth of the full rate a second.
  void accepted(Tick now);
  // Nothing leaves before `until`.
  void pause(Tick until);
  double share() const { return share_; }

 private:
  void set_share(double share);

  Rate requests_;
  Rate messages_;
  Rate parts_;
  double share_ = 1;
  Tick changed_ = Tick::min();
  Tick paused_until_ = Tick::min();
};

// The largest batch of at most `batch_max` rows with which a whole number of requests (nearly)
// fills the second: with 500 messages a second and 200 rows, batches of 166, since three of 200
// would exceed it and two leave a fifth unused. `parts_per_row` is the most one row costs.
int fitting_batch(const Limits& limits, int batch_max, int parts_per_row);

}  // namespace loa
