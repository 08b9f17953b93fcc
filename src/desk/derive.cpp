// Campaigns made of another one's rows, and another window for one that has not begun.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "audience/exclusions.hpp"
#include "base/hash.hpp"
#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string words) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(words), {}});
}

bool is_left(RowState state) { return state == RowState::refused || state == RowState::planned; }

}  // namespace

Task<Answer<Submitted>> CampaignsDesk::derive(Actor actor, std::string from, Act act,
                                              ActInput input) {
  if (!input.id.empty() && !is_campaign_id(input.id))
    co_return refuse(Refusal::Kind::wrong,
                     fmt::format("the new campaign's name has 1 to {} of a-z, 0-9 and '-', and "
                                 "begins with a letter or a digit",
                                 kCampaignIdMax));
  Answer<SubsetChanges> changes = window(from, act, input);
  if (!changes) co_return tl::unexpected<Refusal>(std::move(changes.error()));
  for (;;) {
    changes->campaign = name_for(from, act, input.id);
    if (world_.recorder.record().find(changes->campaign) == nullptr) {
      const Visit there = co_await visit(changes->campaign);
      const bool is_free = world_.recorder.record().find(changes->campaign) == nullptr;
      if (is_free) {
        Answer<Submitted> made =
            co_await choose(std::move(actor), std::move(from), act, std::move(*changes), "");
        co_return made;
      }
    }
    if (!input.id.empty())
      co_return refuse(Refusal::Kind::conflict,
                       fmt::format("there is a campaign '{}' already", input.id));
  }
}

Task<Answer<Submitted>> CampaignsDesk::reschedule(Actor actor, std::string campaign,
                                                  ActInput input) {
  if (!input.not_before && !input.useful_until)
    co_return refuse(Refusal::Kind::wrong, "say when: not_before, useful_until, or both");
  const CampaignRecord& record = *world_.recorder.record().find(campaign);
  if (known(campaign, record).campaign.repeat)
    co_return refuse(Refusal::Kind::conflict,
                     fmt::format("campaign '{}' repeats, and its times stand in its document: "
                                 "revise it",
                                 campaign));
  Answer<SubsetChanges> changes = window(campaign, Act::schedule, input);
  if (!changes) co_return tl::unexpected<Refusal>(std::move(changes.error()));
  changes->campaign = campaign;
  Answer<Submitted> made = co_await choose(std::move(actor), std::move(campaign), Act::schedule,
                                           std::move(*changes), std::move(input.why));
  co_return made;
}

// The times of the new plan. Those that are not named stay, but for a beginning in another
// campaign.
Answer<SubsetChanges> CampaignsDesk::window(const std::string& from, Act act,
                                            const ActInput& input) const {
  const CampaignRecord& record = *world_.recorder.record().find(from);
  if (!record.frozen() || record.life.document.empty())
    return refuse(Refusal::Kind::conflict,
                  fmt::format("campaign '{}' has no plan to take this from", from));
  const PlanHead& head = known(from, record).head;
  SubsetChanges changes{.campaign = "", .parts_budget = head.parts_budget};
  changes.not_before = input.not_before;
  if (!input.not_before && act == Act::schedule) changes.not_before = head.not_before;
  changes.useful_until = input.useful_until ? input.useful_until : head.useful_until;
  const auto& until = changes.useful_until;
  if (until && *until <= world_.clock.wall())
    return refuse(Refusal::Kind::wrong,
                  "its useful_until has passed: say until when this one is of use");
  if (until && changes.not_before && *until <= *changes.not_before)
    return refuse(Refusal::Kind::wrong, "its useful_until must be later than its not_before");
  return changes;
}

// The wanted name, or one made of the first campaign's that is free.
std::string CampaignsDesk::name_for(const std::string& from, Act act,
                                    const std::string& wanted) const {
  std::string name = wanted;
  for (int i = 1; name.empty() || (wanted.empty() && world_.recorder.record().find(name)); ++i) {
    const std::string ending =
        fmt::format("-{}{}", to_string(act), i == 1 ? "" : fmt::format("-{}", i));
    name = from.substr(0, kCampaignIdMax - ending.size()) + ending;
  }
  return name;
}

