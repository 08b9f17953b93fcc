// What the desk tells: changes as they come, the story of a number.
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Kind = Refusal::Kind;

TEST(DeskChanges, ComeInOrderAndWithoutGaps) {
  DeskWorld world;
  std::vector<std::uint64_t> seen;
  const auto subscription =
      world.desk().subscribe([&](const Change& change) { seen.push_back(change.lsn); });
  const auto none = world.desk().changes_after(world.record().lines() - 1);
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, IsEmpty());
  const std::uint64_t start = world.record().lines() - 1;
  world.bring({});
  world.pass(minutes(1));
  ASSERT_GT(seen.size(), 10U);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], start + 1 + i);
  EXPECT_EQ(seen.back() + 1, world.record().lines());
  const auto all = world.desk().changes_after(start);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), seen.size());
  EXPECT_EQ(all->front().lsn, seen.front());
  EXPECT_EQ(all->front().campaign, "bao-lu");
  EXPECT_THAT(all->front().line, HasSubstr("\"event\":\"submitted\""));
  EXPECT_EQ(world.desk().changes_after(seen[4])->size(), seen.size() - 5);
  EXPECT_THAT(*world.desk().changes_after(seen.back()), IsEmpty());
  world.restart();
  EXPECT_FALSE(world.desk().changes_after(start)) << "not remembered: look at everything again";
  EXPECT_THAT(*world.desk().changes_after(world.record().lines() - 1), IsEmpty());
  for (const Change& change : *all) EXPECT_THAT(change.line, Not(HasSubstr("8490")));
}

TEST(DeskChanges, ASubscriberMayLeaveFromWithin) {
  DeskWorld world;
  int first = 0;
  int second = 0;
  int late = 0;
  Desk::Subscription one;
  Desk::Subscription two;
  Desk::Subscription three;
  one = world.desk().subscribe([&](const Change&) {
    ++first;
    one.reset();
    three = world.desk().subscribe([&](const Change&) { ++late; });
  });
  two = world.desk().subscribe([&](const Change&) { ++second; });
  ASSERT_TRUE(world.submit(Written{}));
  EXPECT_EQ(first, 1);
  EXPECT_GE(second, 2);
  EXPECT_EQ(late, second - 1);
  world.crash();  // the subscriptions outlive the desk
  two.reset();
  three.reset();
  world.start();
}

TEST(DeskExplain, TellsTheStoryOfANumber) {
  DeskWorld world;
  world.people("people.csv", 3);  // 0901000000, 0911000001, 0911000002
  world.write("opted-out.csv", "so_dien_thoai\n0911000002\n");
  world.settings.exclusions = {world.path("opted-out.csv")};
  world.carriers.script = [](const std::string& gateway, const std::vector<std::string>&) {
    return gateway == "mobi" ? Carriers::refuse() : Carriers::take();
  };
  world.restart();
  world.bring({.schedule = {"not_before: 2026-11-24T09:00:00+07:00"},
               .more = {"guard: {refused_share: 100}"}});
  const auto of = [&](const std::string& number, const std::string& campaign = "") {
    const auto told = world.wait(world.desk().explain(number, campaign));
    EXPECT_TRUE(told) << words(told);
    return told ? *told : std::vector<Explanation>{};
  };
  auto waits = of("0911 000 001");
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits[0].campaign, "bao-lu");
  EXPECT_EQ(waits[0].state, "planned");
  EXPECT_THAT(waits[0].lines, Contains(HasSubstr("waits: its time is 2026-11-24 09:00")));
  world.pass(hours(2));
  const auto sent = of("+84911000001", "bao-lu");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].state, "accepted");
  EXPECT_THAT(
      sent[0].lines,
      testing::IsSupersetOf({HasSubstr("for gateway vina (vinaphone)"),
                             HasSubstr("2026-11-24 08:00  approve by binh"),
                             HasSubstr("2026-11-24 09:00  attempt 1 through gateway vina"),
                             HasSubstr("accepted"), HasSubstr("the campaign ended: finished")}));
  const auto refused_one = of("0901000000");
  EXPECT_EQ(refused_one[0].state, "refused");
  EXPECT_THAT(refused_one[0].lines, Contains(HasSubstr("refused")));
  EXPECT_THAT(of("0911000002")[0].lines, ElementsAre(HasSubstr("who want no messages")));
  EXPECT_EQ(of("0911000002")[0].state, "");
  EXPECT_THAT(of("0912999999")[0].lines, ElementsAre(HasSubstr("was not in the audience")));
  EXPECT_EQ(refused(world.wait(world.desk().explain("12", ""))), Kind::wrong);
  EXPECT_EQ(refused(world.wait(world.desk().explain("0911000001", "no-such"))), Kind::unknown);
  for (const auto& line : sent[0].lines) EXPECT_THAT(line, Not(HasSubstr("911000001")));
  std::filesystem::remove(world.path("data/plans/bao-lu.plan"));
  ASSERT_TRUE(world.submit(Written{.id = "khac"}));
  const auto after = of("0911000001");
  ASSERT_EQ(after.size(), 2U) << "a plan that is lost hides no other campaign";
  EXPECT_EQ(after[1].state, "planned");
}

TEST(DeskExplain, IsToldWhileOthersAreSent) {
  DeskWorld world;
  world.people("people.csv", 400);
  world.bring({});
  for (int i = 0; i < 20; ++i) {
    const auto told = world.wait(world.desk().explain("0911000001", ""));
    ASSERT_TRUE(told);
    for (const std::string& line : (*told)[0].lines) EXPECT_THAT(line, Not(HasSubstr("journal")));
    world.pass(milliseconds(100));
  }
}

}  // namespace
}  // namespace loa::desk_test
