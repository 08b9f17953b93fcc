// The daemon ends, in order or not, and begins again.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using Kind = Refusal::Kind;

TEST(DeskCrash, AtAnyMomentNothingIsLostOrSentTwice) {
  for (int moment = 0; moment < 40; ++moment) {
    DeskWorld world;
    world.carriers.delay = milliseconds(5);
    ASSERT_TRUE(world.submit(Written{}));
    ActInput input;
    input.plan = world.view("bao-lu").plan;
    const auto approved = world.begin(world.desk().act(kBinh, "bao-lu", Act::approve, input));
    world.pass(milliseconds(moment * 3));
    world.restart();
    if (world.state("bao-lu") == "waiting") {
      EXPECT_FALSE(*approved) << "what was answered is there";
      EXPECT_EQ(world.carriers.requests, 0U);
      ASSERT_TRUE(world.approve("bao-lu"));
    }
    world.pass(minutes(1));
    EXPECT_EQ(world.state("bao-lu"), "finished");
    EXPECT_EQ(world.view("bao-lu").unsent, 0U);
    world.check_sums();
  }
}

// A crash leaves requests open in a campaign that somebody paused meanwhile.
TEST(DeskCrash, WhatWasUnderWayInAPausedCampaignIsInDoubt) {
  DeskWorld world;
  world.slow_down();
  world.carriers.delay = seconds(20);
  world.bring({});
  world.pass(seconds(4));
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::pause, because("x")));
  const std::uint64_t under_way = world.view("bao-lu").under_way;
  ASSERT_GT(under_way, 2U);
  world.crash();
  world.start();
  // Somebody resumes while the daemon still decides on them.
  const auto resumed = world.begin(world.desk().act(kMai, "bao-lu", Act::resume, ActInput{}));
  world.pass(minutes(10));
  ASSERT_TRUE(*resumed && **resumed);
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.view("bao-lu").in_doubt, under_way);
  EXPECT_EQ(world.view("bao-lu").under_way, 0U);
  world.check_sums();
}

TEST(DeskCrash, AJournalThatDiesEndsTheDaemon) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{}));
  world.disk_dead = true;
  EXPECT_EQ(refused(world.approve("bao-lu")), Kind::not_now);
  EXPECT_TRUE(world.desk().trouble());
  world.pass(seconds(5));
  const auto failure = world.ended();
  ASSERT_TRUE(failure);
  EXPECT_FALSE(*failure) << "run() says so";
  world.disk_dead = false;
  world.restart();
  EXPECT_EQ(world.state("bao-lu"), "waiting");
}

TEST(DeskDrain, EndsInOrderAndTheNextOneGoesOn) {
  DeskWorld world;
  world.slow_down();
  world.bring({});
  world.pass(seconds(5));
  world.drain();
  const std::size_t sent = world.carriers.arrivals.size();
  world.start();
  EXPECT_EQ(world.state("bao-lu"), "sending");
  EXPECT_EQ(world.view("bao-lu").in_doubt, 0U) << "it was waited for";
  world.pass(minutes(2));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_GT(world.carriers.arrivals.size(), sent);
  world.check_sums();
}

}  // namespace
}  // namespace loa::desk_test
