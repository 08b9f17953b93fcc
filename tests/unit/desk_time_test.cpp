// What time brings to campaigns: their beginning, their end, the next one of those that repeat.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Kind = Refusal::Kind;

std::vector<std::string> ids(DeskWorld& world) {
  std::vector<std::string> all;
  for (const auto& [id, record] : world.record().campaigns()) all.push_back(id);
  return all;
}

TEST(DeskTime, NothingGoesOutBeforeItsTime) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T10:00:00+07:00"}});
  EXPECT_EQ(world.view("bao-lu").reason, "its time is 2026-11-24 10:00 (Asia/Ho_Chi_Minh)");
  world.pass(minutes(119));
  EXPECT_EQ(world.carriers.requests, 0U);
  world.pass(minutes(2));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.carriers.arrivals.size(), 60U);
  EXPECT_GE(world.carriers.arrivals[0].at - Tick{}, hours(2));
  EXPECT_LE(world.carriers.arrivals[0].at - Tick{}, hours(2) + seconds(1));
}

TEST(DeskTime, AClockThatIsSetMovesIt) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T10:00:00+07:00"}});
  world.pass(minutes(1));
  world.set_wall(hours(3));
  world.pass(seconds(15));
  EXPECT_THAT(world.state("bao-lu"), testing::AnyOf("paused", "sending", "finished"));
  EXPECT_NE(world.state("bao-lu"), "scheduled");
}

TEST(DeskTime, AFarDayIsWaitedFor) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 9998-11-24T10:00:00+07:00"}});
  world.pass(hours(1));
  EXPECT_EQ(world.state("bao-lu"), "scheduled");
}

TEST(DeskTime, WhatWaitsOrIsPausedExpires) {
  DeskWorld world;
  const std::vector<std::string> until = {"useful_until: 2026-11-24T10:00:00+07:00"};
  ASSERT_TRUE(world.submit(Written{.id = "waits", .schedule = until}));
  world.bring({.id = "paused", .schedule = {until[0], "not_before: 2026-11-24T09:00:00+07:00"}});
  ASSERT_TRUE(world.act(kMai, "paused", Act::pause, because("x")));
  ASSERT_TRUE(world.submit(Written{.id = "returned", .schedule = until}));
  ASSERT_TRUE(world.act(kBinh, "returned", Act::give_back, because("x")));
  world.carriers.delay = seconds(1);
  world.gateways[0].limits.messages_per_second = 1;
  world.restart();
  world.bring({.id = "begun", .schedule = until});
  world.pass(seconds(3));
  ASSERT_TRUE(world.act(kMai, "begun", Act::pause, because("x")));
  world.pass(minutes(115));
  EXPECT_EQ(world.state("waits"), "waiting");
  world.pass(minutes(6));
  for (const char* id : {"waits", "paused", "returned", "begun"}) {
    EXPECT_EQ(world.state(id), "expired") << id;
    EXPECT_EQ(world.view(id).reason, "its useful_until has passed") << id;
  }
  EXPECT_GT(world.view("begun").accepted, 0U);
  EXPECT_GT(world.view("begun").unsent, 0U);
  EXPECT_EQ(refused(world.approve("waits")), Kind::conflict);
  world.restart();
  EXPECT_EQ(world.state("begun"), "expired");
  world.check_sums();
}

TEST(DeskTime, ACampaignExpiresWhileItIsSent) {
  DeskWorld world;
  for (Gateway& gateway : world.gateways) gateway.limits.messages_per_second = 1;
  for (Gateway& gateway : world.gateways) gateway.batch = 1;
  world.restart();
  world.bring({.schedule = {"useful_until: 2026-11-24T08:00:10+07:00"}});
  world.pass(seconds(30));
  EXPECT_EQ(world.state("bao-lu"), "expired");
  const CampaignView view = world.view("bao-lu");
  EXPECT_GT(view.accepted, 10U);
  EXPECT_GT(view.unsent, 10U);
  for (const Arrival& arrival : world.carriers.arrivals)
    EXPECT_LT(arrival.at - Tick{}, seconds(10));
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::retry)), Kind::wrong) << "its end has passed";
  ActInput later;
  later.useful_until = kMorning + hours(4);
  const auto retry = world.act(kMai, "bao-lu", Act::retry, later);
  ASSERT_TRUE(retry) << words(retry);
  EXPECT_EQ(retry->planned, view.unsent);
  world.check_sums();
}

TEST(DeskTime, AnApprovalAfterItsEndIsRefused) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.schedule = {"useful_until: 2026-11-24T10:00:00+07:00"}}));
  world.set_wall(hours(3));  // and nobody has looked at it yet
  EXPECT_EQ(refused(world.approve("bao-lu")), Kind::conflict);
}

struct Late {
  std::string if_late;
  std::string state;
};

