// What people do with campaigns at the desk.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::HasSubstr;
using testing::Not;

using Kind = Refusal::Kind;

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
  const std::string much(70'000, 'x');
  const auto denied = world.begin([](Desk& desk, std::string all) -> Task<bool> {
    const Actor actor{all, all};
    co_await desk.deny(actor, all, all, all);
    co_return true;
  }(world.desk(), much));
  world.pass(seconds(1));
  EXPECT_TRUE(*denied);
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
  ASSERT_TRUE(world.submit(Written{.files = "few.csv", .more = {"guard: {refused_share: 100}"}}));
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
