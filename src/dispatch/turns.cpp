// When something may be sent, and why not yet.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dispatch/dispatcher.hpp"

namespace loa {
namespace {

constexpr Duration kLeadLongest = std::chrono::milliseconds(50);
constexpr std::chrono::seconds kLookAgain(1);   // whether the disk has room again
constexpr std::chrono::seconds kLookEvery(10);  // at the wall clock, which may be set
constexpr std::chrono::seconds kTurnEvery(3);   // so that a watchdog sees it
constexpr std::chrono::seconds kWeighEvery(1);
constexpr std::chrono::milliseconds kSet(1010);  // counts as set; a leap second does not

}  // namespace

// Of the campaigns that may send through it now, the one whose turn it is; else when to look again.
Dispatcher::Turn Dispatcher::next_turn(Outlet& outlet, Tick now) {
  weigh(outlet, now);
  const Wait own = wait_of(outlet, now);
  Turn turn;
  std::vector<FairShare::Flow> ready;
  for (const auto& sending : sendings_) {
    if (!sending->ready || over(*sending)) continue;
    const Wait wait = wait_of(outlet, *sending, own, now);
    sending->bounds[outlet.index] = wait.bound;
    if (wait.until <= now) {
      ready.push_back(sending.get());
    } else {
      turn.at = std::min({turn.at, wait.until, now + kLookEvery});
    }
  }
  if (ready.empty()) return turn;
  const FairShare::Flow next = outlet.share.next(ready);
  for (const auto& sending : sendings_)
    if (sending.get() == next) turn.sending = sending.get();
  return turn;
}

// What holds for whatever goes through this gateway. Tick::max(): until something changes.
Dispatcher::Wait Dispatcher::wait_of(Outlet& outlet, Tick now) const {
  Wait wait{now, Bound::none};
  if (outlet.paused) wait.at_least(Tick::max(), Bound::paused);
  if (outlet.held) wait.at_least(Tick::max(), Bound::held);
  // A gateway that could not be reached is tried with one request at a time.
  if (outlet.failures > 0 && outlet.in_flight > 0) wait.at_least(Tick::max(), Bound::unreachable);
  wait.at_least(outlet.retry_at, Bound::unreachable);
  if (world_.recorder.journal().shortage()) wait.at_least(now + kLookAgain, Bound::disk);
  const Instant wall = world_.clock.wall();
  if (const Instant open = next_hours(outlet, wall); open > wall)
    wait.at_least(tick_of(open), Bound::gateway_hours);
  const std::uint64_t per_day = outlet.open.gateway.limits.per_day;
  if (per_day > 0) {
    const GatewayUse& use = world_.recorder.record().use(outlet.open.gateway.name);
    const std::uint64_t next =
        std::min(static_cast<std::uint64_t>(outlet.open.gateway.batch), per_day);
    if (world_.clock.wall() < use.day_end && use.today + next > per_day)
      wait.at_least(tick_of(use.day_end), Bound::per_day);
  }
  const Tick paced = outlet.limiter.next(now, outlet.ahead);
  const Duration lead = std::min(commit_time_ * 2, kLeadLongest);
  if (paced > now) wait.at_least(paced - lead, Bound::limit);
  return wait;
}

Dispatcher::Wait Dispatcher::wait_of(Outlet& outlet, Sending& sending, Wait wait, Tick now) {
  const GatewayQueue& queue = sending.queues[outlet.index];
  const Tick due = queue.due();
  if (due == Tick::max()) return {Tick::max(), queue.empty() ? Bound::none : Bound::canary};
  if (sending.over_budget > 0) return {Tick::max(), Bound::budget};
  const Instant wall = world_.clock.wall();
  const auto& useful_until = sending.settings.schedule.useful_until;
  if (useful_until && wall >= *useful_until) {
    sending.expired = true;
    wake(sending);
    return {Tick::max(), Bound::none};
  }
  wait.at_least(due, queue.only_postponed() ? Bound::subscriber : Bound::later);
  if (!sending.settings.ignore_schedule) {
    const std::optional<Instant> open = next_window(sending, wall);
    if (!open || *open > wall) wait.at_least(tick_of(open ? *open : *useful_until), Bound::hours);
  }
  const Tick paced = sending.pace.next(now, sending.ahead);
  const Duration lead = std::min(commit_time_ * 2, kLeadLongest);
  if (paced > now) wait.at_least(paced - lead, Bound::pace);
  return wait;
}

// When the gateway takes messages, by its own hours.
Instant Dispatcher::next_hours(Outlet& outlet, Instant wall) const {
  const std::optional<Schedule>& hours = outlet.open.gateway.hours;
  if (!hours) return wall;
  auto& window = outlet.window;
  if (!window || wall < window->first || wall >= window->second) {
    const Instant open = next_allowed(*hours, wall).value_or(wall);
    window = {open, allowed_until(*hours, open)};
  }
  return std::max(wall, window->first);
}

Tick Dispatcher::tick_of(Instant instant) const {
  constexpr std::chrono::microseconds kFar = std::chrono::hours(24 * 365);  // 9999 would overflow
  return world_.clock.now() + std::min(instant - world_.clock.wall(), kFar);
}

std::optional<Instant> Dispatcher::next_window(Sending& sending, Instant wall) {
  auto& window = sending.window;
  const Schedule& schedule = sending.settings.schedule;
  if (window && wall >= window->first && wall < window->second) return wall;
  const std::optional<Instant> open = next_allowed(schedule, wall);
  if (open) {
    const bool told = window && window->first == *open;
    window = {*open, allowed_until(schedule, *open)};
    if (*open > wall && !told)
      world_.observer.note(fmt::format("waiting for the allowed hours: sending goes on at {}",
                                       to_local(schedule.zone, *open)));
  }
  return open;
}

// Who would miss its useful_until gets more of the gateway.
void Dispatcher::weigh(Outlet& outlet, Tick now) {
  if (sendings_.size() < 2) return;
  if (outlet.weighed != Tick::min() && now - outlet.weighed < kWeighEvery) return;
  outlet.weighed = now;
  const Limits& limits = outlet.open.gateway.limits;
  const double rate =
      limits.parts_per_second > 0 ? limits.parts_per_second : limits.messages_per_second;
  double urgent = 0;
  double rest = 0;
  for (const auto& sending : sendings_)
    if (!sending->queues[outlet.index].empty())
      (sending->settings.urgent ? urgent : rest) += sending->settings.weight;
  for (const auto& sending : sendings_) {
    const auto& useful_until = sending->settings.schedule.useful_until;
    if (!useful_until) continue;
    const double left = std::chrono::duration<double>(*useful_until - world_.clock.wall()).count();
    const double weight = sending->settings.weight;
    const bool is_urgent = sending->settings.urgent;
    const double of_class =
        is_urgent ? (rest > 0 ? FairShare::kUrgent : 1) : (urgent > 0 ? 1 - FairShare::kUrgent : 1);
    outlet.share.set_weight(
        sending.get(),
        pressed_weight(weight, weight / (is_urgent ? urgent : rest), rate * of_class,
                       static_cast<double>(sending->queues[outlet.index].rows()), left));
  }
}

// What only time brings to a campaign: its end, the next ring. When to look again.
Tick Dispatcher::look(Sending& sending) {
  const Tick now = world_.clock.now();
  ++turns_;
  Tick again = now + kTurnEvery;
  if (const auto& useful_until = sending.settings.schedule.useful_until) {
    if (world_.clock.wall() >= *useful_until) sending.expired = true;
    again = std::min(again, tick_of(*useful_until));
  }
  look_at_ring(sending, now);
  if (sending.ring_done == Tick::max()) return again;
  return std::min(again, sending.ring_done + sending.settings.guard.observe);
}

void Dispatcher::look_at_ring(Sending& sending, Tick now) {
  if (sending.ring_is_last() || sending.in_flight > 0 || over(sending)) return;
  const bool done = std::all_of(outlets_.begin(), outlets_.end(), [&](const auto& outlet) {
    return sending.queues[outlet->index].only_postponed();
  });
  if (!done) return;
  if (sending.ring_done == Tick::max()) sending.ring_done = now;
  if (now < sending.ring_done + sending.settings.guard.observe) return;
  sending.open_ring(sending.ring + 1);
  world_.observer.note(
      fmt::format("campaign '{}': the first {:g} % went well; going on with {:g} %",
                  sending.plan.head().campaign, 100 * sending.rings[sending.ring - 1],
                  100 * sending.rings[sending.ring]));
  for (const auto& outlet : outlets_) outlet->wake_one();
}

// The wall clock against the monotonic one: what it was set by is an event, since hours and days
// are counted by it. Limits are not: they live on the monotonic clock.
std::optional<Event> Dispatcher::look_at_clock() {
  Event set;
  set.kind = Event::Kind::clock;
  set.at = world_.clock.wall();
  const Duration ahead = set.at.time_since_epoch() - world_.clock.now().time_since_epoch();
  const Duration moved = ahead - std::exchange(wall_ahead_, ahead);
  if (moved >= -kSet && moved <= kSet) return std::nullopt;
  set.moved_ms = std::chrono::duration_cast<std::chrono::milliseconds>(moved).count();
  world_.observer.note(fmt::format(
      "the clock was set {} by {}: it is {} now, and not_before, hours, useful_until and per_day "
      "go by that",
      moved < Duration{0} ? "back" : "forward", to_words(moved < Duration{0} ? -moved : moved),
      to_rfc3339(set.at)));
  if (world_.subscribers != nullptr) world_.subscribers->clock_was_set(set.at);
  for (const auto& sending : sendings_) {
    for (GatewayQueue& queue : sending->queues) queue.hurry();
    sending->alarm->wake();
  }
  wake_all();
  return set;
}

bool Dispatcher::nothing_left(const Sending& sending) const {
  return sending.in_flight == 0 &&
         std::all_of(outlets_.begin(), outlets_.end(), [&](const auto& outlet) {
           return (outlet->held && !sending.settings.wait_for_held) ||
                  sending.queues[outlet->index].empty();
         });
}

bool Dispatcher::over(const Sending& sending) const {
  return failure_ || sending.ends() || (sending.ready && nothing_left(sending));
}

// Who waits for its end looks again.
void Dispatcher::wake(Sending& sending) {
  if (over(sending) || !sending.ring_is_last()) sending.alarm->wake();
}

void Dispatcher::wake_all() {
  for (Alarm* alarm : alarms_) alarm->wake();
}

}  // namespace loa
