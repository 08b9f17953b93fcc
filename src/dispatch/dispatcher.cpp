#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "dispatch/request.hpp"
#include "journal/block.hpp"

namespace loa {
namespace {

constexpr Duration kUnreachableLongest = std::chrono::seconds(30);
constexpr std::chrono::seconds kNoteEvery(10);
constexpr std::chrono::milliseconds kLeadLongest(50);

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::finished: return "finished";
    case Ending::stopped: return "stopped";
    case Ending::expired: return "expired";
    case Ending::held: return "held";
    case Ending::tripped: return "paused";
    case Ending::interrupted: return "interrupted";
  }
  return "";
}

Dispatcher::Dispatcher(const World& world, std::vector<OpenGateway> gateways)
    : world_(world), workers_(world.executor, world.clock) {
  for (OpenGateway& open : gateways)
    outlets_.push_back(std::make_unique<Outlet>(outlets_.size(), std::move(open)));
  // The last second before this start may have used the whole limit. How long ago it was cannot be
  // told: the wall clock may have been set since.
  Instant latest = world.clock.wall();
  const Tick after_it = world.clock.now() + kPaceWindow + kPaceSlack + kLeadLongest;
  for (const auto& outlet : outlets_) {
    const Instant last = world.recorder.record().use(outlet->open.gateway.name).last_intent;
    if (last == Instant{}) continue;
    last_second_ = after_it;
    if (has_rate(outlet->open.gateway.limits)) outlet->limiter.pause(after_it);
    // A clock that was set back between two runs shows at the first look.
    latest = std::max(latest, last);
  }
  wall_ahead_ = latest.time_since_epoch() - world.clock.now().time_since_epoch();
}

Dispatcher::~Dispatcher() = default;

Task<Result<Ending>> Dispatcher::send(const Plan& plan, SendSettings settings) {
  const CampaignRecord& record = *world_.recorder.record().find(plan.head().campaign);
  sendings_.push_back(std::make_unique<Sending>(plan, record, std::move(settings), outlets_,
                                                world_.clock.make_alarm()));
  Sending& sending = *sendings_.back();
  if (last_second_ && sending.settings.parts_per_second > 0) sending.pace.pause(*last_second_);
  if (!std::exchange(working_, true))
    for (const auto& outlet : outlets_)
      for (int i = 0; i < outlet->open.gateway.limits.in_flight; ++i)
        workers_.spawn(worker(*outlet));
  co_await run(sending);
  Result<Ending> ending = co_await conclude(sending);
  for (const auto& outlet : outlets_) outlet->share.leave(&sending);
  std::erase_if(sendings_, [&](const auto& one) { return one.get() == &sending; });
  world_.recorder.snapshot();
  co_return ending;
}

Task<void> Dispatcher::run(Sending& sending) {
  co_await settle_crash(sending);
  co_await resolve_doubts(sending);
  sending.ready = true;
  for (const auto& outlet : outlets_) {
    outlet->share.join(&sending, sending.settings.weight, sending.settings.urgent);
    outlet->wake_one();
  }
  while (!over(sending) || sending.in_flight > 0) {
    const Tick again = look(sending);
    if (over(sending) && sending.in_flight == 0) break;
    co_await sending.alarm->wait_until(again);
  }
}

