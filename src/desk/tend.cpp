// What time brings to campaigns: their beginning, their end, the next one of those that repeat.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "campaign/repeat.hpp"
#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

constexpr std::chrono::seconds kLookEvery(10);  // the wall clock may be set
// A campaign that could have begun so long ago, and has not, is late.
constexpr std::chrono::minutes kLate(10);

const Actor kDaemon{"loa", "loa"};

}  // namespace

Task<Result<void>> CampaignsDesk::run() {
  co_await settle_crashes();
  while (!draining_ && !world_.dispatcher.failure()) {
    const Tick again = co_await tend_all();
    co_await alarm_->wait_until(again);
  }
  world_.dispatcher.drain_all();
  co_await sendings_.join();
  if (const auto& failure = world_.dispatcher.failure()) co_return fail(*failure);
  co_return Result<void>{};
}

// Requests that were under way at the end of a process, in campaigns that do not go on by
// themselves.
Task<void> CampaignsDesk::settle_crashes() {
  std::vector<std::string> open;
  for (const auto& [id, record] : world_.recorder.record().campaigns())
    if (!record.open.empty() && record.life.state != CampaignState::sending) open.push_back(id);
  for (const std::string& id : open) {
    const CampaignRecord& record = *world_.recorder.record().find(id);
    while (!record.open.empty()) {
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
  for (const std::string& id : living) co_await tend(id, again);
  co_return again;
}

Task<void> CampaignsDesk::tend(std::string campaign, Tick& again) {
  const Gate::Pass pass = co_await gate(campaign).enter();
  const CampaignRecord& record = *world_.recorder.record().find(campaign);
  const CampaignLife& life = record.life;
  if (draining_ || is_over(life.state) || !life.stands) co_return;
  const Instant now = world_.clock.wall();
  const Campaign& document = known(campaign, record).campaign;
  const auto wait_for = [&](Instant at) { again = std::min(again, tick_of(at)); };
  const auto& until = document.schedule.useful_until;
  if (life.state == CampaignState::sending) {
    if (being_sent_.insert(campaign).second) sendings_.spawn(send(campaign));
    co_return;
  }
  if (document.repeat) {
    if (life.state == CampaignState::scheduled) co_await tend_repeat(campaign, document, again);
    co_return;
  }
  // Nothing is expired that is still being drained.
  if (until && *until <= now && !being_sent_.contains(campaign)) {
    Event ended = event(Event::Kind::ended, campaign);
    ended.why = to_string(CampaignState::expired);
    static_cast<void>(co_await commit(std::move(ended)));
    co_return;
  }
  if (until) wait_for(*until);
  if (life.state != CampaignState::scheduled) co_return;
  const Instant due = std::max(document.schedule.not_before.value_or(life.at), life.at);
  if (due > now) {
    wait_for(due);
    co_return;
  }
  if (now - due > kLate && document.if_late != IfLate::run) {
    const std::string late = fmt::format("its time was {}, and the daemon was not running then",
                                         to_local(document.schedule.zone, due));
    const bool skip = document.if_late == IfLate::skip;
    world_.observer.note(fmt::format(
        "campaign '{}' is late: {}; {}", campaign, late,
        skip ? "it is not sent (if_late: skip)" : "resume it to send it now (if_late: ask)"));
    static_cast<void>(
        co_await commit_act(kDaemon, campaign, skip ? Act::stop : Act::pause, "late: " + late));
    co_return;
  }
  const Answer<void> begun = co_await commit_act(kDaemon, campaign, Act::begin, "");
  if (!begun) co_return;
  if (being_sent_.insert(campaign).second) sendings_.spawn(send(campaign));
}

// Each time of a campaign that repeats is a campaign of its own, made in time to be approved.
Task<void> CampaignsDesk::tend_repeat(std::string campaign, const Campaign& document, Tick& again) {
  const Instant now = world_.clock.wall();
  const Repeat& repeat = *document.repeat;
  // A time that has passed while nothing ran is of use as long as its useful_until is to come.
  const auto next = next_occurrence(repeat, document.schedule.zone, now - repeat.useful_for);
  for (auto one = next; one; one = next_occurrence(repeat, document.schedule.zone, one->at)) {
    const std::string id = fmt::format("{}-{}", campaign, one->day);
    if (one->at - repeat.ahead > now) {
      again = std::min(again, tick_of(one->at - repeat.ahead));
      co_return;
    }
    if (world_.recorder.record().find(id) != nullptr) continue;
    const CampaignLife& life = world_.recorder.record().find(campaign)->life;
    const Submission submission{
        .document = with_times(life.document, id, one->at, one->useful_until),
        .name = id,
        .folder = settings_->incoming,
        .audience = {}};
    Actor author{life.author, "repeat:" + campaign};
    const Answer<Submitted> made = co_await submit(std::move(author), submission);
    if (made) {
      world_.observer.note(fmt::format("campaign '{}' is made, for {}", id,
                                       to_local(document.schedule.zone, one->at)));
      continue;
    }
    std::string why = made.error().words;
    for (const Fault& fault : made.error().faults.all()) why += "; " + fault.text;
    world_.observer.note(fmt::format("campaign '{}' cannot be made: {}", id, why));
    again = std::min(again, world_.clock.now() + std::chrono::minutes(5));
    co_return;
  }
  if (next) co_return;
  Event ended = event(Event::Kind::ended, campaign);
  ended.why = to_string(CampaignState::finished);
  static_cast<void>(co_await commit(std::move(ended)));
}

Task<void> CampaignsDesk::send(std::string campaign) {
  const CampaignRecord& record = *world_.recorder.record().find(campaign);
  const Settings settings = settings_;
  const auto open = [&] {
    return open_plan(settings->data, campaign, record.plan, record.life.revision);
  };
  const Result<Plan> plan = co_await world_.workers.run(open);
  if (!plan) {
    world_.observer.note(plan.error().text);
    static_cast<void>(
        co_await commit_act(kDaemon, campaign, Act::pause, "its plan: " + plan.error().text));
  } else if (record.life.state == CampaignState::sending && !draining_) {
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
  const Tick now = world_.clock.now();
  const Duration left = at - world_.clock.wall();
  return now + std::clamp<Duration>(left, Duration{0}, kLookEvery);
}

}  // namespace loa
