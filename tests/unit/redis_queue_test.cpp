// What the intake from Redis reads and writes, without a server: settings, entries, parts, and the
// status on virtual time.
#include "intake/redis_queue.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "async/task_group.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include "intake/redis_entry.hpp"
#include "intake/redis_parts.hpp"
#include "intake/redis_settings.hpp"
#include "intake/redis_staging.hpp"
#include "intake/redis_status.hpp"
#include "support/model_disk.hpp"
#include "support/seeds.hpp"
#include "support/virtual_clock.hpp"

namespace loa {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// --- settings

struct ReadSettings {
  RedisSettings settings;
  Faults faults;
  std::string text;  // of all faults
};

ReadSettings read(const std::string& yaml) {
  ReadSettings result;
  const auto node = parse_document(yaml, "/etc/loa/loa.yaml", result.faults);
  if (node) result.settings = read_redis_settings(*node, result.faults);
  for (const Fault& fault : result.faults.all())
    result.text += fmt::format("{}:{}:{} ", fault.place.line, fault.place.column, fault.width) +
                   fault.text + "\n";
  return result;
}

TEST(RedisSettingsTest, Defaults) {
  const ReadSettings result = read("{}");
  EXPECT_TRUE(result.faults.ok()) << result.text;
  EXPECT_EQ(to_string(result.settings.access.address), "127.0.0.1:6379");
  EXPECT_EQ(result.settings.stream, "loa:campaigns");
  EXPECT_EQ(result.settings.group, "loa");
}

TEST(RedisSettingsTest, EverythingSet) {
  const ReadSettings result = read(
      "url: rediss://loa@queue:7000/2\n"
      "password: {env: LOA_REDIS_TEST_PASSWORD}\n"
      "ca_file: ca.crt\n"
      "certificate: {file: loa.crt, key: /keys/loa.key}\n"
      "stream: s\n"
      "group: g\n"
      "sentinel: {hosts: [\"10.0.0.1:26380\", s2], master: loa, password: {env: "
      "LOA_REDIS_TEST_SENTINEL}}\n");
  EXPECT_TRUE(result.faults.ok()) << result.text;
  const RedisAccess& access = result.settings.access;
  EXPECT_EQ(access.address.user, "loa");
  EXPECT_EQ(access.address.database, 2);
  EXPECT_EQ(access.ca_file, "/etc/loa/ca.crt");
  EXPECT_EQ(access.key_file, "/keys/loa.key");
  ASSERT_EQ(access.sentinel.hosts.size(), 2u);
  EXPECT_EQ(access.sentinel.hosts[0].port, 26380);
  EXPECT_EQ(access.sentinel.hosts[1].port, 26379);
  EXPECT_FALSE(fetch_access(result.settings));
  ::setenv("LOA_REDIS_TEST_PASSWORD", "s3cr3t", 1);
  ::setenv("LOA_REDIS_TEST_SENTINEL", "other", 1);
  const auto fetched = fetch_access(result.settings);
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->password->reveal(), "s3cr3t");
  EXPECT_EQ(fetched->sentinel.password->reveal(), "other");
}

TEST(RedisSettingsTest, FaultsHaveTheirPlaceAndShowNoPassword) {
  const std::pair<const char*, const char*> wrong[] = {
      {"url: redis://:s3cr3t@h\n", "1:6:0 Redis address: a password does not stand"},
      {"url: http://h\n", "redis://, rediss:// (TLS) or unix://"},
      {"url: redis://a@h\nuser: b\npassword: {env: X}\n", "another than the one in 'url'"},
      {"user: a\n", "needs a 'password'"},
      {"stream: \"a b\"\n", "visible ASCII"},
      {"sentinel: {hosts: [], master: x}\n", "1 to 32 sentinels"},
      {"sentinel: {hosts: [\"redis://a\"], master: x}\n", "is not HOST or HOST:PORT"},
      {"url: unix:///s\nsentinel: {hosts: [a], master: x}\n", "redis:// or rediss://"},
      {"strem: x\n", "did you mean 'stream'"},
      {"password: s3cr3t\n", "a secret is named, not written"},
  };
  for (const auto& [yaml, words] : wrong) {
    const ReadSettings result = read(yaml);
    EXPECT_FALSE(result.faults.ok()) << yaml;
    EXPECT_THAT(result.text, HasSubstr(words)) << yaml;
    EXPECT_EQ(result.text.find("s3cr3t"), std::string::npos) << result.text;
  }
}