Task<Result<Ending>> Dispatcher::conclude(Sending& sending) {
  if (failure_) co_return fail(*failure_);
  const bool all_done = nothing_left(sending);
  const bool any_held = std::any_of(outlets_.begin(), outlets_.end(), [&](const auto& outlet) {
    return outlet->held && !sending.queues[outlet->index].empty();
  });
  const Ending ending = sending.stopped                 ? Ending::stopped
                        : sending.expired               ? Ending::expired
                        : sending.draining && !all_done ? Ending::interrupted
                        : !sending.tripped.empty()      ? Ending::tripped
                        : any_held                      ? Ending::held
                                                        : Ending::finished;
  if (ending == Ending::tripped && sending.record.life.state == CampaignState::sending) {
    Event paused = event(sending, Event::Kind::act);
    paused.act = to_string(Act::pause);
    paused.who = "loa";
    paused.from = "guard";
    paused.why = sending.tripped;
    world_.observer.note(fmt::format("campaign '{}' is paused: {}", paused.campaign, paused.why));
    const bool recorded = co_await commit(std::move(paused));
    if (!recorded) co_return fail(*failure_);
  }
  if (ending == Ending::finished || ending == Ending::stopped || ending == Ending::expired) {
    Event ended = event(sending, Event::Kind::ended);
    ended.why = to_string(ending);
    if (ending == Ending::stopped) {
      ended.code = sending.stopped->code;
      ended.words = sending.stopped->words;
    }
    if (ending == Ending::finished && sending.never_allowed > 0) {
      ended.reason = fmt::format(
          "{} not sent: they had as many messages as `subscriber` allows (loa.yaml), and may have "
          "no "
          "more before useful_until",
          sending.never_allowed);
      world_.observer.note(fmt::format("campaign '{}': {}", ended.campaign, ended.reason));
    }
    LOA_FAILPOINT("ended.before_commit");
    const bool recorded = co_await commit(std::move(ended));
    LOA_FAILPOINT("ended.after_commit");
    if (!recorded) co_return fail(*failure_);
  }
  co_return ending;
}

void Dispatcher::drain(std::string_view campaign) {
  for (const auto& sending : sendings_) {
    if (sending->plan.head().campaign != campaign) continue;
    sending->draining = true;
    wake(*sending);
  }
  wake_all();  // who waits for a turn need not
}

void Dispatcher::drain_all() {
  for (const auto& sending : sendings_) {
    sending->draining = true;
    wake(*sending);
  }
  wake_all();
}

Task<void> Dispatcher::close() {
  closing_ = true;
  wake_all();
  co_await workers_.join();
}

bool Dispatcher::pause_gateway(std::string_view gateway) {
  Outlet* outlet = find(gateway);
  if (outlet == nullptr) return false;
  outlet->paused = true;
  outlet->wake_one();  // so that the campaigns say why they wait
  return true;
}

bool Dispatcher::resume_gateway(std::string_view gateway) {
  Outlet* outlet = find(gateway);
  if (outlet == nullptr) return false;
  outlet->paused = false;
  outlet->held = false;
  wake_all();
  return true;
}

const Sending* Dispatcher::sending(std::string_view campaign) const {
  for (const auto& sending : sendings_)
    if (sending->plan.head().campaign == campaign) return sending.get();
  return nullptr;
}

Task<void> Dispatcher::worker(Outlet& outlet) {
  const std::unique_ptr<Alarm> alarm = world_.clock.make_alarm();
  alarms_.push_back(alarm.get());
  while (!closing_ && !failure_) {
    ++turns_;
    std::optional<Event> set = look_at_clock();
    if (set) co_await commit(std::move(*set));
    const Tick now = world_.clock.now();
    const Turn turn = next_turn(outlet, now);
    if (turn.sending != nullptr) {
      Sending& sending = *turn.sending;
      std::optional<Work> work = sending.queues[outlet.index].next(now);
      LOA_CHECK(work.has_value());
      if (work->purpose == Work::Purpose::send) {
        if (admit(outlet, sending, *work)) {
          co_await send(outlet, sending, std::move(*work), *alarm);
        } else {
          co_await alarm->wait_until(now);  // others may do something in between
        }
      } else {
        co_await pursue(outlet, sending, std::move(*work), *alarm);
      }
      continue;
    }
    // One worker watches the time; the others wait until there is something for them.
    const bool keeps_time = outlet.timekeeper == nullptr && turn.at != Tick::max();
    if (keeps_time) outlet.timekeeper = alarm.get();
    outlet.idle.push_back(alarm.get());
    const Tick until = keeps_time ? turn.at : Tick::max();
    co_await alarm->wait_until(until);
    std::erase(outlet.idle, alarm.get());
    if (outlet.timekeeper == alarm.get()) outlet.timekeeper = nullptr;
  }
  std::erase(alarms_, alarm.get());
}

