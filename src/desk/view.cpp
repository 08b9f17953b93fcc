// What the desk tells of campaigns and gateways.
#include <fmt/format.h>

#include <algorithm>

#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"
#include "plan/forecast.hpp"

namespace loa {
namespace {

// A view is made anew this often at most while its campaign goes on, unless somebody acts on it.
constexpr std::chrono::milliseconds kViewAge(250);
constexpr std::chrono::seconds kViewAgeWaiting(10);  // while only its forecast moves
constexpr double kRateKnown = 1;  // messages a second: below, the limits foretell better

double limit_of(const Limits& limits) {
  return limits.messages_per_second > 0 ? limits.messages_per_second : limits.parts_per_second;
}

std::string words_of(Bound bound, const Outlet& outlet, const GatewayUse& use,
                     const Campaign& campaign) {
  const Limits& limits = outlet.open.gateway.limits;
  switch (bound) {
    case Bound::none: return "";
    case Bound::limit:
      return outlet.limiter.share() < 1
                 ? fmt::format("the gateway said it was too fast: {:.0f} % of its limit for now",
                               100 * outlet.limiter.share())
                 : fmt::format("the gateway's limit, {:g} a second", limit_of(limits));
    case Bound::in_flight:
      return fmt::format("the gateway answers slowly: all {} requests are under way",
                         limits.in_flight);
    case Bound::pace:
      return fmt::format("the campaign's own pace, {:g} parts a second", campaign.parts_per_second);
    case Bound::hours: return "outside the campaign's hours";
    case Bound::gateway_hours: return "outside the gateway's hours";
    case Bound::per_day: return fmt::format("the gateway's {} messages a day", limits.per_day);
    case Bound::later: return "the rest is to be tried again a little later";
    case Bound::subscriber: return "the rest of its people have had their messages for now";
    case Bound::budget: return "what is under way may use up the campaign's budget";
    case Bound::canary: return "the first messages are being watched";
    case Bound::held:
      return fmt::format("the gateway is held: it answered {} ({})", use.held_code, use.held_words);
    case Bound::paused:
      return fmt::format("{} paused the gateway: {}", use.paused_by, use.paused_why);
    case Bound::unreachable: return "the gateway cannot be reached; it is tried again";
    case Bound::disk: return "the disk is full";
  }
  return "";
}

struct Counts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t under_way = 0;
  std::uint64_t unsent = 0;
};

Counts count(const CampaignRecord& record, const PlanLane& lane) {
  std::array<std::uint64_t, 5> states{};
  for (std::uint64_t row = lane.first; row < lane.first + lane.rows; ++row)
    ++states[static_cast<std::size_t>(record.rows[row])];
  const auto of = [&](RowState state) { return states[static_cast<std::size_t>(state)]; };
  return {of(RowState::accepted), of(RowState::refused), of(RowState::in_doubt),
          of(RowState::intended), of(RowState::planned)};
}

}  // namespace

void CampaignsDesk::put_plan(CampaignView& view, const PlanHead& head) {
  view.id = head.campaign;
  view.title = head.title;
  view.audience = head.audience;
  for (std::size_t i = 0; i < kExclusions; ++i)
    if (head.excluded[i] > 0)
      view.excluded[std::string(to_string(static_cast<Exclusion>(i)))] = head.excluded[i];
  view.planned = head.rows;
  view.unsent = head.rows;
  view.parts = head.parts;
  view.not_before = head.not_before;
  view.useful_until = head.useful_until;
  for (const PlanLane& lane : head.lanes) {
    view.cost += static_cast<std::int64_t>(lane.parts) * lane.price_per_part;
    const auto found = std::find_if(view.gateways.begin(), view.gateways.end(),
                                    [&](const auto& one) { return one.gateway == lane.gateway; });
    GatewayProgress& progress =
        found == view.gateways.end() ? view.gateways.emplace_back() : *found;
    progress.gateway = lane.gateway;
    progress.rows += lane.rows;
    progress.unsent += lane.rows;
    progress.parts += lane.parts;
  }
}

// A document is read again with faults ignored: what it names may be gone by now, and its plan
// stands.
const CampaignsDesk::Known& CampaignsDesk::known(const std::string& campaign,
                                                 const CampaignRecord& record) const {
  Known& known = known_[campaign];
  if (known.revision == record.life.revision) return known;
  Faults ignored;
  if (!record.life.document.empty())
    known.campaign = parse_campaign(record.life.document, campaign, settings_->templates,
                                    settings_->incoming, ignored);
  known.head = {};
  if (record.frozen())
    if (auto head = read_plan_head(plan_path(settings_->data, campaign, record.life.revision)))
      known.head = std::move(*head);
  known.revision = record.life.revision;
  return known;
}

