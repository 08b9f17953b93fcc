// The parts that a campaign may cost, what was sent anew included. A request reserves its parts
// with its intent; what was or may have been accepted stays spent, the rest is released. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "dispatch/record.hpp"
#include "plan/plan.hpp"

namespace loa {

class Budget {
 public:
  // Of the plan's budget, what the record says is spent.
  Budget(const Plan& plan, const CampaignRecord& record);

  bool allows(std::uint64_t parts) const { return limit_ == 0 || spent_ + parts <= limit_; }
  void reserve(std::uint64_t parts) { spent_ += parts; }
  void release(std::uint64_t parts) { spent_ -= parts; }

  std::uint64_t limit() const { return limit_; }  // 0 for none
  std::uint64_t spent() const { return spent_; }

 private:
  std::uint64_t limit_;
  std::uint64_t spent_ = 0;
};

}  // namespace loa
