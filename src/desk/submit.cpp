// The desk takes campaigns in.
#include <fmt/format.h>

#include <utility>

#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"
#include "plan/samples.hpp"

namespace loa {
namespace {

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string words) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(words), {}});
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
  return take(std::move(actor), std::move(submission), Revised{std::move(campaign), version});
}

Task<Answer<Submitted>> CampaignsDesk::take(Actor actor, Submission submission,
                                            std::optional<Revised> revised) {
  if (draining_) co_return refuse(Refusal::Kind::not_now, std::string(kStopping));
  const Settings settings = settings_;
  const auto read = [&] { return read_submission(*settings, submission); };
  Answer<Reading> reading = co_await world_.workers.run(read);
  if (!reading) co_return tl::unexpected<Refusal>(std::move(reading.error()));
  const std::string id = reading->campaign.id;
  if (revised && revised->campaign != id)
    co_return refuse(Refusal::Kind::wrong, fmt::format("this is the document of campaign '{}', and "
                                                       "'{}' was to be changed",
                                                       id, revised->campaign));
  const Visit here = co_await visit(id);
  const CampaignRecord* known = world_.recorder.record().find(id);
  if (revised && known == nullptr)
    co_return refuse(Refusal::Kind::unknown, fmt::format("there is no campaign '{}' here", id));
  if (known != nullptr) {
    const CampaignLife& life = known->life;
    if (life.state == CampaignState::draft && life.stands && life.content == reading->content)
      reading->warnings.warning({submission.name, 0, 0},
                                fmt::format("it was returned ({}), and is as it was then: nothing "
                                            "was done",
                                            life.why));
    if (life.stands && life.content == reading->content)
      co_return Submitted{id, known->plan, false, std::move(reading->warnings)};
    Answer<void> allowed = may_change(id, life, revised);
    if (!allowed) co_return tl::unexpected<Refusal>(std::move(allowed.error()));
  }
  const int revision = known == nullptr ? 1 : known->life.revision + 1;
  const auto plan = [&]() -> Answer<WrittenPlan> {
    const Answer<FrozenPlan> frozen = freeze_reading(*settings, *reading);
    if (!frozen) return tl::unexpected<Refusal>(frozen.error());
    return write_revision(world_.disk, settings->data, *frozen, revision);
  };
  Answer<WrittenPlan> written = co_await world_.workers.run(plan);
  if (!written) co_return tl::unexpected<Refusal>(std::move(written.error()));
  Answer<Submitted> recorded =
      co_await record(std::move(actor), std::move(*reading), std::move(*written));
  co_return recorded;
}

// Another document may take the place of the one that stands.
Answer<void> CampaignsDesk::may_change(const std::string& id, const CampaignLife& life,
                                       const std::optional<Revised>& revised) {
  if (revised && revised->version != life.version)
    return refuse(Refusal::Kind::changed,
                  "the campaign has changed since you looked at it: look again");
  if (!revised && life.state != CampaignState::draft)
    return refuse(
        Refusal::Kind::conflict,
        fmt::format("there is another campaign '{}' already, from {} ({}): give "
                    "this one an id of its own, or revise that one",
                    id, life.author.empty() ? "loa send" : life.author, to_string(life.state)));
  if (!after(life.state, Act::submit, life.begun))
    return refuse(Refusal::Kind::conflict,
                  fmt::format("campaign '{}' is {} and cannot be changed any more", id,
                              to_string(life.state)));
  return {};
}

// The document and its plan, as one thing: the plan's line follows at once.
Task<Answer<Submitted>> CampaignsDesk::record(Actor actor, Reading reading, WrittenPlan plan) {
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
  frozen.plan = plan.sha256;
  frozen.row_count = plan.rows;
  frozen.excluded = plan.excluded;
  durable = co_await commit(std::move(frozen));
  if (!durable) co_return tl::unexpected<Refusal>(std::move(durable.error()));
  known_.erase(id);
  if (!settings_->approval_required) {
    const Actor daemon{"loa", "loa"};
    durable = co_await commit_act(daemon, id, Act::approve,
                                  "approval is not required on this system", plan.sha256);
    if (!durable) co_return tl::unexpected<Refusal>(std::move(durable.error()));
  }
  alarm_->wake();
  co_return Submitted{id, plan.sha256, true, std::move(reading.warnings)};
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
  if (record->plan != sha256) {  // it was changed meanwhile: the texts must be those of the plan
    Answer<PlanView> other = co_await this->plan(std::move(id));
    co_return other;
  }
  if (!samples) co_return tl::unexpected<Refusal>(std::move(samples.error()));
  co_return PlanView{view(id, *record), std::move(*samples), {}};
}

}  // namespace loa
