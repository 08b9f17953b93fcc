#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>

#include "pace/limiter.hpp"

namespace loa {
namespace {

using std::chrono::milliseconds;

// Messages sent by a caller that always has work, and whose timers fire up to `late` late.
struct Run {
  std::uint64_t sent = 0;
  std::uint64_t fullest = 0;  // in any half-open second
};

Run run(double per_second, int batch, Duration length, Duration late, std::uint64_t seed) {
  Limits limits;
  limits.messages_per_second = per_second;
  Limiter limiter(limits);
  std::deque<std::pair<Tick, int>> window;
  std::uint64_t in_window = 0;
  Run run;
  Tick now{};
  const Tick end = now + length;
  while (now < end) {
    const Tick at =
        limiter.earliest(now, {.requests = 1, .messages = static_cast<std::uint64_t>(batch)});
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    if (at > now) {  // only a timer that was set can fire late
      now = at;
      if (late.count() > 0) now += Duration(static_cast<std::int64_t>(seed >> 33) % late.count());
    }
    limiter.take(now, {.requests = 1, .messages = static_cast<std::uint64_t>(batch)});
    window.emplace_back(now, batch);
    in_window += static_cast<std::uint64_t>(batch);
    while (window.front().first <= now - std::chrono::seconds(1)) {
      in_window -= static_cast<std::uint64_t>(window.front().second);
      window.pop_front();
    }
    run.fullest = std::max(run.fullest, in_window);
    run.sent += static_cast<std::uint64_t>(batch);
  }
  return run;
}

RC_GTEST_PROP(Limiter, NeverAboveTheLimitInAnySecondAndAlmostAlwaysAtIt, ()) {
  const auto per_second = *rc::gen::inRange(1, 8000);
  const auto batch_max = *rc::gen::element(1, 2, 3, 10, 166, 500);
  const auto late_us = *rc::gen::inRange(0, 2500);
  Limits limits;
  limits.messages_per_second = per_second;
  const int batch = fitting_batch(limits, batch_max, 1);
  const Duration length = std::chrono::seconds(30);
  const Run done = run(per_second, batch, length, std::chrono::microseconds(late_us), 7);
  RC_ASSERT(done.fullest <= static_cast<std::uint64_t>(per_second));
  // What a whole number of batches in a second allows; within 1 % of it.
  const double reachable = batch * std::floor(static_cast<double>(per_second) / batch) * 30;
  RC_ASSERT(reachable >= 0.5 * per_second * 30);
  RC_ASSERT(static_cast<double>(done.sent) >= 0.99 * reachable - batch);
}

TEST(Limiter, IdleTimeSavesUpNothing) {
  Limits limits;
  limits.messages_per_second = 100;
  Limiter limiter(limits);
  limiter.take(Tick{}, {.requests = 1, .messages = 1});
  const Tick later = Tick{} + std::chrono::hours(1);
  int at_once = 0;
  while (limiter.earliest(later, {.requests = 1, .messages = 1}) <= later && at_once < 100) {
    limiter.take(later, {.requests = 1, .messages = 1});
    ++at_once;
  }
  EXPECT_LE(at_once, 2);
}

TEST(Limiter, TheStrictestLimitDecides) {
  Limits limits;
  limits.requests_per_second = 10;
  limits.parts_per_second = 100;
  Limiter limiter(limits);
  limiter.take(Tick{}, {.requests = 1, .messages = 10, .parts = 20});
  const Tick next = limiter.earliest(Tick{}, {.requests = 1, .messages = 10, .parts = 20});
  EXPECT_GT(next - Tick{}, milliseconds(190));
  EXPECT_LT(next - Tick{}, milliseconds(205));
}

TEST(Limiter, WhatIsHeldUpLeavesWhenThereIsRoomAndCountsThen) {
  Limits limits;
  limits.messages_per_second = 2;
  Limiter limiter(limits);
  const Cost one{.requests = 1, .messages = 1};
  limiter.take(Tick{}, one);
  const Tick turn = limiter.earliest(Tick{}, one);
  limiter.take(turn, one);
  const Tick next = limiter.earliest(turn, one);
  limiter.take(next, one);
  // The second comes late; the third, in time, would make three in a second.
  const Tick late = next - milliseconds(10);
  limiter.give_back(turn, one);
  EXPECT_EQ(limiter.room(late, one), late);
  limiter.count(late, one);
  const Tick after = next + milliseconds(30);
  limiter.give_back(next, one);
  EXPECT_EQ(limiter.room(after, one), after);
  limiter.count(after, one);
  EXPECT_GT(limiter.room(after, one), late + std::chrono::seconds(1));
  limiter.pause(after + std::chrono::seconds(9));
  EXPECT_EQ(limiter.room(after, one), after + std::chrono::seconds(9)) << "asked for meanwhile";
}

TEST(Limiter, AheadCountsWhatHasNotLeftYet) {
  Limits limits;
  limits.messages_per_second = 10;
  Limiter limiter(limits);
  limiter.take(Tick{}, {.requests = 1, .messages = 1});
  const Tick with = limiter.next(Tick{}, {.requests = 1, .messages = 2});
  EXPECT_GT(with - Tick{}, milliseconds(290));
}

TEST(Limiter, ThrottleHalvesOnceAndComesBack) {
  Limits limits;
  limits.messages_per_second = 100;
  Limiter limiter(limits);
  const Tick start = Tick{} + std::chrono::seconds(10);
  limiter.throttled(start, std::chrono::seconds(3));
  limiter.throttled(start + milliseconds(5), Duration{0});  // of the same excess
  EXPECT_DOUBLE_EQ(limiter.share(), 0.5);
  EXPECT_GE(limiter.earliest(start, {.requests = 1, .messages = 1}),
            start + std::chrono::seconds(3));
  limiter.throttled(start + std::chrono::seconds(4), Duration{0});
  EXPECT_DOUBLE_EQ(limiter.share(), 0.25);
  limiter.accepted(start + std::chrono::seconds(5));
  EXPECT_NEAR(limiter.share(), 0.35, 1e-9) << "a tenth a second";
  for (int second = 6; second < 15; ++second)
    limiter.accepted(start + std::chrono::seconds(second));
  EXPECT_DOUBLE_EQ(limiter.share(), 1);
}

TEST(Limiter, WithoutLimitsNothingWaits) {
  Limiter limiter(Limits{});
  limiter.take(Tick{}, {.requests = 1, .messages = 1'000'000, .parts = 1'000'000});
  EXPECT_EQ(limiter.earliest(Tick{}, {.requests = 5, .messages = 5}), Tick{});
}

TEST(FittingBatch, AWholeNumberOfRequestsFillsTheSecond) {
  Limits limits;
  limits.messages_per_second = 500;
  EXPECT_EQ(fitting_batch(limits, 200, 1), 166);
  EXPECT_EQ(fitting_batch(limits, 100, 1), 100);
  limits.messages_per_second = 50;
  EXPECT_EQ(fitting_batch(limits, 200, 1), 50);
  limits.parts_per_second = 60;
  EXPECT_EQ(fitting_batch(limits, 200, 2), 30);
  EXPECT_EQ(fitting_batch(Limits{}, 200, 2), 200);
}

}  // namespace
}  // namespace loa