// Nobody gets a message twice because somebody asked twice.
Answer<void> CampaignsDesk::may_retry(const std::string& from) const {
  if (being_sent_.contains(from))
    return refuse(Refusal::Kind::not_now,
                  fmt::format("requests of campaign '{}' are still under way: try again when they "
                              "have their outcomes",
                              from));
  for (const auto& [id, record] : world_.recorder.record().campaigns()) {
    const CampaignLife& life = record.life;
    if (life.source != fmt::format("{}:{}", to_string(Act::retry), from)) continue;
    if (is_over(life.state) && !life.begun) continue;
    return refuse(Refusal::Kind::conflict,
                  fmt::format("those whom '{}' did not reach are in campaign '{}' already ({}): {}",
                              from, id, to_string(life.state),
                              is_over(life.state) ? "retry that one" : "go on with that one"));
  }
  return {};
}

// Writes the plan of the rows that are chosen, and records it.
Task<Answer<Submitted>> CampaignsDesk::choose(Actor actor, std::string from, Act act,
                                              SubsetChanges changes, std::string why) {
  const CampaignRecord& record = *world_.recorder.record().find(from);
  std::vector<RowState> states;
  if (act == Act::retry) {
    Answer<void> allowed = may_retry(from);
    if (!allowed) co_return tl::unexpected<Refusal>(std::move(allowed.error()));
    states = record.rows;
  }
  Reading reading;
  reading.campaign.id = changes.campaign;
  reading.document =
      with_times(record.life.document, changes.campaign, changes.not_before, changes.useful_until);
  if (reading.document.size() > kCampaignBytesMax)
    co_return refuse(Refusal::Kind::wrong, "the campaign is too large with its new times");
  const Settings settings = settings_;
  const std::string old_plan = record.plan;
  const int old_revision = record.life.revision;
  const auto plan = [&]() -> Answer<WrittenPlan> {
    const auto old = open_plan(settings->data, from, old_plan, old_revision);
    if (!old) return refuse(Refusal::Kind::not_now, old.error().text);
    const auto opted_out = read_exclusions(settings->exclusions, settings->numbering);  // by now
    if (!opted_out) return refuse(Refusal::Kind::not_now, to_string(opted_out.error()));
    const auto keep = [&](std::uint64_t row) {
      if (act == Act::schedule) return true;
      if (opted_out->contains(old->rows()[row].number())) return false;
      return act == Act::clone || is_left(states[row]);
    };
    auto chosen = subset(*old, keep, changes);
    if (!chosen) return refuse(Refusal::Kind::conflict, chosen.error().text);
    if (act == Act::schedule) {  // the same people, those who were left out too
      chosen->head.audience = old->head().audience;
      chosen->head.excluded = old->head().excluded;
      chosen->head.converted = old->head().converted;
    }
    return write_revision(world_.disk, settings->data, *chosen,
                          act == Act::schedule ? old_revision + 1 : 1);
  };
  Answer<WrittenPlan> written = co_await world_.workers.run(plan);
  if (!written) co_return tl::unexpected<Refusal>(std::move(written.error()));
  reading.content = to_hex(sha256(reading.document + written->sha256));
  if (act == Act::schedule) {
    Answer<void> noted = co_await commit_act(actor, from, act, std::move(why));
    if (!noted) co_return tl::unexpected<Refusal>(std::move(noted.error()));
    actor = {record.life.author, record.life.source};  // whose words it still is
  } else {
    actor.from = fmt::format("{}:{}", to_string(act), from);
  }
  Answer<Submitted> made =
      co_await this->record(std::move(actor), std::move(reading), std::move(*written));
  co_return made;
}

}  // namespace loa
