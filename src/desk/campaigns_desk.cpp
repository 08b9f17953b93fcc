#include "desk/campaigns_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.hpp"

namespace loa {
namespace {

constexpr std::size_t kChangesRemembered = 10'000;
constexpr std::size_t kChangesBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kWhyMax = 2'000;  // bytes
constexpr std::size_t kNameMax = 200;   // of whoever acts, of what was denied

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string words) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(words), {}});
}

// The daemon does these itself, when their time has come.
bool is_for_people(Act act) {
  return act != Act::submit && act != Act::freeze && act != Act::begin;
}

bool needs_reason(Act act) {
  return act == Act::give_back || act == Act::reject || act == Act::pause || act == Act::stop;
}

// Words from outside, so that they fit in a line and name nobody's number.
std::string harmless(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  while (size > 0 && size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;
  return printable(text.substr(0, size));
}

}  // namespace

CampaignsDesk::CampaignsDesk(const World& world, DeskSettings settings)
    : world_(world),
      settings_(std::make_shared<const DeskSettings>(std::move(settings))),
      sendings_(world.executor, world.clock),
      alarm_(world.clock.make_alarm()),
      next_change_(world.recorder.record().lines()) {
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
  settings.gateways = settings_->gateways;  // those that the dispatcher has
  settings_ = std::make_shared<const DeskSettings>(std::move(settings));
  known_.clear();
  views_.clear();
}

Task<Answer<CampaignView>> CampaignsDesk::act(Actor actor, std::string campaign, Act act,
                                              ActInput input) {
  if (world_.recorder.record().find(campaign) == nullptr)
    co_return refuse(Refusal::Kind::unknown,
                     fmt::format("there is no campaign '{}' here", printable(campaign)));
  const Visit here = co_await visit(campaign);
  Answer<CampaignView> done = co_await do_act(actor, campaign, act, std::move(input));
  if (!done && done.error().kind == Refusal::Kind::forbidden)
    co_await deny(std::move(actor), std::string(to_string(act)), std::move(campaign),
                  done.error().words);
  co_return done;
}

Task<Answer<CampaignView>> CampaignsDesk::do_act(Actor actor, std::string campaign, Act act,
                                                 ActInput input) {
  const CampaignRecord* record = world_.recorder.record().find(campaign);
  const CampaignLife& life = record->life;
  if (draining_) co_return refuse(Refusal::Kind::not_now, std::string(kStopping));
  if (!is_for_people(act))
    co_return refuse(Refusal::Kind::wrong,
                     fmt::format("'{}' is nothing that is done by hand", to_string(act)));
  if (!after(life.state, act, life.begun))
    co_return refuse(Refusal::Kind::conflict,
                     fmt::format("campaign '{}' is {}{}; {} is possible while it is {}", campaign,
                                 to_string(life.state),
                                 life.begun && !is_over(life.state) ? ", and has begun" : "",
                                 to_string(act), states_for(act)));
  if (needs_reason(act) && input.why.empty())
    co_return refuse(Refusal::Kind::wrong,
                     fmt::format("say why: {} needs a reason", to_string(act)));
  if (input.why.size() > kWhyMax)
    co_return refuse(Refusal::Kind::wrong, fmt::format("say why in at most {} bytes", kWhyMax));
  if (act == Act::approve) {
    if (input.plan != record->plan)
      co_return refuse(Refusal::Kind::changed,
                       input.plan.empty()
                           ? std::string("name the plan that you looked at, by its SHA-256")
                           : fmt::format("the plan is {} now, not {}: look at it again",
                                         record->plan.substr(0, 16), input.plan.substr(0, 16)));
    if (may_not_approve(actor.name, campaign))
      co_return refuse(Refusal::Kind::forbidden,
                       "nobody approves a campaign of their own: another person must");
    const auto& until = known(campaign, *record).head.useful_until;
    if (until && *until <= world_.clock.wall())
      co_return refuse(Refusal::Kind::conflict, "its useful_until has passed: it cannot be sent");
  }
  if (act == Act::schedule) {
    Answer<Submitted> made = co_await reschedule(actor, campaign, std::move(input));
    if (!made) co_return tl::unexpected<Refusal>(std::move(made.error()));
    co_return this->campaign(campaign);
  }
  if (act == Act::retry || act == Act::clone) {
    Answer<Submitted> made = co_await derive(actor, campaign, act, std::move(input));
    if (!made) co_return tl::unexpected<Refusal>(std::move(made.error()));
    co_return this->campaign(made->campaign);
  }
  // First, so that no request follows upon the line that stops it.
  if (life.state == CampaignState::sending && after(life.state, act, life.begun) != life.state)
    world_.dispatcher.drain(campaign);
  const std::string plan = act == Act::approve ? record->plan : "";
  Answer<void> recorded = co_await commit_act(actor, campaign, act, input.why, plan);
  if (!recorded) co_return tl::unexpected<Refusal>(std::move(recorded.error()));
  alarm_->wake();
  co_return this->campaign(campaign);
}