TEST(RedisSettingsTest, WhatPersistenceMeans) {
  RedisState state;
  EXPECT_TRUE(durability_of(state).warning);
  EXPECT_THAT(durability_of(state).words, HasSubstr("CONFIG GET"));
  state.appendonly = "yes";
  state.appendfsync = "always";
  EXPECT_FALSE(durability_of(state).warning);
  state.maxmemory_policy = "allkeys-lru";
  EXPECT_TRUE(durability_of(state).warning);
  EXPECT_THAT(durability_of(state).words, HasSubstr("noeviction"));
  state.maxmemory_policy = "noeviction";
  state.appendfsync = "everysec";
  EXPECT_THAT(durability_of(state).words, HasSubstr("two seconds"));
  state.appendfsync = "no";
  EXPECT_TRUE(durability_of(state).warning);
  state.appendonly = "no";
  EXPECT_THAT(durability_of(state).words, HasSubstr("no append-only file"));
}

// --- entries

StreamEntry entry_with(std::vector<std::pair<std::string, std::string>> fields) {
  StreamEntry entry;
  entry.id = "1-0";
  entry.fields = std::move(fields);
  return entry;
}

TEST(RedisEntryTest, CampaignsTellWhatTheIntakeMustKnow) {
  const auto plain =
      read_entry(entry_with({{"campaign", "campaign: a\n"}, {"by", "lan"}, {"trace", "x"}}), "q");
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<QueuedCampaign>(*plain).id, "a");
  EXPECT_EQ(std::get<QueuedCampaign>(*plain).by, "lan");
  const std::string digest(64, 'A');
  const auto chunked = read_entry(
      entry_with({{"campaign", "campaign: a\naudience: {chunks: 3, sha256: " + digest + "}\n"}}),
      "q");
  ASSERT_TRUE(chunked);
  EXPECT_EQ(std::get<QueuedCampaign>(*chunked).chunks->count, 3u);
  EXPECT_EQ(std::get<QueuedCampaign>(*chunked).chunks->sha256, std::string(64, 'a'));
  const auto list = read_entry(
      entry_with({{"campaign", R"({"campaign": "a", "audience": {"redis": {"list": "k"}}})"}}),
      "q");
  ASSERT_TRUE(list);
  EXPECT_TRUE(std::get<QueuedCampaign>(*list).redis->is_list);
  // What is wrong with the rest of it is the desk's to say.
  EXPECT_TRUE(read_entry(entry_with({{"campaign", "[no campaign"}}), "q"));
  for (const char* audience : {"{redis: {set: a, list: b}}", "{redis: {}}", "{redis: x}",
                               "{chunks: 99999999, sha256: x}", "{chunks: 2}"})
    EXPECT_FALSE(read_entry(
        entry_with({{"campaign", std::string("campaign: a\naudience: ") + audience + "\n"}}), "q"))
        << audience;
}

TEST(RedisEntryTest, PartsAreComparedWithTheirHash) {
  const auto part = [](std::string index, std::string count, std::string hash, std::string csv) {
    return read_entry(entry_with({{"part", "audience"},
                                  {"campaign", "a"},
                                  {"index", std::move(index)},
                                  {"count", std::move(count)},
                                  {"sha256", std::move(hash)},
                                  {"csv", std::move(csv)}}),
                      "q");
  };
  const std::string right = to_hex(sha256("0912\n"));
  EXPECT_TRUE(part("1", "2", right, "0912\n"));
  EXPECT_FALSE(part("1", "2", right, "0913\n"));
  EXPECT_FALSE(part("3", "2", right, "0912\n"));
  EXPECT_FALSE(part("0", "2", right, "0912\n"));
  EXPECT_FALSE(part("-1", "2", right, "0912\n"));
  EXPECT_FALSE(part("1", "1e3", right, "0912\n"));
  EXPECT_FALSE(part("1", "1", to_hex(sha256("")), ""));
  const std::string large(kChunkBytesMax + 1, 'x');
  EXPECT_FALSE(part("1", "1", to_hex(sha256(large)), large));
}

TEST(RedisEntryTest, RepliesOfAnyShapeAreReadOrLeft) {
  RedisReply reply;
  EXPECT_FALSE(entry_of(reply));
  reply.kind = RedisReply::Kind::list;
  reply.items.resize(2);
  EXPECT_FALSE(entry_of(reply));
  reply.items[0].kind = RedisReply::Kind::text;
  reply.items[0].text = "1-0";
  ASSERT_TRUE(entry_of(reply));
  EXPECT_TRUE(entry_of(reply)->deleted);
  reply.items[1].kind = RedisReply::Kind::list;
  reply.items[1].items.resize(3);
  EXPECT_FALSE(entry_of(reply));
}

