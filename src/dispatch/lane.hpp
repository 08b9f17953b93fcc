// Lanes at work: which rows go into the next request of a gateway. Pure.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispatch/record.hpp"
#include "pace/limiter.hpp"
#include "plan/plan.hpp"

namespace loa {

// Rows that go out in one request, for the first time or again; or in doubt, and to be cleared up.
struct Work {
  enum class Purpose {
    send,
    repeat,  // the request in doubt again, as it was
    ask,     // what became of it
  };

  std::size_t lane = 0;  // of the plan
  RowRanges rows;
  int attempt = 1;
  Tick not_before = Tick::min();
  Purpose purpose = Purpose::send;
  std::string why = {};  // of a repetition: its recorded reason
  Instant end = {};      // of a repetition: not sent at or after
  Instant counted = {};  // when its subscribers' messages were counted
};

// The rows of one lane that were never given out, in order.
class Lane {
 public:
  // `mixed_texts`: one request may carry rows of different texts. `given`: of each row, whether a
  // queue has been given it, which the lane then leaves alone.
  Lane(const Plan& plan, const CampaignRecord& record, const std::vector<bool>& given,
       std::size_t lane, int batch, bool mixed_texts);

  bool empty() const { return next_ >= end_; }
  bool closed() const { return next_ >= ceiling_; }    // nothing to take now
  Work take();                                         // not when closed
  std::uint64_t rows() const { return end_ - next_; }  // left, at most
  // Only the first so many rows of the lane are given out, until more are.
  void open(double share);

 private:
  void skip();

  const Plan* plan_;
  const CampaignRecord* record_;
  const std::vector<bool>* given_;
  std::size_t lane_;
  std::uint64_t batch_;
  bool mixed_texts_;
  std::uint64_t first_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::uint64_t ceiling_;
};

// All that waits for one gateway: its lanes, and what came back to be sent again.
class GatewayQueue {
 public:
  void add(Lane lane) { lanes_.push_back(lane); }
  void give_back(Work work);
  // Rows of the work that their subscribers may not have before `until`; afterwards, any that may
  // go in one request go together, up to `batch`.
  void postpone(const Plan& plan, const Work& work, Tick until, int batch, bool mixed_texts);
  // What was postponed is due now: the clock was set.
  void hurry();
  void open(double share);  // of every lane

  bool empty() const;
  bool only_postponed() const;  // nothing else waits, or only what is beyond the ring
  std::uint64_t rows() const;   // left, at most
  // The next work that is due. What came back goes first: it has waited longest.
  std::optional<Work> next(Tick now);
  // When the next work is due; Tick::max() when the queue is empty.
  Tick due() const;

 private:
  struct Postponed {
    const Plan* plan;
    std::uint64_t batch;
    bool mixed_texts;
    std::deque<RowRange> rows;
  };
  using PostponedKey = std::tuple<Tick, std::size_t, int>;  // until, lane, attempt

  Work take(std::map<PostponedKey, Postponed>::iterator postponed);

  std::vector<Lane> lanes_;
  std::deque<Work> back_;
  std::map<PostponedKey, Postponed> postponed_;
};

// Two halves of a batch, to find the element that spoils it. The work must hold two rows or more.
std::pair<Work, Work> bisect(const Work& work);

// The work in pieces of at most `batch` rows.
std::vector<Work> cut(const Work& work, int batch);

// What one request with these rows takes from the limits.
Cost cost_of(const Plan& plan, const RowRanges& rows);

// The id of the request with these rows: the same for the same rows of the same plan, so that a
// carrier which knows request ids sees a repetition.
std::string reference_of(const Plan& plan, const RowRanges& rows);

}  // namespace loa
