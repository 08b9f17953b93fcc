// Freezing a campaign: reads its audience, decides for every recipient the gateway, the encoding
// and the text, and lays them out as a plan. Pure: what it reads are the audience files and nothing
// else.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "plan/plan.hpp"

namespace loa {

struct FreezeInput {
  const Campaign& campaign;
  const std::vector<Gateway>& gateways;
  const NumberingPlan& numbering;
  const std::vector<std::string>&
      exclusions;  // lists of opted-out numbers that hold for every campaign
};

// A plan not yet written. Rows lie in chunks, so that ten million of them are held once.
struct FrozenPlan {
  struct Text {
    int parts = 1;
    int units = 0;
    std::vector<std::string> strings;  // the text, then the parameters of a registered text
  };
  PlanHead head;
  std::vector<std::deque<PlanRow>> lanes;  // as head.lanes
  std::vector<Text> texts;

  // Counts rows, parts and texts into the head and its lanes, and hashes the texts.
  void add_up();

  // The bytes of the plan, piece by piece, in order.
  Result<void> write(const std::function<Result<void>(std::string_view)>& sink) const;
  std::string sha256() const;  // of those bytes, hex
};

// Fails with Code::data when the text cannot be sent as it is (a character that no part of GSM-7
// can stand for, too many parts, more parts than the budget), or nobody is left to send to;
// Code::no_input when a file is not there.
Result<FrozenPlan> freeze(const FreezeInput& input,
                          const std::function<void(const ExcludedRow&)>& on_excluded = {});

}  // namespace loa
