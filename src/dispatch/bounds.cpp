// What its subscribers and its budget still allow a campaign.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "dispatch/dispatcher.hpp"

namespace loa {

// Counts the request in, without the rows that may not go yet. False when nothing of it goes now.
bool Dispatcher::admit(Outlet& outlet, Sending& sending, Work& work) {
  postpone(outlet, sending, work);
  if (work.rows.empty()) return false;
  const std::uint64_t parts = cost_of(sending.plan, work.rows).parts;
  if (!sending.budget.allows(parts)) {
    sending.over_budget = parts;
    sending.queues[outlet.index].give_back(std::move(work));
    trip_on_budget(sending);
    return false;
  }
  sending.budget.reserve(parts);
  if (world_.subscribers == nullptr) return true;
  work.counted = world_.clock.wall();
  for_each_row(work.rows, [&](std::uint64_t row) {
    world_.subscribers->add(sending.plan.rows()[row].number(), work.counted);
  });
  return true;
}

// Takes out the rows whose subscribers may have nothing now. An emergency waits for nobody.
void Dispatcher::postpone(Outlet& outlet, Sending& sending, Work& work) {
  if (world_.subscribers == nullptr || sending.settings.urgent) return;
  const Instant now = world_.clock.wall();
  const auto& useful_until = sending.settings.schedule.useful_until;
  std::map<Instant, Work> later;
  RowRanges allowed;
  for_each_row(work.rows, [&](std::uint64_t row) {
    const Instant next = world_.subscribers->next(sending.plan.rows()[row].number(), now);
    if (next <= now) {
      add_row(allowed, row);
    } else if (useful_until && next >= *useful_until) {
      ++sending.never_allowed;
    } else {
      Work& wait = later.try_emplace(next, Work{work.lane, {}, work.attempt}).first->second;
      add_row(wait.rows, row);
    }
  });
  work.rows = std::move(allowed);
  const bool mixed_texts = outlet.open.gateway.profile.mode() == BatchMode::items;
  for (const auto& [until, rows] : later)
    sending.queues[outlet.index].postpone(sending.plan, rows, tick_of(until),
                                          sending.batches[work.lane], mixed_texts);
  if (work.rows.empty()) wake(sending);
}

// The request leaves now, which may be a while after it was counted.
void Dispatcher::count_as_of_now(const Sending& sending, const RowRanges& rows, Instant& counted) {
  if (world_.subscribers == nullptr || counted == Instant{}) return;
  const Instant now = world_.clock.wall();
  for_each_row(rows, [&](std::uint64_t row) {
    world_.subscribers->move(sending.plan.rows()[row].number(), counted, now);
  });
  counted = now;
}

// These were not sent after all.
void Dispatcher::release(Sending& sending, const RowRanges& rows, Instant from, Instant to) {
  sending.budget.release(cost_of(sending.plan, rows).parts);
  if (std::exchange(sending.over_budget, 0) > 0)
    for (const auto& outlet : outlets_) outlet->wake_one();
  if (world_.subscribers == nullptr) return;
  for_each_row(rows, [&](std::uint64_t row) {
    world_.subscribers->release(sending.plan.rows()[row].number(), from, to);
  });
}

// What an answer says of them, once it is durable.
void Dispatcher::settle_bounds(Sending& sending, const Work& work,
                               const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes) {
    Instant counted = work.counted;
    if (may_have_arrived(outcome.state)) {
      count_as_of_now(sending, outcome.rows, counted);
    } else {
      release(sending, outcome.rows, counted, counted);
    }
  }
}

// As long as something is under way, some of the budget may come back.
void Dispatcher::trip_on_budget(Sending& sending) {
  if (sending.over_budget == 0 || sending.in_flight > 0 || !sending.tripped.empty()) return;
  sending.tripped = fmt::format(
      "budget.parts: {} of {} parts are spent, what was sent again included, and the next request "
      "takes {}",
      sending.budget.spent(), sending.budget.limit(), sending.over_budget);
  wake(sending);
}

}  // namespace loa
