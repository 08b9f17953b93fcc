// How often one subscriber gets a message: against a plain list of what everybody got.
#include "dispatch/subscribers.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "config/document.hpp"

namespace loa {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant kStart = *parse_rfc3339("2026-11-24T01:00:00Z");
constexpr E164 kLan = 84912345678;

struct Draw {
  std::uint64_t state = *rc::gen::arbitrary<std::uint64_t>();
  std::uint64_t operator()(std::uint64_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33) % below;
  }
};

TEST(SubscriberLog, ADayIsAny24Hours) {
  SubscriberLog log({.messages_per_day = 2});
  log.add(kLan, kStart);
  EXPECT_EQ(log.next(kLan, kStart), kStart);
  log.add(kLan, kStart + hours(20));
  EXPECT_EQ(log.next(kLan, kStart + hours(21)), kStart + hours(24));
  log.add(kLan, kStart + hours(24));
  EXPECT_EQ(log.next(kLan, kStart + hours(25)), kStart + hours(44));
  EXPECT_EQ(log.next(kLan + 1, kStart), kStart) << "everybody has a count of their own";
}

TEST(SubscriberLog, TwoMessagesKeepTheirDistance) {
  SubscriberLog log({.between = minutes(10)});
  log.add(kLan, kStart);
  EXPECT_EQ(log.next(kLan, kStart + minutes(3)), kStart + minutes(10));
  EXPECT_EQ(log.next(kLan, kStart + minutes(10)), kStart + minutes(10));
}

TEST(SubscriberLog, WhatWasNotSentIsReleased) {
  SubscriberLog log({.messages_per_day = 1});
  log.add(kLan, kStart);
  log.release(kLan, kStart, kStart);
  EXPECT_EQ(log.next(kLan, kStart), kStart);
}

TEST(SubscriberLog, AMessageCountsFromWhenItLeft) {
  SubscriberLog log({.between = minutes(10)});
  log.add(kLan, kStart);
  log.move(kLan, kStart, kStart + minutes(5));
  EXPECT_EQ(log.next(kLan, kStart + minutes(11)), kStart + minutes(15));
}

// An emergency goes beyond the limit, and still counts.
TEST(SubscriberLog, WhatIsAboveTheLimitCounts) {
  SubscriberLog log({.messages_per_day = 2});
  for (int i = 0; i < 3; ++i) log.add(kLan, kStart + hours(i));
  EXPECT_EQ(log.next(kLan, kStart + hours(3)), kStart + hours(25));
  log.release(kLan, kStart + hours(2),
              kStart + hours(2));  // two are left, the first of them forgotten
  EXPECT_GE(log.next(kLan, kStart + hours(3)), kStart + hours(24));
}

TEST(SubscriberLog, AClockThatIsSetBackStopsNobodyForLong) {
  SubscriberLog log({.messages_per_day = 1});
  log.add(kLan, kStart + hours(24 * 365));
  log.clock_was_set(kStart);
  EXPECT_EQ(log.next(kLan, kStart), kStart + hours(24));
}

TEST(SubscriberLog, MemoryIsBoundedByThoseOfTheLastDay) {
  SubscriberLog log({.messages_per_day = 3});
  constexpr std::size_t kPeople = 50'000;
  for (int day = 0; day < 4; ++day)
    for (std::size_t i = 0; i < kPeople; ++i)
      log.add(84900000000 + static_cast<E164>(day) * 1'000'000 + i, kStart + hours(30 * day));
  EXPECT_GE(log.numbers(), kPeople);
  EXPECT_LE(log.bytes(), 60 * log.numbers() + 100'000);
  EXPECT_LE(log.bytes(), 2 * kPeople * 60 + 100'000);
}

TEST(SubscriberLog, SettingsAreRead) {
  const auto read = [](const std::string& text, Faults& faults) {
    const auto node = parse_document(text, "loa.yaml", faults);
    return read_subscriber_limits(*node, faults);
  };
  Faults good;
  const SubscriberLimits limits = read("messages_per_day: 3\nminutes_between: 10\n", good);
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(limits.messages_per_day, 3);
  EXPECT_EQ(limits.between, minutes(10));
  for (const char* wrong : {"messages_per_day: 51\n", "minutes_between: -1\n", "per_day: 3\n"}) {
    Faults faults;
    read(wrong, faults);
    EXPECT_FALSE(faults.ok()) << wrong;
  }
}

// Whoever asks before adding keeps both limits in any 24 hours; what is moved and released on the
// way, and what goes beyond the limit, is never held too low.
RC_GTEST_PROP(SubscriberLog, NeverAboveTheLimits, ()) {
  const SubscriberLimits limits{.messages_per_day = *rc::gen::inRange(0, 5),
                                .between = minutes(*rc::gen::inRange(0, 120))};
  SubscriberLog log(limits);
  Draw draw;
  std::map<E164, std::multiset<Instant>> got;
  Instant now = kStart;
  std::vector<std::pair<E164, Instant>> under_way;
  for (int i = 0; i < 2000; ++i) {
    now += seconds(static_cast<int>(draw(900)));
    const E164 number = 84900000000 + draw(20);
    auto& times = got[number];
    switch (draw(8)) {
      case 0:
        if (under_way.empty()) break;
        log.release(under_way.back().first, under_way.back().second, under_way.back().second);
        got[under_way.back().first].erase(
            got[under_way.back().first].find(under_way.back().second));
        under_way.pop_back();
        break;
      case 1:
        if (under_way.empty()) break;
        log.move(under_way.back().first, under_way.back().second, now);
        got[under_way.back().first].erase(
            got[under_way.back().first].find(under_way.back().second));
        got[under_way.back().first].insert(now);
        under_way.pop_back();
        break;
      case 2:  // an emergency
        log.add(number, now);
        times.insert(now);
        break;
      default: {
        const Instant next = log.next(number, now);
        RC_ASSERT(next >= now);
        if (next > now) break;
        const auto today = std::distance(times.upper_bound(now - hours(24)), times.end());
        const bool in_count = limits.messages_per_day == 0 || today < limits.messages_per_day;
        RC_ASSERT(in_count);
        const bool apart = times.empty() || *times.rbegin() + limits.between <= now;
        RC_ASSERT(apart);
        log.add(number, now);
        times.insert(now);
        under_way.emplace_back(number, now);
      }
    }
  }
}

// And nobody is held back without need: without emergencies, it is the limits to the second.
RC_GTEST_PROP(SubscriberLog, NobodyWaitsLongerThanTheLimitsSay, ()) {
  const SubscriberLimits limits{.messages_per_day = *rc::gen::inRange(1, 5),
                                .between = minutes(*rc::gen::inRange(0, 120))};
  SubscriberLog log(limits);
  Draw draw;
  std::map<E164, std::vector<Instant>> got;
  Instant now = kStart;
  for (int i = 0; i < 2000; ++i) {
    now += seconds(static_cast<int>(draw(900)));
    const E164 number = 84900000000 + draw(20);
    auto& times = got[number];
    Instant due = now;
    if (!times.empty()) due = std::max(due, times.back() + limits.between);
    const auto day = static_cast<std::size_t>(limits.messages_per_day);
    if (times.size() >= day) due = std::max(due, times[times.size() - day] + hours(24));
    RC_ASSERT(log.next(number, now) == due);
    if (due > now) continue;
    log.add(number, now);
    times.push_back(now);
  }
}

}  // namespace
}  // namespace loa
