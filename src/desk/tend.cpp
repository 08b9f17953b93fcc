// What time brings to campaigns: their beginning, their end, the next one of those that repeat.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/clock.hpp"
#include "campaign/repeat.hpp"
#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

constexpr std::chrono::seconds kLookEvery(10);  // the wall clock may be set
// A campaign that could have begun so long ago, and has not, is late.
constexpr std::chrono::minutes kLate(10);
constexpr std::chrono::seconds kTryAgain(1);        // what the full disk did not take
constexpr std::chrono::minutes kTryMakingAgain(5);  // the next one of a campaign that repeats

const Actor kDaemon{"loa", "loa"};

// A gateway that has rows to send and is not there; "" for none.
std::string missing_gateway(const Plan& plan, const CampaignRecord& record,
                            const Outlets& outlets) {
  const auto is_there = [&](const std::string& gateway) {
    return std::any_of(outlets.begin(), outlets.end(),
                       [&](const auto& outlet) { return outlet->open.gateway.name == gateway; });
  };
  for (const auto& [row, gateway] : record.moved)
    if (record.rows[row] == RowState::planned && !is_there(gateway)) return gateway;
  for (const PlanLane& lane : plan.head().lanes) {
    if (is_there(lane.gateway)) continue;
    for (std::uint64_t row = lane.first; row < lane.first + lane.rows; ++row)
      if (record.rows[row] == RowState::planned && !record.moved.contains(row)) return lane.gateway;
  }
  return "";
}

}  // namespace

Task<Result<void>> CampaignsDesk::run() {
  co_await settle_crashes();
  while (!draining_ && !failure()) {
    const Tick again = co_await tend_all();
    co_await alarm_->wait_until(again);
  }
  world_.dispatcher.drain_all();
  co_await sendings_.join();
  if (failure()) co_return fail(*failure());
  co_return Result<void>{};
}

// Requests that were under way at the end of a process, in campaigns that do not go on by
// themselves.
Task<void> CampaignsDesk::settle_crashes() {
  std::vector<std::string> left;
  for (const auto& [id, record] : world_.recorder.record().campaigns())
    if (!record.open.empty()) left.push_back(id);
  for (const std::string& id : left) {
    const Visit here = co_await visit(id);
    const CampaignRecord& record = *world_.recorder.record().find(id);
    while (!record.open.empty() && record.life.state != CampaignState::sending) {
      const Answer<void> settled =
          co_await commit(found_after_crash(id, record.open.begin()->second, world_.clock.wall()));
      if (!settled) co_return;
    }
  }
}

Task<Tick> CampaignsDesk::tend_all() {
  std::vector<std::string> living;
  for (const auto& [id, record] : world_.recorder.record().campaigns())
    if (!is_over(record.life.state) && !record.life.document.empty()) living.push_back(id);
  Tick again = Tick::max();
  for (const std::string& id : living) {
    const Tick tended = co_await tend(id);
    again = std::min(again, tended);
  }
  co_return again;
}

// When to look at the campaign again.
Task<Tick> CampaignsDesk::tend(std::string campaign) {
  const std::optional<Visit> here = visit_now(campaign);
  if (!here) co_return Tick::max();  // its visitor will say when he goes
  const CampaignRecord& record = *world_.recorder.record().find(campaign);
  const CampaignLife& life = record.life;
  if (draining_ || is_over(life.state) || !life.stands) co_return Tick::max();
  const Instant now = world_.clock.wall();
  const Campaign& document = known(campaign, record).campaign;
  if (life.state == CampaignState::sending) {
    start_sending(campaign);
    co_return Tick::max();
  }
  if (document.repeat) {
    if (life.state != CampaignState::scheduled) co_return Tick::max();
    const Tick again = co_await tend_repeat(campaign, Campaign(document));
    co_return again;
  }
  const auto& until = document.schedule.useful_until;
  // Nothing is expired that is still being drained.
  if (until && *until <= now && !being_sent_.contains(campaign)) {
    const Tick again = co_await end(campaign, CampaignState::expired);
    co_return again;
  }
  Tick again = until ? tick_of(*until) : Tick::max();
  if (life.state != CampaignState::scheduled) co_return again;
  const Instant due = std::max(document.schedule.not_before.value_or(life.at), life.at);
  if (due > now) co_return std::min(again, tick_of(due));
  const bool late = now - due > kLate && document.if_late != IfLate::run;
  Answer<void> done;
  if (late) {
    done = co_await tell_late(campaign, document.if_late, due);
  } else {
    done = co_await commit_act(kDaemon, campaign, Act::begin, "");
    if (done) start_sending(campaign);
  }
  co_return done ? again : world_.clock.now() + kTryAgain;
}

Task<Answer<void>> CampaignsDesk::tell_late(std::string campaign, IfLate if_late, Instant due) {
  const bool skip = if_late == IfLate::skip;
  const std::string late =
      fmt::format("late: its time was {}, {} ago", to_local(settings_->zone, due),
                  to_words(world_.clock.wall() - due));
  const Act act = skip ? Act::stop : Act::pause;
  Answer<void> done = co_await commit_act(kDaemon, campaign, act, late);
  if (done)
    world_.observer.note(fmt::format(
        "campaign '{}' is {}; {}", campaign, late,
        skip ? "it is not sent (if_late: skip)" : "resume it to send it now (if_late: ask)"));
  co_return done;
}

