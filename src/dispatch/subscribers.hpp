// How often one subscriber gets a message, over all campaigns. Pure.
//   subscriber: {messages_per_day: 3, minutes_between: 10}    in loa.yaml; absent: no limit
// A day is any 24 hours. What counts is every attempt that may have arrived, from its intent on:
// accepted, in doubt, or under way. What is known not to have been sent is released. An attempt
// repeated under its reference is one message.
//
// It holds the last messages_per_day times of each number of the last day: 8 bytes, and 4 for each
// time, at a load of a third to two thirds: 30 to 60 bytes a number for 3 a day. Nothing is kept on
// disk: after a restart it is made anew from record and plans.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fault.hpp"
#include "base/number.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dispatch/record.hpp"
#include "plan/plan.hpp"

namespace loa {

class Node;

struct SubscriberLimits {
  int messages_per_day = 0;         // 0 for no limit, at most 50
  std::chrono::minutes between{0};  // two messages; at most a day

  bool any() const { return messages_per_day > 0 || between.count() > 0; }
};

SubscriberLimits read_subscriber_limits(const Node& node, Faults& faults);

// A request may leave, or its answer come, so long after the last line that tells of it.
constexpr std::chrono::minutes kMessageUnderWay{1};

class SubscriberLog {
 public:
  explicit SubscriberLog(const SubscriberLimits& limits);

  const SubscriberLimits& limits() const { return limits_; }

  // When the number may get its next message, not before `now`.
  Instant next(E164 number, Instant now) const;
  void add(E164 number, Instant at);
  // The message that was added at `from` leaves, or may have arrived, at `to`.
  void move(E164 number, Instant from, Instant to);
  // The message that was counted then was not sent: the first from `from` to `to`.
  void release(E164 number, Instant from, Instant to);
  // The wall clock was set back: nothing lies in the future.
  void clock_was_set(Instant now);

  // What a campaign's record says of its rows, each taken as late as it can have been.
  void recall(const Plan& plan, const CampaignRecord& record, Instant now);

  std::size_t numbers() const;  // at most; some may be a day old
  std::size_t bytes() const;

 private:
  using Seconds = std::uint32_t;  // since 1970

  // A hash table of its own, so that growing one is quick. A slot is a key (the number, how many of
  // its times are used, and whether older ones were dropped) and `width` times, oldest first.
  struct Shard {
    std::vector<std::uint64_t> keys;
    std::vector<Seconds> times;
    std::size_t used = 0;
  };

  static Seconds seconds(Instant at);
  Seconds horizon(Seconds now) const;  // what is not later counts no more
  const Shard& shard(std::uint64_t hash) const;
  std::size_t slot(const Shard& shard, E164 number, std::uint64_t hash) const;
  std::size_t claim(Shard& shard, E164 number, std::uint64_t hash, Seconds now);
  void grow(Shard& shard, Seconds now);

  SubscriberLimits limits_;
  std::size_t width_;
  std::array<Shard, 256> shards_;
};

// Recalls every campaign that sent something in the last day. Fails when a plan cannot be read.
Result<void> recall_subscribers(SubscriberLog& log, const Record& record, const std::string& data,
                                Instant now);

}  // namespace loa