Task<void> Dispatcher::send(Outlet& outlet, Sending& sending, Work work, Alarm& alarm) {
  const Cost cost = cost_of(sending.plan, work.rows);
  ++sending.in_flight;
  ++outlet.in_flight;
  outlet.ahead += cost;
  sending.ahead += cost;
  outlet.share.charge(&sending, cost.parts);
  outlet.wake_one();  // the next worker looks at the clock

  Event intent = event(sending, Event::Kind::intent);
  intent.batch = sending.record.batches + 1;
  intent.gateway = outlet.open.gateway.name;
  intent.attempt = work.attempt;
  intent.reference = reference_of(sending.plan, work.rows);
  intent.rows = work.rows;
  intent.why = work.why;
  Event answer = event(sending, Event::Kind::answer);
  answer.batch = intent.batch;

  LOA_FAILPOINT("intent.before_commit");
  const bool intended = co_await commit(intent);
  LOA_FAILPOINT("intent.after_commit");
  const bool on_turn = co_await wait_for_turn(outlet, sending, cost, alarm);
  const bool repeats = work.purpose == Work::Purpose::repeat;
  const Instant wall = world_.clock.wall();
  const bool in_time = (!repeats || wall < work.end) && next_hours(outlet, wall) <= wall;
  Decision decision;
  if (intended && on_turn && in_time) {
    count_as_of_now(sending, work.rows, work.counted);
    decision = co_await exchange(outlet, sending, work, intent.reference, answer);
  } else {
    decision.outcomes.push_back({repeats ? RowState::in_doubt : RowState::planned, work.rows, "",
                                 in_time ? "not sent: interrupted" : "not sent: too late", "", ""});
    decision.again.push_back(work);
  }
  answer.at = world_.clock.wall();
  answer.outcomes = decision.outcomes;
  shorten(answer, kLineMax);
  LOA_FAILPOINT("answer.before_commit");
  if (intended) co_await commit(std::move(answer));
  LOA_FAILPOINT("answer.after_commit");
  --outlet.in_flight;
  if (!failure_) {
    settle_bounds(sending, work, decision.outcomes);
    std::vector<std::uint64_t> doubts;
    // A repetition that comes back by itself is on its rung already.
    if (!repeats || decision.again.empty())
      for (const Outcome& one : decision.outcomes)
        if (one.state == RowState::in_doubt) doubts.push_back(one.rows.front().first);
    std::optional<Outcome> said = outlet.held ? std::nullopt : decision.hold;
    carry_out(outlet, sending, std::move(decision));
    if (said) co_await hold(outlet, sending, std::move(*said));
    for (const std::uint64_t first_row : doubts) co_await climb(sending, first_row);
  }
  --sending.in_flight;
  trip_on_budget(sending);
  wake(sending);
}

// False when it is not to be sent any more.
Task<bool> Dispatcher::wait_for_turn(Outlet& outlet, Sending& sending, const Cost& cost,
                                     Alarm& alarm) {
  Tick now = world_.clock.now();
  Tick turn = std::max(outlet.limiter.earliest(now, cost), sending.pace.earliest(now, cost));
  outlet.limiter.take(turn, cost);
  sending.pace.take(turn, cost);
  outlet.ahead -= cost;
  sending.ahead -= cost;
  while (now < turn && !sending.draining && !failure_) {
    co_await alarm.wait_until(turn);
    now = world_.clock.now();
    if (now < turn) continue;
    // This process may have been held up, and others with it: what leaves late counts as late.
    outlet.limiter.give_back(turn, cost);
    sending.pace.give_back(turn, cost);
    turn = std::max(outlet.limiter.room(now, cost), sending.pace.room(now, cost));
    outlet.limiter.count(turn, cost);
    sending.pace.count(turn, cost);
  }
  co_return now >= turn && !failure_;
}

Task<Decision> Dispatcher::exchange(Outlet& outlet, Sending& sending, const Work& work,
                                    std::string reference, Event& answer) {
  const Gateway& gateway = outlet.open.gateway;
  const RenderedBatch rendered(sending.plan, work, gateway, std::move(reference));
  HttpRequest request = gateway.profile.render(gateway.url, outlet.open.account, rendered.batch());
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
      .batch = rendered.batch(),
      .profile = gateway.profile,
      .now = now,
      .jitter = world_.random.fraction(),
      .gateway_of = [&](std::string_view network) { return gateway_of(network, gateway.name); }};
  Decision decision = decide(input);
  count(outlet, sending, decision, now - began);
  co_return decision;
}

