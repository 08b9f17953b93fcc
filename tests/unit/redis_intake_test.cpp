#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "intake/redis_service.hpp"
#include "support/redis_world.hpp"

namespace loa {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST_F(RedisIntakeTest, TakesWhatIsQueuedAndAcknowledgesIt) {
  const std::string first =
      server.ask({"XADD", kStream, "*", "campaign", "campaign: a\ntitle: t\n", "by", "lan"});
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["a"].actor.name, "lan");
  EXPECT_EQ(desk.campaigns_taken["a"].actor.from, "redis:" + first);
  queue(R"({"campaign": "b", "title": "t"})");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["b"].actor.name, "redis");
  ASSERT_TRUE(loa->until([&] { return status("b", "state") == "waiting"; }));
  EXPECT_EQ(status("b", "planned"), "7");
  EXPECT_EQ(server.ask({"XLEN", kStream}), "2");  // nothing is deleted
  EXPECT_EQ(loa->state().taken, 2u);
}

TEST_F(RedisIntakeTest, TheSameAgainIsNoChangeAndOtherContentIsRefused) {
  const auto loa = life();
  queue("campaign: a\ntitle: one\n");
  queue("campaign: a\ntitle: one\n");
  const std::string other = queue("campaign: a\ntitle: two\n");
  ASSERT_TRUE(loa->until([&] { return desk.submissions == 3 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["a"].times, 2);
  EXPECT_EQ(loa->state().known, 1u);
  const std::string refused = server.ask({"XRANGE", kStream + ":refused", "-", "+"});
  EXPECT_THAT(refused, HasSubstr("id " + other));
  EXPECT_THAT(refused, HasSubstr("another campaign has this id"));
  EXPECT_THAT(refused, HasSubstr("title: two"));
  // The status is the one of the campaign that was taken.
  ASSERT_TRUE(loa->until([&] { return status("a", "state") == "waiting"; }));
}

TEST_F(RedisIntakeTest, WhatCannotBeReadIsRefusedWithItsFaultsAndBlocksNothing) {
  const auto loa = life();
  server.ask({"XADD", kStream, "*", "campain", "campaign: x\n"});
  server.ask({"XADD", kStream, "*", "campaign", "a: [\xFF\n"});
  server.ask({"XADD", kStream, "*", "campaign", "title: no id\n"});
  server.ask({"XADD", kStream, "*", "campaign", "campaign: y\n", "by", "not a name\n"});
  server.ask({"XADD", kStream, "*", "part", "audience", "campaign", "c", "index", "0", "count", "2",
              "sha256", "00", "csv", "x"});
  queue_part("../../etc", 1, 1, "x");
  queue("campaign: z\naudience: {chunks: 0, sha256: x}\n");
  std::string too_much;
  too_much.resize(40'000'000, 'x');
  const std::string huge = queue(too_much);
  queue("campaign: good\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("good") == 1 && is_done(); }));
  EXPECT_EQ(loa->state().refused, 8u);
  const std::string refused = server.ask({"XRANGE", kStream + ":refused", "-", "+"});
  EXPECT_THAT(refused, HasSubstr("is 'campain' that?"));
  EXPECT_THAT(refused, HasSubstr("not UTF-8"));
  EXPECT_THAT(refused, HasSubstr("'campaign' is missing"));
  EXPECT_THAT(refused, HasSubstr("'by' is a user's name"));
  EXPECT_THAT(refused, HasSubstr("counts the parts from 1"));
  EXPECT_THAT(refused, HasSubstr(R"("line":2,"column":20)"));  // chunks: 0
  EXPECT_THAT(refused, HasSubstr("id " + huge));
  EXPECT_THAT(refused, HasSubstr("larger than 32 MiB"));
  ASSERT_TRUE(loa->until([&] { return status("z", "state").empty(); }));
  EXPECT_TRUE(loa->state().trouble.empty());
}

TEST_F(RedisIntakeTest, WhatTheDeskCannotTakeNowIsTriedAgain) {
  desk.not_now = 4;
  const auto loa = life();
  queue("campaign: a\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
  EXPECT_EQ(desk.submissions, 5);
  EXPECT_THAT(loa->notices, HasSubstr("the disk is full"));
  EXPECT_TRUE(loa->until([&] { return loa->state().waiting == 0; }));
}

TEST_F(RedisIntakeTest, PartsComeInAnyOrderAndMoreThanOnce) {
  const auto loa = life();
  const std::vector<std::string> parts = {"so_dien_thoai\n09123", "45678\n091234", "5679\n"};
  const std::string csv = parts[0] + parts[1] + parts[2];
  const std::string campaign =
      fmt::format("campaign: big\naudience: {{chunks: 3, sha256: {}}}\n", hex(csv));
  queue_part("big", 3, 3, parts[2]);
  queue_part("big", 1, 3, parts[0]);
  queue_part("big", 3, 3, parts[2]);
  queue(campaign);
  ASSERT_TRUE(loa->until([&] { return status("big", "reason") == "1 of 3 parts is missing: 2"; }));
  EXPECT_EQ(status("big", "state"), "incoming");
  EXPECT_EQ(pending(), "4");
  EXPECT_EQ(desk.submissions, 0);
  EXPECT_EQ(staged(), 2u);
  struct stat mode = {};
  ASSERT_EQ(::stat((folder.path + "/staging").c_str(), &mode), 0);
  EXPECT_EQ(mode.st_mode & 0777u, 0700u);
  queue_part("big", 2, 3, parts[1]);
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["big"].audience, csv);
  ASSERT_TRUE(loa->until([&] { return staged() == 0; }));
  ASSERT_TRUE(loa->until([&] { return status("big", "state") == "waiting"; }));
}

TEST_F(RedisIntakeTest, MissingPartsAreToldAndToldAgainWhenThatChanges) {
  const auto loa = life();
  queue(fmt::format("campaign: big\naudience: {{chunks: 12, sha256: {}}}\n", hex("x")));
  for (const int index : {1, 2, 5, 12}) queue_part("big", index, 12, "x");
  ASSERT_TRUE(loa->until(
      [&] { return status("big", "reason") == "8 of 12 parts are missing: 3-4, 6-11"; }));
  ASSERT_TRUE(loa->until([&] { return loa->state().incomplete.count("big") == 1; }));
  queue_part("big", 3, 12, "x");
  ASSERT_TRUE(loa->until([&] {
    return loa->notices.find("7 of 12 parts are missing: 4, 6-11") != std::string::npos;
  }));
  ASSERT_TRUE(
      loa->until([&] { return status("big", "reason") == "7 of 12 parts are missing: 4, 6-11"; }));
  // Parts without their campaign are told too.
  queue_part("orphan", 1, 1, "x");
  ASSERT_TRUE(
      loa->until([&] { return status("orphan", "reason") == "the campaign itself is missing"; }));
}

TEST_F(RedisIntakeTest, PartsThatDoNotMakeTheWholeAreRefusedTogether) {
  const auto loa = life();
  queue_part("big", 1, 2, "a");
  queue_part("big", 2, 2, "b");
  queue(fmt::format("campaign: big\naudience: {{chunks: 2, sha256: {}}}\n", hex("something else")));
  ASSERT_TRUE(loa->until([&] { return is_done() && loa->state().refused == 1; }));
  EXPECT_EQ(desk.submissions, 0);
  EXPECT_THAT(server.ask({"XRANGE", kStream + ":refused", "-", "+"}), HasSubstr(hex("ab")));
  ASSERT_TRUE(loa->until([&] { return status("big", "state") == "refused" && staged() == 0; }));
  // The same campaign, queued again and right, is taken.
  queue_part("big", 1, 2, "a");
  queue_part("big", 2, 2, "b");
  queue(fmt::format("campaign: big\naudience: {{chunks: 2, sha256: {}}}\n", hex("ab")));
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("big") == 1 && is_done(); }));
}

