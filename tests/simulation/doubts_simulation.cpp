// Rows in doubt, rung by rung: what carriers of each kind see, and what is recorded.
#include <random>
#include <set>

#include "simulation/world.hpp"
#include "support/seeds.hpp"

namespace loa::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

World make_world(const std::string& profile, std::size_t rows = 500,
                 OnUnknown on_unknown = OnUnknown::hold) {
  World world(rows, on_unknown);
  Faults faults;
  const Profile loaded = Profile::load(LOA_TEST_DATA "/profiles/" + profile + ".yaml", faults);
  EXPECT_TRUE(faults.ok());
  for (Gateway& gateway : world.gateways) gateway.profile = loaded;
  return world;
}

HttpReply say(int status, const std::string& key, const std::string& word) {
  return {Transport::answered, status, "{\"" + key + "\":\"" + word + "\"}", "", ""};
}
HttpReply busy() { return say(503, "code", "busy"); }
HttpReply throttled() { return say(429, "code", "slow"); }

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string::npos) return "";
  return text.substr(begin + before.size(),
                     text.find(after, begin + before.size()) - begin - before.size());
}

// A carrier that knows its requests by their references, and tells when asked.
class Office {
 public:
  explicit Office(World& world) : world_(world) {}

  // Takes the request at hand, unless it has it already.
  HttpReply take() {
    if (!known_.insert(reference()).second) return say(200, "code", "known");
    for (const std::string& number : world_.truth.requests.back().numbers)
      ++world_.truth.accepted[number];
    return say(200, "code", "ok");
  }
  bool knows() const { return known_.contains(reference()); }
  bool asked() const { return latest().starts_with("GET "); }
  HttpReply tell() const {
    const std::string reference = between(latest(), "/messages/", "\n");
    EXPECT_EQ(reference.size(), 26U);
    return known_.contains(reference) ? say(200, "state", "sent") : say(404, "state", "unknown");
  }

 private:
  std::string reference() const { return between(latest(), "\"id\":\"", "\""); }
  const std::string& latest() const { return world_.truth.requests.back().bytes; }

  World& world_;
  std::set<std::string> known_;
};

// How often each request came. Of one reference all bytes are the same.
std::map<std::string, int> by_reference(const World& world) {
  std::map<std::string, int> times;
  std::map<std::string, std::string> bytes;
  for (const Arrived& one : world.truth.requests) {
    const std::string reference = between(one.bytes, "\"id\":\"", "\"");
    if (reference.empty()) continue;
    ++times[reference];
    const auto [known, is_new] = bytes.try_emplace(reference, one.bytes);
    if (!is_new) {
      EXPECT_EQ(known->second, one.bytes);
    }
  }
  return times;
}

void expect_once(const World& world, std::size_t people) {
  EXPECT_EQ(world.truth.accepted.size(), people);
  for (const auto& [number, times] : world.truth.accepted) EXPECT_EQ(times, 1) << number;
}

