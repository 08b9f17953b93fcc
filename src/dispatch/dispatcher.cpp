#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "base/hash.hpp"
#include "journal/block.hpp"

namespace loa {
namespace {

constexpr int kResendsMax = 3;  // of rows in doubt, by on_unknown: resend
constexpr Duration kUnreachableLongest = std::chrono::seconds(30);
constexpr Duration kLeadLongest = std::chrono::milliseconds(50);
constexpr std::chrono::seconds kNoteEvery(10);

// The same for the same rows of the same plan, so that a carrier which knows request ids sees a
// repetition.
std::string reference_of(const Plan& plan, const RowRanges& rows) {
  std::string text = "loa-batch/v1\n" + plan.head().campaign + "\n";
  for (const RowRange& range : rows) text += fmt::format("{}-{}\n", range.first, range.last);
  constexpr std::size_t kReferenceSize = 26;
  return to_base32(hmac_sha256(plan.sha256(), text)).substr(0, kReferenceSize);
}

// The rows of one request as the profile takes them, with what they refer to.
struct RenderedBatch {
  Batch batch;
  std::vector<BatchRow> rows;
  std::vector<std::string> ids;
  std::vector<std::string_view> parameters;
  std::string reference;
};

void fill(RenderedBatch& out, const Plan& plan, const Work& work, const Gateway& gateway,
          std::string reference) {
  const PlanLane& lane = plan.head().lanes[work.lane];
  out.reference = std::move(reference);
  const bool own_ids = gateway.profile.mode() == BatchMode::items;
  const std::uint64_t count = count_rows(work.rows);
  out.rows.reserve(count);
  if (own_ids) out.ids.reserve(count);
  for_each_row(work.rows, [&](std::uint64_t index) {
    const PlanRow& row = plan.rows()[index];
    if (own_ids) out.ids.push_back(fmt::format("{}-{}", out.reference.substr(0, 12), index));
    out.rows.push_back({.number = row.number(),
                        .id = own_ids ? std::string_view(out.ids.back()) : std::string_view(),
                        .text = plan.text(row.text).text});
  });
  const PlanText& text = plan.text(plan.rows()[work.rows.front().first].text);
  const bool registered = lane.gateway == gateway.name && !lane.registered_template.empty();
  if (registered) {
    out.parameters = text.parameters;
  } else {
    out.parameters = {text.text};
  }
  out.batch = {.reference = out.reference,
               .sender = plan.head().sender,
               .message_class = plan.head().message_class,
               .encoding = lane.encoding,
               .rows = out.rows,
               .registered_template =
                   registered ? std::string_view(lane.registered_template) : std::string_view(),
               .parameters = out.parameters};
}

Cost cost_of(const Plan& plan, const Work& work) {
  Cost cost{.requests = 1};
  for_each_row(work.rows, [&](std::uint64_t row) {
    ++cost.messages;
    cost.parts += static_cast<std::uint64_t>(plan.text(plan.rows()[row].text).parts);
  });
  return cost;
}

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::finished: return "finished";
    case Ending::stopped: return "stopped";
    case Ending::expired: return "expired";
    case Ending::held: return "held";
    case Ending::interrupted: return "interrupted";
  }
  return "";
}

struct Dispatcher::Outlet {
  Outlet(OpenGateway opened, const Limits& limits) : open(std::move(opened)), limiter(limits) {}

  OpenGateway open;
  GatewayQueue queue;
  Limiter limiter;
  Cost ahead{.requests = 0};    // taken from the queue, not yet sent
  std::vector<Alarm*> idle;     // workers with nothing to do now
  Alarm* timekeeper = nullptr;  // the one of them that waits for a time
  int in_flight = 0;
  int failures = 0;             // attempts in a row that reached nobody
  Tick retry_at = Tick::min();  // after those
  Tick noted = Tick::min();
  bool held = false;

  void wake_one() {
    if (idle.empty()) return;
    Alarm* alarm = timekeeper != nullptr ? timekeeper : idle.back();
    alarm->wake();
  }
};