Task<Answer<void>> CampaignsDesk::commit_act(const Actor& actor, const std::string& campaign,
                                             Act act, std::string why, std::string plan) {
  Event done = event(Event::Kind::act, campaign);
  done.act = to_string(act);
  done.who = harmless(actor.name, kNameMax);
  done.from = harmless(actor.from, kNameMax);
  done.why = harmless(why, kWhyMax);
  done.plan = std::move(plan);
  co_return co_await commit(std::move(done));
}

Task<Answer<void>> CampaignsDesk::commit(Event event) {
  if (failure()) co_return refuse(Refusal::Kind::not_now, failure()->text);
  if (const auto& shortage = world_.recorder.journal().shortage())
    co_return refuse(Refusal::Kind::not_now, shortage->text);
  const Result<void> durable = co_await world_.recorder.commit(event);
  if (durable) co_return Answer<void>{};
  if (!failure_) failure_ = durable.error();
  alarm_->wake();
  co_return refuse(Refusal::Kind::not_now, durable.error().text);
}

Task<void> CampaignsDesk::deny(Actor actor, std::string act, std::string campaign,
                               std::string why) {
  Event denied = event(Event::Kind::denied, harmless(campaign, kNameMax));
  denied.act = harmless(act, kNameMax);
  denied.who = harmless(actor.name, kNameMax);
  denied.from = harmless(actor.from, kNameMax);
  denied.why = harmless(why, kWhyMax);
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
    co_return refuse(Refusal::Kind::unknown,
                     fmt::format("there is no gateway '{}'", printable(gateway)));
  if (act == Act::pause && why.empty())
    co_return refuse(Refusal::Kind::wrong, "say why: pause needs a reason");
  if (why.size() > kWhyMax)
    co_return refuse(Refusal::Kind::wrong, fmt::format("say why in at most {} bytes", kWhyMax));
  Event done = event(Event::Kind::act, "");
  done.gateway = gateway;
  done.act = to_string(act);
  done.who = harmless(actor.name, kNameMax);
  done.from = harmless(actor.from, kNameMax);
  done.why = harmless(why, kWhyMax);
  Answer<void> recorded = co_await commit(std::move(done));
  if (!recorded) co_return tl::unexpected<Refusal>(std::move(recorded.error()));
  if (act == Act::pause) {
    world_.dispatcher.pause_gateway(gateway);
  } else {
    world_.dispatcher.resume_gateway(gateway);
  }
  co_return gateway_view(**found);
}

// Nobody approves what he wrote, nor the window that he chose for it.
bool CampaignsDesk::may_not_approve(const std::string& who, const std::string& campaign) const {
  const Record& record = world_.recorder.record();
  if (who == record.find(campaign)->life.author) return true;
  const auto& acts = record.acts();
  const auto of_it = [&](const ActLine& line) { return !line.denied && line.campaign == campaign; };
  const auto submitted = std::find_if(acts.rbegin(), acts.rend(), [&](const ActLine& line) {
    return of_it(line) && line.act == to_string(Act::submit);
  });
  if (submitted == acts.rend()) return false;
  const auto before = std::find_if(std::next(submitted), acts.rend(), of_it);
  return before != acts.rend() && before->act == to_string(Act::schedule) && before->who == who;
}

