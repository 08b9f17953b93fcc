// The dispatcher's promises, history by history. One seed is one history; LOA_SEED replays it.
#include <random>

#include "simulation/oracle.hpp"
#include "support/seeds.hpp"

namespace loa::simulation {
namespace {

TEST(Simulation, EverybodyOnceAtThePace) {
  World world;
  const auto ending =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
  EXPECT_EQ(world.truth.accepted.size(), 500U);
  expect_pace(world.truth, 200);
}

TEST(Simulation, ALimitLoweredBetweenTwoRunsHolds) {
  World world;
  const auto script = [&](const auto&, const auto& numbers) {
    return accept(world.truth, numbers);
  };
  ASSERT_TRUE(world.run(script, std::chrono::hours(1), milliseconds(300)));
  world.truth.arrivals.clear();
  for (Gateway& gateway : world.gateways) gateway.limits.messages_per_second = 30;
  EXPECT_EQ(**world.run(script), Ending::finished);
  expect_pace(world.truth, 30);
}

TEST(Simulation, SplitFindsTheOneBadNumber) {
  World world;
  const std::string bad = "84911000100";
  const auto ending = world.run([&](const auto&, const auto& numbers) {
    if (std::find(numbers.begin(), numbers.end(), bad) != numbers.end()) return Carrier::code("23");
    return accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(world.balance().accepted, 499U);
  EXPECT_THAT(world.balance().refused, testing::ElementsAre(std::pair("23", 1U)));
  EXPECT_FALSE(world.truth.accepted.contains(bad));
}

TEST(Simulation, HoldStopsItsGatewayOnly) {
  World world;
  const auto ending = world.run([&](const auto& gateway, const auto& numbers) {
    return gateway == "one" ? Carrier::code("13") : accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::held);
  EXPECT_EQ(world.balance().accepted, 167U);
  EXPECT_EQ(world.balance().unsent, 333U);
  EXPECT_THAT(world.notes, testing::Contains(testing::HasSubstr("gateway 'one' is held")));
  // Mended, the same campaign goes on.
  const auto again =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); });
  EXPECT_EQ(**again, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
}

TEST(Simulation, ARefusedTextStopsTheCampaign) {
  World world;
  const auto ending = world.run([&](const auto&, const auto&) { return Carrier::code("30"); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::stopped);
  EXPECT_GT(world.balance().unsent, 0U);
  EXPECT_EQ(world.balance().accepted, 0U);
}

TEST(Simulation, ThrottleSlowsAndSpendsNoTry) {
  World world;
  int answers = 0;
  const auto ending = world.run([&](const auto&, const auto& numbers) {
    return ++answers % 3 == 0 ? Carrier::code("16") : accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
  EXPECT_GT(world.now() - Tick{}, seconds(4));
}

TEST(Simulation, AnUnreachableGatewayIsTriedUntilItIsThere) {
  World world;
  const auto ending = world.run([&](const auto&, const auto& numbers) {
    return world.now() < Tick{} + seconds(60) ? not_sent() : accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(world.balance().accepted, 500U);
  EXPECT_THAT(world.notes, testing::Contains(testing::HasSubstr("cannot be reached")));
}

TEST(Simulation, WhatIsTooLateStaysUnsent) {
  World world;
  const auto ending = world.run([&](const auto&, const auto&) { return not_sent(); });
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::expired);
  EXPECT_EQ(world.balance().unsent, 500U);
  EXPECT_LE(world.now(), Tick{} + std::chrono::hours(2) + seconds(1));
}

TEST(Simulation, NothingGoesOutAtNight) {
  World world;
  world.settings.schedule.from = std::chrono::hours(9);
  world.settings.schedule.to = std::chrono::hours(20);
  std::optional<Tick> first;
  const auto ending = world.run([&](const auto&, const auto& numbers) {
    if (!first) first = world.now();
    return accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending && first);
  EXPECT_GE(*first, Tick{} + std::chrono::hours(1));
  EXPECT_EQ(world.balance().accepted, 500U);
}

TEST(Simulation, ADrainLeavesNothingInDoubt) {
  World world;
  const auto script = [&](const auto&, const auto& numbers) {
    return accept(world.truth, numbers);
  };
  const auto ending = world.run(script, std::chrono::hours(1), milliseconds(700));
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::interrupted);
  EXPECT_EQ(world.balance().in_doubt, 0U);
  EXPECT_GT(world.balance().unsent, 0U);
  EXPECT_EQ(**world.run(script), Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
  for (const auto& [number, times] : world.truth.accepted) EXPECT_EQ(times, 1) << number;
}

// Whatever waits for its turn when a drain comes: it goes at its turn or not at all.
TEST(Simulation, ADrainHurriesNobody) {
  for (int moment = 0; moment < 1000; moment += 10) {
    World world(30);
    // Batches of two do not fill the second evenly: their turn is later than spacing alone says.
    for (Gateway& gateway : world.gateways) {
      gateway.limits.messages_per_second = 6.5;
      gateway.batch = 2;
    }
    EXPECT_TRUE(
        world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); },
                  std::chrono::hours(1), milliseconds(moment)));
    EXPECT_EQ(world.balance().in_doubt, 0U);
    expect_pace(world.truth, 6);
  }
}

// A busy machine holds the process up, and all whose turn came meanwhile wake at once.
TEST(Simulation, WhoIsHeldUpDoesNotExceedTheLimitAfterwards) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, seed);
    std::mt19937_64 random(seed);
    World world(3000);
    const int batch = 1 + static_cast<int>(random() % 150);
    for (Gateway& gateway : world.gateways) {
      gateway.limits.messages_per_second = 300;
      gateway.limits.in_flight = 16;
      gateway.batch = batch;
    }
    const std::function<void()> hold_up = [&] {
      world.hold_up(milliseconds(random() % 1500));
      world.at(world.now() + milliseconds(100 + random() % 700), hold_up);
    };
    bool begun = false;
    const auto ending = world.run(
        [&](const auto&, const auto& numbers) {
          if (!std::exchange(begun, true)) world.at(world.now() + milliseconds(1), hold_up);
          return accept(world.truth, numbers);
        },
        std::chrono::minutes(5));
    ASSERT_TRUE(ending && *ending);
    EXPECT_EQ(**ending, Ending::finished);
    EXPECT_EQ(world.balance().accepted, 3000U);
    expect_pace(world.truth, 300);
  }
}

TEST(Simulation, WithoutAJournalNothingMoreIsSent) {
  World world;
  world.disk.call_fails_at = world.disk.calls() + 30;
  const auto ending =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); });
  ASSERT_TRUE(ending);
  ASSERT_FALSE(*ending);
  EXPECT_EQ((*ending).error().text, "Input/output error");
  EXPECT_LT(world.truth.accepted.size(), 500U);
  EXPECT_EQ(world.disk.syncs_after_failure(), 0);
}

