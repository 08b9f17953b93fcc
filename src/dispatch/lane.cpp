#include "dispatch/lane.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace loa {

Lane::Lane(const Plan& plan, const CampaignRecord& record, std::size_t lane, int batch,
           bool mixed_texts)
    : plan_(&plan),
      record_(&record),
      lane_(lane),
      batch_(static_cast<std::uint64_t>(batch)),
      mixed_texts_(mixed_texts) {
  RowRanges planned;
  const PlanLane& planned_lane = plan.head().lanes[lane];
  for (std::uint64_t row = planned_lane.first; row < planned_lane.first + planned_lane.rows; ++row)
    if (record.rows[row] == RowState::planned && !record.moved.contains(row)) add_row(planned, row);
  left_.assign(planned.begin(), planned.end());
}

Work Lane::take() {
  LOA_CHECK(!empty());
  Work work;
  work.lane = lane_;
  const std::uint32_t text = plan_->rows()[left_.front().first].text;
  for (std::uint64_t count = 0; !empty() && count < batch_; ++count) {
    RowRange& range = left_.front();
    if (!mixed_texts_ && plan_->rows()[range.first].text != text) break;
    add_row(work.rows, range.first);
    if (range.first++ == range.last) left_.pop_front();
  }
  work.attempt = record_->attempts[work.rows.front().first] + 1;
  return work;
}

void GatewayQueue::give_back(Work work) { back_.push_back(std::move(work)); }

bool GatewayQueue::empty() const {
  return back_.empty() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.empty(); });
}

std::optional<Work> GatewayQueue::next(Tick now) {
  const auto due = std::find_if(back_.begin(), back_.end(),
                                [now](const Work& work) { return work.not_before <= now; });
  if (due != back_.end()) {
    Work work = std::move(*due);
    back_.erase(due);
    return work;
  }
  for (Lane& lane : lanes_)
    if (!lane.empty()) return lane.take();
  return std::nullopt;
}

Tick GatewayQueue::due() const {
  for (const Lane& lane : lanes_)
    if (!lane.empty()) return Tick::min();
  Tick first = Tick::max();
  for (const Work& work : back_) first = std::min(first, work.not_before);
  return first;
}

std::pair<Work, Work> bisect(const Work& work) {
  const std::uint64_t half = count_rows(work.rows) / 2;
  LOA_CHECK(half > 0);
  std::pair<Work, Work> halves{work, work};
  halves.first.rows.clear();
  halves.second.rows.clear();
  std::uint64_t count = 0;
  for_each_row(work.rows, [&](std::uint64_t row) {
    add_row(count++ < half ? halves.first.rows : halves.second.rows, row);
  });
  return halves;
}

}  // namespace loa