TEST(DeskTime, AfterADayDownALateCampaignDoesWhatItSays) {
  for (const auto& [if_late, state] :
       {Late{"skip", "stopped"}, Late{"ask", "paused"}, Late{"run", "finished"}}) {
    DeskWorld world;
    world.bring({.schedule = {"not_before: 2026-11-24T20:00:00+07:00", "if_late: " + if_late}});
    world.restart(hours(24));
    world.pass(minutes(1));
    EXPECT_EQ(world.state("bao-lu"), state);
    EXPECT_EQ(world.carriers.arrivals.size(), if_late == "run" ? 60U : 0U);
    if (if_late != "run") {
      EXPECT_THAT(world.view("bao-lu").reason,
                  HasSubstr("loa: late: its time was 2026-11-24 20:00, 12 h 00 min ago"));
      EXPECT_THAT(world.notes, testing::Contains(HasSubstr("'bao-lu' is late")));
    }
    world.restart();
    EXPECT_EQ(world.state("bao-lu"), state) << "told once";
    if (if_late != "ask") continue;
    ASSERT_TRUE(world.act(kMai, "bao-lu", Act::resume));
    world.pass(minutes(1));
    EXPECT_EQ(world.state("bao-lu"), "finished");
  }
}

TEST(DeskTime, AFewMinutesAreNotLate) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T09:00:00+07:00", "if_late: skip"}});
  world.restart(minutes(65));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
}

TEST(DeskTime, WhatIsApprovedLaterThanItsTimeIsNotLate) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(
      Written{.schedule = {"not_before: 2026-11-24T07:00:00+07:00", "if_late: skip"}}));
  world.pass(hours(3));
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
}

// Each day at eight, made two hours before.
Written daily() {
  return {.id = "nhac",
          .schedule = {R"(repeat: {every: day, at: "08:00", ahead: 2h, useful_for: 10h})"}};
}

TEST(DeskRepeat, EachTimeIsMadeAheadAndWaitsForItsApproval) {
  DeskWorld world;
  world.bring(daily());
  world.skip(hours(20));
  EXPECT_THAT(ids(world), ElementsAre("nhac"));
  EXPECT_EQ(world.view("nhac").reason, "it repeats: the next is made at 2026-11-25 06:00");
  world.people("people.csv", 70);  // since yesterday
  world.skip(hours(3));            // 07:00
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-25"));
  const CampaignView made = world.view("nhac-2026-11-25");
  EXPECT_EQ(to_string(made.state), "waiting");
  EXPECT_EQ(made.author, "lan");
  EXPECT_EQ(made.source, "repeat:nhac");
  EXPECT_EQ(made.planned, 70U) << "as the audience is now";
  EXPECT_EQ(made.not_before, kMorning + hours(24));
  EXPECT_EQ(made.useful_until, kMorning + hours(34));
  EXPECT_EQ(refused(world.approve("nhac-2026-11-25", kLan)), Kind::forbidden);
  ASSERT_TRUE(world.approve("nhac-2026-11-25"));
  world.skip(hours(2));
  EXPECT_EQ(world.state("nhac-2026-11-25"), "finished");
  EXPECT_EQ(world.carriers.arrivals.size(), 70U);
  world.skip(hours(22));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-25", "nhac-2026-11-26"));
  world.skip(hours(24));
  EXPECT_EQ(world.state("nhac-2026-11-26"), "expired") << "nobody approved it";
  EXPECT_EQ(world.state("nhac"), "scheduled");
  EXPECT_EQ(world.carriers.arrivals.size(), 70U);
}

TEST(DeskRepeat, TimesBeforeItsApprovalAreNotOwed) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(daily()));
  world.skip(hours(2));
  ASSERT_TRUE(world.approve("nhac"));  // at ten; the one of eight o'clock would be of use
  world.skip(hours(1));
  EXPECT_THAT(ids(world), ElementsAre("nhac"));
}

TEST(DeskRepeat, AfterADayDownThoseThatAreOfUseAreThere) {
  DeskWorld world;
  world.bring(daily());
  world.restart(hours(2 * 24 + 4));  // 2026-11-26, noon
  world.pass(minutes(1));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-26"));
  ASSERT_TRUE(world.approve("nhac-2026-11-26"));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("nhac-2026-11-26"), "finished");
  world.restart();
  world.pass(minutes(1));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-26")) << "made once";
}

TEST(DeskRepeat, APausedOneMakesNoneAndAStoppedOneHasEnded) {
  DeskWorld world;
  world.bring(daily());
  ASSERT_TRUE(world.act(kMai, "nhac", Act::pause, because("holidays")));
  world.skip(hours(48) + minutes(30));
  EXPECT_THAT(ids(world), ElementsAre("nhac"));
  ASSERT_TRUE(world.act(kMai, "nhac", Act::resume));
  world.pass(minutes(1));
  EXPECT_THAT(ids(world), ElementsAre("nhac")) << "the one of half an hour ago is not owed";
  world.skip(hours(22));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-27"));
  ASSERT_TRUE(world.act(kMai, "nhac", Act::stop, because("over")));
  world.skip(hours(48));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-27"));
  EXPECT_EQ(refused(world.act(kMai, "nhac", Act::schedule)), Kind::conflict);
}

