// The desk takes campaigns in.
#include <fmt/format.h>

#include <utility>

#include "audience/exclusions.hpp"
#include "base/hash.hpp"
#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"
#include "plan/samples.hpp"
#include "plan/subset.hpp"

namespace loa {
namespace {

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string words) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(words), {}});
}

// A plan on disk.
struct WrittenPlan {
  PlanHead head;
  std::string sha256;
};

Answer<WrittenPlan> write(Disk& disk, const std::string& data, const FrozenPlan& plan,
                          int revision) {
  const auto written = write_plan(disk, data, plan, revision);
  if (!written) return refuse(Refusal::Kind::not_now, written.error().text);
  return WrittenPlan{plan.head, plan.sha256()};
}

std::vector<Sample> samples_of(const Plan& plan) {
  std::vector<Sample> shown;
  for (PlanSample& sample : samples(plan))
    shown.push_back({std::move(sample.what), std::move(sample.number), std::move(sample.gateway),
                     std::move(sample.text), std::string(to_string(sample.encoding)),
                     sample.parts});
  return shown;
}

}  // namespace

Task<Answer<Submitted>> CampaignsDesk::submit(Actor actor, Submission submission) {
  return take(std::move(actor), std::move(submission), std::nullopt);
}

Task<Answer<Submitted>> CampaignsDesk::revise(Actor actor, std::string campaign,
                                              std::uint64_t version, Submission submission) {
  static_cast<void>(campaign);
  return take(std::move(actor), std::move(submission), version);
}

Task<Answer<Submitted>> CampaignsDesk::take(Actor actor, Submission submission,
                                            std::optional<std::uint64_t> revised) {
  if (draining_)
    co_return refuse(Refusal::Kind::not_now, "the daemon is stopping; try again when it is back");
  const Settings settings = settings_;
  const auto read = [&] { return read_submission(*settings, submission); };
  Answer<Reading> reading = co_await world_.workers.run(read);
  if (!reading) co_return tl::unexpected<Refusal>(std::move(reading.error()));
  const std::string id = reading->campaign.id;
  const Gate::Pass pass = co_await gate(id).enter();

  const CampaignRecord* known = world_.recorder.record().find(id);
  if (revised && known == nullptr)
    co_return refuse(Refusal::Kind::unknown, fmt::format("there is no campaign '{}' here", id));
  if (known != nullptr) {
    const CampaignLife& life = known->life;
    if (life.stands && life.content == reading->content)
      co_return Submitted{id, known->plan, false, std::move(reading->warnings)};
    if (revised && *revised != life.version)
      co_return refuse(Refusal::Kind::changed,
                       "the campaign has changed since you looked at it: look again");
    const bool returned = life.state == CampaignState::draft;
    if (!revised && !returned)
      co_return refuse(
          Refusal::Kind::conflict,
          fmt::format("there is another campaign '{}' already, from {} ({}): give "
                      "this one an id of its own, or revise that one",
                      id, life.author.empty() ? "loa send" : life.author, to_string(life.state)));
    if (!after(life.state, Act::submit, life.begun))
      co_return refuse(Refusal::Kind::conflict,
                       fmt::format("campaign '{}' is {} and cannot be changed any more", id,
                                   to_string(life.state)));
  }
  const int revision = known == nullptr ? 1 : known->life.revision + 1;
  const auto plan = [&]() -> Answer<WrittenPlan> {
    const Answer<FrozenPlan> frozen = freeze_reading(*settings, *reading);
    if (!frozen) return tl::unexpected<Refusal>(frozen.error());
    return write(world_.disk, settings->data, *frozen, revision);
  };
  Answer<WrittenPlan> written = co_await world_.workers.run(plan);
  if (!written) co_return tl::unexpected<Refusal>(std::move(written.error()));
  Answer<Submitted> recorded = co_await record(std::move(actor), std::move(*reading),
                                               std::move(written->head), written->sha256);
  co_return recorded;
}

// The document and its plan, as one thing: the plan's line follows at once.
Task<Answer<Submitted>> CampaignsDesk::record(Actor actor, Reading reading, PlanHead head,
                                              std::string sha256) {
  const std::string id = reading.campaign.id;
  Event submitted = event(Event::Kind::submitted, id);
  submitted.content = reading.content;
  submitted.who = actor.name;
  submitted.from = actor.from;
  submitted.document = reading.document;
  // As the journal is read again: the same bytes in the record now and after a restart.
  submitted = *parse_event(to_line(submitted));
  Answer<void> durable = co_await commit(std::move(submitted));
  if (!durable) co_return tl::unexpected<Refusal>(std::move(durable.error()));
  Event frozen = event(Event::Kind::frozen, id);
  frozen.plan = sha256;
  frozen.row_count = head.rows;
  frozen.excluded = head.audience - head.rows;
  durable = co_await commit(std::move(frozen));
  if (!durable) co_return tl::unexpected<Refusal>(std::move(durable.error()));
  known_.erase(id);
  if (!settings_->approval_required) {
    const Actor daemon{"loa", "loa"};
    durable = co_await commit_act(daemon, id, Act::approve,
                                  "approval is not required on this system", sha256);
    if (!durable) co_return tl::unexpected<Refusal>(std::move(durable.error()));
  }
  alarm_->wake();
  co_return Submitted{id, sha256, true, std::move(reading.warnings)};
}

