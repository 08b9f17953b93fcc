// Campaigns that are sent: paused, stopped, held, guarded, killed; and what is told of them.
#include <fstream>
#include <iterator>

#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Kind = Refusal::Kind;

// Two messages a second at each gateway, one a request, half a second under way.
void slow_down(DeskWorld& world) {
  for (Gateway& gateway : world.gateways) {
    gateway.limits.messages_per_second = 2;
    gateway.batch = 1;
  }
  world.carriers.delay = milliseconds(500);
  world.restart();
}

TEST(DeskSending, PauseDrainsAndResumeGoesOn) {
  DeskWorld world;
  slow_down(world);
  world.bring({});
  world.pass(seconds(5));
  const auto paused = world.act(kMai, "bao-lu", Act::pause, because("too early"));
  ASSERT_TRUE(paused) << words(paused);
  EXPECT_EQ(to_string(paused->state), "paused");
  EXPECT_EQ(paused->reason, "mai: too early");
  EXPECT_GT(paused->in_doubt, 0U) << "requests are under way";
  world.pass(seconds(2));
  const CampaignView drained = world.view("bao-lu");
  EXPECT_EQ(drained.in_doubt, 0U) << "their outcomes are recorded";
  EXPECT_EQ(drained.accepted, world.carriers.arrivals.size());
  world.pass(minutes(10));
  EXPECT_EQ(world.carriers.arrivals.size(), drained.accepted);
  world.restart();
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  EXPECT_EQ(world.carriers.arrivals.size(), drained.accepted);
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::resume));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  world.check_sums();
}

TEST(DeskSending, PausedAndResumedWithinARequestItGoesOn) {
  DeskWorld world;
  slow_down(world);
  world.bring({});
  world.pass(seconds(2));
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::pause, because("x")));
  const auto resumed = world.act(kMai, "bao-lu", Act::resume);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(to_string(resumed->state), "sending");
  EXPECT_NE(resumed->reason, "mai: x");
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.carriers.arrivals.size(), 60U);
  world.check_sums();
}

TEST(DeskSending, StopKeepsWhatIsUnderWayAndSendsNoMore) {
  DeskWorld world;
  slow_down(world);
  world.bring({});
  world.pass(seconds(5));
  const auto stopped = world.act(kMai, "bao-lu", Act::stop, because("the dam holds"));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(to_string(stopped->state), "stopped");
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::retry)), Kind::not_now) << "not drained yet";
  world.pass(minutes(5));
  const CampaignView view = world.view("bao-lu");
  EXPECT_EQ(to_string(view.state), "stopped");
  EXPECT_EQ(view.reason, "mai: the dam holds");
  EXPECT_EQ(view.accepted, world.carriers.arrivals.size());
  EXPECT_EQ(view.accepted + view.unsent, 60U);
  EXPECT_EQ(view.in_doubt, 0U);
  EXPECT_EQ(refused(world.act(kMai, "bao-lu", Act::resume)), Kind::conflict);
  const auto retry = world.act(kMai, "bao-lu", Act::retry);
  ASSERT_TRUE(retry) << words(retry);
  EXPECT_EQ(retry->planned, view.unsent);
  ASSERT_TRUE(world.approve("bao-lu-retry"));
  world.pass(minutes(2));
  EXPECT_EQ(world.carriers.arrivals.size(), 60U);
  world.check_sums();
}

// on_unknown: resend decides on rows in doubt; it must not decide that a campaign goes on.
TEST(DeskSending, StoppedWithARequestInDoubtItStaysStopped) {
  DeskWorld world;
  slow_down(world);
  world.carriers.script = [](const std::string&, const std::vector<std::string>&) {
    return Carriers::lost();
  };
  world.bring({.more = {"on_unknown: resend"}});
  world.pass(milliseconds(200));
  ASSERT_GT(world.carriers.requests, 0U);
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::stop, because("x")));
  const std::size_t requests = world.carriers.requests;
  world.pass(minutes(10));
  EXPECT_EQ(world.state("bao-lu"), "stopped");
  EXPECT_LE(world.carriers.requests, requests + 2);
  world.restart();
  world.pass(minutes(10));
  EXPECT_EQ(world.state("bao-lu"), "stopped");
  EXPECT_LE(world.carriers.requests, requests + 2);
}

