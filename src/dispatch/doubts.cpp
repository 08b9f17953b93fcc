// The dispatcher on the ladder for rows in doubt.
#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/request.hpp"

namespace loa {

// An attempt that the journal knows no outcome of was under way when a process ended: in doubt.
Task<void> Dispatcher::settle_crash(Sending& sending) {
  while (!sending.record.open.empty() && !failure_) {
    const Event found = found_after_crash(sending.plan.head().campaign,
                                          sending.record.open.begin()->second, world_.clock.wall());
    LOA_FAILPOINT("settled.before_commit");
    co_await commit(found);
    LOA_FAILPOINT("settled.after_commit");
  }
}

Task<void> Dispatcher::resolve_doubts(Sending& sending) {
  std::vector<std::uint64_t> doubts;
  doubts.reserve(sending.record.doubts.size());
  for (const auto& [first_row, doubt] : sending.record.doubts) doubts.push_back(first_row);
  for (const std::uint64_t first_row : doubts) co_await climb(sending, first_row);
}

Step Dispatcher::step_of(Sending& sending, const OpenIntent& doubt, Outlet* outlet) const {
  LadderInput input =
      ladder_input(doubt, sending.plan, outlet == nullptr ? nullptr : &outlet->open.gateway,
                   sending.settings.parts_per_second, world_.clock.wall());
  const auto asked = sending.asked.find(doubt.rows.front().first);
  if (asked != sending.asked.end()) input.asked = asked->second;
  return next_step(input);
}

// Carries out the next step of a doubt, or gives it to the gateway's queue until it is due.
Task<void> Dispatcher::climb(Sending& sending, std::uint64_t first_row) {
  const auto found = sending.record.doubts.find(first_row);
  if (found == sending.record.doubts.end() || failure_) co_return;
  // A copy: commit() takes it out of the list.
  const OpenIntent doubt = found->second;  // NOLINT(performance-unnecessary-copy-initialization)
  Outlet* outlet = find(doubt.gateway);
  const Step step = step_of(sending, doubt, outlet);
  Work work{sending.plan.lane_of(first_row), doubt.rows, doubt.attempt + 1, world_.clock.now()};
  switch (step.kind) {
    case Step::Kind::repeat:
    case Step::Kind::ask:
      work.purpose = step.kind == Step::Kind::ask ? Work::Purpose::ask : Work::Purpose::repeat;
      work.not_before += step.at - world_.clock.wall();
      note(*outlet,
           fmt::format("{} messages in doubt ({}); {}", count_rows(doubt.rows), doubt.cause,
                       step.kind == Step::Kind::ask
                           ? "the gateway will be asked about them"
                           : "the same request goes out again, which it knows"));
      sending.queues[outlet->index].give_back(std::move(work));
      outlet->wake_one();
      co_return;
    case Step::Kind::wait:
    case Step::Kind::leave: co_return;
    case Step::Kind::settle: break;
  }
  sending.asked.erase(first_row);
  Event decided = event(sending, Event::Kind::settled);
  decided.rows = doubt.rows;
  decided.state = step.state;
  decided.by = step.by;
  decided.why = step.why;
  LOA_FAILPOINT("settled.before_commit");
  const bool recorded = co_await commit(std::move(decided));
  LOA_FAILPOINT("settled.after_commit");
  if (!recorded || step.state != RowState::planned) co_return;
  if (step.by == DecidedBy::query)
    release(sending, doubt.rows, doubt.first, doubt.since + kMessageUnderWay);
  if (outlet == nullptr) co_return;
  work.not_before += backoff(doubt.attempt, world_.random.fraction());
  for_each_row(work.rows, [&](std::uint64_t row) { sending.given[row] = true; });
  // Together where the limits allow it: then the request and its reference are as before.
  const bool together = fits(cost_of(sending.plan, work.rows), outlet->open.gateway,
                             sending.settings.parts_per_second);
  for (Work& piece : together ? std::vector<Work>{work} : cut(work, sending.batches[work.lane]))
    sending.queues[outlet->index].give_back(std::move(piece));
  outlet->wake_one();
}

// What is due for a request in doubt, if the ladder still says so: it may have waited long.
Task<void> Dispatcher::pursue(Outlet& outlet, Sending& sending, Work work, Alarm& alarm) {
  const std::uint64_t first_row = work.rows.front().first;
  const auto doubt = sending.record.doubts.find(first_row);
  LOA_CHECK(doubt != sending.record.doubts.end());
  Step step = step_of(sending, doubt->second, &outlet);
  if (step.kind == Step::Kind::repeat && work.purpose == Work::Purpose::repeat) {
    work.why = std::move(step.why);
    work.end = step.end;
    co_await send(outlet, sending, std::move(work), alarm);
    co_return;
  }
  ++sending.in_flight;  // nobody ends while these rows may come back
  if (step.kind == Step::Kind::ask && work.purpose == Work::Purpose::ask)
    co_await ask(outlet, sending, work, alarm);
  co_await climb(sending, first_row);
  --sending.in_flight;
  trip_on_budget(sending);
  wake(sending);
}

Task<void> Dispatcher::ask(Outlet& outlet, Sending& sending, const Work& work, Alarm& alarm) {
  const Gateway& gateway = outlet.open.gateway;
  const Cost cost{.requests = 1};
  ++outlet.in_flight;
  outlet.ahead += cost;
  sending.ahead += cost;
  outlet.wake_one();
  const bool on_turn = co_await wait_for_turn(outlet, sending, cost, alarm);
  if (on_turn) {
    const RenderedBatch rendered(sending.plan, work, gateway,
                                 reference_of(sending.plan, work.rows));
    HttpRequest request =
        gateway.profile.render_query(gateway.url, outlet.open.account, rendered.batch());
    const HttpCall call = call_of(gateway, request);
    const HttpReply reply = co_await world_.http.perform(call);
    std::optional<bool> found;
    if (reply.transport == Transport::answered)
      found = gateway.profile.read_query(
          {.status = reply.status, .body = reply.body, .retry_after = reply.retry_after},
          rendered.batch());
    Asked& asked = sending.asked[work.rows.front().first];
    asked.last = world_.clock.wall();
    asked.found = found.value_or(false);
    asked.not_found += found == false ? 1 : 0;
    asked.unclear += found ? 0 : 1;
  }
  --outlet.in_flight;
}

}  // namespace loa
