#include "desk/campaigns_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace loa {
namespace {

constexpr std::size_t kChangesRemembered = 10'000;

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string words) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(words), {}});
}

bool needs_reason(Act act) {
  return act == Act::give_back || act == Act::reject || act == Act::pause || act == Act::stop;
}

}  // namespace

CampaignsDesk::CampaignsDesk(const World& world, DeskSettings settings)
    : world_(world),
      settings_(std::make_shared<const DeskSettings>(std::move(settings))),
      sendings_(world.executor, world.clock),
      alarm_(world.clock.make_alarm()),
      started_(world.clock.now()) {
  world_.recorder.observe([this](const Recorded& recorded) { on_recorded(recorded); });
  for (const auto& outlet : world_.dispatcher.outlets()) {
    const GatewayUse& use = world_.recorder.record().use(outlet->open.gateway.name);
    outlet->held = use.held;
    outlet->paused = !use.paused_by.empty();
  }
}

CampaignsDesk::~CampaignsDesk() { world_.recorder.observe({}); }

void CampaignsDesk::drain() {
  draining_ = true;
  world_.dispatcher.drain_all();
  alarm_->wake();
}

void CampaignsDesk::replace(DeskSettings settings) {
  settings_ = std::make_shared<const DeskSettings>(std::move(settings));
  known_.clear();
  views_.clear();
}

Task<Answer<CampaignView>> CampaignsDesk::act(Actor actor, std::string campaign, Act act,
                                              ActInput input) {
  const Gate::Pass pass = co_await gate(campaign).enter();
  Answer<CampaignView> done = co_await do_act(actor, campaign, act, std::move(input));
  if (!done && done.error().kind == Refusal::Kind::forbidden)
    co_await deny(std::move(actor), std::string(to_string(act)), std::move(campaign),
                  done.error().words);
  co_return done;
}

Task<Answer<CampaignView>> CampaignsDesk::do_act(Actor actor, std::string campaign, Act act,
                                                 ActInput input) {
  const CampaignRecord* record = world_.recorder.record().find(campaign);
  if (record == nullptr)
    co_return refuse(Refusal::Kind::unknown,
                     fmt::format("there is no campaign '{}' here", campaign));
  const CampaignLife& life = record->life;
  if (draining_)
    co_return refuse(Refusal::Kind::not_now, "the daemon is stopping; try again when it is back");
  if (!after(life.state, act, life.begun))
    co_return refuse(Refusal::Kind::conflict,
                     fmt::format("campaign '{}' is {}{}; {} is possible while it is {}", campaign,
                                 to_string(life.state),
                                 life.begun && !is_over(life.state) ? ", and has begun" : "",
                                 to_string(act), states_for(act)));
  if (needs_reason(act) && input.why.empty())
    co_return refuse(Refusal::Kind::wrong,
                     fmt::format("say why: {} needs a reason", to_string(act)));
  if (act == Act::approve) {
    if (input.plan != record->plan)
      co_return refuse(Refusal::Kind::changed,
                       input.plan.empty()
                           ? std::string("name the plan that you looked at, by its SHA-256")
                           : fmt::format("the plan is {} now, not {}: look at it again",
                                         record->plan.substr(0, 16), input.plan.substr(0, 16)));
    if (actor.name == life.author)
      co_return refuse(Refusal::Kind::forbidden,
                       "nobody approves a campaign of their own: another person must");
    const auto& until = known(campaign, *record).head.useful_until;
    if (until && *until <= world_.clock.wall())
      co_return refuse(Refusal::Kind::conflict, "its useful_until has passed: it cannot be sent");
  }
  if (act == Act::schedule || act == Act::retry || act == Act::clone) {
    Answer<Submitted> made = co_await derive(actor, campaign, act, std::move(input));
    if (!made) co_return tl::unexpected<Refusal>(std::move(made.error()));
    co_return this->campaign(made->campaign);
  }
  const bool sending = life.state == CampaignState::sending;
  Answer<void> recorded =
      co_await commit_act(actor, campaign, act, input.why, act == Act::approve ? record->plan : "");
  if (!recorded) co_return tl::unexpected<Refusal>(std::move(recorded.error()));
  if (sending) world_.dispatcher.drain(campaign);
  alarm_->wake();
  co_return this->campaign(campaign);
}

Task<Answer<void>> CampaignsDesk::commit_act(const Actor& actor, const std::string& campaign,
                                             Act act, std::string why, std::string plan) {
  Event done = event(Event::Kind::act, campaign);
  done.act = to_string(act);
  done.who = actor.name;
  done.from = actor.from;
  done.why = std::move(why);
  done.plan = std::move(plan);
  co_return co_await commit(std::move(done));
}

Task<Answer<void>> CampaignsDesk::commit(Event event) {
  if (const auto& shortage = world_.recorder.journal().shortage())
    co_return refuse(Refusal::Kind::not_now, shortage->text);
  const Result<void> durable = co_await world_.recorder.commit(event);
  if (durable) co_return Answer<void>{};
  alarm_->wake();
  co_return refuse(Refusal::Kind::not_now, durable.error().text);
}

