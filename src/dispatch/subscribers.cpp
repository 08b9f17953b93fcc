#include "dispatch/subscribers.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "config/document.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

constexpr std::chrono::hours kDay{24};

constexpr std::uint64_t kNumberMask = kNumberMax;
constexpr unsigned kCountShift = 50;
constexpr std::uint64_t kCountMask = std::uint64_t{255} << kCountShift;
constexpr std::uint64_t kDropped = std::uint64_t{1} << 63;

std::uint64_t hash_of(E164 number) {  // splitmix64
  std::uint64_t mixed = number + 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

std::size_t count_of(std::uint64_t key) { return (key & kCountMask) >> kCountShift; }

void set_count(std::uint64_t& key, std::size_t count) {
  key = (key & ~kCountMask) | (std::uint64_t{count} << kCountShift);
}

}  // namespace

SubscriberLimits read_subscriber_limits(const Node& node, Faults& faults) {
  constexpr std::int64_t kMessagesMax = 50;
  constexpr std::int64_t kMinutesMax = 24 * 60;
  MapReader reader(node, "subscriber", faults);
  SubscriberLimits limits;
  limits.messages_per_day =
      static_cast<int>(reader.integer_or("messages_per_day", 0, 0, kMessagesMax));
  limits.between = std::chrono::minutes(reader.integer_or("minutes_between", 0, 0, kMinutesMax));
  reader.finish();
  return limits;
}

SubscriberLog::SubscriberLog(const SubscriberLimits& limits)
    : limits_(limits), width_(static_cast<std::size_t>(std::max(1, limits.messages_per_day))) {}

// Rounded up, so that no wait comes out too short.
SubscriberLog::Seconds SubscriberLog::seconds(Instant at) {
  const auto whole = std::chrono::ceil<std::chrono::seconds>(at.time_since_epoch()).count();
  return static_cast<Seconds>(std::clamp<std::int64_t>(whole, 1, UINT32_MAX));
}

SubscriberLog::Seconds SubscriberLog::horizon(Seconds now) const {
  const std::chrono::seconds back = limits_.messages_per_day > 0 ? kDay : limits_.between;
  const auto seconds = static_cast<Seconds>(back.count());
  return now > seconds ? now - seconds : 0;
}

const SubscriberLog::Shard& SubscriberLog::shard(std::uint64_t hash) const {
  return shards_[hash >> 56];
}

// Where the number is, or would be. The shard must not be empty.
std::size_t SubscriberLog::slot(const Shard& shard, E164 number, std::uint64_t hash) const {
  const std::size_t mask = shard.keys.size() - 1;
  std::size_t at = hash & mask;
  while (shard.keys[at] != 0 && (shard.keys[at] & kNumberMask) != number) at = (at + 1) & mask;
  return at;
}

std::size_t SubscriberLog::claim(Shard& shard, E164 number, std::uint64_t hash, Seconds now) {
  if (!shard.keys.empty()) {
    const std::size_t at = slot(shard, number, hash);
    if (shard.keys[at] != 0) return at;
  }
  if ((shard.used + 1) * 3 > shard.keys.size() * 2) grow(shard, now);
  const std::size_t at = slot(shard, number, hash);
  shard.keys[at] = number;
  ++shard.used;
  return at;
}

// Makes room for twice those that still count.
void SubscriberLog::grow(Shard& shard, Seconds now) {
  const Seconds old = horizon(now);
  const auto lives = [&](std::size_t at) {
    const std::size_t count = count_of(shard.keys[at]);
    return shard.keys[at] != 0 && count > 0 && shard.times[at * width_ + count - 1] > old;
  };
  std::size_t living = 0;
  for (std::size_t at = 0; at < shard.keys.size(); ++at) living += lives(at) ? 1U : 0U;
  std::size_t size = 16;
  while (size * 2 < (living + 1) * 5) size *= 2;
  Shard grown{std::vector<std::uint64_t>(size), std::vector<Seconds>(size * width_), living};
  for (std::size_t at = 0; at < shard.keys.size(); ++at) {
    if (!lives(at)) continue;
    const E164 number = shard.keys[at] & kNumberMask;
    const std::size_t to = slot(grown, number, hash_of(number));
    grown.keys[to] = shard.keys[at];
    std::copy_n(shard.times.begin() + static_cast<std::ptrdiff_t>(at * width_), width_,
                grown.times.begin() + static_cast<std::ptrdiff_t>(to * width_));
  }
  shard = std::move(grown);
}

Instant SubscriberLog::next(E164 number, Instant now) const {
  const std::uint64_t hash = hash_of(number);
  const Shard& own = shard(hash);
  if (own.keys.empty()) return now;
  const std::size_t at = slot(own, number, hash);
  const std::size_t count = count_of(own.keys[at]);
  if (count == 0) return now;
  const std::span times(own.times.data() + at * width_, count);
  const auto after = [](Seconds time, std::chrono::seconds wait) {
    return Instant(std::chrono::seconds(time) + wait);
  };
  Instant next = std::max(now, after(times.back(), limits_.between));
  // The oldest of as many as a day may have must be a day old.
  if (limits_.messages_per_day > 0 && count == width_)
    next = std::max(next, after(times.front(), kDay));
  return next;
}

