// Faults of a real server, one by one and many in a row.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/redis_world.hpp"

namespace loa {
namespace {

using namespace std::chrono_literals;

class RedisFaultsTest : public RedisIntakeTest {
 protected:
  // One of nine faults of the server, or a restart of Loa.
  void strike(std::uint64_t what, Random& random, std::unique_ptr<IntakeLife>& loa) {
    switch (what) {
      case 0:  // killed, and its file cut
      case 1: {
        server.kill();
        loa->pass(std::chrono::milliseconds(random.next() % 50));
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(server.folder() + "/appendonlydir")) {
          const std::uintmax_t size = entry.is_regular_file() ? entry.file_size() : 0;
          if (what == 1 && entry.path().string().ends_with(".incr.aof"))
            std::filesystem::resize_file(
                entry.path(), size - std::min<std::uintmax_t>(size, random.next() % 400));
        }
        server.start();
        break;
      }
      case 2:  // stopped for longer than the deadlines
        server.pause();
        loa->pass(std::chrono::milliseconds(random.next() % 1200));
        server.resume();
        break;
      case 3: server.ask({"XGROUP", "DESTROY", kStream, "loa"}); break;
      case 4: server.ask({"FLUSHALL"}); break;
      case 5:
        server.ask({"CONFIG", "SET", "maxmemory", "1"});
        loa->pass(30ms);
        server.ask({"CONFIG", "SET", "maxmemory", "0"});
        break;
      case 6:
        server.ask({"REPLICAOF", "127.0.0.1", "1"});
        loa->pass(30ms);
        server.ask({"REPLICAOF", "NO", "ONE"});
        break;
      case 7: server.ask({"CLIENT", "KILL", "TYPE", "normal"}); break;
      default:  // Loa itself
        loa = nullptr;
        loa = life();
    }
  }
};

// --- faults of the server

TEST_F(RedisFaultsTest, AFullRedisGivesCampaignsAndTakesTheRefusedWhenThereIsRoom) {
  server.ask({"XGROUP", "CREATE", kStream, "loa", "0", "MKSTREAM"});
  queue("title: poison\n");
  queue("campaign: a\n");
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto loa = life();
  ASSERT_TRUE(loa->until(
      [&] { return loa->notices.find(":refused does not take it: OOM") != std::string::npos; }));
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && pending() == "1"; }));
  EXPECT_EQ(loa->state().refused, 0u);
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(loa->until([&] { return loa->state().refused == 1 && is_done(); }));
}

TEST_F(RedisFaultsTest, AReplicaIsToldAndWaitedFor) {
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return is_done(); }));
  queue("campaign: a\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1; }));
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  ASSERT_TRUE(
      loa->until([&] { return loa->state().trouble.find("READONLY") != std::string::npos; }));
  server.ask({"REPLICAOF", "NO", "ONE"});
  queue("campaign: b\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
  EXPECT_TRUE(loa->until([&] { return loa->state().trouble.empty(); }));
}

TEST_F(RedisFaultsTest, AKeyOfAnotherTypeIsToldAndLeftAlone) {
  server.ask({"SET", kStream, "mine"});
  const auto loa = life();
  ASSERT_TRUE(
      loa->until([&] { return loa->state().trouble.find("is no stream") != std::string::npos; }));
  EXPECT_EQ(server.ask({"GET", kStream}), "mine");
  server.ask({"RENAME", kStream, "other"});
  queue("campaign: a\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
}

TEST_F(RedisFaultsTest, AServerThatReadsItsDataIsWaitedFor) {
  for (int i = 0; i < 300; ++i) server.ask({"SET", "k" + std::to_string(i), std::string(100, 'x')});
  server.ask({"BGREWRITEAOF"});
  ASSERT_TRUE(wait_until([&] {
    const std::string info = server.ask({"INFO", "persistence"});
    return info.find("aof_rewrite_in_progress:0") != std::string::npos &&
           info.find("aof_rewrite_scheduled:0") != std::string::npos;
  }));
  queue("campaign: a\n");
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
  server.kill();
  server.launch({"--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"});
  ASSERT_TRUE(
      loa->until([&] { return loa->state().trouble.find("LOADING") != std::string::npos; }));
  ASSERT_TRUE(loa->until([&] { return server.ask({"PING"}) == "PONG"; }));
  queue("campaign: b\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
}

TEST_F(RedisFaultsTest, AStoppedServerIsTriedAgainAndItsLateDeliveryIsRead) {
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return is_done(); }));
  // The command of the cut connection is carried out when the server goes on: what it hands out
  // then is seen by nobody, and read as pending.
  server.pause();
  ASSERT_TRUE(loa->until([&] { return !loa->state().trouble.empty(); }));
  server.resume();
  queue("campaign: a\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
}

// The end of the append-only file is cut off, as a crash of the machine may do.
TEST_F(RedisFaultsTest, ALostEndOfTheAppendOnlyFileIsToldAndTheSameTwiceIsNoHarm) {
  const auto loa = life();
  ASSERT_TRUE(loa->until([&] { return is_done(); }));
  queue("campaign: a\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 1 && is_done(); }));
  std::string file;
  std::uintmax_t kept = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(server.folder() + "/appendonlydir"))
    if (entry.path().string().ends_with(".incr.aof")) file = entry.path();
  ASSERT_FALSE(file.empty());
  kept = std::filesystem::file_size(file);
  queue("campaign: b\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
  server.kill();
  std::filesystem::resize_file(file, kept);
  server.start();
  ASSERT_TRUE(loa->until(
      [&] { return loa->notices.find("Redis lost the end of the stream") != std::string::npos; }));
  queue("campaign: b\n");  // the producer's outbox has it still
  queue("campaign: c\n");
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 3 && is_done(); }));
  EXPECT_EQ(desk.campaigns_taken["b"].times, 2);
}