TEST(RedisEntryTest, IdsAreOrderedAsNumbers) {
  EXPECT_TRUE(is_earlier("9-0", "10-0"));
  EXPECT_TRUE(is_earlier("10-9", "10-10"));
  EXPECT_FALSE(is_earlier("10-0", "10-0"));
  EXPECT_TRUE(is_earlier("", "1-0"));
}

// --- parts

RC_GTEST_PROP(RedisPartsTest, EveryMissingPartIsNamedAndNoOther, ()) {
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 9);
  std::set<std::uint32_t> present;
  for (std::uint32_t index = 1; index <= count; ++index)
    if (*rc::gen::arbitrary<bool>()) present.insert(index);
  Assembly assembly;
  assembly.entry = "1-0";
  assembly.count = count;
  for (const std::uint32_t index : present) assembly.parts[index] = {};
  const std::string text = assembly.missing();
  RC_ASSERT(text.empty() == assembly.is_complete());
  if (text.empty()) return;
  std::set<std::uint32_t> named;
  for (const std::string& range : {text.substr(text.find(": ") + 2)}) {
    for (std::size_t at = 0; at < range.size();) {
      const std::size_t end = std::min(range.find(", ", at), range.size());
      const std::string one = range.substr(at, end - at);
      const std::size_t dash = one.find('-');
      const auto from = static_cast<std::uint32_t>(std::stoul(one));
      const auto to = dash == std::string::npos
                          ? from
                          : static_cast<std::uint32_t>(std::stoul(one.substr(dash + 1)));
      for (std::uint32_t index = from; index <= to; ++index) named.insert(index);
      at = end + 2;
    }
  }
  for (std::uint32_t index = 1; index <= count; ++index)
    RC_ASSERT(named.count(index) + present.count(index) == 1u);
}

TEST(RedisPartsTest, ManyGapsAreNotAllNamed) {
  Assembly assembly;
  assembly.count = 1000;
  for (std::uint32_t index = 2; index <= 1000; index += 2) assembly.parts[index] = {};
  EXPECT_EQ(assembly.missing(),
            "the campaign itself is missing; 500 of 1000 parts are missing: 1, 3, 5, 7, 9, 11, 13, "
            "15 and more");
}

// --- staging, on a disk that forgets what was not synced

TEST(RedisStagingTest, PartsBecomeOneFile) {
  ModelDisk disk;
  Staging staging(disk, "data/staging");
  ASSERT_TRUE(staging.open());
  const StagedChunk first{"a-1", 1, 2, to_hex(sha256("x"))};
  const StagedChunk second{"a-1", 2, 2, to_hex(sha256("y"))};
  ASSERT_TRUE(staging.keep(first, "x"));
  ASSERT_TRUE(staging.keep(first, "x"));
  ASSERT_TRUE(staging.keep(second, "y"));
  const auto whole = staging.assemble({first, second}, to_hex(sha256("xy")));
  ASSERT_TRUE(whole) << whole.error().text;
  EXPECT_EQ(disk.bytes(*whole), "xy");
  EXPECT_EQ(staging.assemble({first, second}, to_hex(sha256("yx"))).error().code, Code::config);
  // A start leaves the parts, and nothing else.
  Staging again(disk, "data/staging");
  const auto there = again.open();
  ASSERT_TRUE(there);
  EXPECT_THAT(*there, testing::UnorderedElementsAre(first, second));
  EXPECT_EQ(disk.files(), 2u);
}

// Whatever call the power fails at, or that fails: what was said to be kept is there and whole.
TEST(RedisStagingTest, WhatWasKeptIsThereWheneverThePowerFails) {
  for_each_seed(500, "redis_queue_test", [](std::uint64_t seed) {
    ModelDisk disk(seed);
    const auto random = create_seeded_random(seed);
    std::map<std::uint32_t, std::string> kept;
    const auto part = [](std::uint32_t index, const std::string& csv) {
      return StagedChunk{"a", index, 9, to_hex(sha256(csv))};
    };
    for (int life = 0; life < 3; ++life) {
      Staging staging(disk, "data/staging");
      (random->next() % 2 == 0 ? disk.power_fails_at : disk.call_fails_at) =
          disk.calls() + 1 + random->next() % 30;
      if (staging.open()) {
        for (std::uint32_t index = 1; index <= 9; ++index) {
          const std::string csv(1 + random->next() % 9000, static_cast<char>('0' + index));
          const std::string before = kept.count(index) > 0 ? kept[index] : csv;
          if (staging.keep(part(index, before), before)) kept[index] = before;
        }
      }
      disk.lose_power();
      disk.call_fails_at = ModelDisk::kNever;
    }
    Staging staging(disk, "data/staging");
    const auto there = staging.open();
    ASSERT_TRUE(there);
    for (const auto& [index, csv] : kept) {
      ASSERT_EQ(std::count(there->begin(), there->end(), part(index, csv)), 1) << index;
      EXPECT_TRUE(staging.assemble({part(index, csv)}, to_hex(sha256(csv)))) << index;
    }
  });
}