// With a full disk nothing new is begun, what is under way is recorded, and sending goes on by
// itself when there is room again.
TEST(Simulation, AFullDiskIsWaitedFor) {
  World world;
  world.writer.segment_size = 8 * kBlockAlign;
  for (Gateway& gateway : world.gateways) gateway.batch = 5;
  std::size_t before = 0;
  const auto ending = world.run([&](const auto&, const auto& numbers) {
    const Duration now = world.now() - Tick{};
    if (now >= seconds(1) && now < seconds(60)) {
      world.disk.failure = Code::cannot_write;
      world.disk.full_for_creation_only = true;
      world.disk.fails_for_good = true;
      world.disk.call_fails_at = world.disk.calls() + 1;
      world.at(Tick{} + seconds(60), [&] {
        before = world.truth.accepted.size();
        world.disk.call_fails_at = ModelDisk::kNever;
      });
    }
    return accept(world.truth, numbers);
  });
  ASSERT_TRUE(ending && *ending) << (*ending).error().text;
  EXPECT_EQ(**ending, Ending::finished);
  EXPECT_GT(before, 100U);
  EXPECT_LT(before, 500U);
  EXPECT_EQ(world.balance().accepted, 500U);
  EXPECT_EQ(world.balance().in_doubt, 0U);
  EXPECT_LT(world.now(), Tick{} + seconds(75)) << "it goes on soon after there is room";
  EXPECT_THAT(world.notes, testing::Contains(testing::HasSubstr("Nothing new is sent")));
  EXPECT_THAT(world.notes,
              testing::Contains(testing::HasSubstr("there is room on the disk again")));
  expect_the_promises(world, 200);
}