CampaignsDesk::Visit::Visit(CampaignsDesk& desk, std::string campaign, Gate::Pass pass)
    : desk_(&desk), campaign_(std::move(campaign)), pass_(std::move(pass)) {}

CampaignsDesk::Visit::Visit(Visit&& other) noexcept
    : desk_(std::exchange(other.desk_, nullptr)),
      campaign_(std::move(other.campaign_)),
      pass_(std::move(other.pass_)) {}

CampaignsDesk::Visit::~Visit() {
  if (desk_ == nullptr) return;
  pass_.reset();
  const auto gate = desk_->gates_.find(campaign_);
  if (!gate->second->taken()) desk_->gates_.erase(gate);
  if (desk_->passed_over_.erase(campaign_) > 0) desk_->alarm_->wake();
}

Task<CampaignsDesk::Visit> CampaignsDesk::visit(std::string campaign) {
  std::unique_ptr<Gate>& gate = gates_[campaign];
  if (!gate) gate = std::make_unique<Gate>(world_.clock);
  Gate::Pass pass = co_await gate->enter();
  co_return Visit(*this, std::move(campaign), std::move(pass));
}

std::optional<CampaignsDesk::Visit> CampaignsDesk::visit_now(const std::string& campaign) {
  std::unique_ptr<Gate>& gate = gates_[campaign];
  if (!gate) gate = std::make_unique<Gate>(world_.clock);
  std::optional<Gate::Pass> pass = gate->enter_now();
  if (pass) return Visit(*this, campaign, std::move(*pass));
  passed_over_.insert(campaign);
  return std::nullopt;
}

const std::optional<Error>& CampaignsDesk::failure() const {
  return world_.dispatcher.failure() ? world_.dispatcher.failure() : failure_;
}

Event CampaignsDesk::event(Event::Kind kind, std::string campaign) const {
  Event made;
  made.kind = kind;
  made.at = world_.clock.wall();
  made.campaign = std::move(campaign);
  return made;
}

void CampaignsDesk::on_recorded(const Recorded& recorded) {
  next_change_ = recorded.lsn + 1;
  changes_bytes_ += recorded.line.size();
  changes_.push_back({recorded.lsn, recorded.event.campaign, recorded.line});
  while (changes_.size() > kChangesRemembered || changes_bytes_ > kChangesBytesMax) {
    changes_bytes_ -= changes_.front().line.size();
    changes_.pop_front();
  }
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.expired(); });
  // By number: a subscriber may end its subscription, and begin others.
  const std::size_t count = subscribers_.size();
  for (std::size_t i = 0; i < count; ++i)
    if (const auto on_change = subscribers_[i].lock()) (*on_change)(changes_.back());
}

Desk::Subscription CampaignsDesk::subscribe(std::function<void(const Change&)> on_change) {
  auto subscriber = std::make_shared<Subscriber>(std::move(on_change));
  subscribers_.push_back(subscriber);
  return subscriber;
}

std::optional<std::vector<Change>> CampaignsDesk::changes_after(std::uint64_t lsn) const {
  if (lsn >= next_change_ || lsn + 1 == next_change_) return std::vector<Change>{};
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
  if (key.size() > kNameMax || what.request.size() > kNameMax)
    co_return refuse(Refusal::Kind::wrong,
                     fmt::format("the key of a request has at most {} bytes", kNameMax));
  Event request = event(Event::Kind::request, harmless(what.campaign, kNameMax));
  request.key = std::move(key);
  request.request = std::move(what.request);
  request.status = what.status;
  co_return co_await commit(std::move(request));
}

std::optional<std::string> CampaignsDesk::trouble() const {
  if (failure()) return failure()->text;
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