TEST_F(RedisFaultsTest, AVanishedGroupIsMadeAnewAndWhatWasTakenIsNotTakenTwice) {
  const auto loa = life();
  const std::string csv = "so_dien_thoai\n0912345678\n";
  queue("campaign: a\n");
  queue(fmt::format("campaign: big\naudience: {{chunks: 1, sha256: {}}}\n", hex(csv)));
  queue_part("big", 1, 1, csv);
  ASSERT_TRUE(loa->until([&] { return desk.campaigns_taken.size() == 2 && is_done(); }));
  server.ask({"XGROUP", "DESTROY", kStream, "loa"});
  ASSERT_TRUE(loa->until([&] { return loa->notices.find("its group") != std::string::npos; }));
  ASSERT_TRUE(loa->until([&] { return is_done() && staged() == 0; }));
  EXPECT_EQ(desk.campaigns_taken.size(), 2u);
  EXPECT_EQ(loa->state().taken, 2u);
  EXPECT_EQ(loa->state().refused, 0u);
}

TEST_F(RedisFaultsTest, SaysWhatItsPersistenceMeans) {
  {
    const auto loa = life();
    ASSERT_TRUE(loa->until(
        [&] { return loa->state().durability.find("appendfsync always") != std::string::npos; }));
  }
  server.ask({"CONFIG", "SET", "appendfsync", "everysec"});
  const auto loa = life();
  ASSERT_TRUE(
      loa->until([&] { return loa->state().durability.find("two seconds") != std::string::npos; }));
}

