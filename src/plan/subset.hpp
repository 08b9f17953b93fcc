// A plan made of rows of another: those who did not get a message, to be tried again. Numbers,
// gateways, encodings and texts stay as they were frozen and approved once; who sends it, when, and
// for how many parts is new.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "plan/freeze.hpp"

namespace loa {

struct SubsetChanges {
  std::string campaign;    // the new id
  std::string title = {};  // "" keeps the old one
  std::optional<Instant> not_before = {};
  std::optional<Instant> useful_until = {};
  std::uint64_t parts_budget = 0;  // 0 for none
};

// The rows for which `keep` is true, asked once each, in the order of the plan. The audience of the
// new plan is its rows, and nobody is excluded. The same rows give the same bytes. Fails with
// Code::data when no row is kept, or they take more parts than the budget.
Result<FrozenPlan> subset(const Plan& plan, const std::function<bool(std::uint64_t row)>& keep,
                          const SubsetChanges& changes);

}  // namespace loa