void Dispatcher::count(Outlet& outlet, Sending& sending, const Decision& decision, Duration took) {
  OutletCounts& counts = outlet.counts;
  const double seconds = std::chrono::duration<double>(took).count();
  const auto slot = static_cast<std::size_t>(
      std::lower_bound(OutletCounts::kSeconds.begin(), OutletCounts::kSeconds.end(), seconds) -
      OutletCounts::kSeconds.begin());
  ++counts.answers[slot];
  counts.answer_seconds += seconds;
  counts.throttles += decision.throttled ? 1 : 0;
  for (const Outcome& outcome : decision.outcomes) {
    const std::uint64_t rows = count_rows(outcome.rows);
    sending.counts.tries += rows;
    switch (outcome.state) {
      case RowState::accepted:
        counts.accepted += rows;
        counts.parts += cost_of(sending.plan, outcome.rows).parts;
        sending.counts.outcomes += rows;
        outlet.meter.add(world_.clock.now(), rows);
        sending.meters[outlet.index].add(world_.clock.now(), rows);
        break;
      case RowState::refused:
        counts.refused += rows;
        sending.counts.outcomes += rows;
        sending.counts.refused += rows;
        break;
      case RowState::in_doubt: counts.in_doubt += rows; break;
      case RowState::planned:
        counts.again += rows;
        if (decision.throttled) sending.counts.throttled += rows;
        break;
      case RowState::intended: break;
    }
  }
}

void Dispatcher::carry_out(Outlet& outlet, Sending& sending, Decision decision) {
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
  for (Work& work : decision.again) sending.queues[outlet.index].give_back(std::move(work));
  for (auto& [gateway, work] : decision.elsewhere) {
    Outlet* other = find(gateway);
    LOA_CHECK(other != nullptr);
    sending.queues[other->index].give_back(std::move(work));
    other->wake_one();
  }
  if (decision.stop && !sending.stopped) {
    sending.stopped = decision.stop;
    world_.observer.note(
        fmt::format("gateway '{}' refuses the message (code {}: {}); the campaign is stopped", name,
                    sending.stopped->code, sending.stopped->words));
  }
  if (sending.tripped.empty()) sending.tripped = why_pause(sending.settings.guard, sending.counts);
  outlet.wake_one();
}

Task<void> Dispatcher::hold(Outlet& outlet, const Sending& sending, Outcome said) {
  outlet.held = true;
  Event held = event(sending, Event::Kind::held);
  held.gateway = outlet.open.gateway.name;
  held.code = std::move(said.code);
  held.words = std::move(said.words);
  world_.observer.note(fmt::format(
      "gateway '{}' is held: it answers {} ({}). Its other rows wait; mend the account or "
      "the profile and {}",
      held.gateway, held.code, held.words,
      sending.settings.wait_for_held ? "resume the gateway" : "run the same command again"));
  for (const auto& one : sendings_) wake(*one);
  co_await commit(std::move(held));
}

Task<bool> Dispatcher::commit(Event event) {
  if (failure_) co_return false;
  const Tick began = world_.clock.now();
  const Result<void> durable = co_await world_.recorder.commit(event);
  commit_time_ = (commit_time_ * 7 + (world_.clock.now() - began)) / 8;
  if (!durable) fail_with(durable.error());
  co_return durable.has_value();
}

void Dispatcher::fail_with(Error error) {
  if (!failure_) failure_ = std::move(error);
  for (const auto& sending : sendings_) wake(*sending);
  wake_all();
}

// Now and then, so that a bad minute does not fill the screen.
void Dispatcher::note(Outlet& outlet, const std::string& text) {
  const Tick now = world_.clock.now();
  if (outlet.noted != Tick::min() && now - outlet.noted < kNoteEvery) return;
  outlet.noted = now;
  world_.observer.note(fmt::format("gateway '{}': {}", outlet.open.gateway.name, text));
}

Outlet* Dispatcher::find(std::string_view gateway) {
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

Event Dispatcher::event(const Sending& sending, Event::Kind kind) const {
  Event made;
  made.kind = kind;
  made.at = world_.clock.wall();
  made.campaign = sending.plan.head().campaign;
  return made;
}

}  // namespace loa