// Room that is left is for outcomes: a process that dies on the full disk leaves nothing in doubt.
TEST(Simulation, OnAFullDiskOutcomesComeBeforeNewWork) {
  World world;
  world.writer.segment_size = 8 * kBlockAlign;
  for (Gateway& gateway : world.gateways) gateway.batch = 5;
  const auto script = [&](const auto&, const auto& numbers) {
    if (world.now() >= Tick{} + seconds(1)) {
      world.disk.failure = Code::cannot_write;
      world.disk.full_for_creation_only = true;
      world.disk.fails_for_good = true;
      world.disk.call_fails_at = 1;
    }
    return accept(world.truth, numbers);
  };
  EXPECT_FALSE(world.run(script, seconds(30)));
  EXPECT_THAT(world.notes, testing::Contains(testing::HasSubstr("Nothing new is sent")));
  EXPECT_GT(world.balance().accepted, 100U);
  EXPECT_GT(world.balance().unsent, 100U);
  EXPECT_EQ(world.balance().in_doubt, 0U);
}

// A gateway that is slow, silent or gone costs the others nothing.
TEST(Simulation, OneBadGatewayDoesNotSlowTheOthers) {
  const auto time_of_the_other = [](const std::function<HttpReply(World&)>& bad, Duration takes) {
    World world(1500);
    world.delay = [takes](const std::string& gateway) {
      return gateway == "one" ? takes : Duration(milliseconds(20));
    };
    Tick last{};
    EXPECT_TRUE(world.run(
                    [&](const auto& gateway, const auto& numbers) {
                      if (gateway == "one") return bad(world);
                      last = world.now();
                      return accept(world.truth, numbers);
                    },
                    std::chrono::minutes(5)) ||
                true);
    return last - Tick{};
  };
  const auto good = [](World&) { return Carrier::code("0"); };
  const Duration alone = time_of_the_other(good, milliseconds(20));
  const Duration most = alone * 105 / 100;
  EXPECT_LE(time_of_the_other(good, seconds(30)), most) << "slow";
  EXPECT_LE(time_of_the_other([](World&) { return lost(); }, seconds(30)), most) << "silent";
  EXPECT_LE(time_of_the_other([](World&) { return not_sent(); }, milliseconds(1)), most) << "gone";
  EXPECT_LE(time_of_the_other([](World&) { return Carrier::code("16"); }, milliseconds(20)), most)
      << "throttling";
  EXPECT_LE(time_of_the_other([](World&) { return Carrier::code("13"); }, milliseconds(20)), most)
      << "held";
}

