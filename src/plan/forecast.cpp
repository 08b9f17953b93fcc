#include "plan/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pace/limiter.hpp"

namespace loa {
namespace {

struct Load {
  std::uint64_t requests = 0;
  std::uint64_t messages = 0;
  std::uint64_t parts = 0;
};

// The longest time that any limit asks for, and its name.
std::pair<Duration, std::string> time_needed(const Load& load, const Limits& limits) {
  std::pair<Duration, std::string> longest{Duration{0}, ""};
  const auto consider = [&](std::uint64_t units, double per_second, std::string_view name) {
    if (per_second <= 0) return;
    const double seconds = static_cast<double>(units) / per_second *
                           std::chrono::duration<double>(kPaceWindow + kPaceSlack).count();
    const auto duration =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    if (duration > longest.first) longest = {duration, fmt::format("{} {:g}", name, per_second)};
  };
  consider(load.requests, limits.requests_per_second, "requests_per_second");
  consider(load.messages, limits.messages_per_second, "messages_per_second");
  consider(load.parts, limits.parts_per_second, "parts_per_second");
  return longest;
}

struct Walk {
  std::optional<Instant> end;
  double share_done = 1;  // of the work, by useful_until
};

// Lets `needed` pass inside the allowed stretches, at most `per_day` of `messages` in each local
// day.
Walk walk(std::span<const Schedule> schedules, Instant from, Duration needed,
          std::uint64_t messages, std::uint64_t per_day) {
  using std::chrono::duration_cast;
  using Micro = std::chrono::microseconds;
  const Micro total = duration_cast<Micro>(needed);
  Micro left = total;
  std::uint64_t messages_left = messages;
  std::optional<Instant> at = next_allowed(schedules, from);
  constexpr int kStretchesMax = 4000;  // ten years of days: enough to say "never"
  for (int i = 0; at && i < kStretchesMax; ++i) {
    const Instant until =
        std::min(allowed_until(schedules, *at), end_of_day(schedules.front().zone, *at));
    Micro today = std::min(left, until - *at);
    if (per_day > 0 && messages_left > per_day) {
      const Micro for_quota(static_cast<std::int64_t>(static_cast<double>(total.count()) *
                                                      static_cast<double>(per_day) /
                                                      static_cast<double>(messages)));
      today = std::min(today, for_quota);
      messages_left -= per_day;
      left -= today;
      at = next_allowed(schedules, end_of_day(schedules.front().zone, *at));
      continue;
    }
    left -= today;
    if (left.count() <= 0) return {*at + today, 1};
    at = next_allowed(schedules, *at + today);
  }
  const double done =
      total.count() > 0 ? 1 - static_cast<double>(left.count()) / static_cast<double>(total.count())
                        : 0;
  return {std::nullopt, done};
}

}  // namespace

Forecast forecast(const PlanHead& head, const std::vector<Gateway>& gateways,
                  const Schedule& schedule, double parts_per_second, Instant from) {
  Forecast result;
  result.start = next_allowed(schedule, from);
  bool all_end = result.start.has_value();
  if (!result.start) result.rows_late = head.rows;

  const auto add = [&](std::string name, const std::pair<Duration, std::string>& needed,
                       std::uint64_t rows, std::uint64_t per_day,
                       const std::optional<Schedule>& hours) {
    GatewayForecast one{std::move(name), needed.first, needed.second, std::nullopt};
    if (result.start) {
      std::vector<Schedule> schedules = {schedule};
      if (hours) schedules.push_back(*hours);
      const Walk walked = walk(schedules, *result.start, needed.first, rows, per_day);
      one.end = walked.end;
      if (!walked.end) {
        all_end = false;
        result.rows_late = std::max(
            result.rows_late,
            rows - static_cast<std::uint64_t>(static_cast<double>(rows) * walked.share_done));
      } else if (!result.end || *walked.end > *result.end) {
        result.end = walked.end;
      }
    }
    result.sending = std::max(result.sending, needed.first);
    return one;
  };

  for (const Gateway& gateway : gateways) {
    Load load;
    for (const PlanLane& lane : head.lanes) {
      if (lane.gateway != gateway.name) continue;
      const auto batch = static_cast<std::uint64_t>(lane.batch);
      load.requests += (lane.rows + batch - 1) / batch;
      load.messages += lane.rows;
      load.parts += lane.parts;
    }
    if (load.messages == 0) continue;
    result.gateways.push_back(add(gateway.name, time_needed(load, gateway.limits), load.messages,
                                  gateway.limits.per_day, gateway.hours));
  }
  Limits pace;
  pace.parts_per_second = parts_per_second;
  const auto whole = time_needed({.requests = 0, .messages = 0, .parts = head.parts}, pace);
  if (whole.first.count() > 0) add("", whole, head.rows, 0, std::nullopt);
  if (!all_end) result.end.reset();
  return result;
}

}  // namespace loa