Task<void> CampaignsDesk::deny(Actor actor, std::string act, std::string campaign,
                               std::string why) {
  Event denied = event(Event::Kind::denied, std::move(campaign));
  denied.act = std::move(act);
  denied.who = std::move(actor.name);
  denied.from = std::move(actor.from);
  denied.why = std::move(why);
  const Answer<void> recorded = co_await commit(std::move(denied));
  static_cast<void>(recorded);  // it was not let all the same
}

Task<Answer<GatewayView>> CampaignsDesk::pause_gateway(Actor actor, std::string gateway,
                                                       std::string why) {
  return act_on_gateway(std::move(actor), std::move(gateway), Act::pause, std::move(why));
}

Task<Answer<GatewayView>> CampaignsDesk::resume_gateway(Actor actor, std::string gateway,
                                                        std::string why) {
  return act_on_gateway(std::move(actor), std::move(gateway), Act::resume, std::move(why));
}

Task<Answer<GatewayView>> CampaignsDesk::act_on_gateway(Actor actor, std::string gateway, Act act,
                                                        std::string why) {
  const Outlets& outlets = world_.dispatcher.outlets();
  const auto found = std::find_if(outlets.begin(), outlets.end(), [&](const auto& outlet) {
    return outlet->open.gateway.name == gateway;
  });
  if (found == outlets.end())
    co_return refuse(Refusal::Kind::unknown, fmt::format("there is no gateway '{}'", gateway));
  if (act == Act::pause && why.empty())
    co_return refuse(Refusal::Kind::wrong, "say why: pause needs a reason");
  Event done = event(Event::Kind::act, "");
  done.gateway = gateway;
  done.act = to_string(act);
  done.who = std::move(actor.name);
  done.from = std::move(actor.from);
  done.why = std::move(why);
  Answer<void> recorded = co_await commit(std::move(done));
  if (!recorded) co_return tl::unexpected<Refusal>(std::move(recorded.error()));
  if (act == Act::pause) {
    world_.dispatcher.pause_gateway(gateway);
  } else {
    world_.dispatcher.resume_gateway(gateway);
  }
  co_return gateway_view(**found);
}

Gate& CampaignsDesk::gate(const std::string& campaign) {
  std::unique_ptr<Gate>& gate = gates_[campaign];
  if (!gate) gate = std::make_unique<Gate>(world_.clock);
  return *gate;
}

Event CampaignsDesk::event(Event::Kind kind, std::string campaign) const {
  Event made;
  made.kind = kind;
  made.at = world_.clock.wall();
  made.campaign = std::move(campaign);
  return made;
}

void CampaignsDesk::on_recorded(const Recorded& recorded) {
  changes_.push_back({recorded.lsn, recorded.event.campaign, recorded.line});
  if (changes_.size() > kChangesRemembered) changes_.pop_front();
  for (const auto& subscriber : subscribers_) subscriber(changes_.back());
}

Desk::Subscription CampaignsDesk::subscribe(std::function<void(const Change&)> on_change) {
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_change));
  return {this, [this, place](CampaignsDesk*) { subscribers_.erase(place); }};
}

std::optional<std::vector<Change>> CampaignsDesk::changes_after(std::uint64_t lsn) const {
  if (lsn + 1 >= world_.recorder.record().lines()) return std::vector<Change>{};
  if (changes_.empty() || changes_.front().lsn > lsn + 1) return std::nullopt;
  const auto first = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& change) { return change.lsn > lsn; });
  return std::vector<Change>(first, changes_.end());
}

std::optional<Desk::Remembered> CampaignsDesk::recall(std::string_view key) const {
  const auto& requests = world_.recorder.record().requests();
  const auto found = requests.find(std::string(key));
  if (found == requests.end() || found->second.at + kRequestsRemembered <= world_.clock.wall())
    return std::nullopt;
  return Remembered{found->second.request, found->second.campaign, found->second.status};
}

Task<Answer<void>> CampaignsDesk::remember(std::string key, Remembered what) {
  Event request = event(Event::Kind::request, std::move(what.campaign));
  request.key = std::move(key);
  request.request = std::move(what.request);
  request.status = what.status;
  co_return co_await commit(std::move(request));
}

std::optional<std::string> CampaignsDesk::trouble() const {
  if (const auto& failure = world_.dispatcher.failure()) return failure->text;
  if (const auto& shortage = world_.recorder.journal().shortage()) return shortage->text;
  return std::nullopt;
}

std::vector<ActRecord> CampaignsDesk::acts(std::string_view campaign) const {
  std::vector<ActRecord> found;
  for (const ActLine& line : world_.recorder.record().acts())
    if (campaign.empty() || line.campaign == campaign)
      found.push_back({line.lsn, line.at, line.campaign, line.gateway, line.act, line.who,
                       line.from, line.why, line.plan, line.denied});
  return found;
}

}  // namespace loa
