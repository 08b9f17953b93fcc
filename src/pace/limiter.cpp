#include "pace/limiter.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace loa {
namespace {

// How long what has left is counted.
constexpr Duration kCounted = kPaceWindow + kPaceSlack - kPaceCatchUp;

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  requests += other.requests;
  messages += other.messages;
  parts += other.parts;
  return *this;
}

Cost& Cost::operator-=(const Cost& other) {
  requests -= other.requests;
  messages -= other.messages;
  parts -= other.parts;
  return *this;
}

Rate::Rate(double per_second) : per_second_(per_second) {}

Duration Rate::spacing(std::uint64_t units) const {
  const auto window_ns = static_cast<double>((kPaceWindow + kPaceSlack).count());
  return Duration(std::llround(window_ns * static_cast<double>(units) / (per_second_ * share_)));
}

Tick Rate::next(Tick now, std::uint64_t ahead) const {
  if (unlimited()) return now;
  if (next_ == Tick::min()) return now + spacing(ahead);
  return std::max(now, next_ + spacing(ahead) - kPaceCatchUp);
}

Tick Rate::fit(Tick at, std::uint64_t units, Tick horizon) const {
  std::uint64_t beside = in_last_second_;
  auto last = last_second_.end();
  while (last != last_second_.begin() && std::prev(last)->first > horizon)
    beside -= (--last)->second;
  for (auto it = last_second_.begin();
       it != last && static_cast<double>(beside + units) > per_second_; ++it) {
    at = std::max(at, it->first + kCounted);
    beside -= it->second;
  }
  return at;
}

Tick Rate::earliest(Tick now, std::uint64_t units) {
  if (unlimited() || units == 0) return now;
  while (!last_second_.empty() && last_second_.front().first + kCounted <= now) {
    in_last_second_ -= last_second_.front().second;
    last_second_.pop_front();
  }
  return fit(next(now, 0), units, Tick::max());
}

void Rate::take(Tick at, std::uint64_t units) {
  if (unlimited() || units == 0) return;
  next_ = std::max(next_, at) + spacing(units);
  count(at, units);
}

void Rate::give_back(Tick turn, std::uint64_t units) {
  const auto found = std::find(last_second_.rbegin(), last_second_.rend(), std::pair(turn, units));
  if (found == last_second_.rend()) return;  // longer ago than a second
  in_last_second_ -= units;
  last_second_.erase(std::next(found).base());
}

Tick Rate::room(Tick now, std::uint64_t units) const {
  return unlimited() || units == 0 ? now : fit(now, units, now);
}

void Rate::count(Tick at, std::uint64_t units) {
  if (unlimited() || units == 0) return;
  const auto is_earlier = [](const auto& one, Tick tick) { return one.first <= tick; };
  last_second_.emplace(std::lower_bound(last_second_.begin(), last_second_.end(), at, is_earlier),
                       at, units);
  in_last_second_ += units;
}

Limiter::Limiter(const Limits& limits)
    : requests_(limits.requests_per_second),
      messages_(limits.messages_per_second),
      parts_(limits.parts_per_second) {}

Tick Limiter::next(Tick now, const Cost& ahead) const {
  return std::max({requests_.next(now, ahead.requests), messages_.next(now, ahead.messages),
                   parts_.next(now, ahead.parts), paused_until_});
}

Tick Limiter::earliest(Tick now, const Cost& cost) {
  return std::max({requests_.earliest(now, cost.requests), messages_.earliest(now, cost.messages),
                   parts_.earliest(now, cost.parts), paused_until_});
}

void Limiter::take(Tick at, const Cost& cost) {
  requests_.take(at, cost.requests);
  messages_.take(at, cost.messages);
  parts_.take(at, cost.parts);
}

void Limiter::give_back(Tick turn, const Cost& cost) {
  requests_.give_back(turn, cost.requests);
  messages_.give_back(turn, cost.messages);
  parts_.give_back(turn, cost.parts);
}

Tick Limiter::room(Tick now, const Cost& cost) const {
  return std::max({requests_.room(now, cost.requests), messages_.room(now, cost.messages),
                   parts_.room(now, cost.parts), paused_until_});
}

void Limiter::count(Tick at, const Cost& cost) {
  requests_.count(at, cost.requests);
  messages_.count(at, cost.messages);
  parts_.count(at, cost.parts);
}

namespace {
constexpr double kLeastShare = 1.0 / 64;
constexpr double kRegainPerSecond = 0.1;
constexpr Duration kThrottlePause = std::chrono::seconds(1);
}  // namespace

void Limiter::throttled(Tick now, Duration retry_after) {
  pause(now + std::max(retry_after, kThrottlePause));
  // Several requests in flight may hear of the same excess: it halves the rate once.
  if (changed_ != Tick::min() && share_ < 1 && now - changed_ < kThrottlePause) return;
  set_share(std::max(kLeastShare, share_ / 2));
  changed_ = now;
}

void Limiter::accepted(Tick now) {
  if (share_ >= 1) return;
  const double seconds = std::chrono::duration<double>(now - changed_).count();
  if (seconds <= 0) return;
  set_share(std::min(1.0, share_ + seconds * kRegainPerSecond));
  changed_ = now;
}

void Limiter::pause(Tick until) { paused_until_ = std::max(paused_until_, until); }

void Limiter::set_share(double share) {
  share_ = share;
  requests_.set_share(share);
  messages_.set_share(share);
  parts_.set_share(share);
}

int fitting_batch(const Limits& limits, int batch_max, int parts_per_row) {
  double rows_per_second = limits.messages_per_second;
  if (limits.parts_per_second > 0) {
    const double rows = limits.parts_per_second / parts_per_row;
    rows_per_second = rows_per_second > 0 ? std::min(rows_per_second, rows) : rows;
  }
  if (rows_per_second <= 0) return batch_max;
  constexpr double kNearlyAll = 0.995;
  int best = 1;
  double best_rows = 0;
  for (int batch = batch_max; batch >= 1; --batch) {
    const double rows = batch * std::floor(rows_per_second / batch);
    if (rows >= kNearlyAll * rows_per_second) return batch;
    if (rows > best_rows) {
      best = batch;
      best_rows = rows;
    }
  }
  return best;
}

}  // namespace loa
