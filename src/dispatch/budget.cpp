#include "dispatch/budget.hpp"

namespace loa {

Budget::Budget(const Plan& plan, const CampaignRecord& record) : limit_(plan.head().parts_budget) {
  const auto parts = [&](std::uint64_t row) {
    return static_cast<std::uint64_t>(plan.text(plan.rows()[row].text).parts);
  };
  for (std::uint64_t row = 0; row < record.rows.size(); ++row)
    if (may_have_arrived(record.rows[row])) spent_ += parts(row);
  // Each time before: it may have arrived then, too.
  for_each_row(record.sent_anew, [&](std::uint64_t row) { spent_ += parts(row); });
}

}  // namespace loa