Task<Tick> CampaignsDesk::end(std::string campaign, CampaignState state) {
  Event ended = event(Event::Kind::ended, campaign);
  ended.why = to_string(state);
  const Answer<void> recorded = co_await commit(std::move(ended));
  co_return recorded ? Tick::max() : world_.clock.now() + kTryAgain;
}

// Each time of a campaign that repeats is a campaign of its own, made in time to be approved.
Task<Tick> CampaignsDesk::tend_repeat(std::string campaign, Campaign document) {
  Making& making = making_[campaign];
  if (making.busy) co_return Tick::max();
  const auto next = next_to_make(campaign, document);
  if (!next) {
    const Tick again = co_await end(campaign, CampaignState::finished);
    co_return again;
  }
  const Instant at = next->at - document.repeat->ahead;
  if (at > world_.clock.wall()) co_return tick_of(at);
  if (making.again > world_.clock.now()) co_return making.again;
  making.busy = true;
  sendings_.spawn(make(campaign, *next, document.schedule.zone));
  co_return Tick::max();
}

// The first that is not there yet. One that has passed while nothing ran is of use as long as its
// useful_until is to come; one that passed before the approval is not owed.
std::optional<Occurrence> CampaignsDesk::next_to_make(const std::string& campaign,
                                                      const Campaign& document) const {
  const Record& record = world_.recorder.record();
  const Repeat& repeat = *document.repeat;
  const Instant after =
      std::max(world_.clock.wall() - repeat.useful_for, record.find(campaign)->life.at);
  auto one = next_occurrence(repeat, document.schedule.zone, after);
  for (; one; one = next_occurrence(repeat, document.schedule.zone, one->at)) {
    const CampaignRecord* made = record.find(fmt::format("{}-{}", campaign, one->day));
    // A crash may have come between its document and its plan.
    const bool half_made = made != nullptr && made->life.state == CampaignState::draft &&
                           !made->life.stands && made->life.source == "repeat:" + campaign;
    if (made == nullptr || half_made) break;
  }
  return one;
}

Task<void> CampaignsDesk::make(std::string campaign, Occurrence one, std::string zone) {
  const CampaignLife& life = world_.recorder.record().find(campaign)->life;
  const std::string id = fmt::format("{}-{}", campaign, one.day);
  Submission submission{.document = with_times(life.document, id, one.at, one.useful_until),
                        .name = id,
                        .folder = settings_->incoming,
                        .audience = {}};
  Actor author{life.author, "repeat:" + campaign};
  const Answer<Submitted> made = co_await submit(std::move(author), std::move(submission));
  Making& making = making_[campaign];
  making.busy = false;
  making.trouble.clear();
  if (made) {
    world_.observer.note(fmt::format("campaign '{}' is made, for {}", id, to_local(zone, one.at)));
  } else {
    making.again = world_.clock.now() + kTryMakingAgain;
    making.trouble = fmt::format("'{}' cannot be made: {}", id, made.error().words);
    for (const Fault& fault : made.error().faults.all()) making.trouble += "; " + fault.text;
    if (!draining_) world_.observer.note("campaign " + making.trouble);
  }
  alarm_->wake();
}

void CampaignsDesk::start_sending(const std::string& campaign) {
  if (being_sent_.insert(campaign).second) sendings_.spawn(send(campaign));
}

Task<void> CampaignsDesk::send(std::string campaign) {
  const CampaignRecord& record = *world_.recorder.record().find(campaign);
  const Settings settings = settings_;
  // It has begun, so its plan does not change any more.
  const auto open = [&] {
    return open_plan(settings->data, campaign, record.plan, record.life.revision);
  };
  const Result<Plan> plan = co_await world_.workers.run(open);
  const auto goes = [&] { return record.life.state == CampaignState::sending && !draining_; };
  std::string trouble;
  if (!plan) {
    trouble = "its plan: " + plan.error().text;
  } else if (std::string missing = missing_gateway(*plan, record, world_.dispatcher.outlets());
             !missing.empty()) {
    trouble =
        fmt::format("gateway '{}' is not configured any more: bring it back, and resume", missing);
  }
  if (goes() && !trouble.empty()) {
    world_.observer.note(fmt::format("campaign '{}' is paused: {}", campaign, trouble));
    const Answer<void> paused = co_await commit_act(kDaemon, campaign, Act::pause, trouble);
    const std::unique_ptr<Alarm> alarm = world_.clock.make_alarm();
    if (!paused && !failure()) co_await alarm->wait_until(world_.clock.now() + kTryAgain);
  } else if (goes()) {
    const Campaign& document = known(campaign, record).campaign;
    SendSettings sending{.schedule = document.schedule,
                         .parts_per_second = document.parts_per_second,
                         .weight = static_cast<double>(document.weight),
                         .urgent = document.priority == Priority::emergency,
                         .guard = document.guard,
                         .wait_for_held = true};
    const Result<Ending> ending = co_await world_.dispatcher.send(*plan, std::move(sending));
    static_cast<void>(ending);  // it is on record, and a failure is the dispatcher's
  }
  being_sent_.erase(campaign);
  alarm_->wake();
}

Tick CampaignsDesk::tick_of(Instant at) const {
  const Instant::duration left = at - world_.clock.wall();
  return world_.clock.now() + std::clamp<Instant::duration>(left, Instant::duration{0}, kLookEvery);
}

}  // namespace loa
