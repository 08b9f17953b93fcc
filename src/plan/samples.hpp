// A plan's texts for the eyes of an approver: the first, and the shortest and the longest where
// they differ.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace loa {

struct PlanSample {
  std::string what;        // "first", "shortest", "longest"
  std::uint64_t row = 0;   // the first that gets this text
  std::uint64_t rows = 0;  // how many get it
  std::string number;      // of that row, masked
  std::string gateway;
  Encoding encoding = Encoding::gsm7;
  std::string text;
  int parts = 1;
};

// Each text stands once, under the first of its names; by parts, then by characters, then by row.
std::vector<PlanSample> samples(const Plan& plan);

}  // namespace loa
