// The ladder for rows in doubt: what is to be done about a request that a carrier may have or not.
// From what proves most to what proves nothing: the same request again where the carrier refuses a
// reference it knows, the question what became of it, a receipt, the campaign's on_unknown. Pure.
#pragma once

#include <optional>
#include <string>

#include "campaign/campaign.hpp"
#include "dispatch/record.hpp"
#include "gateway/gateway.hpp"
#include "pace/limiter.hpp"
#include "plan/plan.hpp"

namespace loa {

// What the carrier has said when asked about one request.
struct Asked {
  bool found = false;
  int not_found = 0;
  int unclear = 0;  // no answer, or one that says nothing
  Instant last{};
};

struct LadderInput {
  const OpenIntent& doubt;
  Recourse recourse;
  bool whole;       // the doubt holds every row of its request
  bool fits;        // the request is within the limits of today
  Duration margin;  // a repetition may be under way for so long
  OnUnknown on_unknown;
  Asked asked = {};
  Instant now = {};
};

struct Step {
  enum class Kind {
    repeat,  // send the same bytes under the same reference, not before `at`
    ask,     // ask the carrier, not before `at`
    wait,    // for a receipt, until `at`
    settle,  // record `state`, decided `by`
    leave,   // to a person
  };

  Kind kind = Kind::leave;
  Instant at{};
  Instant end{};  // of repeat: not at or after
  RowState state = RowState::in_doubt;
  DecidedBy by = DecidedBy::on_unknown;
  std::string why;  // of this step, and why the rungs before it do not hold
};

// What plan and gateway give for it; `gateway` is null when it is not configured any more.
LadderInput ladder_input(const OpenIntent& doubt, const Plan& plan, const Gateway* gateway,
                         double campaign_parts_per_second, Instant now);

// Whether one request of this cost is within what the gateway takes at once.
bool fits(const Cost& cost, const Gateway& gateway, double campaign_parts_per_second);

Step next_step(const LadderInput& input);

// What becomes of an attempt that was under way when a process ended.
Event found_after_crash(const std::string& campaign, const OpenIntent& intent, Instant at);

constexpr int kRepeatsMax = 20;  // attempts under one reference
constexpr int kAsksMax = 5;      // that tell nothing
constexpr int kResendsMax = 3;   // attempts, by on_unknown: resend
constexpr std::chrono::hours kReceiptWait{48};

}  // namespace loa