// Random faults of carriers, disk and clock, kills and losses of power, under each policy.
class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed), world_(kPeople, static_cast<OnUnknown>(draw(3)), seed + 1) {
    world_.writer.segment_size = (8 + draw(57)) * kBlockAlign;
    world_.lines_per_snapshot = 1 + draw(40);
  }

  void run() {
    std::optional<Result<Ending>> ending;
    const std::uint64_t lives = 1 + draw(5);
    for (std::uint64_t life = 0; life < lives && !ending && !testing::Test::HasFailure(); ++life)
      ending = live();
    if (testing::Test::HasFailure()) return;
    // The faults stop: then the campaign ends, and soon.
    faulty_ = false;
    const Duration before = world_.elapsed;
    if (!ending) ending = world_.run(script());
    ASSERT_TRUE(ending && *ending) << (ending ? ending->error().text : "it did not end");
    EXPECT_EQ(**ending, Ending::finished);
    EXPECT_LT(world_.elapsed - before, std::chrono::minutes(5));
    EXPECT_EQ(world_.balance().unsent, 0U);
    if (world_.plan->head().on_unknown == OnUnknown::assume_sent) {
      EXPECT_EQ(world_.balance().in_doubt, 0U);
    }
    EXPECT_EQ(world_.disk.syncs_after_failure(), 0);
    expect_the_promises(world_, 200);
  }

 private:
  static constexpr std::size_t kPeople = 200;

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  // One process, until it is done, killed, or cut off from power or disk.
  std::optional<Result<Ending>> live() {
    const std::uint64_t calls = draw(draw(2) == 0 ? 40 : 300);
    Duration life = std::chrono::hours(10);
    switch (draw(5)) {
      case 0: world_.disk.power_fails_at = world_.disk.calls() + 1 + calls; break;
      case 1:
        world_.disk.call_fails_at = world_.disk.calls() + 1 + calls;
        world_.disk.failure = Code::io;
        world_.disk.fails_for_good = draw(2) == 0;
        break;
      default: life = milliseconds(draw(2000));
    }
    if (draw(4) == 0)
      world_.set_clock_later(milliseconds(draw(1500)), seconds(draw(7200)) - seconds(3600));
    auto ending = world_.run(script(), life);
    if (ending && !*ending) {
      EXPECT_EQ((*ending).error().text, "Input/output error");
      ending.reset();
    }
    if (!ending && draw(2) == 0) world_.disk.lose_power();
    return ending;
  }

  Carrier::Script script() {
    return [this](const std::string&, const std::vector<std::string>& numbers) {
      Truth& truth = world_.truth;
      switch (faulty_ ? draw(24) : 23) {
        case 0: return not_sent();
        case 1: return lost();
        case 2: accept(truth, numbers); return lost();
        case 3: return Carrier::code("16");
        case 4: accept(truth, numbers); return Carrier::code("?", 500);
        case 5: {
          HttpReply garbled = accept(truth, numbers);
          garbled.body = "{\"RPLY\":";
          return garbled;
        }
        case 6: return numbers.size() > 1 ? Carrier::code("23") : accept(truth, numbers);
        default: return accept(truth, numbers);
      }
    };
  }

  std::mt19937_64 random_;
  World world_;
  bool faulty_ = true;
};

// A snapshot holds what the lines add up to, and nothing that was merely asked for
// (clock_simulation, seed 86, built by g++): the world compares the two after each run.
TEST(Simulation, ASnapshotOfARunThatSentNothingIsWhatTheLinesSay) {
  World world;
  world.settings.schedule.from = std::chrono::hours(9);
  world.settings.schedule.to = std::chrono::hours(20);
  const auto ending =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); },
                std::chrono::hours(10), milliseconds(100));
  EXPECT_EQ(**ending, Ending::interrupted);
  EXPECT_EQ(world.lines.size(), 2U);
}

// The clock is set forward, and the process starts anew within the second (seed 543).
TEST(Simulation, TheLastSecondCountsAfterARestartWhateverTheClockSays) {
  World world;
  const auto script = [&](const auto&, const auto& numbers) {
    return accept(world.truth, numbers);
  };
  EXPECT_FALSE(world.run(script, milliseconds(400)));
  world.set_clock(std::chrono::hours(1));
  EXPECT_EQ(**world.run(script), Ending::finished);
  expect_pace(world.truth, 200);
}

TEST(Simulation, EveryHistoryKeepsThePromises) {
  for_each_seed(1000, "dispatch_simulation", [](std::uint64_t seed) { History(seed).run(); });
}

}  // namespace
}  // namespace loa::simulation