TEST(RedisFailOverTest, TheNewMasterIsReadAndNothingIsTakenTwice) {
  const std::vector<std::string> ports = {std::to_string(free_port()), std::to_string(free_port())};
  const auto on_port = [](const std::string& port) -> std::vector<std::string> {
    return {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"};
  };
  RedisServer first(on_port(ports[0]));
  RedisServer second(on_port(ports[1]));
  second.ask({"REPLICAOF", "127.0.0.1", ports[0]});
  RedisSentinelServer sentinel(std::to_string(free_port()), ports[0]);
  ASSERT_TRUE(wait_until([&] { return sentinel.knows_a_replica(); }));
  RedisAccess access;
  access.address = *parse_redis_url("redis://by-sentinel");
  access.sentinel.master = "loa";
  access.sentinel.hosts = {{"127.0.0.1", sentinel.port()}};
  access.connect_limit = 500ms;
  access.pause_first = 20ms;
  access.pause_max = 100ms;
  RememberingDesk desk;
  TempFolder folder;
  IntakeLife loa(access, desk, folder.path + "/staging");
  first.ask({"XADD", kStream, "*", "campaign", "campaign: a\n"});
  ASSERT_TRUE(loa.until([&] { return desk.campaigns_taken.size() == 1; }));
  ASSERT_TRUE(loa.until([&] { return second.ask({"XLEN", kStream}) == "1"; }));
  first.kill();
  ASSERT_TRUE(loa.until([&] { return second.ask({"ROLE"}).starts_with("master"); }));
  second.ask({"XADD", kStream, "*", "campaign", "campaign: b\n"});
  ASSERT_TRUE(loa.until([&] { return desk.campaigns_taken.size() == 2; }));
  EXPECT_EQ(loa.state().taken, 2u);
  ASSERT_TRUE(loa.until([&] { return second.ask({"XPENDING", kStream, "loa"}).starts_with("0"); }));
}

// --- many faults, one after the other

// Everything that a producer keeps until the status says that Loa has it.
class Producer {
 public:
  Producer(RedisServer& server, Random& random) : server_(server), random_(random) {}

  void begin(int campaign) {
    const std::string id = "c" + std::to_string(campaign);
    std::vector<std::vector<std::string>> entries;
    if (campaign % 2 == 0) {
      entries.push_back({"campaign", "campaign: " + id + "\n"});
    } else {
      std::string csv;
      constexpr int kParts = 5;
      for (int i = 1; i <= kParts; ++i) {
        const std::string part = id + " row " + std::to_string(i) + "\n";
        csv += part;
        entries.push_back({"part", "audience", "campaign", id, "index", std::to_string(i), "count",
                           std::to_string(kParts), "sha256", hex(part), "csv", part});
      }
      expected_[id] = csv;
      entries.push_back(
          {"campaign", fmt::format("campaign: {}\naudience: {{chunks: {}, sha256: {}}}\n", id,
                                   kParts, hex(csv))});
    }
    outbox_[id] = entries;
    ids_.push_back(id);
    send(id);
  }
  // Queues again what has no status yet.
  void repeat() {
    for (const std::string& id : ids_)
      if (server_.ask({"HGET", "loa:campaign:" + id, "state"}) != "waiting") send(id);
  }
  const std::vector<std::string>& ids() const { return ids_; }
  const std::string& expected(const std::string& id) { return expected_[id]; }

 private:
  void send(const std::string& id) {
    auto entries = outbox_[id];
    while (!entries.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(random_.next() % entries.size());
      std::vector<std::string> words{"XADD", kStream, "*"};
      words.insert(words.end(), entries[static_cast<std::size_t>(at)].begin(),
                   entries[static_cast<std::size_t>(at)].end());
      server_.ask(words);
      entries.erase(entries.begin() + at);
    }
  }

  RedisServer& server_;
  Random& random_;
  std::map<std::string, std::vector<std::vector<std::string>>> outbox_;
  std::map<std::string, std::string> expected_;
  std::vector<std::string> ids_;
};

// LOA_REDIS_CYCLES=N runs so many faults, LOA_SEED=N draws others.
TEST_F(RedisFaultsTest, ManyFaultsLoseNothingAndTakeNothingTwice) {
  const char* cycles = std::getenv("LOA_REDIS_CYCLES");
  const char* seed = std::getenv("LOA_SEED");
  const int count = cycles != nullptr ? std::atoi(cycles) : 10;
  const auto random = create_seeded_random(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1);
  Producer producer(server, *random);
  auto loa = life();
  std::string history;
  for (int cycle = 0; cycle < count; ++cycle) {
    producer.begin(cycle);
    loa->pass(std::chrono::milliseconds(random->next() % 20));
    const std::uint64_t what = random->next() % 9;
    history += std::to_string(what) + " ";
    desk.not_now = static_cast<int>(random->next() % 3);
    strike(what, *random, loa);
  }
  // The producer sends what has no status, until all has one.
  SCOPED_TRACE("faults: " + history);
  desk.not_now = 0;
  const auto all_told = [&] {
    for (const std::string& id : producer.ids())
      if (status(id, "state") != "waiting") return false;
    return true;
  };
  for (int i = 0; i < 10 && !loa->until(all_told, 2s); ++i) producer.repeat();
  ASSERT_TRUE(all_told()) << loa->notices;
  ASSERT_TRUE(loa->until([&] { return is_done(); }))
      << server.ask({"XINFO", "GROUPS", kStream}) << "\n"
      << server.ask({"XPENDING", kStream, "loa", "-", "+", "100"}) << "\n"
      << loa->notices;
  for (const std::string& id : producer.ids()) {
    ASSERT_EQ(desk.campaigns_taken.count(id), 1u) << id;
    EXPECT_EQ(desk.campaigns_taken[id].audience, producer.expected(id)) << id;
  }
  EXPECT_EQ(server.ask({"XLEN", kStream + ":refused"}), "0")
      << server.ask({"XRANGE", kStream + ":refused", "-", "+"});
}

}  // namespace
}  // namespace loa