Dispatcher::Dispatcher(const World& world, const Plan& plan, std::vector<OpenGateway> gateways,
                       DispatchSettings settings)
    : world_(world),
      plan_(plan),
      campaign_(*world.record.find(plan.head().campaign)),
      settings_(std::move(settings)),
      pace_({.parts_per_second = settings_.parts_per_second}),
      workers_(world.executor, world.clock) {
  for (OpenGateway& open : gateways) {
    const Limits limits = open.gateway.limits;
    outlets_.push_back(std::make_unique<Outlet>(std::move(open), limits));
  }
  int parts_max = 1;
  for (std::size_t i = 0; i < plan.texts(); ++i)
    parts_max = std::max(parts_max, plan.text(static_cast<std::uint32_t>(i)).parts);
  for (std::size_t i = 0; i < plan.head().lanes.size(); ++i) {
    const PlanLane& lane = plan.head().lanes[i];
    Outlet* outlet = find(lane.gateway);
    if (outlet == nullptr) continue;  // its rows stay unsent: the caller has said so
    // The limits may be lower than when the plan was frozen.
    Limits limits = outlet->open.gateway.limits;
    if (settings_.parts_per_second > 0)
      limits.parts_per_second = limits.parts_per_second > 0
                                    ? std::min(limits.parts_per_second, settings_.parts_per_second)
                                    : settings_.parts_per_second;
    int batch = fitting_batch(limits, std::min(lane.batch, outlet->open.gateway.batch), parts_max);
    if (const std::uint64_t per_day = outlet->open.gateway.limits.per_day; per_day > 0)
      batch = static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(batch), per_day));
    outlet->queue.add(
        Lane(plan, campaign_, i, batch, outlet->open.gateway.profile.mode() == BatchMode::items));
  }
  for (const auto& [row, gateway] : campaign_.moved) {
    Outlet* outlet = find(gateway);
    if (outlet == nullptr || campaign_.rows[row] != RowState::planned) continue;
    outlet->queue.give_back(
        {plan.lane_of(row), {{row, row}}, campaign_.attempts[row] + 1, Tick::min()});
  }
  // The last second before a restart may have used the whole limit.
  const Instant wall = world.clock.wall();
  for (const auto& outlet : outlets_) {
    const Instant last = world.record.use(outlet->open.gateway.name).last_intent;
    const auto window = std::chrono::duration_cast<std::chrono::microseconds>(
        kPaceWindow + kPaceSlack + kLeadLongest);
    if (last + window > wall) outlet->limiter.pause(world.clock.now() + window);
  }
}

Dispatcher::~Dispatcher() = default;

Task<Result<Ending>> Dispatcher::run() {
  co_await settle_crash();
  co_await resolve_doubts();
  for (const auto& outlet : outlets_)
    for (int i = 0; i < outlet->open.gateway.limits.in_flight; ++i) workers_.spawn(worker(*outlet));
  co_await workers_.join();
  if (failure_) co_return fail(*failure_);

  const bool all_done = nothing_left();
  const bool any_held = std::any_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) {
    return outlet->held && !outlet->queue.empty();
  });
  const Ending ending = stopped_                 ? Ending::stopped
                        : expired_               ? Ending::expired
                        : draining_ && !all_done ? Ending::interrupted
                        : any_held               ? Ending::held
                                                 : Ending::finished;
  if (ending != Ending::held && ending != Ending::interrupted) {
    Event ended = event(Event::Kind::ended);
    ended.why = to_string(ending);
    LOA_FAILPOINT("ended.before_commit");
    const bool recorded = co_await commit(ended);
    LOA_FAILPOINT("ended.after_commit");
    if (!recorded) co_return fail(*failure_);
  }
  co_return ending;
}

void Dispatcher::drain() {
  draining_ = true;
  wake_all();
}

// An attempt that the journal knows no outcome of was under way when a process ended: in doubt.
Task<void> Dispatcher::settle_crash() {
  while (!campaign_.open.empty() && !failure_) {
    Event found = event(Event::Kind::settled);
    found.rows = campaign_.open.begin()->second.rows;
    found.state = RowState::in_doubt;
    found.why = "the process ended before an outcome was recorded";
    LOA_FAILPOINT("settled.before_commit");
    co_await commit(found);
    LOA_FAILPOINT("settled.after_commit");
  }
}

