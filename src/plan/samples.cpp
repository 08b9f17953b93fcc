#include "plan/samples.hpp"

#include <algorithm>
#include <tuple>

namespace loa {
namespace {

struct Use {
  std::uint64_t row = 0;
  std::uint64_t rows = 0;
};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::vector<PlanSample> samples(const Plan& plan) {
  std::vector<Use> uses(plan.texts());
  for (std::uint64_t row = 0; row < plan.rows().size(); ++row) {
    Use& use = uses[plan.rows()[row].text];
    if (use.rows++ == 0) use.row = row;
  }
  std::vector<std::uint32_t> texts;
  for (std::uint32_t text = 0; text < uses.size(); ++text)
    if (uses[text].rows > 0) texts.push_back(text);
  if (texts.empty()) return {};
  const auto size = [&](std::uint32_t text) {
    return std::make_tuple(plan.text(text).parts, characters(plan.text(text).text));
  };
  const auto before = [&](std::uint32_t a, std::uint32_t b) { return uses[a].row < uses[b].row; };
  std::sort(texts.begin(), texts.end(), before);
  const auto [shortest, longest] =
      std::minmax_element(texts.begin(), texts.end(),
                          [&](std::uint32_t a, std::uint32_t b) { return size(a) < size(b); });

  std::vector<PlanSample> found;
  std::vector<std::uint32_t> shown;
  const auto show = [&](std::string what, std::uint32_t text) {
    if (std::find(shown.begin(), shown.end(), text) != shown.end()) return;
    shown.push_back(text);
    const Use& use = uses[text];
    const PlanLane& lane = plan.head().lanes[plan.lane_of(use.row)];
    found.push_back({std::move(what), use.row, use.rows, masked(plan.rows()[use.row].number()),
                     lane.gateway, lane.encoding, std::string(plan.text(text).text),
                     plan.text(text).parts});
  };
  show("first", texts.front());
  show("shortest", *shortest);
  show("longest", *longest);
  return found;
}

}  // namespace loa
