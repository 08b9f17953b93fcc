#include "dispatch/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/hash.hpp"

namespace loa {

Lane::Lane(const Plan& plan, const CampaignRecord& record, const std::vector<bool>& given,
           std::size_t lane, int batch, bool mixed_texts)
    : plan_(&plan),
      record_(&record),
      given_(&given),
      lane_(lane),
      batch_(static_cast<std::uint64_t>(batch)),
      mixed_texts_(mixed_texts),
      first_(plan.head().lanes[lane].first),
      next_(first_),
      end_(first_ + plan.head().lanes[lane].rows),
      ceiling_(end_) {
  skip();
}

void Lane::open(double share) {
  const auto rows = static_cast<double>(end_ - first_);
  ceiling_ = std::min(end_, first_ + static_cast<std::uint64_t>(std::ceil(rows * share)));
}

// Rows that are done, in doubt, or in a queue are not this lane's to send.
void Lane::skip() {
  while (next_ < end_ && (record_->rows[next_] != RowState::planned || (*given_)[next_])) ++next_;
}

Work Lane::take() {
  LOA_CHECK(!closed());
  Work work;
  work.lane = lane_;
  const std::uint32_t text = plan_->rows()[next_].text;
  for (std::uint64_t count = 0; next_ < ceiling_ && count < batch_; ++count) {
    if (!mixed_texts_ && plan_->rows()[next_].text != text) break;
    add_row(work.rows, next_++);
    skip();
  }
  work.attempt = record_->attempts[work.rows.front().first] + 1;
  return work;
}

void GatewayQueue::give_back(Work work) { back_.push_back(std::move(work)); }

void GatewayQueue::postpone(const Plan& plan, const Work& work, Tick until, int batch,
                            bool mixed_texts) {
  const auto [at, is_new] =
      postponed_.try_emplace({until, work.lane, work.attempt},
                             Postponed{&plan, static_cast<std::uint64_t>(batch), mixed_texts, {}});
  std::deque<RowRange>& rows = at->second.rows;
  for (const RowRange& range : work.rows) {
    if (!rows.empty() && rows.back().last + 1 == range.first) {
      rows.back().last = range.last;
    } else {
      rows.push_back(range);
    }
  }
}

void GatewayQueue::hurry() {
  std::map<PostponedKey, Postponed> before = std::exchange(postponed_, {});
  for (auto& [key, postponed] : before) {
    const Work work{
        std::get<1>(key), {postponed.rows.begin(), postponed.rows.end()}, std::get<2>(key)};
    postpone(*postponed.plan, work, Tick::min(), static_cast<int>(postponed.batch),
             postponed.mixed_texts);
  }
}

// What may go in one request, from the front.
Work GatewayQueue::take(std::map<PostponedKey, Postponed>::iterator postponed) {
  auto& [plan, batch, mixed_texts, rows] = postponed->second;
  Work work{std::get<1>(postponed->first), {}, std::get<2>(postponed->first)};
  const std::uint32_t text = plan->rows()[rows.front().first].text;
  for (std::uint64_t count = 0; !rows.empty() && count < batch; ++count) {
    RowRange& range = rows.front();
    if (!mixed_texts && plan->rows()[range.first].text != text) break;
    add_row(work.rows, range.first);
    if (range.first++ == range.last) rows.pop_front();
  }
  if (rows.empty()) postponed_.erase(postponed);
  return work;
}

void GatewayQueue::open(double share) {
  for (Lane& lane : lanes_) lane.open(share);
}

std::uint64_t GatewayQueue::rows() const {
  std::uint64_t rows = 0;
  for (const Lane& lane : lanes_) rows += lane.rows();
  for (const Work& work : back_) rows += count_rows(work.rows);
  for (const auto& [key, postponed] : postponed_)
    for (const RowRange& range : postponed.rows) rows += range.last - range.first + 1;
  return rows;
}

bool GatewayQueue::empty() const {
  return back_.empty() && postponed_.empty() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.empty(); });
}

bool GatewayQueue::only_postponed() const {
  return back_.empty() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.closed(); });
}

std::optional<Work> GatewayQueue::next(Tick now) {
  const auto due = std::find_if(back_.begin(), back_.end(),
                                [now](const Work& work) { return work.not_before <= now; });
  if (due != back_.end()) {
    Work work = std::move(*due);
    back_.erase(due);
    return work;
  }
  if (!postponed_.empty() && std::get<Tick>(postponed_.begin()->first) <= now)
    return take(postponed_.begin());
  for (Lane& lane : lanes_)
    if (!lane.closed()) return lane.take();
  return std::nullopt;
}

Tick GatewayQueue::due() const {
  for (const Lane& lane : lanes_)
    if (!lane.closed()) return Tick::min();
  Tick first = postponed_.empty() ? Tick::max() : std::get<Tick>(postponed_.begin()->first);
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

std::vector<Work> cut(const Work& work, int batch) {
  std::vector<Work> pieces;
  std::uint64_t count = 0;
  for_each_row(work.rows, [&](std::uint64_t row) {
    if (count++ % static_cast<std::uint64_t>(batch) == 0) {
      pieces.push_back(work);
      pieces.back().rows.clear();
    }
    add_row(pieces.back().rows, row);
  });
  return pieces;
}

Cost cost_of(const Plan& plan, const RowRanges& rows) {
  Cost cost{.requests = 1};
  for_each_row(rows, [&](std::uint64_t row) {
    ++cost.messages;
    cost.parts += static_cast<std::uint64_t>(plan.text(plan.rows()[row].text).parts);
  });
  return cost;
}

std::string reference_of(const Plan& plan, const RowRanges& rows) {
  std::string text = "loa-batch/v1\n" + plan.head().campaign + "\n";
  for (const RowRange& range : rows) text += fmt::format("{}-{}\n", range.first, range.last);
  constexpr std::size_t kReferenceSize = 26;
  return to_base32(hmac_sha256(plan.sha256(), text)).substr(0, kReferenceSize);
}

}  // namespace loa