TEST_F(RedisIntakeTest, ALaterPartTakesThePlaceOfAnEarlierOne) {
  const auto loa = life();
  queue_part("big", 1, 2, "wrong");
  queue_part("big", 1, 2, "right");
  queue(fmt::format("campaign: big\naudience: {{chunks: 2, sha256: {}}}\n", hex("right!")));
  queue_part("big", 2, 2, "!");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("big") == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["big"].audience, "right!");
  EXPECT_TRUE(loa->until([&] { return staged() == 0; }));
}

TEST_F(RedisIntakeTest, ARestartGoesOnWithThePartsThatWereThere) {
  auto loa = life();
  queue(fmt::format("campaign: big\naudience: {{chunks: 3, sha256: {}}}\n", hex("abc")));
  queue_part("big", 1, 3, "a");
  queue_part("big", 2, 3, "b");
  ASSERT_TRUE(loa->until([&] { return staged() == 2 && pending() == "3"; }));
  loa = nullptr;
  queue_part("big", 3, 3, "c");
  loa = life();
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("big") == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["big"].audience, "abc");
}

TEST_F(RedisIntakeTest, PartsOutliveARedisThatLosesEverything) {
  auto loa = life();
  queue_part("big", 1, 2, "a");
  ASSERT_TRUE(loa->until([&] { return staged() == 1 && pending() == "1"; }));
  server.ask({"FLUSHALL"});
  ASSERT_TRUE(
      loa->until([&] { return loa->notices.find("Redis lost the stream") != std::string::npos; }));
  loa = nullptr;
  queue(fmt::format("campaign: big\naudience: {{chunks: 2, sha256: {}}}\n", hex("ab")));
  queue_part("big", 2, 2, "b");
  loa = life();
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("big") == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["big"].audience, "ab");
}