TEST(DeskSending, AHeldGatewayIsWaitedForWithAReason) {
  DeskWorld world;
  bool broken = true;
  world.carriers.script = [&](const std::string& gateway, const std::vector<std::string>&) {
    return broken && gateway == "mobi" ? Carriers::hold() : Carriers::take();
  };
  world.bring({});
  world.pass(minutes(1));
  for (int life = 0; life < 2; ++life) {
    const CampaignView view = world.view("bao-lu");
    EXPECT_EQ(to_string(view.state), "sending");
    EXPECT_THAT(view.reason, HasSubstr("mobi: the gateway is held"));
    EXPECT_THAT(view.reason, HasSubstr("Authorization failed"));
    EXPECT_EQ(view.accepted, 40U) << "the others went on";
    const auto gateways = world.desk().gateways();
    ASSERT_EQ(gateways.size(), 2U);
    EXPECT_EQ(gateways[0].state, "up");
    EXPECT_EQ(gateways[1].state, "held");
    EXPECT_EQ(gateways[1].waiting, 20U);
    const std::size_t requests = world.carriers.requests;
    world.restart(hours(1));
    world.pass(minutes(1));
    EXPECT_EQ(world.carriers.requests, requests) << "only a person lets it try again";
  }
  broken = false;
  EXPECT_EQ(refused(world.wait(world.desk().resume_gateway(kMai, "no-such", ""))), Kind::unknown);
  const auto resumed = world.wait(world.desk().resume_gateway(kMai, "mobi", "the bill is paid"));
  ASSERT_TRUE(resumed) << words(resumed);
  EXPECT_EQ(resumed->state, "up");
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  const auto acts = world.desk().acts("");
  EXPECT_THAT(acts, Contains(testing::AllOf(testing::Field(&ActRecord::gateway, "mobi"),
                                            testing::Field(&ActRecord::who, "mai"))));
  world.check_sums();
}

TEST(DeskSending, APausedGatewayStaysPausedOverARestart) {
  DeskWorld world;
  EXPECT_EQ(refused(world.wait(world.desk().pause_gateway(kMai, "vina", ""))), Kind::wrong);
  const auto paused = world.wait(world.desk().pause_gateway(kMai, "vina", "their maintenance"));
  ASSERT_TRUE(paused) << words(paused);
  EXPECT_EQ(paused->state, "paused");
  EXPECT_EQ(paused->reason, "mai: their maintenance");
  world.bring({});
  world.pass(minutes(1));
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("vina: mai paused the gateway"));
  world.restart();
  world.pass(minutes(1));
  EXPECT_EQ(world.view("bao-lu").accepted, 20U);
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("vina: mai paused the gateway"));
  ASSERT_TRUE(world.wait(world.desk().resume_gateway(kMai, "vina", "")));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
}

TEST(DeskSending, AGatewayPausedMeanwhileIsNamedAtOnce) {
  DeskWorld world;
  slow_down(world);
  world.bring({});
  world.pass(seconds(3));
  ASSERT_TRUE(world.wait(world.desk().pause_gateway(kMai, "vina", "x")));
  world.pass(seconds(1));
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("vina: mai paused the gateway: x"));
}

TEST(DeskSending, AGatewayThatIsGoneIsNotPassedOverInSilence) {
  DeskWorld world;
  slow_down(world);
  world.bring({});
  world.pass(seconds(3));
  world.crash();
  const Gateway mobi = world.gateways.back();
  world.gateways.pop_back();
  world.start();
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("gateway 'mobi' is not configured any more"));
  world.crash();
  world.gateways.push_back(mobi);
  world.start();
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::resume));
  world.pass(minutes(2));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.view("bao-lu").unsent, 0U);
}

TEST(DeskSending, APlanThatWasChangedIsNotSent) {
  DeskWorld world;
  world.bring({.schedule = {"not_before: 2026-11-24T09:00:00+07:00"}});
  const std::string plan = world.path("data/plans/bao-lu.plan");
  std::string bytes;
  {
    std::ifstream in(plan, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::size_t at = bytes.rfind("bao-lu");
  ASSERT_NE(at, std::string::npos);
  std::string forged = bytes;
  forged[at] = 'c';
  std::filesystem::permissions(plan, std::filesystem::perms::owner_all);
  const auto put = [&](const std::string& content) {
    std::ofstream(plan, std::ios::binary | std::ios::trunc) << content;
  };
  put(forged);
  world.pass(hours(2));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("its plan: "));
  EXPECT_EQ(world.carriers.requests, 0U);
  put(bytes);
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::resume));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
}

