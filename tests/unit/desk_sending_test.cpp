// Campaigns that are sent: paused, stopped, held, guarded; and what is told of them.
#include <fstream>
#include <iterator>

#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Kind = Refusal::Kind;

TEST(DeskSending, PauseDrainsAndResumeGoesOn) {
  DeskWorld world;
  world.slow_down();
  world.bring({});
  world.pass(seconds(5));
  const auto paused = world.act(kMai, "bao-lu", Act::pause, because("too early"));
  ASSERT_TRUE(paused) << words(paused);
  EXPECT_EQ(to_string(paused->state), "paused");
  EXPECT_EQ(paused->reason, "mai: too early");
  EXPECT_GT(paused->under_way, 0U);
  world.pass(seconds(2));
  const CampaignView drained = world.view("bao-lu");
  EXPECT_EQ(drained.under_way, 0U) << "their outcomes are recorded";
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

// The record tells it in that order, however long the disk takes.
TEST(DeskSending, NoRequestFollowsUponTheLineThatStopsIt) {
  DeskWorld world;
  world.people("people.csv", 500);
  world.carriers.delay = milliseconds(300);
  world.bring({});
  world.pass(seconds(1));
  world.sync_time = milliseconds(200);
  std::vector<std::string> after;
  bool stopped = false;
  const auto told = world.desk().subscribe([&](const Change& change) {
    if (stopped) after.push_back(change.line);
    stopped = stopped || change.line.find(R"("act":"stop")") != std::string::npos;
  });
  ASSERT_TRUE(world.act(kMai, "bao-lu", Act::stop, because("x")));
  world.pass(seconds(5));
  ASSERT_TRUE(stopped);
  EXPECT_THAT(after, Not(IsEmpty())) << "outcomes of what was under way";
  EXPECT_THAT(after, Each(Not(HasSubstr(R"("event":"intent")"))));
}

TEST(DeskSending, PausedAndResumedWithinARequestItGoesOn) {
  DeskWorld world;
  world.slow_down();
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
  world.slow_down();
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
  world.slow_down();
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
  world.slow_down();
  world.bring({});
  world.pass(seconds(3));
  ASSERT_TRUE(world.wait(world.desk().pause_gateway(kMai, "vina", "x")));
  world.pass(seconds(1));
  EXPECT_THAT(world.view("bao-lu").reason, HasSubstr("vina: mai paused the gateway: x"));
}

TEST(DeskSending, AGatewayThatIsGoneIsNotPassedOverInSilence) {
  DeskWorld world;
  world.slow_down();
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
  world.slow_down();
  world.people("people.csv", 300);
  world.bring({.id = "ordinary"});
  world.pass(seconds(10));
  ASSERT_TRUE(world.submit(Written{.id = "khan", .more = {"priority: emergency"}}));
  ASSERT_TRUE(world.approve("khan"));
  world.pass(seconds(2));
  EXPECT_THAT(world.carriers.numbers_of("khan"), Not(IsEmpty()));
}

TEST(DeskSending, AReloadInTheMiddleOfEverythingHarmsNothing) {
  DeskWorld world;
  world.slow_down();
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

// The dispatcher has the gateways of its start: a plan must not count on others.
TEST(DeskSending, AReloadBringsNoGateways) {
  DeskWorld world;
  DeskSettings other = world.settings;
  other.gateways = {world.gateways[0]};
  other.gateways[0].name = "new";
  other.gateways[0].networks = {"vinaphone", "mobifone"};
  world.campaigns_desk().replace(other);
  world.bring({});
  world.pass(minutes(1));
  EXPECT_EQ(world.state("bao-lu"), "finished");
  EXPECT_EQ(world.view("bao-lu").accepted, 60U);
}

}  // namespace
}  // namespace loa::desk_test