TEST_F(RedisIntakeTest, APartDamagedOnTheDiskIsReadFromRedisAgain) {
  auto loa = life();
  queue_part("big", 1, 2, "a");
  queue(fmt::format("campaign: big\naudience: {{chunks: 2, sha256: {}}}\n", hex("ab")));
  ASSERT_TRUE(loa->until([&] { return staged() == 1 && pending() == "2"; }));
  for (const auto& file : std::filesystem::directory_iterator(folder.path + "/staging"))
    std::ofstream(file.path()) << "z";
  queue_part("big", 2, 2, "b");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("big") == 1 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["big"].audience, "ab");
  EXPECT_THAT(loa->notices, HasSubstr("part 1 of the audience of big was damaged"));
}

TEST_F(RedisIntakeTest, WhatADeadConsumerLeftIsTakenOverAndWhatWasDeletedIsToldAsLost) {
  server.ask({"XGROUP", "CREATE", kStream, "loa", "0", "MKSTREAM"});
  queue("campaign: left\n");
  const std::string deleted = queue("campaign: deleted\n");
  server.ask({"XREADGROUP", "GROUP", "loa", "dead", "COUNT", "10", "STREAMS", kStream, ">"});
  server.ask({"XDEL", kStream, deleted});
  ASSERT_EQ(pending(), "2");
  const auto loa = life([](RedisIntakeOptions& options) { options.min_idle = 50ms; });
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("left") == 1 && is_done(); }));
  EXPECT_EQ(loa->state().lost, 1u);
  EXPECT_THAT(loa->notices, HasSubstr(deleted + " is gone"));
}

TEST_F(RedisIntakeTest, WhatWasDeletedAfterItWasHandedToUsIsToldAsLost) {
  server.ask({"XGROUP", "CREATE", kStream, "loa", "0", "MKSTREAM"});
  const std::string deleted = queue("campaign: deleted\n");
  server.ask({"XREADGROUP", "GROUP", "loa", "node-1", "STREAMS", kStream, ">"});
  server.ask({"XDEL", kStream, deleted});
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return loa->state().lost == 1 && is_done(); }));
}