std::size_t lines_with(const World& world, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(world.lines.begin(), world.lines.end(),
                    [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

TEST(Doubts, ALostAnswerIsRepeatedByteForByteAndNobodyHasItTwice) {
  World world = make_world("idempotent");
  Office office(world);
  int requests = 0;
  const auto ending = world.run([&](const auto&, const auto&) {
    switch (++requests % 5) {
      case 0: office.take(); return lost();
      case 1: return lost();
      default: return office.take();
    }
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
  EXPECT_EQ(world.balance().in_doubt, 0U);
  expect_once(world, 500);
  int repeated = 0;
  for (const auto& [reference, times] : by_reference(world)) repeated += times > 1 ? 1 : 0;
  EXPECT_GT(repeated, 3);
  EXPECT_EQ(lines_with(world, "the gateway refuses a reference it knows"),
            world.truth.requests.size() - by_reference(world).size());
  expect_pace(world.truth, 200);
}

TEST(Doubts, TheSameBytesAfterACrashAndUnderOtherLimits) {
  World world = make_world("idempotent");
  Office office(world);
  // Dies with four requests under way, whose rows the carrier has.
  EXPECT_FALSE(world.run(
      [&](const auto&, const auto&) {
        office.take();
        return lost();
      },
      milliseconds(515)));
  const std::map<std::string, int> before = by_reference(world);
  ASSERT_GE(before.size(), 4U);
  for (Gateway& gateway : world.gateways) {
    gateway.limits.messages_per_second = 70;
    gateway.limits.in_flight = 1;
  }
  world.truth.arrivals.clear();
  const auto ending = world.run([&](const auto&, const auto&) { return office.take(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(world.balance().accepted, 500U);
  expect_once(world, 500);
  const std::map<std::string, int> after = by_reference(world);
  for (const auto& [reference, times] : before) EXPECT_EQ(after.at(reference), times + 1);
  expect_pace(world.truth, 70);
}

TEST(Doubts, ARequestAboveTodaysLimitsIsNotRepeated) {
  World world = make_world("idempotent");
  Office office(world);
  EXPECT_FALSE(world.run(
      [&](const auto&, const auto&) {
        office.take();
        return lost();
      },
      milliseconds(15)));
  world.truth.arrivals.clear();
  for (Gateway& gateway : world.gateways) gateway.limits.messages_per_second = 30;
  const auto ending = world.run([&](const auto&, const auto&) { return office.take(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 100U);
  EXPECT_EQ(world.balance().accepted, 400U);
  expect_once(world, 500);
  expect_pace(world.truth, 30);
}

TEST(Doubts, TheWindowEndsTheRepetitions) {
  World world = make_world("idempotent", 40);
  world.settings.schedule.useful_until = kStart + hours(12);
  const auto ending = world.run([&](const auto&, const auto&) { return lost(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 40U);
  const std::map<std::string, int> times = by_reference(world);
  EXPECT_EQ(times.size(), 2U);
  for (const auto& [reference, count] : times) EXPECT_GT(count, 10);
  EXPECT_LT(world.truth.requests.back().at, Tick{} + hours(2) - minutes(1));
}

TEST(Doubts, AfterTheWindowNothingIsRepeated) {
  World world = make_world("idempotent", 40);
  world.settings.schedule.useful_until = kStart + hours(12);
  EXPECT_FALSE(world.run([&](const auto&, const auto&) { return lost(); }, milliseconds(15)));
  world.elapsed += hours(3);
  const std::size_t before = world.truth.requests.size();
  const auto ending = world.run([&](const auto&, const auto&) { return lost(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 40U);
  EXPECT_EQ(world.truth.requests.size(), before);
}

// Its intent waits for room on the disk until the carrier has forgotten the reference.
TEST(Doubts, ARepetitionThatComesTooLateIsNotSent) {
  World world = make_world("idempotent", 40);
  world.settings.schedule.useful_until = kStart + hours(12);
  bool begun = false;
  const auto ending = world.run([&](const auto&, const auto&) {
    if (!std::exchange(begun, true)) {
      world.at(Tick{} + milliseconds(500), [&] {
        world.disk.failure = Code::cannot_write;
        world.disk.fails_for_good = true;
        world.disk.call_fails_at = 1;
      });
      world.at(Tick{} + hours(3), [&] { world.disk.call_fails_at = ModelDisk::kNever; });
    }
    return lost();
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 40U);
  EXPECT_EQ(world.truth.requests.size(), 2U);
  EXPECT_EQ(lines_with(world, "not sent: too late"), 2U);
}

TEST(Doubts, ARepetitionThatIsNotTakenStaysInDoubtAndTogether) {
  World world = make_world("idempotent", 40);
  Office office(world);
  int requests = 0;
  // The first answers are lost; then the carrier is too busy, too often to be given so many tries;
  // the process dies in between.
  const auto script = [&](const auto&, const auto&) {
    if (++requests <= 2) {
      office.take();
      return lost();
    }
    if (requests % 7 == 0) return not_sent();
    if (requests <= 60) return throttled();
    return requests <= 64 ? busy() : office.take();
  };
  EXPECT_FALSE(world.run(script, seconds(20)));
  EXPECT_EQ(world.balance().in_doubt, 40U);
  EXPECT_EQ(world.balance().unsent, 0U);
  const auto ending = world.run(script);
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 40U);
  EXPECT_EQ(by_reference(world).size(), 2U);
  expect_once(world, 40);
}

TEST(Doubts, ADrainLeavesARepetitionForTheNextRun) {
  World world = make_world("idempotent", 40);
  Office office(world);
  const auto ending = world.run(
      [&](const auto&, const auto&) {
        office.take();
        return lost();
      },
      hours(1), milliseconds(300));
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::interrupted);
  EXPECT_EQ(**world.run([&](const auto&, const auto&) { return office.take(); }), Ending::finished);
  EXPECT_EQ(world.balance().accepted, 40U);
  expect_once(world, 40);
}

TEST(Doubts, WhatTheCarrierFindsIsNotSentAgain) {
  World world = make_world("askable", 200);
  Office office(world);
  const auto ending = world.run([&](const auto&, const auto&) {
    if (office.asked()) return office.tell();
    office.take();
    return lost();
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 200U);
  expect_once(world, 200);
  for (const auto& [reference, times] : by_reference(world)) EXPECT_EQ(times, 1);
  EXPECT_GE(world.now() - Tick{}, seconds(30));
  EXPECT_EQ(lines_with(world, "\"by\":\"query\""), by_reference(world).size());
}

TEST(Doubts, WhatTheCarrierNeverHadIsSentAfterTwoQuestions) {
  World world = make_world("askable", 200);
  Office office(world);
  int questions = 0;
  const auto ending = world.run([&](const auto&, const auto&) {
    if (office.asked()) {
      ++questions;
      return office.tell();
    }
    return world.now() < Tick{} + seconds(20) ? lost() : office.take();
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 200U);
  expect_once(world, 200);
  EXPECT_EQ(questions % 2, 0);
  EXPECT_GE(world.now() - Tick{}, seconds(90));
}

TEST(Doubts, ACarrierThatDoesNotSayLeavesThemToAPerson) {
  World world = make_world("askable", 40);
  Office office(world);
  const auto ending = world.run([&](const auto&, const auto&) {
    return office.asked() ? say(500, "state", "down") : lost();
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 40U);
  EXPECT_EQ(world.truth.requests.size(), 2U + 2 * kAsksMax);
}

TEST(Doubts, WhereAReceiptMayTellNothingIsSentAgain) {
  World world = make_world("receipted", 200, OnUnknown::resend);
  const auto ending = world.run([&](const auto&, const auto&) { return lost(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().in_doubt, 200U);
  for (const auto& [reference, times] : by_reference(world)) EXPECT_EQ(times, 1);
}

// The lane stands before rows that a restart gives to the queue: only one of them may take them.
TEST(Doubts, AResendDecidedAtAStartIsTakenOnce) {
  World world(200, OnUnknown::resend);
  const auto split = [&](const auto&, const auto& numbers) {
    return numbers.size() == 25 && world.now() > Tick{} + milliseconds(300) ? lost()
                                                                            : Carrier::code("23");
  };
  EXPECT_FALSE(world.run(split, milliseconds(385)));
  ASSERT_GT(world.balance().in_doubt, 0U);
  world.elapsed += seconds(10);
  // The lane is asked at once, before what is in the queue is due.
  for (Gateway& gateway : world.gateways) gateway.limits.messages_per_second = 0;
  const auto ending =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(world.balance().accepted, 200U);
  expect_once(world, 200);
}

// Random faults and crashes against carriers that can be repeated to, or asked: nobody twice, and
// nobody left in doubt once the carrier answers.
void live(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  World world = make_world(random() % 2 == 0 ? "idempotent" : "askable", 200);
  Office office(world);
  bool faulty = true;
  const auto script = [&](const auto&, const auto& numbers) {
    const std::uint64_t fate = faulty ? random() % 20 : 100;
    if (fate == 0) return not_sent();
    if (fate == 1) return lost();
    if (fate == 2) return throttled();
    if (office.asked()) return office.tell();
    if (fate == 3) return busy();
    if (fate == 4 && numbers.size() > 1 && !office.knows()) return say(200, "code", "element");
    HttpReply reply = office.take();
    if (fate == 5) return lost();
    if (fate == 6) reply.body.pop_back();
    return reply;
  };
  std::optional<Result<Ending>> ending;
  for (int life = 0; life < 5 && !ending; ++life)
    ending = world.run(script, milliseconds(random() % 60'000));
  faulty = false;
  if (!ending) ending = world.run(script);
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 200U);
  expect_once(world, 200);
  by_reference(world);
  expect_pace(world.truth, 200);
}

TEST(Doubts, EveryHistoryKeepsThePromises) { for_each_seed(300, "doubts_simulation", live); }

}  // namespace
}  // namespace loa::simulation