// What on_unknown says of the rows in doubt. With `hold` they wait for a person.
Task<void> Dispatcher::resolve_doubts() {
  const OnUnknown policy = plan_.head().on_unknown;
  const auto resolvable = [&](const OpenIntent& doubt) {
    return policy == OnUnknown::assume_sent ||
           (policy == OnUnknown::resend && doubt.attempt <= kResendsMax);
  };
  while (!failure_) {
    const auto found = std::find_if(campaign_.doubts.begin(), campaign_.doubts.end(), resolvable);
    if (found == campaign_.doubts.end()) co_return;
    // A copy: commit() takes it out of the list.
    const OpenIntent doubt = *found;  // NOLINT(performance-unnecessary-copy-initialization)
    Event decided = event(Event::Kind::settled);
    decided.rows = doubt.rows;
    decided.state = policy == OnUnknown::resend ? RowState::planned : RowState::accepted;
    decided.why = fmt::format("on_unknown: {}", to_string(policy));
    LOA_FAILPOINT("settled.before_commit");
    const bool recorded = co_await commit(decided);
    LOA_FAILPOINT("settled.after_commit");
    Outlet* outlet = find(doubt.gateway);
    if (!recorded || policy != OnUnknown::resend || outlet == nullptr) continue;
    // The same rows as before make the same request under the same reference.
    const Tick due = world_.clock.now() + backoff(doubt.attempt, world_.random.fraction());
    outlet->queue.give_back(
        {plan_.lane_of(doubt.rows.front().first), doubt.rows, doubt.attempt + 1, due});
    outlet->wake_one();
  }
}

Task<void> Dispatcher::worker(Outlet& outlet) {
  const std::unique_ptr<Alarm> alarm = world_.clock.make_alarm();
  alarms_.push_back(alarm.get());
  while (!over(outlet)) {
    const Tick now = world_.clock.now();
    const Tick turn = next_turn(outlet, now);
    if (over(outlet)) break;
    if (turn <= now) {
      std::optional<Work> work = outlet.queue.next(now);
      LOA_CHECK(work.has_value());
      co_await send(outlet, std::move(*work), *alarm);
      continue;
    }
    // One worker watches the time; the others wait until there is something for them.
    const bool keeps_time = outlet.timekeeper == nullptr && turn != Tick::max();
    if (keeps_time) outlet.timekeeper = alarm.get();
    outlet.idle.push_back(alarm.get());
    co_await alarm->wait_until(keeps_time ? turn : Tick::max());
    std::erase(outlet.idle, alarm.get());
    if (outlet.timekeeper == alarm.get()) outlet.timekeeper = nullptr;
  }
  std::erase(alarms_, alarm.get());
  wake_all();  // it may have been the last that others waited for
}

bool Dispatcher::nothing_left() const {
  return in_flight_ == 0 && std::all_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) {
           return outlet->held || outlet->queue.empty();
         });
}

bool Dispatcher::over(const Outlet& outlet) const {
  return failure_ || draining_ || expired_ || stopped_ || outlet.held || nothing_left();
}

// When the next request of the gateway may be prepared; Tick::max() when it has nothing to send.
Tick Dispatcher::next_turn(Outlet& outlet, Tick now) {
  const Tick due = outlet.queue.due();
  const Instant wall = world_.clock.wall();
  const auto tick_of = [&](Instant instant) { return now + (instant - wall); };
  const auto& useful_until = settings_.schedule.useful_until;
  if (useful_until && wall >= *useful_until) {
    expired_ = true;
    wake_all();
    return now;
  }
  if (due == Tick::max()) return useful_until ? tick_of(*useful_until) : due;
  // A gateway that could not be reached is tried with one request at a time.
  if (outlet.failures > 0 && outlet.in_flight > 0) return Tick::max();

  Tick turn = std::max(due, outlet.retry_at);
  if (!settings_.ignore_schedule) {
    const std::optional<Instant> open = next_window(wall);
    turn = std::max(turn, tick_of(open ? *open : *useful_until));
  }
  const std::uint64_t per_day = outlet.open.gateway.limits.per_day;
  if (per_day > 0) {
    const GatewayUse& use = world_.record.use(outlet.open.gateway.name);
    const std::uint64_t next =
        std::min(static_cast<std::uint64_t>(outlet.open.gateway.batch), per_day);
    if (wall < use.day_end && use.today + next > per_day)
      turn = std::max(turn, tick_of(use.day_end));
  }
  const Duration lead = std::min(commit_time_ * 2, kLeadLongest);
  const Tick paced = std::max(outlet.limiter.next(now, outlet.ahead), pace_.next(now, ahead_));
  if (paced > now) turn = std::max(turn, paced - lead);
  return useful_until ? std::min(turn, tick_of(*useful_until)) : turn;
}