TEST_F(RedisIntakeTest, AnEntryThatEndsTheProcessEachTimeIsRefusedInTheEnd) {
  server.ask({"XGROUP", "CREATE", kStream, "loa", "0", "MKSTREAM"});
  const std::string entry = queue("campaign: a\n");
  const std::string part = queue_part("b", 1, 2, "x");
  server.ask({"XREADGROUP", "GROUP", "loa", "node-1", "STREAMS", kStream, ">"});
  server.ask({"XCLAIM", kStream, "loa", "node-1", "0", entry, part, "RETRYCOUNT", "40"});
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return loa->state().refused == 1; }));
  EXPECT_EQ(desk.submissions, 0);
  EXPECT_THAT(server.ask({"XRANGE", kStream + ":refused", "-", "+"}),
              HasSubstr("handed out 41 times"));
  // A part that waits for the others comes at each start, and is no such entry.
  ASSERT_TRUE(loa->until([&] { return staged() == 1; }));
  queue(fmt::format("campaign: b\naudience: {{chunks: 2, sha256: {}}}\n", hex("xy")));
  queue_part("b", 2, 2, "y");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.count("b") == 1 && is_done(); }));
}

TEST_F(RedisIntakeTest, AnAudienceFromASetOrAList) {
  std::set<std::string> numbers;
  std::vector<std::string> words{"SADD", "people"};
  for (int i = 0; i < 5000; ++i) {
    numbers.insert(std::to_string(84912000000 + i));
    words.push_back(std::to_string(84912000000 + i));
  }
  server.ask(words);
  server.ask({"RPUSH", "list", "0912345678", "0912, \"345\" 679"});
  const auto loa = life();
  queue("campaign: set\naudience: {redis: {set: people}, phone_column: sdt}\n");
  queue(R"({"campaign": "list", "audience": {"redis": {"list": "list"}}})");
  queue("campaign: none\naudience: {redis: {set: nothing}}\n");
  queue("campaign: type\naudience: {redis: {set: list}}\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["list"].audience,
            "so_dien_thoai\n0912345678\n\"0912, \"\"345\"\" 679\"\n");
  std::istringstream csv(desk.campaigns_taken["set"].audience);
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "sdt");
  std::set<std::string> rows;
  while (std::getline(csv, line)) rows.insert(line);
  EXPECT_EQ(rows, numbers);
  EXPECT_EQ(loa->state().refused, 2u);
  const std::string refused = server.ask({"XRANGE", kStream + ":refused", "-", "+"});
  EXPECT_THAT(refused, HasSubstr("the set 'nothing' in Redis is empty"));
  EXPECT_THAT(refused, HasSubstr("holds something else"));
  EXPECT_EQ(staged(), 0u);
  EXPECT_THAT(loa->notices, Not(HasSubstr("changed while")));
}

TEST_F(RedisIntakeTest, WithoutRedisTheRestGoesOnAndItIsSeen) {
  server.kill();
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return !loa->state().trouble.empty(); }));
  EXPECT_THAT(loa->state().trouble, HasSubstr("cannot be reached"));
  QueueStatus status_now;
  status_now.state = "sending";
  loa->mirror().show("a", status_now);
  loa->pass(50ms);
  server.start();
  queue("campaign: b\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1; }));
  ASSERT_TRUE(loa->until([&] { return status("a", "state") == "sending"; }));
  EXPECT_TRUE(loa->until([&] { return loa->state().trouble.empty(); }));
}

TEST_F(RedisIntakeTest, StatusIsWrittenAgainForARedisThatLostIt) {
  const auto loa = life();
  QueueStatus status_now;
  status_now.state = "sending";
  loa->mirror().show("a", status_now);
  ASSERT_TRUE(loa->until([&] { return status("a", "state") == "sending"; }));
  server.ask({"FLUSHALL"});
  server.kill();
  server.start();
  ASSERT_TRUE(loa->until([&] { return status("a", "state") == "sending"; }));
}

