// Lanes at work: which rows go into the next request of a gateway. Pure.
#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "dispatch/record.hpp"
#include "plan/plan.hpp"

namespace loa {

// Rows that go out in one request, for the first time or again.
struct Work {
  std::size_t lane = 0;  // of the plan
  RowRanges rows;
  int attempt = 1;
  Tick not_before = Tick::min();
};

// The rows of one lane that are planned when it is made, in order. Rows that become so later, since
// they are sent again, come back as Work and never through the lane.
class Lane {
 public:
  // `mixed_texts`: one request may carry rows of different texts.
  Lane(const Plan& plan, const CampaignRecord& record, std::size_t lane, int batch,
       bool mixed_texts);

  bool empty() const { return left_.empty(); }
  Work take();  // not when empty

 private:
  const Plan* plan_;
  const CampaignRecord* record_;
  std::size_t lane_;
  std::uint64_t batch_;
  bool mixed_texts_;
  std::deque<RowRange> left_;
};

// All that waits for one gateway: its lanes, and what came back to be sent again.
class GatewayQueue {
 public:
  void add(Lane lane) { lanes_.push_back(std::move(lane)); }
  void give_back(Work work);

  bool empty() const;
  // The next work that is due. What came back goes first: it has waited longest.
  std::optional<Work> next(Tick now);
  // When the next work is due; Tick::max() when the queue is empty.
  Tick due() const;

 private:
  std::vector<Lane> lanes_;
  std::deque<Work> back_;
};

// Two halves of a batch, to find the element that spoils it. The work must hold two rows or more.
std::pair<Work, Work> bisect(const Work& work);

}  // namespace loa
