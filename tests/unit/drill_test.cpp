#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/failpoint.hpp"
#include "drill/findings.hpp"
#include "drill/process.hpp"

namespace loa {
namespace {

constexpr E164 kNumber = 84912345678;

Findings judge(RowState state, unsigned resends, std::uint64_t times) {
  const std::vector<RowFate> rows = {{kNumber, state, resends}};
  TakenCounts taken;
  if (times > 0) taken[kNumber] = times;
  return compare(rows, taken);
}

TEST(Findings, LostIsWhoHasNoOutcomeOrNoMessage) {
  EXPECT_EQ(judge(RowState::accepted, 0, 1).lost, 0U);
  EXPECT_EQ(judge(RowState::accepted, 0, 0).lost, 1U);
  EXPECT_EQ(judge(RowState::planned, 0, 0).lost, 1U);
  EXPECT_EQ(judge(RowState::intended, 0, 1).lost, 1U);
  EXPECT_EQ(judge(RowState::in_doubt, 0, 0).lost, 0U);
  EXPECT_EQ(judge(RowState::refused, 0, 0).lost, 0U);
}

TEST(Findings, DoubledIsWhatTheRecordHasNoReasonFor) {
  EXPECT_EQ(judge(RowState::accepted, 0, 2).doubled, 1U);
  EXPECT_EQ(judge(RowState::in_doubt, 0, 2).doubled, 1U);
  EXPECT_EQ(judge(RowState::accepted, 1, 2).doubled, 0U);
  EXPECT_EQ(judge(RowState::accepted, 1, 3).doubled, 1U);
  EXPECT_EQ(judge(RowState::accepted, 1, 1).resent, 1U);
}

TEST(Findings, DeniedIsWhoGotAMessageAgainstTheRecord) {
  EXPECT_EQ(judge(RowState::refused, 0, 1).denied, 1U);
  EXPECT_EQ(judge(RowState::refused, 0, 0).denied, 0U);
  EXPECT_EQ(compare({}, {{kNumber, 1}}).denied, 1U) << "not in the plan";
}

TEST(Findings, DoubtIsCountedWithWhatTheCarriersHave) {
  EXPECT_EQ(judge(RowState::in_doubt, 0, 0).in_doubt, 1U);
  EXPECT_EQ(judge(RowState::in_doubt, 0, 0).in_doubt_taken, 0U);
  EXPECT_EQ(judge(RowState::in_doubt, 0, 1).in_doubt_taken, 1U);
}

TEST(Process, EndsByItselfOrIsKilled) {
  const std::string nowhere = "/dev/null";
  auto quick = Process::start({{"/bin/sh", "-c", "exit $STATUS"}, {"STATUS=7"}, nowhere, nowhere});
  ASSERT_TRUE(quick);
  ASSERT_TRUE(quick->wait(std::chrono::seconds(30)));
  EXPECT_EQ(quick->exit_status(), 7);
  EXPECT_FALSE(quick->was_killed());

  auto slow = Process::start({{"/bin/sleep", "1000"}, {}, nowhere, nowhere});
  ASSERT_TRUE(slow);
  EXPECT_FALSE(slow->wait(std::chrono::milliseconds(1)));
  slow->kill();
  EXPECT_TRUE(slow->was_killed());
}

TEST(Failpoint, AProcessDiesAtTheNamedPassage) {
  ASSERT_EQ(setenv("LOA_FAILPOINT", "block.before_sync:2", 1), 0);
  const auto pass = [] {
    pass_failpoint(index_of_failpoint("block.before_write"));
    pass_failpoint(index_of_failpoint("block.before_sync"));
    pass_failpoint(index_of_failpoint("block.before_write"));
    std::fputs("once", stderr);
    pass_failpoint(index_of_failpoint("block.before_sync"));
  };
  EXPECT_EXIT(pass(), testing::KilledBySignal(SIGKILL), "once");
  ASSERT_EQ(setenv("LOA_FAILPOINT", "block.before_sink:2", 1), 0);
  EXPECT_EXIT(pass(), testing::ExitedWithCode(64), "block.before_sink");
  ASSERT_EQ(unsetenv("LOA_FAILPOINT"), 0);
}

}  // namespace
}  // namespace loa