TEST(DeskSending, ATextThatTheCarrierRefusesSaysSo) {
  DeskWorld world;
  world.crash();
  Faults faults;
  std::string yaml;
  {
    std::ifstream in(LOA_PROJECT "/config/profiles/kannel-sendsms.yaml");
    yaml.assign(std::istreambuf_iterator<char>(in), {});
  }
  world.write("kannel-sendsms.yaml",
              yaml + "  - {http: 451, match: 'forbidden text', class: message}\n");
  const Profile profile = Profile::load(world.path("kannel-sendsms.yaml"), faults);
  ASSERT_TRUE(faults.ok());
  for (Gateway& gateway : world.gateways) gateway.profile = profile;
  world.start();
  world.carriers.script = [](const std::string&, const std::vector<std::string>&) {
    return HttpReply{Transport::answered, 451, "forbidden text", "", ""};
  };
  world.bring({});
  world.pass(minutes(1));
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(world.state("bao-lu"), "stopped");
    EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("refuses the message"));
    world.restart();
  }
}

TEST(DeskGuard, TooManyRefusalsPauseItAndAPersonMayResume) {
  DeskWorld world;
  world.people("people.csv", 200);
  bool bad = true;
  world.carriers.script = [&](const std::string&, const std::vector<std::string>&) {
    return bad ? Carriers::refuse() : Carriers::take();
  };
  world.bring({.more = {"guard: {refused_share: 20, after: 30}"}});
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("loa: 100.0 % of "));
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("outcomes are refusals"));
  EXPECT_GT(world.view("bao-lu").unsent, 50U);
  world.restart();
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "paused");
  bad = false;
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::resume));
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished") << "it counts anew";
  world.check_sums();
}

TEST(DeskGuard, ACanaryGoesFirstAndIsWatched) {
  DeskWorld world;
  world.people("people.csv", 300);
  world.bring({.more = {"guard: {canary: [1, 10], observe: 30s}"}});
  world.pass(seconds(20));
  EXPECT_EQ(world.carriers.arrivals.size(), 3U) << "of 100 rows and of 200 rows";
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("the first messages are being watched"));
  world.restart();
  world.pass(seconds(20));
  EXPECT_EQ(world.carriers.arrivals.size(), 3U) << "the watch begins anew";
  world.pass(seconds(20));
  EXPECT_EQ(world.carriers.arrivals.size(), 30U);
  world.pass(minutes(2));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.carriers.arrivals.size(), 300U);
  world.check_sums();
}

TEST(DeskSending, EmergencyBeginsWithinTwoSecondsBesideOthers) {
  DeskWorld world;
  slow_down(world);
  world.people("people.csv", 300);
  world.bring({.id = "ordinary"});
  world.pass(seconds(10));
  ASSERT_TRUE(world.submit({.id = "khan", .more = {"priority: emergency"}}));
  ASSERT_TRUE(world.approve("khan"));
  world.pass(seconds(2));
  EXPECT_THAT(world.carriers.numbers_of("khan"), Not(IsEmpty()));
}

TEST(DeskSending, AReloadInTheMiddleOfEverythingHarmsNothing) {
  DeskWorld world;
  slow_down(world);
  world.bring({.id = "nhac", .schedule = {R"(repeat: {every: day, at: "08:00", ahead: 2h})"}});
  world.bring({.id = "gui"});
  for (int i = 0; i < 30; ++i) {
    const auto submitted =
        world.begin(world.desk().submit(kLan, world.submission(Written{.id = "m"}.yaml())));
    DeskSettings again = world.settings;
    again.gateways = world.gateways;
    world.campaigns_desk().replace(again);
    world.pass(minutes(50) + milliseconds(i));
    ASSERT_TRUE(*submitted);
  }
  EXPECT_EQ(world.state("gui"), "finished");
  EXPECT_NE(world.record().find("nhac-2026-11-25"), nullptr);
}

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
  slow_down(world);
  world.carriers.delay = seconds(20);
  world.bring({});
  world.pass(seconds(4));
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::pause, because("x")));
  const std::uint64_t under_way = world.view("bao-lu").in_doubt;
  ASSERT_GT(under_way, 2U);
  world.crash();
  world.start();
  // Somebody resumes while the daemon still decides on them.
  const auto resumed = world.begin(world.desk().act(kMai, "bao-lu", Act::resume, ActInput{}));
  world.pass(minutes(10));
  ASSERT_TRUE(*resumed && **resumed);
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.view("bao-lu").in_doubt, under_way);
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
  slow_down(world);
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