// --- status

// Answers OK, when it may, and writes down when what was said.
class FakeRedis final : public Redis {
 public:
  explicit FakeRedis(Clock& clock) : clock_(clock) { state_.connections = 1; }
  Task<RedisResult<RedisReply>> command(std::vector<std::string> words, Duration) override {
    if (words[0] == "HSET") said.emplace_back(clock_.now(), words);
    if (failing) co_return tl::unexpected(RedisError{RedisFailure::not_connected, "away"});
    co_return RedisReply{};
  }
  const RedisState& state() const override { return state_; }
  void close(bool) override {}
  void reconnect() { ++state_.connections; }

  std::vector<std::pair<Tick, std::vector<std::string>>> said;
  bool failing = false;

 private:
  Clock& clock_;
  RedisState state_;
};

class StatusMirrorTest : public testing::Test {
 protected:
  StatusMirrorTest() { tasks.spawn(mirror.run()); }
  ~StatusMirrorTest() override {
    mirror.stop();
    clock.run(1s);
  }
  // Virtual time passes only while somebody waits for it.
  void pass(Duration time) {
    const auto wait = [](Clock& of, Tick until) -> Task<void> {
      const std::unique_ptr<Alarm> alarm = of.make_alarm();
      co_await alarm->wait_until(until);
    };
    TaskGroup waiting(context.get_executor(), clock);
    waiting.spawn(wait(clock, clock.now() + time));
    clock.run(time);
  }
  static QueueStatus accepted(std::uint64_t count) {
    QueueStatus status;
    status.state = "sending";
    status.accepted = count;
    return status;
  }
  std::string field(std::size_t at, const std::string& name) {
    const auto& words = redis.said.at(at).second;
    for (std::size_t i = 2; i + 1 < words.size(); i += 2)
      if (words[i] == name) return words[i + 1];
    return "";
  }

  asio::io_context context{1};
  VirtualClock clock{context, Instant{}, 1h};
  FakeRedis redis{clock};
  StatusMirror mirror{redis, clock};
  TaskGroup tasks{context.get_executor(), clock};
};

TEST_F(StatusMirrorTest, AtMostTwiceASecondAndTheLatestWins) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    mirror.show("a", accepted(i));
    pass(10ms);
  }
  pass(2s);
  EXPECT_GE(redis.said.size(), 19u);
  EXPECT_LE(redis.said.size(), 22u);
  for (std::size_t i = 1; i < redis.said.size(); ++i)
    EXPECT_GE(redis.said[i].first - redis.said[i - 1].first, 500ms);
  EXPECT_EQ(field(redis.said.size() - 1, "accepted"), "999");
  EXPECT_EQ(redis.said[0].second[1], "loa:campaign:a");
  for (const char* name :
       {"state", "audience", "planned", "accepted", "refused", "in_doubt", "unsent", "updated_at"})
    EXPECT_NE(field(0, name), "") << name;
}

TEST_F(StatusMirrorTest, OneCampaignDoesNotHoldUpAnother) {
  mirror.show("a", accepted(1));
  pass(10ms);
  mirror.show("a", accepted(2));
  mirror.show("b", accepted(3));
  pass(10ms);
  ASSERT_EQ(redis.said.size(), 2u);
  EXPECT_EQ(redis.said[1].second[1], "loa:campaign:b");
}

TEST_F(StatusMirrorTest, AllAgainAfterANewConnection) {
  mirror.show("a", accepted(1));
  mirror.show("b", accepted(1));
  pass(1s);
  EXPECT_EQ(redis.said.size(), 2u);
  redis.reconnect();
  pass(6s);
  EXPECT_EQ(redis.said.size(), 4u);
  mirror.forget("a");
  redis.reconnect();
  pass(6s);
  EXPECT_EQ(redis.said.size(), 5u);
}

TEST_F(StatusMirrorTest, WithoutRedisTheLatestIsKept) {
  redis.failing = true;
  for (std::uint64_t i = 0; i < 100; ++i) {
    mirror.show("a", accepted(i));
    pass(100ms);
  }
  EXPECT_LE(redis.said.size(), 12u);  // about one try a second
  redis.failing = false;
  redis.said.clear();
  pass(2s);
  ASSERT_EQ(redis.said.size(), 1u);
  EXPECT_EQ(field(0, "accepted"), "99");
}

}  // namespace
}  // namespace loa
