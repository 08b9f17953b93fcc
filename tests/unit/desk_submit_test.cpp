// How campaigns come to the desk.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Kind = Refusal::Kind;

TEST(DeskSubmit, ACampaignIsPlannedAndWaitsForAnotherPerson) {
  DeskWorld world;
  const auto submitted = world.submit(Written{});
  ASSERT_TRUE(submitted) << words(submitted);
  EXPECT_EQ(submitted->campaign, "bao-lu");
  EXPECT_TRUE(submitted->is_new);
  const CampaignView view = world.view("bao-lu");
  EXPECT_EQ(to_string(view.state), "waiting");
  EXPECT_EQ(view.reason, "another person must approve it");
  EXPECT_EQ(view.plan, submitted->plan);
  EXPECT_EQ(view.title, "Canh bao bao-lu");
  EXPECT_EQ(view.author, "lan");
  EXPECT_EQ(view.source, "unix:1000");
  EXPECT_EQ(view.approved_by, "");
  EXPECT_EQ(view.revision, 1);
  EXPECT_EQ(view.audience, 60U);
  EXPECT_EQ(view.planned, 60U);
  EXPECT_EQ(view.unsent, 60U);
  EXPECT_EQ(view.gateways.size(), 2U);
  world.pass(minutes(5));
  EXPECT_EQ(world.carriers.requests, 0U);
  world.check_sums();
}

TEST(DeskSubmit, TheSameAgainIsNoChangeAlsoAfterARestart) {
  DeskWorld world;
  const auto first = world.submit(Written{});
  const std::uint64_t version = world.view("bao-lu").version;
  for (int i = 0; i < 2; ++i) {
    const auto again = world.submit(Written{}, kMai);
    ASSERT_TRUE(again) << words(again);
    EXPECT_FALSE(again->is_new);
    EXPECT_EQ(again->plan, first->plan);
    EXPECT_EQ(world.view("bao-lu").version, version);
    EXPECT_EQ(world.view("bao-lu").author, "lan");
    world.restart();
  }
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_FALSE(world.submit(Written{})->is_new) << "when it is over, too";
  world.check_sums();
}

TEST(DeskSubmit, AnotherCampaignOfThatNameIsAConflict) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{}));
  const CampaignView before = world.view("bao-lu");
  const auto other = world.submit(Written{.text = "bao-lu khac"});
  EXPECT_EQ(refused(other), Kind::conflict);
  EXPECT_THAT(words(other), HasSubstr("another campaign 'bao-lu' already, from lan (waiting)"));
  world.people("people.csv", 61);
  EXPECT_EQ(refused(world.submit(Written{})), Kind::conflict) << "its people are others";
  EXPECT_EQ(world.view("bao-lu").version, before.version);
  EXPECT_EQ(world.view("bao-lu").plan, before.plan);
}

TEST(DeskSubmit, ATemplateThatWasChangedMakesAnotherCampaign) {
  DeskWorld world;
  world.write("templates/lu.yaml", "template: lu\ntext: bao-lu dang len\n");
  const std::string yaml =
      "campaign: bao-lu\nclass: public_info\nsender: CALANGSON\naudience: {files: [people.csv]}\n"
      "message: {template: lu}\n";
  const auto first = world.submit(yaml);
  ASSERT_TRUE(first) << words(first);
  EXPECT_FALSE(world.submit(yaml)->is_new);
  ASSERT_TRUE(world.act(kBinh, "bao-lu", Act::give_back, because("the text")));
  world.write("templates/lu.yaml", "template: lu\ntext: bao-lu da rut\n");
  const auto mended = world.submit(yaml);
  ASSERT_TRUE(mended) << words(mended);
  EXPECT_TRUE(mended->is_new) << "the author mended the template";
  EXPECT_NE(mended->plan, first->plan);
  EXPECT_EQ(world.state("bao-lu"), "waiting");
}

TEST(DeskSubmit, WhatWasReturnedCanBeMended) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.text = "bao-lu sai"}));
  const std::string old_plan = world.view("bao-lu").plan;
  ASSERT_TRUE(world.act(kBinh, "bao-lu", Act::give_back, because("the text is wrong")));
  EXPECT_EQ(world.state("bao-lu"), "draft");
  EXPECT_EQ(world.view("bao-lu").reason, "binh: the text is wrong");
  const auto same = world.submit(Written{.text = "bao-lu sai"});
  ASSERT_TRUE(same);
  EXPECT_FALSE(same->is_new);
  ASSERT_EQ(same->warnings.all().empty(), false);
  EXPECT_THAT(same->warnings.all().back().text, HasSubstr("returned (the text is wrong)"));
  world.restart();
  EXPECT_EQ(world.view("bao-lu").reason, "binh: the text is wrong");
  const auto mended = world.submit(Written{.text = "bao-lu dung"});
  ASSERT_TRUE(mended) << words(mended);
  EXPECT_TRUE(mended->is_new);
  const CampaignView view = world.view("bao-lu");
  EXPECT_EQ(to_string(view.state), "waiting");
  EXPECT_EQ(view.revision, 2);
  EXPECT_NE(view.plan, old_plan);
  ActInput old;
  old.plan = old_plan;
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::approve, old)), Kind::changed);
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  EXPECT_EQ(world.carriers.numbers_of("bao-lu dung").size(), 60U);
  EXPECT_THAT(world.carriers.numbers_of("bao-lu sai"), IsEmpty());
}