CampaignView CampaignsDesk::view(const std::string& campaign, const CampaignRecord& record) const {
  const Tick now = world_.clock.now();
  const auto found = views_.find(campaign);
  if (found != views_.end()) {
    const CampaignView& view = found->second.view;
    const bool sending = view.state == CampaignState::sending;
    const Duration age = now - found->second.made;
    const bool young = age < (sending ? Duration(kViewAge) : Duration(kViewAgeWaiting));
    const bool same = view.version == record.life.version ||
                      (sending && view.state == record.life.state);  // or only goes on
    if (same && (young || is_over(view.state))) return view;
  }
  CampaignView made = fresh_view(campaign, record);
  views_[campaign] = {now, made};
  return made;
}

CampaignView CampaignsDesk::fresh_view(const std::string& campaign,
                                       const CampaignRecord& record) const {
  const Known& known = this->known(campaign, record);
  const CampaignLife& life = record.life;
  CampaignView view;
  put_plan(view, known.head);
  view.id = campaign;
  view.title = known.campaign.title.empty() ? known.head.title : known.campaign.title;
  view.state = life.state;
  view.author = life.author;
  view.source = life.source;
  view.approved_by = life.approved_by;
  view.priority = to_string(known.campaign.priority);
  view.weight = known.campaign.weight;
  view.revision = life.revision;
  view.plan = life.stands ? record.plan : "";
  view.content = life.content;
  view.document = life.document;
  const Balance balance = record.balance();
  view.planned = balance.planned;
  view.accepted = balance.accepted;
  view.refused = balance.refused;
  view.under_way = balance.in_doubt - record.in_doubt;
  view.in_doubt = record.in_doubt;
  view.unsent = balance.unsent;
  view.not_before = known.campaign.schedule.not_before;
  view.useful_until = known.campaign.schedule.useful_until;
  view.began = record.first_intent;
  view.updated = std::max(life.at, record.last_answer.value_or(life.at));
  view.version = life.version;
  add_gateways(view, record, known);
  if (is_over(life.state)) view.end = view.updated;
  view.reason = reason_of(view, record, known);
  return view;
}

void CampaignsDesk::add_gateways(CampaignView& view, const CampaignRecord& record,
                                 const Known& known) const {
  for (GatewayProgress& one : view.gateways) one.unsent = 0;
  PlanHead rest = known.head;
  rest.parts = 0;
  for (PlanLane& lane : rest.lanes) {
    const Counts counts =
        lane.first + lane.rows <= record.rows.size() ? count(record, lane) : Counts{};
    for (GatewayProgress& one : view.gateways) {
      if (one.gateway != lane.gateway) continue;
      one.accepted += counts.accepted;
      one.refused += counts.refused;
      one.in_doubt += counts.in_doubt;
      one.under_way += counts.under_way;
      one.unsent += counts.unsent;
    }
    lane.parts = lane.rows == 0 ? 0 : lane.parts * counts.unsent / lane.rows;
    lane.rows = counts.unsent;
    rest.parts += lane.parts;
  }
  rest.rows = view.unsent;
  if (is_over(view.state)) return;

  std::vector<Gateway> gateways = settings_->gateways;
  const Sending* sending = world_.dispatcher.sending(view.id);
  for (const auto& outlet : world_.dispatcher.outlets()) {
    const Gateway& gateway = outlet->open.gateway;
    const auto one = std::find_if(view.gateways.begin(), view.gateways.end(),
                                  [&](const auto& each) { return each.gateway == gateway.name; });
    if (one == view.gateways.end()) continue;
    one->limit = limit_of(gateway.limits);
    if (sending == nullptr) continue;
    Meter meter = sending->meters[outlet->index];
    one->rate = meter.per_second(world_.clock.now());
    Bound bound = sending->bounds[outlet->index];
    if (bound == Bound::none && one->unsent > 0 && outlet->in_flight >= gateway.limits.in_flight)
      bound = Bound::in_flight;
    one->bound = to_string(bound);
    one->bound_words =
        words_of(bound, *outlet, world_.recorder.record().use(gateway.name), known.campaign);
    if (one->rate < kRateKnown) continue;
    for (Gateway& each : gateways)
      if (each.name == gateway.name) each.limits = {.messages_per_second = one->rate};
  }
  const Instant now = world_.clock.wall();
  const Forecast ahead =
      forecast(rest, gateways, known.campaign.schedule, known.campaign.parts_per_second, now);
  for (const GatewayForecast& each : ahead.gateways)
    for (GatewayProgress& one : view.gateways)
      if (one.gateway == each.gateway && one.unsent > 0) one.end = each.end;
  if (view.unsent > 0) view.end = ahead.end;
}

