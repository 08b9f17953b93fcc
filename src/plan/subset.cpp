#include "plan/subset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace loa {
namespace {

// Of the rows' numbers in the order of the files, as freeze() hashes them.
std::string hash_of_numbers(std::vector<PlanRow> rows) {
  std::sort(rows.begin(), rows.end(), [](const PlanRow& a, const PlanRow& b) {
    return std::make_tuple(a.file(), a.line) < std::make_tuple(b.file(), b.line);
  });
  Sha256 hash;
  for (const PlanRow& row : rows) {
    const E164 number = row.number();
    hash.add(&number, sizeof number);
  }
  return to_hex(hash.finish());
}

FrozenPlan::Text copy_of(const PlanText& text, Encoding encoding) {
  FrozenPlan::Text copy;
  copy.parts = text.parts;
  copy.units = count_parts(text.text, encoding, PartTables{}.of(encoding)).units;
  copy.strings.emplace_back(text.text);
  for (const std::string_view parameter : text.parameters) copy.strings.emplace_back(parameter);
  return copy;
}

}  // namespace

Result<FrozenPlan> subset(const Plan& plan, const std::function<bool(std::uint64_t row)>& keep,
                          const SubsetChanges& changes) {
  const PlanHead& old = plan.head();
  FrozenPlan made;
  std::vector<PlanRow> kept;
  std::vector<std::optional<Encoding>> used(plan.texts());
  for (const PlanLane& lane : old.lanes) {
    std::deque<PlanRow> rows;
    for (std::uint64_t row = lane.first; row < lane.first + lane.rows; ++row) {
      if (!keep(row)) continue;
      rows.push_back(plan.rows()[row]);
      kept.push_back(rows.back());
      used[rows.back().text] = lane.encoding;
    }
    if (rows.empty()) continue;
    made.head.lanes.push_back(lane);
    made.lanes.push_back(std::move(rows));
  }
  if (kept.empty())
    return fail(Code::data, fmt::format("no recipient of the campaign '{}' is left for this one",
                                        old.campaign));

  // Only texts that somebody gets, in their old order.
  std::vector<std::uint32_t> place(used.size(), 0);
  for (std::uint32_t text = 0; text < used.size(); ++text) {
    if (!used[text]) continue;
    place[text] = static_cast<std::uint32_t>(made.texts.size());
    made.texts.push_back(copy_of(plan.text(text), *used[text]));
  }
  for (auto& rows : made.lanes)
    for (PlanRow& row : rows) row.text = place[row.text];

  PlanHead& now = made.head;
  now.campaign = changes.campaign;
  now.title = changes.title.empty() ? old.title : changes.title;
  now.message_class = old.message_class;
  now.sender = old.sender;
  now.on_unknown = old.on_unknown;
  now.not_before = changes.not_before;
  now.useful_until = changes.useful_until;
  now.parts_budget = changes.parts_budget;
  now.networks = old.networks;
  now.files = old.files;
  now.audience = kept.size();
  now.audience_sha256 = hash_of_numbers(std::move(kept));
  made.add_up();
  if (now.parts_budget > 0 && now.parts > now.parts_budget)
    return fail(Code::data,
                fmt::format("the campaign '{}' takes {} parts, and its budget is {}: raise "
                            "budget.parts",
                            now.campaign, now.parts, now.parts_budget));
  return made;
}

}  // namespace loa