TEST_F(RedisIntakeTest, StopsAtOnceThoughItWaitsForEntries) {
  const auto loa = life([](RedisIntakeOptions& options) {
    options.block = 600s;
    options.takeover_every = 600s;
    options.gap_every = 600s;
  });
  ASSERT_TRUE(loa->until(
      [&] { return server.ask({"CLIENT", "LIST"}).find("cmd=xreadgroup") != std::string::npos; }));
  const auto begin = std::chrono::steady_clock::now();
  loa->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

// The example for whoever queues works as it is written.
TEST_F(RedisIntakeTest, TheExampleOfAProducerWorks) {
  const auto loa = life();
  std::string csv = "so_dien_thoai\n";
  for (int i = 0; i < 100'000; ++i) csv += std::to_string(84912000000 + i) + "\n";
  std::ofstream(folder.path + "/a.csv") << csv;
  std::ofstream(folder.path + "/a.yaml") << "campaign: a\ntitle: t\n";
  std::ofstream(folder.path + "/b.json") << R"({"campaign": "b", "title": "t"})";
  std::ofstream(folder.path + "/c.yaml") << "campaign: c\nby: [\n";
  const auto run = [&](const std::string& words) {
    pid_t process = launch_process({"sh", "-c",
                                    "exec python3 " LOA_PROJECT
                                    "/config/queue/queue_campaign.py --wait 30 --url " +
                                        server.url() + " " + words + " >" + folder.path + "/out"});
    int status_of_process = 0;
    loa->until([&] { return ::waitpid(process, &status_of_process, WNOHANG) == process; });
    return WEXITSTATUS(status_of_process);
  };
  EXPECT_EQ(run(folder.path + "/a.yaml --by lan --audience " + folder.path + "/a.csv"), 0);
  EXPECT_EQ(desk.campaigns_taken["a"].audience, csv);
  EXPECT_EQ(desk.campaigns_taken["a"].actor.name, "lan");
  EXPECT_THAT(read_all(folder.path + "/out"), HasSubstr("a: waiting"));
  EXPECT_EQ(run(folder.path + "/b.json --audience " + folder.path + "/a.csv"), 0);
  EXPECT_EQ(desk.campaigns_taken["b"].audience, csv);
  EXPECT_EQ(run(folder.path + "/a.yaml --by lan --audience " + folder.path + "/a.csv"), 0);
  EXPECT_EQ(desk.campaigns_taken.size(), 2u);
}

TEST_F(RedisIntakeTest, TheServiceShowsWhatTheDeskDoes) {
  asio::io_context context{1};
  const auto clock = create_system_clock(context.get_executor());
  const auto random = create_seeded_random(1);
  const auto disk = create_system_disk();
  Workers workers(1);
  RedisSettings settings;
  settings.access = access();
  RedisIntakeOptions options;
  options.node = "node-1";
  desk.campaigns_taken["before"].document = "campaign: before\n";
  auto service = RedisService::create(
      {context.get_executor(), *clock, *random, workers, *disk, desk, [](const IntakeNotice&) {}},
      settings, options, folder.path + "/staging");
  ASSERT_TRUE(service);
  TaskGroup tasks(context.get_executor(), *clock);
  tasks.spawn((*service)->run());
  const auto until = [&](const std::function<bool()>& condition) {
    return wait_until([&] {
      context.poll();
      return condition();
    });
  };
  ASSERT_TRUE(until([&] { return status("before", "accepted") == "0"; }));
  queue("campaign: a\n");
  ASSERT_TRUE(until([&] { return status("a", "state") == "waiting"; }));
  desk.accepted = 5;
  Change change;
  change.campaign = "a";
  for (int i = 0; i < 1000; ++i) desk.tell(change);
  ASSERT_TRUE(until([&] { return status("a", "accepted") == "5"; }));
  EXPECT_TRUE((*service)->connection().connected);
  EXPECT_EQ((*service)->intake().taken, 1u);
  (*service)->stop();
  context.run();
  EXPECT_EQ(desk.tell, nullptr);
}

}  // namespace
}  // namespace loa
