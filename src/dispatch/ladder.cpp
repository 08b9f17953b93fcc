#include "dispatch/ladder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "dispatch/lane.hpp"

namespace loa {
namespace {

// Before attempt + 1 under the same reference: 1 s, 2 s, 4 s ... at most ten minutes.
std::chrono::seconds wait_after(int attempt) {
  constexpr std::chrono::seconds kLongest{600};
  return std::min(std::chrono::seconds(std::int64_t{1} << std::clamp(attempt - 1, 0, 20)),
                  kLongest);
}

std::chrono::microseconds to_wall(Duration duration) {
  return std::chrono::ceil<std::chrono::microseconds>(duration);
}

class Ladder {
 public:
  explicit Ladder(const LadderInput& input) : in_(input) {}

  Step climb() {
    std::optional<Step> step = repeat();
    if (!step) step = ask();
    if (!step) step = wait();
    return step ? std::move(*step) : by_policy();
  }

 private:
  std::optional<Step> repeat() {
    const auto window = in_.recourse.idempotency_window;
    if (window.count() == 0) return std::nullopt;
    const OpenIntent& doubt = in_.doubt;
    const Instant known_until = doubt.first + window;
    const Instant end = known_until - to_wall(in_.margin);
    if (!in_.whole) return pass("the gateway has answered for other rows of the request");
    if (!in_.fits) return pass("the request is above the limits of today");
    if (in_.now < doubt.first) return pass("the clock was set back: its age is unknown");
    if (in_.now >= end)
      return pass(fmt::format("the {} in which the gateway knows a reference have passed",
                              to_words(window)));
    if (doubt.attempt >= kRepeatsMax)
      return pass(fmt::format("{} attempts brought no answer", doubt.attempt));
    Step step;
    step.kind = Step::Kind::repeat;
    step.at = doubt.since + wait_after(doubt.attempt);
    step.end = end;
    step.why = fmt::format("in doubt; the gateway refuses a reference it knows, until {}",
                           to_rfc3339(known_until));
    return step;
  }

  std::optional<Step> ask() {
    if (!in_.recourse.can_ask) return std::nullopt;
    if (!in_.whole) return pass("a query tells of whole requests only");
    const Asked& asked = in_.asked;
    if (asked.found)
      return settle(RowState::accepted, DecidedBy::query, "asked, the gateway has the request");
    if (asked.not_found >= 2) {
      if (in_.recourse.read_after_write)
        return settle(RowState::planned, DecidedBy::query,
                      "asked twice, the gateway does not have the request");
      return pass("the gateway does not find the request, which proves nothing");
    }
    if (asked.unclear >= kAsksMax)
      return pass(fmt::format("asked {} times, the gateway did not say", asked.unclear));
    const auto settle_time = in_.recourse.settle;
    Step step;
    step.kind = Step::Kind::ask;
    step.at = asked.not_found == 0 && asked.unclear == 0
                  ? in_.doubt.since + settle_time
                  : asked.last + settle_time * (std::int64_t{2} << asked.unclear);
    step.why = "in doubt; the gateway can tell what became of the request";
    return step;
  }

  std::optional<Step> wait() {
    if (!in_.recourse.receipt_echoes_reference) return std::nullopt;
    const Instant end = in_.doubt.first + kReceiptWait;
    if (in_.now >= end) return pass("no receipt came");
    Step step;
    step.kind = Step::Kind::wait;
    step.at = end;
    step.why = "a receipt may tell, but this version reads none";
    return step;
  }

  Step by_policy() {
    switch (in_.on_unknown) {
      case OnUnknown::assume_sent:
        return settle(RowState::accepted, DecidedBy::on_unknown, "on_unknown: assume_sent");
      case OnUnknown::resend:
        if (in_.doubt.attempt <= kResendsMax)
          return settle(RowState::planned, DecidedBy::on_unknown, "on_unknown: resend");
        pass(fmt::format("on_unknown: resend, after {} attempts", in_.doubt.attempt));
        break;
      case OnUnknown::hold: pass("on_unknown: hold"); break;
    }
    Step step;
    step.why = passed_;
    return step;
  }

  Step settle(RowState state, DecidedBy by, const std::string& why) {
    pass(why);
    Step step;
    step.kind = Step::Kind::settle;
    step.state = state;
    step.by = by;
    step.why = passed_;
    return step;
  }

  std::nullopt_t pass(const std::string& why) {
    passed_ += (passed_.empty() ? "" : "; ") + why;
    return std::nullopt;
  }

  const LadderInput& in_;
  std::string passed_;
};

}  // namespace

LadderInput ladder_input(const OpenIntent& doubt, const Plan& plan, const Gateway* gateway,
                         double campaign_parts_per_second, Instant now) {
  constexpr Duration kMarginLeast = std::chrono::minutes(1);
  const Duration limit = gateway == nullptr ? kMarginLeast : gateway->answer_limit;
  return {.doubt = doubt,
          .recourse = gateway == nullptr ? Recourse{} : gateway->profile.recourse(),
          .whole = reference_of(plan, doubt.rows) == doubt.reference,
          .fits = gateway != nullptr &&
                  fits(cost_of(plan, doubt.rows), *gateway, campaign_parts_per_second),
          .margin = std::max(kMarginLeast, limit),
          .on_unknown = plan.head().on_unknown,
          .now = now};
}

bool fits(const Cost& cost, const Gateway& gateway, double campaign_parts_per_second) {
  const auto within = [](std::uint64_t units, double limit) {
    return limit <= 0 || static_cast<double>(units) <= limit;
  };
  const Limits& limits = gateway.limits;
  return cost.messages <= static_cast<std::uint64_t>(gateway.batch) &&
         within(cost.messages, limits.messages_per_second) &&
         within(cost.parts, limits.parts_per_second) &&
         within(cost.parts, campaign_parts_per_second) &&
         (limits.per_day == 0 || cost.messages <= limits.per_day);
}

Step next_step(const LadderInput& input) { return Ladder(input).climb(); }

Event found_after_crash(const std::string& campaign, const OpenIntent& intent, Instant at) {
  Event event;
  event.kind = Event::Kind::settled;
  event.at = at;
  event.campaign = campaign;
  event.rows = intent.rows;
  event.state = RowState::in_doubt;
  event.why = "the process ended before an outcome was recorded";
  return event;
}

}  // namespace loa
