// What people do with campaigns at the desk.
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

TEST(DeskActs, ReasonsAreAskedForAndKept) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{}));
  for (const Act act : {Act::give_back, Act::reject, Act::stop}) {
    const auto done = world.act(kBinh, "bao-lu", act);
    EXPECT_EQ(refused(done), Kind::wrong);
    EXPECT_THAT(words(done), HasSubstr("say why"));
  }
  EXPECT_EQ(world.state("bao-lu"), "waiting");
  const auto rejected = world.act(kBinh, "bao-lu", Act::reject, because("twice the same"));
  ASSERT_TRUE(rejected);
  EXPECT_EQ(to_string(rejected->state), "rejected");
  EXPECT_EQ(rejected->reason, "binh: twice the same");
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::approve)), Kind::conflict);
  EXPECT_EQ(refused(world.act(kBinh, "bao-lu", Act::retry)), Kind::conflict);
  EXPECT_EQ(refused(world.act(kBinh, "no-such", Act::pause, because("x"))), Kind::unknown);
  const auto resumed = world.act(kBinh, "bao-lu", Act::resume);
  EXPECT_THAT(words(resumed), HasSubstr("'bao-lu' is rejected; resume is possible while it is"));
  world.restart();
  EXPECT_EQ(world.state("bao-lu"), "rejected");
}

// Words come from outside: they are bounded, and hold no number and nothing that paints a screen.
TEST(DeskActs, WordsFromOutsideAreMadeHarmless) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{}));
  const auto too_long =
      world.act(kBinh, "bao-lu", Act::give_back, because(std::string(100'000, 'x')));
  EXPECT_EQ(refused(too_long), Kind::wrong);
  ASSERT_TRUE(
      world.act(kBinh, "bao-lu", Act::give_back, because("ask 0912345678 \x1b[2J and \xff\xfe")));
  world.wait([](Desk& desk) -> Task<bool> {
    co_await desk.deny({std::string(70'000, 'n'), std::string(70'000, 'f')},
                       std::string(70'000, 'a'), std::string(70'000, 'c'),
                       std::string(70'000, 'w'));
    co_return true;
  }(world.desk()));
  world.restart();
  const auto acts = world.desk().acts("");
  ASSERT_EQ(acts.size(), 3U);
  EXPECT_THAT(acts[1].why, HasSubstr("ask 0912••••••"));
  EXPECT_THAT(acts[1].why, Not(HasSubstr("\x1b")));
  EXPECT_TRUE(acts[2].denied);
  EXPECT_LT(acts[2].why.size(), 5'000U);
}

TEST(DeskActs, PauseBeforeItsTimeAndResume) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T09:00:00+07:00"}});
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::pause)), Kind::wrong) << "without a reason";
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::pause, because("the river falls")));
  EXPECT_EQ(world.view("bao-lu").reason, "mai: the river falls");
  world.pass(hours(2));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  world.restart();
  EXPECT_EQ(world.state("bao-lu"), "paused");
  EXPECT_EQ(world.carriers.requests, 0U);
  const auto resumed = world.act(kMai, "bao-lu", Act::resume);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->approved_by, "binh") << "nothing of it has changed";
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished") << "it is not late: it was paused";
}

TEST(DeskActs, CloneAndItsName) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.schedule = {"not_before: 2026-11-24T07:00:00+07:00",
                                                "useful_until: 2026-11-24T09:00:00+07:00"}}));
  ActInput input;
  for (const char* id : {"../../x", "Bao", "", "-x"}) {
    if (*id == '\0') continue;
    input.id = id;
    EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::clone, input)), Kind::wrong) << id;
  }
  input.id = std::string(65, 'a');
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::clone, input)), Kind::wrong);
  input.id = "bao-lu";
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::clone, input)), Kind::conflict);
  input.id = "bao-lu-2";
  const auto named = world.act(kMai, "bao-lu", Act::clone, input);
  ASSERT_TRUE(named) << words(named);
  EXPECT_EQ(named->id, "bao-lu-2");
  EXPECT_EQ(named->author, "mai");
  EXPECT_EQ(named->source, "clone:bao-lu");
  EXPECT_EQ(named->planned, 60U);
  EXPECT_FALSE(named->not_before) << "the old one's hour is not the new one's";
  input.id = "";
  EXPECT_EQ(world.act(kMai, "bao-lu", Act::clone, input)->id, "bao-lu-clone");
  EXPECT_EQ(world.act(kMai, "bao-lu", Act::clone, input)->id, "bao-lu-clone-2");
  world.pass(hours(2));
  EXPECT_EQ(world.state("bao-lu"), "expired");
  const auto late = world.act(kMai, "bao-lu", Act::clone, input);
  EXPECT_EQ(refused(late), Kind::wrong);
  EXPECT_THAT(words(late), HasSubstr("useful_until"));
  input.useful_until = kMorning + hours(10);
  EXPECT_TRUE(world.act(kMai, "bao-lu", Act::clone, input));
  world.check_sums();
}

TEST(DeskActs, ALongNameIsShortenedForThoseMadeFromIt) {
  DeskWorld world;
  const std::string id(64, 'a');
  ASSERT_TRUE(world.submit(Written{.id = id}));
  const auto made = world.act(kMai, id, Act::clone);
  ASSERT_TRUE(made) << words(made);
  EXPECT_LE(made->id.size(), 64U);
  EXPECT_TRUE(made->id.ends_with("-clone"));
}