TEST(DeskRepeat, EndsWithItsLastTime) {
  DeskWorld world;
  world.bring({.id = "nhac",
               .schedule = {R"(repeat: {every: day, at: "08:00", ahead: 2h, )"
                            R"(until: "2026-11-26T12:00:00+07:00"})"}});
  world.skip(hours(72));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-25", "nhac-2026-11-26"));
  EXPECT_EQ(world.state("nhac"), "finished");
}

TEST(DeskRepeat, WhatCannotBeMadeIsToldAndTriedAgain) {
  DeskWorld world;
  world.bring(daily());
  std::filesystem::remove(world.path("incoming/people.csv"));
  world.skip(hours(22));
  world.pass(minutes(12));
  EXPECT_THAT(ids(world), ElementsAre("nhac"));
  EXPECT_THAT(world.view("nhac").reason, HasSubstr("'nhac-2026-11-25' cannot be made"));
  EXPECT_THAT(world.view("nhac").reason, HasSubstr("people.csv"));
  const auto told = std::count_if(world.notes.begin(), world.notes.end(), [](const auto& note) {
    return note.find("cannot be made") != std::string::npos;
  });
  EXPECT_GE(told, 2);
  EXPECT_LE(told, 4) << "each five minutes";
  world.people("people.csv", 5);
  world.pass(minutes(6));
  EXPECT_THAT(ids(world), ElementsAre("nhac", "nhac-2026-11-25"));
  EXPECT_THAT(world.view("nhac").reason, HasSubstr("the next is made at"));
}

// The journal ends between the document of an occurrence and its plan.
TEST(DeskRepeat, OneThatACrashLeftHalfMadeIsMadeAgain) {
  for (int moment = 0; moment < 6; ++moment) {
    DeskWorld world;
    world.bring(daily());
    world.set_wall(hours(22) - seconds(1));
    for (int i = 0; i < 12'000 && world.record().find("nhac-2026-11-25") == nullptr; ++i)
      world.pass(milliseconds(1));
    ASSERT_NE(world.record().find("nhac-2026-11-25"), nullptr);
    world.pass(std::chrono::microseconds(500) * moment);
    world.restart();
    world.pass(minutes(1));
    EXPECT_EQ(world.state("nhac-2026-11-25"), "waiting");
    ASSERT_TRUE(world.approve("nhac-2026-11-25"));
    world.set_wall(hours(2));
    world.pass(minutes(1));
    EXPECT_EQ(world.state("nhac-2026-11-25"), "finished");
  }
}

// Who is at one campaign, for as long as its plan or the disk takes, holds up no other.
TEST(DeskTime, AVisitToOneCampaignHoldsUpNoOther) {
  DeskWorld world;
  world.bring({.id = "khan", .schedule = {"not_before: 2026-11-24T08:10:00+07:00"}});
  world.bring({.id = "cham", .schedule = {"not_before: 2026-11-24T09:00:00+07:00"}});
  world.pass(kMorning + minutes(10) - seconds(1) - world.wall());
  world.sync_time = seconds(5);
  const auto visit = world.begin(world.desk().act(kMai, "cham", Act::pause, because("x")));
  world.pass(seconds(2));
  EXPECT_FALSE(*visit) << "it is still there";
  EXPECT_EQ(to_string(world.record().find("khan")->life.state), "sending");
  world.sync_time = milliseconds(1);
  world.pass(seconds(20));
  ASSERT_TRUE(*visit && **visit);
  EXPECT_EQ(world.state("khan"), "finished");
  ASSERT_TRUE(world.act(kMai, "cham", Act::resume));
  world.skip(hours(1));
  EXPECT_EQ(world.state("cham"), "finished") << "and it is looked at again";
}

TEST(DeskTime, WhatAFullDiskDidNotTakeIsTriedAgain) {
  DeskWorld world;
  world.bring({.id = "begins", .schedule = {"not_before: 2026-11-24T09:00:00+07:00"}});
  ASSERT_TRUE(
      world.submit(Written{.id = "ends", .schedule = {"useful_until: 2026-11-24T09:00:00+07:00"}}));
  world.pass(minutes(59));
  world.disk_full = true;
  const auto waits = world.begin(world.desk().remember("key", {"hash", "begins", 201}));
  world.pass(seconds(1));  // the journal has met it
  ASSERT_TRUE(world.desk().trouble());
  world.pass(minutes(5));
  EXPECT_EQ(world.state("begins"), "scheduled");
  EXPECT_EQ(world.state("ends"), "waiting");
  EXPECT_EQ(world.carriers.requests, 0U);
  world.disk_full = false;
  world.pass(seconds(10));
  EXPECT_FALSE(world.desk().trouble());
  EXPECT_TRUE(*waits && **waits) << "what was under way is taken";
  EXPECT_EQ(world.state("begins"), "finished");
  EXPECT_EQ(world.state("ends"), "expired");
}

}  // namespace
}  // namespace loa::desk_test