std::string CampaignsDesk::reason_of_repeat(const std::string& campaign,
                                            const Campaign& document) const {
  const auto making = making_.find(campaign);
  if (making != making_.end() && !making->second.trouble.empty()) return making->second.trouble;
  const auto next = next_to_make(campaign, document);
  return next ? fmt::format("it repeats: the next is made at {}",
                            to_local(document.schedule.zone, next->at - document.repeat->ahead))
              : "it repeats, and all its times are made";
}

std::string CampaignsDesk::reason_of(const CampaignView& view, const CampaignRecord& record,
                                     const Known& known) const {
  const CampaignLife& life = record.life;
  switch (life.state) {
    case CampaignState::draft:
      return life.why.empty() ? "it has no plan yet" : fmt::format("{}: {}", life.who, life.why);
    case CampaignState::waiting: return "another person must approve it";
    case CampaignState::scheduled:
      if (known.campaign.repeat) return reason_of_repeat(view.id, known.campaign);
      return view.not_before
                 ? fmt::format("its time is {} ({})", to_local(settings_->zone, *view.not_before),
                               settings_->zone)
                 : "it begins at once";
    case CampaignState::sending: {
      std::string why;
      for (const GatewayProgress& one : view.gateways) {
        if (one.bound_words.empty() || one.unsent == 0) continue;
        if (!why.empty()) why += "; ";
        why += one.gateway + ": " + one.bound_words;
      }
      return why;
    }
    case CampaignState::finished: return life.why;
    case CampaignState::expired: return "its useful_until has passed";
    default: return life.why.empty() ? "" : fmt::format("{}: {}", life.who, life.why);
  }
}

std::vector<CampaignView> CampaignsDesk::campaigns() const {
  std::vector<CampaignView> all;
  for (const auto& [id, record] : world_.recorder.record().campaigns())
    all.push_back(view(id, record));
  std::sort(all.begin(), all.end(), [](const CampaignView& a, const CampaignView& b) {
    return a.updated != b.updated ? a.updated > b.updated : a.id < b.id;
  });
  return all;
}

Answer<CampaignView> CampaignsDesk::campaign(std::string_view id) const {
  const std::string name(id);
  const CampaignRecord* record = world_.recorder.record().find(name);
  if (record != nullptr) return view(name, *record);
  return tl::unexpected<Refusal>(
      Refusal{Refusal::Kind::unknown, fmt::format("there is no campaign '{}' here", name), {}});
}

GatewayView CampaignsDesk::gateway_view(const Outlet& outlet) const {
  const Gateway& gateway = outlet.open.gateway;
  const GatewayUse& use = world_.recorder.record().use(gateway.name);
  GatewayView view;
  view.name = gateway.name;
  view.profile = gateway.profile.name();
  view.networks = gateway.networks;
  if (outlet.paused) {
    view.state = "paused";
    view.reason = fmt::format("{}: {}", use.paused_by, use.paused_why);
  } else if (outlet.held) {
    view.state = "held";
    view.reason = fmt::format("{} ({})", use.held_code, use.held_words);
  } else if (outlet.failures > 0) {
    view.state = "unreachable";
    view.reason = "it is tried again";
  } else {
    view.state = outlet.limiter.share() < 1 ? "slowed" : "up";
  }
  view.limit = limit_of(gateway.limits);
  Meter meter = outlet.meter;
  view.rate = meter.per_second(world_.clock.now());
  view.share = outlet.limiter.share();
  view.in_flight = outlet.in_flight;
  for (const auto& one : world_.dispatcher.sendings())
    view.waiting += one->queues[outlet.index].rows();
  view.today = world_.clock.wall() < use.day_end ? use.today : 0;
  view.per_day = gateway.limits.per_day;
  view.counts = outlet.counts;
  return view;
}

std::vector<GatewayView> CampaignsDesk::gateways() const {
  std::vector<GatewayView> all;
  for (const auto& outlet : world_.dispatcher.outlets()) all.push_back(gateway_view(*outlet));
  return all;
}

}  // namespace loa