TEST(DeskSubmit, TwoAtOnceAreOneCampaign) {
  DeskWorld world;
  const Submission same = world.submission(Written{}.yaml());
  const auto first = world.begin(world.desk().submit(kLan, same));
  const auto second = world.begin(world.desk().submit(kMai, same));
  const auto other =
      world.begin(world.desk().submit(kMai, world.submission(Written{.text = "bao-lu 2"}.yaml())));
  world.pass(seconds(5));
  ASSERT_TRUE(*first && *second && *other);
  EXPECT_TRUE((**first)->is_new);
  EXPECT_FALSE((**second)->is_new);
  EXPECT_EQ(refused(**other), Kind::conflict);
  EXPECT_EQ(world.view("bao-lu").revision, 1);
}

TEST(DeskSubmit, FaultsHaveTheirPlace) {
  DeskWorld world;
  const auto typo = world.submit(
      "campaign: bao-lu\nclass: public_info\nsender: CALANGSON\n"
      "audience: {files: [people.csv]}\nmesage: {text: x}\n");
  EXPECT_EQ(refused(typo), Kind::wrong);
  EXPECT_THAT(words(typo), HasSubstr("a.yaml:5:1: "));
  EXPECT_THAT(words(typo), HasSubstr("message"));
  EXPECT_EQ(refused(world.submit("campaign: [")), Kind::wrong);
  EXPECT_EQ(refused(world.submit("")), Kind::wrong);
  const auto absent = world.submit(Written{.files = "nobody.csv"});
  EXPECT_EQ(refused(absent), Kind::wrong);
  EXPECT_THAT(words(absent), HasSubstr("nobody.csv"));
  const auto fraud = world.submit(Written{.text = "bao-lu xem http://bit.ly/x"});
  EXPECT_EQ(refused(fraud), Kind::wrong);
  EXPECT_THAT(words(fraud), HasSubstr("a.yaml:6:"));
  EXPECT_THAT(world.desk().campaigns(), IsEmpty());
}

TEST(DeskSubmit, WhoComesFromOutsideNamesNoFilesOfThisMachine) {
  DeskWorld world;
  Submission remote = world.submission(Written{.files = "/etc/passwd"}.yaml());
  remote.folder = "";
  EXPECT_EQ(refused(world.wait(world.desk().submit(kLan, remote))), Kind::wrong);
  EXPECT_EQ(refused(world.wait(world.desk().check(remote))), Kind::wrong);
  // A repetition would read them later.
  remote.document =
      Written{.files = "/etc/passwd", .schedule = {R"(repeat: {every: day, at: "09:00"})"}}.yaml();
  remote.audience = {world.path("incoming/people.csv")};
  const auto repeated = world.wait(world.desk().submit(kLan, remote));
  EXPECT_EQ(refused(repeated), Kind::wrong);
  EXPECT_THAT(words(repeated), HasSubstr("repeat"));
  remote.document = Written{}.yaml();
  EXPECT_TRUE(world.wait(world.desk().submit(kLan, remote)));
}

TEST(DeskSubmit, NumbersWrittenHereAreSentToAndNotKept) {
  DeskWorld world;
  const auto submitted = world.submit(
      "campaign: bao-lu\nclass: public_info\nsender: CALANGSON\n"
      "audience: {numbers: ['0912 345 678', '0902345678']}\nmessage: {text: bao-lu}\n");
  ASSERT_TRUE(submitted) << words(submitted);
  EXPECT_THAT(world.view("bao-lu").document, Not(HasSubstr("345")));
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  EXPECT_THAT(world.carriers.numbers_of("bao-lu"), ElementsAre("84902345678", "84912345678"));
}

TEST(DeskSubmit, CheckSaysWhatWouldBeSentAndDoesNothing) {
  DeskWorld world;
  const auto checked = world.wait(world.desk().check(world.submission(Written{}.yaml())));
  ASSERT_TRUE(checked) << words(checked);
  EXPECT_EQ(checked->campaign.planned, 60U);
  ASSERT_FALSE(checked->samples.empty());
  EXPECT_EQ(checked->samples[0].text, "bao-lu");
  EXPECT_THAT(checked->samples[0].number, HasSubstr("•••"));
  EXPECT_THAT(world.desk().campaigns(), IsEmpty());
  const auto submitted = world.submit(Written{});
  EXPECT_EQ(submitted->plan, checked->campaign.plan);
  const auto plan = world.wait(world.desk().plan("bao-lu"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->campaign.plan, submitted->plan);
  EXPECT_EQ(plan->samples.size(), checked->samples.size());
  EXPECT_EQ(refused(world.wait(world.desk().plan("no-such"))), Kind::unknown);
}

}  // namespace
}  // namespace loa::desk_test