// Another campaign, or another window, from rows that were planned before.
Task<Answer<Submitted>> CampaignsDesk::derive(Actor actor, std::string from, Act act,
                                              ActInput input) {
  const CampaignRecord& record = *world_.recorder.record().find(from);
  if (!record.frozen() || record.life.document.empty())
    co_return refuse(Refusal::Kind::conflict,
                     fmt::format("campaign '{}' has no plan to take this from", from));
  std::string id = from;
  if (act != Act::schedule) {
    id = input.id;
    for (int i = 1; id.empty() || (input.id.empty() && world_.recorder.record().find(id)); ++i)
      id = fmt::format("{}-{}{}", from, to_string(act), i == 1 ? "" : fmt::format("-{}", i));
    if (world_.recorder.record().find(id) != nullptr)
      co_return refuse(Refusal::Kind::conflict,
                       fmt::format("there is a campaign '{}' already", id));
  }
  const Instant now = world_.clock.wall();
  const std::optional<Instant> old_end = known(from, record).head.useful_until;
  const auto useful_until = input.useful_until ? input.useful_until : old_end;
  if (useful_until && *useful_until <= now)
    co_return refuse(Refusal::Kind::wrong,
                     "its useful_until has passed: say until when this one is of use");
  const Settings settings = settings_;
  const int revision = act == Act::schedule ? record.life.revision + 1 : 1;
  const SubsetChanges changes{.campaign = id,
                              .not_before = input.not_before,
                              .useful_until = useful_until,
                              .parts_budget = known(from, record).head.parts_budget};
  std::vector<RowState> states;
  if (act == Act::retry) states = record.rows;
  const auto plan = [&]() -> Answer<WrittenPlan> {
    const auto old = open_plan(settings->data, from, record.plan, record.life.revision);
    if (!old) return refuse(Refusal::Kind::not_now, old.error().text);
    const auto opted_out = read_exclusions(settings->exclusions, settings->numbering);  // by now
    if (!opted_out) return refuse(Refusal::Kind::not_now, to_string(opted_out.error()));
    const auto keep = [&](std::uint64_t row) {
      if (act == Act::schedule) return true;
      if (opted_out->contains(old->rows()[row].number())) return false;
      return states.empty() || states[row] == RowState::refused || states[row] == RowState::planned;
    };
    auto chosen = subset(*old, keep, changes);
    if (!chosen) return refuse(Refusal::Kind::conflict, chosen.error().text);
    return write(world_.disk, settings->data, *chosen, revision);
  };
  Answer<WrittenPlan> written = co_await world_.workers.run(plan);
  if (!written) co_return tl::unexpected<Refusal>(std::move(written.error()));
  if (act == Act::schedule) {
    Answer<void> noted = co_await commit_act(actor, id, act, input.why);
    if (!noted) co_return tl::unexpected<Refusal>(std::move(noted.error()));
  }
  Reading reading;
  reading.campaign.id = id;
  reading.document = with_times(record.life.document, id, input.not_before, useful_until);
  reading.content = to_hex(loa::sha256(reading.document + written->sha256));
  if (act != Act::schedule) actor.from = fmt::format("{}:{}", to_string(act), from);
  co_return co_await this->record(std::move(actor), std::move(reading), std::move(written->head),
                                  written->sha256);
}

Task<Answer<PlanView>> CampaignsDesk::check(Submission submission) {
  const Settings settings = settings_;
  const auto job = [&]() -> Answer<PlanView> {
    Answer<Reading> reading = read_submission(*settings, submission);
    if (!reading) return tl::unexpected<Refusal>(std::move(reading.error()));
    const Answer<FrozenPlan> frozen = freeze_reading(*settings, *reading);
    if (!frozen) return tl::unexpected<Refusal>(frozen.error());
    std::string bytes;
    const auto sink = [&](std::string_view piece) -> Result<void> {
      bytes += piece;
      return {};
    };
    static_cast<void>(frozen->write(sink));
    const auto plan = Plan::from_bytes(std::move(bytes));
    if (!plan) return refuse(Refusal::Kind::not_now, plan.error().text);
    PlanView view;
    view.campaign.content = reading->content;
    view.campaign.document = reading->document;
    put_plan(view.campaign, plan->head());
    view.campaign.plan = plan->sha256();
    view.campaign.priority = to_string(reading->campaign.priority);
    view.campaign.weight = reading->campaign.weight;
    view.campaign.not_before = reading->campaign.schedule.not_before;
    view.campaign.useful_until = reading->campaign.schedule.useful_until;
    view.samples = samples_of(*plan);
    view.warnings = std::move(reading->warnings);
    return view;
  };
  Answer<PlanView> view = co_await world_.workers.run(job);
  co_return view;
}

Task<Answer<PlanView>> CampaignsDesk::plan(std::string id) {
  const CampaignRecord* record = world_.recorder.record().find(id);
  if (record == nullptr || !record->frozen())
    co_return refuse(Refusal::Kind::unknown, fmt::format("there is no campaign '{}' here", id));
  const Settings settings = settings_;
  const std::string sha256 = record->plan;
  const int revision = record->life.revision;
  const auto job = [&]() -> Answer<std::vector<Sample>> {
    const auto plan = open_plan(settings->data, id, sha256, revision);
    if (!plan) return refuse(Refusal::Kind::not_now, plan.error().text);
    return samples_of(*plan);
  };
  Answer<std::vector<Sample>> samples = co_await world_.workers.run(job);
  if (!samples) co_return tl::unexpected<Refusal>(std::move(samples.error()));
  co_return PlanView{view(id, *record), std::move(*samples), {}};
}

}  // namespace loa
