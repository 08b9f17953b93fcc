#include "pace/limiter.hpp"

#include <algorithm>
#include <cmath>

namespace loa {

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

Gcra::Gcra(double per_second)
    : interval_ns_(per_second > 0
                       ? static_cast<double>((kPaceWindow + kPaceSlack).count()) / per_second
                       : 0) {}

Duration Gcra::spacing(std::uint64_t units) const {
  return Duration(std::llround(interval_ns_ * static_cast<double>(units) / share_));
}

Tick Gcra::earliest(Tick now, std::uint64_t ahead) const {
  if (unlimited() || next_ == Tick::min())
    return now + (unlimited() ? Duration{0} : spacing(ahead));
  return std::max(now, next_ + spacing(ahead) - kPaceCatchUp);
}

void Gcra::take(Tick at, std::uint64_t units) {
  if (unlimited()) return;
  next_ = std::max(next_, at) + spacing(units);
}

Limiter::Limiter(const Limits& limits)
    : requests_(limits.requests_per_second),
      messages_(limits.messages_per_second),
      parts_(limits.parts_per_second) {}

Tick Limiter::earliest(Tick now, const Cost& ahead) const {
  return std::max({requests_.earliest(now, ahead.requests), messages_.earliest(now, ahead.messages),
                   parts_.earliest(now, ahead.parts), paused_until_});
}

void Limiter::take(Tick at, const Cost& cost) {
  requests_.take(at, cost.requests);
  messages_.take(at, cost.messages);
  parts_.take(at, cost.parts);
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
  double rows_per_second = batch_max;
  if (limits.messages_per_second > 0) rows_per_second = limits.messages_per_second;
  if (limits.parts_per_second > 0) {
    const double rows = limits.parts_per_second / parts_per_row;
    rows_per_second = limits.messages_per_second > 0 ? std::min(rows_per_second, rows) : rows;
  }
  if (limits.messages_per_second <= 0 && limits.parts_per_second <= 0) return batch_max;
  const double requests = std::ceil(rows_per_second / batch_max);
  return std::clamp(static_cast<int>(rows_per_second / requests), 1, batch_max);
}

}  // namespace loa
