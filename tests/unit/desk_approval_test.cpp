// Who approves what, and what makes an approval void.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::HasSubstr;

using Kind = Refusal::Kind;

TEST(DeskApproval, TheAuthorMayNot) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{}));
  const auto own = world.approve("bao-lu", kLan);
  EXPECT_EQ(refused(own), Kind::forbidden);
  world.pass(minutes(1));
  EXPECT_EQ(world.carriers.requests, 0U);
  for (int i = 0; i < 2; ++i) {
    const auto acts = world.desk().acts("bao-lu");
    ASSERT_EQ(acts.size(), 2U);
    EXPECT_EQ(acts[0].act, "submit");
    EXPECT_FALSE(acts[0].denied);
    EXPECT_EQ(acts[1].act, "approve");
    EXPECT_TRUE(acts[1].denied);
    EXPECT_EQ(acts[1].who, "lan");
    EXPECT_EQ(acts[1].from, "unix:1000");
    EXPECT_THAT(acts[1].why, HasSubstr("another person must"));
    world.restart();
  }
}

TEST(DeskApproval, BindsToThePlan) {
  DeskWorld world;
  const auto submitted = world.submit(Written{});
  ActInput input;
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::approve, input)), Kind::changed);
  input.plan = std::string(64, '0');
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::approve, input)), Kind::changed);
  input.plan = submitted->plan.substr(0, 16);
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::approve, input)), Kind::changed);
  input.plan = submitted->plan;
  const auto approved = world.act(kBinh, "bao-lu", Act::approve, input);
  ASSERT_TRUE(approved) << words(approved);
  EXPECT_EQ(approved->approved_by, "binh");
  EXPECT_EQ(to_string(approved->state), "scheduled") << "the answer tells what is now";
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::approve, input)), Kind::conflict);
}

TEST(DeskApproval, IsVoidAfterARevision) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T10:00:00+07:00"}});
  const CampaignView old = world.view("bao-lu");
  const Submission mended = world.submission(
      Written{.text = "bao-lu moi", .schedule = {"not_before: 2026-11-24T10:00:00+07:00"}}.yaml());
  EXPECT_EQ(refused(world.wait(world.desk().revise(kLan, "bao-lu", old.version - 1, mended))),
            Kind::changed);
  EXPECT_EQ(refused(world.wait(world.desk().revise(kLan, "bao-lu", old.version + 1, mended))),
            Kind::changed);
  EXPECT_EQ(refused(world.wait(world.desk().revise(kLan, "no-such", old.version, mended))),
            Kind::wrong)
      << "the document is another campaign's";
  EXPECT_EQ(world.view("bao-lu").version, old.version);
  const auto revised = world.wait(world.desk().revise(kMai, "bao-lu", old.version, mended));
  ASSERT_TRUE(revised) << words(revised);
  const CampaignView view = world.view("bao-lu");
  EXPECT_EQ(to_string(view.state), "waiting");
  EXPECT_EQ(view.approved_by, "");
  EXPECT_EQ(view.author, "mai");
  EXPECT_EQ(view.revision, 2);
  EXPECT_GT(view.version, old.version);
  world.pass(hours(3));
  EXPECT_EQ(world.carriers.requests, 0U);
  EXPECT_EQ(refused(world.approve("bao-lu", kMai)), Kind::forbidden);
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.carriers.numbers_of("bao-lu moi").size(), 60U);
}

TEST(DeskApproval, AnotherWindowIsAnotherPlan) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T10:00:00+07:00",
                            "useful_until: 2026-11-24T20:00:00+07:00"}});
  const CampaignView old = world.view("bao-lu");
  ActInput input;
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::schedule, input)), Kind::wrong) << "no window";
  input.not_before = kMorning + hours(13);
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::schedule, input)), Kind::wrong)
      << "it would begin after its end";
  input.not_before = kMorning + hours(6);
  const auto moved = world.act(kMai, "bao-lu", Act::schedule, input);
  ASSERT_TRUE(moved) << words(moved);
  EXPECT_EQ(to_string(moved->state), "waiting");
  EXPECT_NE(moved->plan, old.plan);
  EXPECT_EQ(moved->approved_by, "");
  EXPECT_EQ(moved->not_before, kMorning + hours(6));
  EXPECT_EQ(moved->useful_until, kMorning + hours(12));
  EXPECT_EQ(moved->author, "lan") << "the text is still hers";
  EXPECT_EQ(refused(world.approve("bao-lu", kLan)), Kind::forbidden) << "her text";
  EXPECT_EQ(refused(world.approve("bao-lu", kMai)), Kind::forbidden) << "her window";
  world.restart();
  EXPECT_EQ(refused(world.approve("bao-lu", kMai)), Kind::forbidden);
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(hours(5));
  EXPECT_EQ(world.carriers.requests, 0U);
  input.not_before.reset();
  input.useful_until = kMorning + hours(8);
  const auto shortened = world.act(kMai, "bao-lu", Act::schedule, input);
  ASSERT_TRUE(shortened) << words(shortened);
  EXPECT_EQ(shortened->not_before, kMorning + hours(6)) << "what is not named stays";
  const auto plan = world.wait(world.desk().plan("bao-lu"));
  EXPECT_EQ(plan->campaign.not_before, kMorning + hours(6));
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(hours(2));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  world.check_sums();
}

TEST(DeskApproval, IsNotNeededWhereThatIsSaid) {
  DeskWorld world;
  world.crash();
  world.settings.approval_required = false;
  world.start();
  EXPECT_FALSE(world.desk().approval_required());
  ASSERT_TRUE(world.submit(Written{}));
  EXPECT_EQ(world.view("bao-lu").approved_by, "loa");
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  const auto acts = world.desk().acts("bao-lu");
  ASSERT_GE(acts.size(), 2U);
  EXPECT_EQ(acts[1].why, "approval is not required on this system");
}

TEST(DeskApproval, WhatTheDaemonDoesItselfNobodyElseDoes) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.schedule = {"not_before: 2026-11-25T10:00:00+07:00"}}));
  for (const Act act : {Act::submit, Act::freeze, Act::begin})
    EXPECT_FALSE(world.act(kBinh, "bao-lu", act)) << to_string(act);
  ASSERT_TRUE(world.act(kBinh, "bao-lu", Act::give_back, because("no")));
  for (const Act act : {Act::submit, Act::freeze, Act::begin})
    EXPECT_FALSE(world.act(kBinh, "bao-lu", act)) << to_string(act);
  EXPECT_EQ(world.state("bao-lu"), "draft");
  ASSERT_TRUE(world.submit(
      Written{.text = "bao-lu 2", .schedule = {"not_before: 2026-11-25T10:00:00+07:00"}}));
  ASSERT_TRUE(world.approve("bao-lu"));
  for (const Act act : {Act::submit, Act::freeze, Act::begin})
    EXPECT_FALSE(world.act(kBinh, "bao-lu", act)) << to_string(act);
  EXPECT_EQ(world.state("bao-lu"), "scheduled");
}

}  // namespace
}  // namespace loa::desk_test