std::optional<Instant> Dispatcher::next_window(Instant wall) {
  if (window_ && wall >= window_->first && wall < window_->second) return wall;
  const std::optional<Instant> open = next_allowed(settings_.schedule, wall);
  if (open) {
    window_ = {*open, allowed_until(settings_.schedule, *open)};
    if (*open > wall)
      world_.observer.note(fmt::format("waiting for the allowed hours: sending goes on at {}",
                                       to_local(settings_.schedule.zone, *open)));
  }
  return open;
}

Task<void> Dispatcher::send(Outlet& outlet, Work work, Alarm& alarm) {
  const Cost cost = cost_of(plan_, work);
  ++in_flight_;
  ++outlet.in_flight;
  outlet.ahead += cost;
  ahead_ += cost;
  outlet.wake_one();  // the next worker looks at the clock

  Event intent = event(Event::Kind::intent);
  intent.batch = campaign_.batches + 1;
  intent.gateway = outlet.open.gateway.name;
  intent.attempt = work.attempt;
  intent.reference = reference_of(plan_, work.rows);
  intent.rows = work.rows;
  Event answer = event(Event::Kind::answer);
  answer.batch = intent.batch;

  LOA_FAILPOINT("intent.before_commit");
  const bool intended = co_await commit(intent);
  LOA_FAILPOINT("intent.after_commit");
  const bool on_turn = co_await wait_for_turn(outlet, cost, alarm);
  Decision decision;
  if (intended && on_turn) {
    decision = co_await exchange(outlet, work, intent.reference, answer);
  } else {
    decision.outcomes.push_back(
        {RowState::planned, work.rows, "", "not sent: interrupted", "", ""});
    decision.again.push_back(work);
  }
  answer.at = world_.clock.wall();
  answer.outcomes = decision.outcomes;
  shorten(answer, kLineMax);
  LOA_FAILPOINT("answer.before_commit");
  if (intended) co_await commit(answer);
  LOA_FAILPOINT("answer.after_commit");
  --in_flight_;
  --outlet.in_flight;
  if (failure_) co_return;
  const bool doubtful =
      std::any_of(decision.outcomes.begin(), decision.outcomes.end(),
                  [](const Outcome& one) { return one.state == RowState::in_doubt; });
  const std::optional<Outcome> hold = outlet.held ? std::nullopt : decision.hold;
  carry_out(outlet, std::move(decision));
  if (hold) {
    Event held = event(Event::Kind::held);
    held.gateway = outlet.open.gateway.name;
    held.code = hold->code;
    held.words = hold->words;
    world_.observer.note(fmt::format(
        "gateway '{}' is held: it answers {} ({}). Its other rows wait; mend the account or "
        "the profile and run the same command again",
        held.gateway, hold->code, hold->words));
    co_await commit(held);
  }
  if (doubtful) {
    ++in_flight_;  // nobody ends while these rows may come back
    co_await resolve_doubts();
    --in_flight_;
  }
  if (nothing_left()) wake_all();
}

// False when it is not to be sent any more.
Task<bool> Dispatcher::wait_for_turn(Outlet& outlet, const Cost& cost, Alarm& alarm) {
  Tick now = world_.clock.now();
  const Tick turn = std::max(outlet.limiter.earliest(now, cost), pace_.earliest(now, cost));
  outlet.limiter.take(turn, cost);
  pace_.take(turn, cost);
  outlet.ahead -= cost;
  ahead_ -= cost;
  while (now < turn && !draining_ && !failure_) {
    co_await alarm.wait_until(turn);
    now = world_.clock.now();
  }
  co_return now >= turn && !failure_;
}

Task<Decision> Dispatcher::exchange(Outlet& outlet, const Work& work, std::string reference,
                                    Event& answer) {
  const Gateway& gateway = outlet.open.gateway;
  RenderedBatch rendered;
  fill(rendered, plan_, work, gateway, std::move(reference));
  HttpRequest request = gateway.profile.render(gateway.url, outlet.open.account, rendered.batch);
  HttpCall call;
  call.method = request.method;
  call.url = std::move(request.url);
  call.headers = std::move(request.headers);
  call.body = std::move(request.body);
  call.allow_plain = gateway.profile.allows_plain_http();
  call.ca_file = gateway.ca_file;
  call.connect_limit = gateway.connect_limit;
  call.total_limit = gateway.answer_limit;
  const Tick began = world_.clock.now();
  LOA_FAILPOINT("request.before_connect");
  const HttpReply reply = co_await world_.http.perform(call);
  LOA_FAILPOINT("answer.after_read");
  const Tick now = world_.clock.now();
  answer.status = reply.status;
  answer.ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - began).count();
  const DecisionInput input{
      .work = work,
      .reply = reply,
      .batch = rendered.batch,
      .profile = gateway.profile,
      .now = now,
      .jitter = world_.random.fraction(),
      .gateway_of = [&](std::string_view network) { return gateway_of(network, gateway.name); }};
  co_return decide(input);
}