// While the plan of one is made, another takes the name.
TEST(DeskActs, TwoThatWantOneNameDoNotOverwriteEachOther) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.id = "a"}));
  ASSERT_TRUE(world.submit(Written{.id = "b"}));
  ActInput input;
  input.id = "c";
  const auto first = world.begin(world.desk().act(kMai, "a", Act::clone, input));
  const auto second = world.begin(world.desk().act(kMai, "b", Act::clone, input));
  const auto third =
      world.begin(world.desk().submit(kMai, world.submission(Written{.id = "c"}.yaml())));
  world.pass(seconds(5));
  ASSERT_TRUE(*first && *second && *third);
  const int made = (**first ? 1 : 0) + (**second ? 1 : 0) + (**third ? 1 : 0);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(world.view("c").revision, 1);
  EXPECT_TRUE(world.wait(world.desk().plan("c"))) << "its plan is the one on record";
}

TEST(DeskActs, OnlyThePeopleWhoAreLeftAreTriedAgain) {
  DeskWorld world;
  world.people("few.csv", 6);
  world.carriers.script = [&](const std::string& gateway, const std::vector<std::string>&) {
    return gateway == "mobi" ? Carriers::refuse() : Carriers::take();
  };
  ASSERT_TRUE(world.submit({.files = "few.csv", .more = {"guard: {refused_share: 100}"}}));
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::retry)), Kind::conflict) << "nobody was tried";
  ASSERT_TRUE(world.approve("bao-lu"));
  world.pass(minutes(1));
  ASSERT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.view("bao-lu").accepted, 4U);
  const std::vector<std::string> before = world.carriers.numbers_of("bao-lu");
  world.carriers.script = {};
  world.write("opted-out.csv", "so_dien_thoai\n0901000000\n");
  world.settings.exclusions = {world.path("opted-out.csv")};
  world.restart();
  const auto retry = world.act(kMai, "bao-lu", Act::retry);
  ASSERT_TRUE(retry) << words(retry);
  EXPECT_EQ(retry->id, "bao-lu-retry");
  EXPECT_EQ(retry->planned, 1U) << "two were refused, and one wants no messages by now";
  EXPECT_EQ(to_string(retry->state), "waiting");
  const auto twice = world.act(kMai, "bao-lu", Act::retry);
  EXPECT_EQ(refused(twice), Kind::conflict) << "they would get it twice";
  EXPECT_THAT(words(twice), HasSubstr("bao-lu-retry"));
  ASSERT_TRUE(world.approve("bao-lu-retry"));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu-retry"), "finished");
  EXPECT_EQ(world.carriers.arrivals.back().number, "84901000003");
  EXPECT_EQ(world.carriers.numbers_of("bao-lu").size(), before.size() + 1);
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::retry)), Kind::conflict);
  const auto nobody = world.act(kMai, "bao-lu-retry", Act::retry);
  EXPECT_EQ(refused(nobody), Kind::conflict) << "nobody is left";
  world.check_sums();
}

TEST(DeskActs, ARejectedRetryMayBeMadeAnew) {
  DeskWorld world;
  world.people("few.csv", 6);
  world.carriers.script = [&](const std::string&, const std::vector<std::string>&) {
    return Carriers::refuse();
  };
  world.bring({.files = "few.csv", .more = {"guard: {refused_share: 100}"}});
  world.pass(minutes(1));
  ASSERT_EQ(world.act(kMai, "bao-lu", Act::retry)->planned, 6U);
  ASSERT_TRUE(world.act(kBinh, "bao-lu-retry", Act::reject, because("not now")));
  EXPECT_EQ(world.act(kMai, "bao-lu", Act::retry)->id, "bao-lu-retry-2");
}

TEST(DeskActs, NothingIsTakenWhileTheDiskIsFullOrTheDaemonStops) {
  DeskWorld world;
  ASSERT_TRUE(world.submit(Written{.id = "a"}));
  world.disk_full = true;
  const auto full = world.submit(Written{.id = "b"});
  EXPECT_EQ(refused(full), Kind::not_now) << words(full);
  world.disk_full = false;
  EXPECT_TRUE(world.submit(Written{.id = "b"}));
  world.campaigns_desk().drain();
  world.settle();
  EXPECT_EQ(refused(world.submit(Written{.id = "c"})), Kind::not_now);
  EXPECT_EQ(refused(world.act(kMai, "a", Act::stop, because("x"))), Kind::not_now);
}

TEST(DeskRequests, AreRememberedForADay) {
  DeskWorld world;
  EXPECT_FALSE(world.desk().recall("key"));
  const Desk::Remembered made{"hash", "bao-lu", 201};
  ASSERT_TRUE(world.wait(world.desk().remember("key", made)));
  world.restart(hours(23));
  const auto known = world.desk().recall("key");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->request, "hash");
  EXPECT_EQ(known->campaign, "bao-lu");
  EXPECT_EQ(known->status, 201);
  world.pass(hours(1) + minutes(1));
  EXPECT_FALSE(world.desk().recall("key"));
}

}  // namespace
}  // namespace loa::desk_test
