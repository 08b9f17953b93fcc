#include "campaign/guard.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "config/document.hpp"

namespace loa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Guard guard_of(const std::string& text) {
  Faults faults;
  const auto document = parse_document(text, "guard", faults);
  const Guard guard = read_guard(*document, faults);
  EXPECT_TRUE(faults.ok());
  return guard;
}

TEST(Guard, KeysThatAreAbsentHaveTheirDefaults) {
  const Guard guard = guard_of("{refused_share: 20}");
  EXPECT_TRUE(guard.canary.empty());
  EXPECT_EQ(guard.refused_share, 20);
  EXPECT_EQ(guard.throttled_share, 100);
  EXPECT_EQ(guard.after, 500U);
  EXPECT_EQ(guard_of("{canary: off}"), Guard{});
  const Guard whole = guard_of(
      "{canary: [0.5, 5], observe: 2m, refused_share: 1.5, throttled_share: 30, after: 9}");
  EXPECT_THAT(whole.canary, ElementsAre(0.5, 5));
  EXPECT_EQ(whole.observe, std::chrono::seconds(120));
  EXPECT_EQ(whole.refused_share, 1.5);
  EXPECT_EQ(whole.after, 9U);
}

TEST(Guard, RingsGrowToAll) {
  const Guard guard = guard_of("{canary: [0.5, 5]}");
  EXPECT_THAT(ring_ends(guard, 260'000), ElementsAre(1300, 13'000, 260'000));
  EXPECT_THAT(ring_ends(guard, 30), ElementsAre(1, 2, 30));
  EXPECT_THAT(ring_ends(guard, 10), ElementsAre(1, 10));
  EXPECT_THAT(ring_ends(guard, 1), ElementsAre(1));
  EXPECT_TRUE(ring_ends(guard, 0).empty());
  EXPECT_THAT(ring_ends(Guard{}, 7), ElementsAre(7));
}

RC_GTEST_PROP(Guard, RingsAlwaysGrowAndEndWithAll, ()) {
  Guard guard;
  for (int i = *rc::gen::inRange(0, 5), percent = 0; i > 0; --i)
    guard.canary.push_back(percent += *rc::gen::inRange(1, 20));
  const auto rows = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
  const auto ends = ring_ends(guard, rows);
  RC_ASSERT(ends.back() == rows);
  RC_ASSERT(ends.front() >= 1U);
  for (std::size_t i = 1; i < ends.size(); ++i) RC_ASSERT(ends[i - 1] < ends[i]);
}

TEST(Guard, PausesAboveItsShareAndNotBeforeEnoughIsKnown) {
  const Guard guard = guard_of("{refused_share: 20, throttled_share: 30, after: 200}");
  EXPECT_EQ(why_pause(guard, {.outcomes = 199, .refused = 199}), "");
  EXPECT_EQ(why_pause(guard, {.outcomes = 200, .refused = 40}), "");
  EXPECT_THAT(why_pause(guard, {.outcomes = 200, .refused = 41}),
              HasSubstr("20.5 % of 200 outcomes are refusals"));
  EXPECT_EQ(why_pause(guard, {.tries = 1000, .throttled = 300}), "");
  EXPECT_THAT(why_pause(guard, {.tries = 1000, .throttled = 301}), HasSubstr("above 30 %"));
  EXPECT_EQ(
      why_pause(Guard{}, {.outcomes = 1000, .refused = 500, .tries = 9999, .throttled = 9999}), "");
  EXPECT_NE(why_pause(Guard{}, {.outcomes = 1000, .refused = 501}), "");
}

}  // namespace
}  // namespace loa