void Dispatcher::carry_out(Outlet& outlet, Decision decision) {
  const Tick now = world_.clock.now();
  const std::string& name = outlet.open.gateway.name;
  const auto note = [&](const std::string& text) {
    if (outlet.noted != Tick::min() && now - outlet.noted < kNoteEvery) return;
    outlet.noted = now;
    world_.observer.note(fmt::format("gateway '{}': {}", name, text));
  };

  if (decision.unreachable) {
    ++outlet.failures;
    const Duration wait =
        std::min(backoff(outlet.failures, world_.random.fraction()), kUnreachableLongest);
    outlet.retry_at = now + wait;
    note(fmt::format("cannot be reached ({}); trying again in {}", decision.outcomes.front().words,
                     to_words(wait)));
  } else {
    outlet.failures = 0;
  }
  if (decision.throttled) {
    outlet.limiter.throttled(now, decision.pause.value_or(Duration{0}));
    note("says we are too fast; slowing down");
  } else if (decision.pause) {
    outlet.limiter.pause(now + *decision.pause);
    note("takes nothing at this hour; asking again in " + to_words(*decision.pause));
  } else if (decision.accepted) {
    outlet.limiter.accepted(now);
  }
  for (Work& work : decision.again) outlet.queue.give_back(std::move(work));
  for (auto& [gateway, work] : decision.elsewhere) {
    Outlet* other = find(gateway);
    LOA_CHECK(other != nullptr);
    other->queue.give_back(std::move(work));
    other->wake_one();
  }
  if (decision.hold && !outlet.held) {
    outlet.held = true;
    wake_all();
  }
  if (decision.stop && !stopped_) {
    stopped_ = decision.stop;
    world_.observer.note(
        fmt::format("gateway '{}' refuses the message (code {}: {}); the campaign is stopped", name,
                    stopped_->code, stopped_->words));
    wake_all();
  }
  outlet.wake_one();
}

Task<bool> Dispatcher::commit(const Event& event) {
  if (failure_) co_return false;
  const std::string line = to_line(event);
  // What takes rows away counts at once, so that nobody else takes them; an outcome when it is
  // durable.
  const bool at_once = event.kind == Event::Kind::intent || event.kind == Event::Kind::settled;
  if (at_once) {
    const Result<void> applied = world_.record.apply(event);
    LOA_CHECK(applied.has_value());
  }
  const Tick began = world_.clock.now();
  const Result<void> durable = co_await world_.journal.commit(line);
  commit_time_ = (commit_time_ * 7 + (world_.clock.now() - began)) / 8;
  if (!durable) {
    fail_with(durable.error());
    co_return false;
  }
  if (!at_once) {
    const Result<void> applied = world_.record.apply(event);
    LOA_CHECK(applied.has_value());
  }
  co_return true;
}

void Dispatcher::fail_with(Error error) {
  if (!failure_) failure_ = std::move(error);
  wake_all();
}

Dispatcher::Outlet* Dispatcher::find(std::string_view gateway) {
  const auto found = std::find_if(outlets_.begin(), outlets_.end(), [&](const auto& outlet) {
    return outlet->open.gateway.name == gateway;
  });
  return found == outlets_.end() ? nullptr : found->get();
}

std::string Dispatcher::gateway_of(std::string_view network, std::string_view except) const {
  for (const auto& outlet : outlets_) {
    const auto& networks = outlet->open.gateway.networks;
    if (std::find(networks.begin(), networks.end(), network) == networks.end()) continue;
    return outlet->open.gateway.name == except ? "" : outlet->open.gateway.name;
  }
  return "";
}

void Dispatcher::wake_all() {
  for (Alarm* alarm : alarms_) alarm->wake();
}

Event Dispatcher::event(Event::Kind kind) const {
  Event made;
  made.kind = kind;
  made.at = world_.clock.wall();
  made.campaign = plan_.head().campaign;
  return made;
}

}  // namespace loa
