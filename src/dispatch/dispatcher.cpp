#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "journal/block.hpp"

namespace loa {
namespace {

constexpr Duration kUnreachableLongest = std::chrono::seconds(30);
constexpr Duration kLeadLongest = std::chrono::milliseconds(50);
constexpr std::chrono::seconds kNoteEvery(10);
constexpr std::chrono::seconds kLookAgain(1);    // whether the disk has room again
constexpr std::chrono::seconds kLookEvery(10);   // at the wall clock, which may be set
constexpr std::chrono::milliseconds kSet(1010);  // counts as set; a leap second does not

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

// Takes over the request, all but its method, which must outlive the call.
HttpCall call_of(const Gateway& gateway, HttpRequest& request) {
  HttpCall call;
  call.method = request.method;
  call.url = std::move(request.url);
  call.headers = std::move(request.headers);
  call.body = std::move(request.body);
  call.allow_plain = gateway.profile.allows_plain_http();
  call.ca_file = gateway.ca_file;
  call.connect_limit = gateway.connect_limit;
  call.total_limit = gateway.answer_limit;
  return call;
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
      campaign_(*world.recorder.record().find(plan.head().campaign)),
      settings_(std::move(settings)),
      given_(plan.rows().size()),
      pace_({.parts_per_second = settings_.parts_per_second}),
      workers_(world.executor, world.clock) {
  for (OpenGateway& open : gateways) {
    const Limits limits = open.gateway.limits;
    outlets_.push_back(std::make_unique<Outlet>(std::move(open), limits));
  }
  for (const auto& [row, gateway] : campaign_.moved) given_[row] = true;
  int parts_max = 1;
  for (std::size_t i = 0; i < plan.texts(); ++i)
    parts_max = std::max(parts_max, plan.text(static_cast<std::uint32_t>(i)).parts);
  for (std::size_t i = 0; i < plan.head().lanes.size(); ++i) {
    const PlanLane& lane = plan.head().lanes[i];
    Outlet* outlet = find(lane.gateway);
    batches_.push_back(lane.batch);
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
    batches_.back() = batch;
    outlet->queue.add(Lane(plan, campaign_, given_, i, batch,
                           outlet->open.gateway.profile.mode() == BatchMode::items));
  }
  for (const auto& [row, gateway] : campaign_.moved) {
    Outlet* outlet = find(gateway);
    if (outlet == nullptr || campaign_.rows[row] != RowState::planned) continue;
    outlet->queue.give_back(
        {plan.lane_of(row), {{row, row}}, campaign_.attempts[row] + 1, Tick::min()});
  }
  // The last second before this start may have used the whole limit. How long ago it was cannot be
  // told: the wall clock may have been set since.
  Instant latest = world.clock.wall();
  const Tick after_it = world.clock.now() + kPaceWindow + kPaceSlack + kLeadLongest;
  for (const auto& outlet : outlets_) {
    const Instant last = world.recorder.record().use(outlet->open.gateway.name).last_intent;
    if (last == Instant{}) continue;
    if (has_rate(outlet->open.gateway.limits)) outlet->limiter.pause(after_it);
    if (settings_.parts_per_second > 0) pace_.pause(after_it);
    // A clock that was set back between two runs shows at the first look.
    latest = std::max(latest, last);
  }
  wall_ahead_ = latest.time_since_epoch() - world.clock.now().time_since_epoch();
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
  world_.recorder.snapshot();
  co_return ending;
}

void Dispatcher::drain() {
  draining_ = true;
  wake_all();
}

// An attempt that the journal knows no outcome of was under way when a process ended: in doubt.
Task<void> Dispatcher::settle_crash() {
  while (!campaign_.open.empty() && !failure_) {
    const Event found = found_after_crash(plan_.head().campaign, campaign_.open.begin()->second,
                                          world_.clock.wall());
    LOA_FAILPOINT("settled.before_commit");
    co_await commit(found);
    LOA_FAILPOINT("settled.after_commit");
  }
}

Task<void> Dispatcher::resolve_doubts() {
  std::vector<std::uint64_t> doubts;
  doubts.reserve(campaign_.doubts.size());
  for (const auto& [first_row, doubt] : campaign_.doubts) doubts.push_back(first_row);
  for (const std::uint64_t first_row : doubts) co_await climb(first_row);
}

Step Dispatcher::step_of(const OpenIntent& doubt, Outlet* outlet) const {
  LadderInput input =
      ladder_input(doubt, plan_, outlet == nullptr ? nullptr : &outlet->open.gateway,
                   settings_.parts_per_second, world_.clock.wall());
  const auto asked = asked_.find(doubt.rows.front().first);
  if (asked != asked_.end()) input.asked = asked->second;
  return next_step(input);
}

// Carries out the next step of a doubt, or gives it to the gateway's queue until it is due.
Task<void> Dispatcher::climb(std::uint64_t first_row) {
  const auto found = campaign_.doubts.find(first_row);
  if (found == campaign_.doubts.end() || failure_) co_return;
  // A copy: commit() takes it out of the list.
  const OpenIntent doubt = found->second;  // NOLINT(performance-unnecessary-copy-initialization)
  Outlet* outlet = find(doubt.gateway);
  const Step step = step_of(doubt, outlet);
  Work work{plan_.lane_of(first_row), doubt.rows, doubt.attempt + 1, world_.clock.now()};
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
      outlet->queue.give_back(std::move(work));
      outlet->wake_one();
      co_return;
    case Step::Kind::wait:
    case Step::Kind::leave: co_return;
    case Step::Kind::settle: break;
  }
  asked_.erase(first_row);
  Event decided = event(Event::Kind::settled);
  decided.rows = doubt.rows;
  decided.state = step.state;
  decided.by = step.by;
  decided.why = step.why;
  LOA_FAILPOINT("settled.before_commit");
  const bool recorded = co_await commit(decided);
  LOA_FAILPOINT("settled.after_commit");
  if (!recorded || step.state != RowState::planned || outlet == nullptr) co_return;
  work.not_before += backoff(doubt.attempt, world_.random.fraction());
  for_each_row(work.rows, [&](std::uint64_t row) { given_[row] = true; });
  // Together where the limits allow it: then the request and its reference are as before.
  const bool together =
      fits(cost_of(plan_, work.rows), outlet->open.gateway, settings_.parts_per_second);
  for (Work& piece : together ? std::vector<Work>{work} : cut(work, batches_[work.lane]))
    outlet->queue.give_back(std::move(piece));
  outlet->wake_one();
}

Task<void> Dispatcher::worker(Outlet& outlet) {
  const std::unique_ptr<Alarm> alarm = world_.clock.make_alarm();
  alarms_.push_back(alarm.get());
  while (!over(outlet)) {
    const std::optional<Event> set = look_at_clock();
    if (set) co_await commit(*set);
    if (over(outlet)) break;
    const Tick now = world_.clock.now();
    const Tick turn = next_turn(outlet, now);
    if (over(outlet)) break;
    if (turn <= now) {
      std::optional<Work> work = outlet.queue.next(now);
      LOA_CHECK(work.has_value());
      if (work->purpose == Work::Purpose::send) {
        co_await send(outlet, std::move(*work), *alarm);
      } else {
        co_await pursue(outlet, std::move(*work), *alarm);
      }
      continue;
    }
    // One worker watches the time; the others wait until there is something for them.
    const bool keeps_time = outlet.timekeeper == nullptr && turn != Tick::max();
    if (keeps_time) outlet.timekeeper = alarm.get();
    outlet.idle.push_back(alarm.get());
    co_await alarm->wait_until(keeps_time ? std::min(turn, now + kLookEvery) : Tick::max());
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
  const auto tick_of = [&](Instant instant) {
    constexpr std::chrono::microseconds kFar = std::chrono::hours(24 * 365);  // 9999 would overflow
    return now + std::min(instant - wall, kFar);
  };
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
  if (world_.recorder.journal().shortage()) turn = std::max(turn, now + kLookAgain);
  if (!settings_.ignore_schedule) {
    const std::optional<Instant> open = next_window(wall);
    turn = std::max(turn, tick_of(open ? *open : *useful_until));
  }
  const std::uint64_t per_day = outlet.open.gateway.limits.per_day;
  if (per_day > 0) {
    const GatewayUse& use = world_.recorder.record().use(outlet.open.gateway.name);
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
    const bool told = window_ && window_->first == *open;
    window_ = {*open, allowed_until(settings_.schedule, *open)};
    if (*open > wall && !told)
      world_.observer.note(fmt::format("waiting for the allowed hours: sending goes on at {}",
                                       to_local(settings_.schedule.zone, *open)));
  }
  return open;
}

// The wall clock against the monotonic one: what it was set by is an event, since hours and days
// are counted by it. Limits are not: they live on the monotonic clock.
std::optional<Event> Dispatcher::look_at_clock() {
  Event set = event(Event::Kind::clock);
  const Duration ahead = set.at.time_since_epoch() - world_.clock.now().time_since_epoch();
  const Duration moved = ahead - std::exchange(wall_ahead_, ahead);
  if (moved >= -kSet && moved <= kSet) return std::nullopt;
  set.moved_ms = std::chrono::duration_cast<std::chrono::milliseconds>(moved).count();
  world_.observer.note(fmt::format(
      "the clock was set {} by {}: it is {} now, and not_before, hours, useful_until and per_day "
      "go by that",
      moved < Duration{0} ? "back" : "forward", to_words(moved < Duration{0} ? -moved : moved),
      to_rfc3339(set.at)));
  wake_all();
  return set;
}

// What is due for a request in doubt, if the ladder still says so: it may have waited long.
Task<void> Dispatcher::pursue(Outlet& outlet, Work work, Alarm& alarm) {
  const std::uint64_t first_row = work.rows.front().first;
  const auto doubt = campaign_.doubts.find(first_row);
  LOA_CHECK(doubt != campaign_.doubts.end());
  Step step = step_of(doubt->second, &outlet);
  if (step.kind == Step::Kind::repeat && work.purpose == Work::Purpose::repeat) {
    work.why = std::move(step.why);
    work.end = step.end;
    co_await send(outlet, std::move(work), alarm);
    co_return;
  }
  ++in_flight_;  // nobody ends while these rows may come back
  if (step.kind == Step::Kind::ask && work.purpose == Work::Purpose::ask)
    co_await ask(outlet, work, alarm);
  co_await climb(first_row);
  --in_flight_;
  if (nothing_left()) wake_all();
}

Task<void> Dispatcher::ask(Outlet& outlet, const Work& work, Alarm& alarm) {
  const Gateway& gateway = outlet.open.gateway;
  const Cost cost{.requests = 1};
  ++outlet.in_flight;
  outlet.ahead += cost;
  ahead_ += cost;
  outlet.wake_one();
  const bool on_turn = co_await wait_for_turn(outlet, cost, alarm);
  if (on_turn) {
    RenderedBatch rendered;
    fill(rendered, plan_, work, gateway, reference_of(plan_, work.rows));
    HttpRequest request =
        gateway.profile.render_query(gateway.url, outlet.open.account, rendered.batch);
    const HttpCall call = call_of(gateway, request);
    const HttpReply reply = co_await world_.http.perform(call);
    std::optional<bool> found;
    if (reply.transport == Transport::answered)
      found = gateway.profile.read_query(
          {.status = reply.status, .body = reply.body, .retry_after = reply.retry_after},
          rendered.batch);
    Asked& asked = asked_[work.rows.front().first];
    asked.last = world_.clock.wall();
    asked.found = found.value_or(false);
    asked.not_found += found == false ? 1 : 0;
    asked.unclear += found ? 0 : 1;
  }
  --outlet.in_flight;
}

Task<void> Dispatcher::send(Outlet& outlet, Work work, Alarm& alarm) {
  const Cost cost = cost_of(plan_, work.rows);
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
  intent.why = work.why;
  Event answer = event(Event::Kind::answer);
  answer.batch = intent.batch;

  LOA_FAILPOINT("intent.before_commit");
  const bool intended = co_await commit(intent);
  LOA_FAILPOINT("intent.after_commit");
  const bool on_turn = co_await wait_for_turn(outlet, cost, alarm);
  const bool repeats = work.purpose == Work::Purpose::repeat;
  const bool in_time = !repeats || world_.clock.wall() < work.end;
  Decision decision;
  if (intended && on_turn && in_time) {
    decision = co_await exchange(outlet, work, intent.reference, answer);
  } else {
    decision.outcomes.push_back({repeats ? RowState::in_doubt : RowState::planned, work.rows, "",
                                 in_time ? "not sent: interrupted" : "not sent: too late", "", ""});
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
  std::vector<std::uint64_t> doubts;
  // A repetition that comes back by itself is on its rung already.
  if (!repeats || decision.again.empty())
    for (const Outcome& one : decision.outcomes)
      if (one.state == RowState::in_doubt) doubts.push_back(one.rows.front().first);
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
  ++in_flight_;  // nobody ends while rows may come back
  for (const std::uint64_t first_row : doubts) co_await climb(first_row);
  --in_flight_;
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
  const HttpCall call = call_of(gateway, request);
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

// Now and then, so that a bad minute does not fill the screen.
void Dispatcher::note(Outlet& outlet, const std::string& text) {
  const Tick now = world_.clock.now();
  if (outlet.noted != Tick::min() && now - outlet.noted < kNoteEvery) return;
  outlet.noted = now;
  world_.observer.note(fmt::format("gateway '{}': {}", outlet.open.gateway.name, text));
}

void Dispatcher::carry_out(Outlet& outlet, Decision decision) {
  const Tick now = world_.clock.now();
  const std::string& name = outlet.open.gateway.name;

  if (decision.unreachable) {
    ++outlet.failures;
    const Duration wait =
        std::min(backoff(outlet.failures, world_.random.fraction()), kUnreachableLongest);
    outlet.retry_at = now + wait;
    note(outlet, fmt::format("cannot be reached ({}); trying again in {}",
                             decision.outcomes.front().words, to_words(wait)));
  } else {
    outlet.failures = 0;
  }
  if (decision.throttled) {
    outlet.limiter.throttled(now, decision.pause.value_or(Duration{0}));
    note(outlet, "says we are too fast; slowing down");
  } else if (decision.pause) {
    outlet.limiter.pause(now + *decision.pause);
    note(outlet, "takes nothing at this hour; asking again in " + to_words(*decision.pause));
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
  const Tick began = world_.clock.now();
  const Result<void> durable = co_await world_.recorder.commit(event);
  commit_time_ = (commit_time_ * 7 + (world_.clock.now() - began)) / 8;
  if (!durable) fail_with(durable.error());
  co_return durable.has_value();
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