void SubscriberLog::add(E164 number, Instant when) {
  const std::uint64_t hash = hash_of(number);
  Shard& own = shards_[hash >> 56];
  const Seconds time = seconds(when);
  const std::size_t at = claim(own, number, hash, time);
  std::uint64_t& key = own.keys[at];
  const auto begin = own.times.begin() + static_cast<std::ptrdiff_t>(at * width_);
  auto end = begin + static_cast<std::ptrdiff_t>(count_of(key));
  end = std::copy_if(begin, end, begin, [old = horizon(time)](Seconds one) { return one > old; });
  if (end == begin) key &= ~kDropped;
  if (static_cast<std::size_t>(end - begin) == width_) {
    key |= kDropped;  // more than the limit allows: some were an emergency's
    if (time <= *begin) return;
    end = std::copy(begin + 1, end, begin);
  }
  *end++ = time;
  std::sort(begin, end);
  set_count(key, static_cast<std::size_t>(end - begin));
}

void SubscriberLog::move(E164 number, Instant from, Instant to) {
  const std::uint64_t hash = hash_of(number);
  Shard& own = shards_[hash >> 56];
  if (own.keys.empty() || from == to) return;
  const std::size_t at = slot(own, number, hash);
  const auto begin = own.times.begin() + static_cast<std::ptrdiff_t>(at * width_);
  const auto end = begin + static_cast<std::ptrdiff_t>(count_of(own.keys[at]));
  const auto found = std::find(begin, end, seconds(from));
  if (found == end) return add(number, to);  // it was dropped, or the clock was set
  *found = std::max(*found, seconds(to));
  std::sort(begin, end);
}

void SubscriberLog::release(E164 number, Instant from, Instant to) {
  const std::uint64_t hash = hash_of(number);
  Shard& own = shards_[hash >> 56];
  if (own.keys.empty()) return;
  const std::size_t at = slot(own, number, hash);
  std::uint64_t& key = own.keys[at];
  const std::size_t count = count_of(key);
  if (count == 0) return;
  const auto begin = own.times.begin() + static_cast<std::ptrdiff_t>(at * width_);
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  const auto found = std::lower_bound(begin, end, seconds(from));
  if (found == end || *found > seconds(to)) return;  // it was dropped, or the clock was set
  if ((key & kDropped) != 0) {
    // One that was dropped comes in its place: it was no later than the oldest that is known.
    const Seconds oldest = found == begin && count > 1 ? begin[1] : *begin;
    std::copy_backward(begin, found, found + 1);
    *begin = oldest;
    return;
  }
  std::copy(found + 1, end, found);
  set_count(key, count - 1);
}

void SubscriberLog::clock_was_set(Instant now) {
  const Seconds latest = seconds(now);
  for (Shard& one : shards_)
    for (Seconds& time : one.times) time = std::min(time, latest);
}

void SubscriberLog::recall(const Plan& plan, const CampaignRecord& record, Instant now) {
  if (!record.last_intent) return;
  const auto count = [&](std::uint64_t row, Instant latest) {
    add(plan.rows()[row].number(), std::min(now, latest + kMessageUnderWay));
  };
  for (std::uint64_t row = 0; row < record.rows.size(); ++row)
    if (record.rows[row] == RowState::accepted || record.rows[row] == RowState::intended)
      count(row, *record.last_intent);
  for (const auto& [first_row, doubt] : record.doubts)
    for_each_row(doubt.rows, [&](std::uint64_t row) { count(row, doubt.since); });
  for_each_row(record.sent_anew, [&](std::uint64_t row) { count(row, *record.last_intent); });
}

std::size_t SubscriberLog::numbers() const {
  std::size_t used = 0;
  for (const Shard& one : shards_) used += one.used;
  return used;
}

std::size_t SubscriberLog::bytes() const {
  std::size_t bytes = sizeof(*this);
  for (const Shard& one : shards_)
    bytes += one.keys.capacity() * sizeof(std::uint64_t) + one.times.capacity() * sizeof(Seconds);
  return bytes;
}

Result<void> recall_subscribers(SubscriberLog& log, const Record& record, const std::string& data,
                                Instant now) {
  if (!log.limits().any()) return {};
  for (const auto& [id, campaign] : record.campaigns()) {
    if (!campaign.last_intent || *campaign.last_intent + kMessageUnderWay + kDay < now) continue;
    const auto plan = open_plan(data, id, campaign);
    if (!plan) return fail(plan.error());
    log.recall(*plan, campaign, now);
  }
  return {};
}

}  // namespace loa
