// The wall clock is set while a campaign sends, while it waits, and between two runs. Limits live
// on the monotonic clock and hold; hours, days and useful_until go by the new time.
#include <cstdlib>
#include <random>

#include "simulation/world.hpp"
#include "support/seeds.hpp"

namespace loa::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

Duration to(std::string_view wall) { return *parse_rfc3339(wall) - kStart; }

Carrier::Script accepting(World& world) {
  return [&world](const auto&, const auto& numbers) { return accept(world.truth, numbers); };
}

std::vector<std::int64_t> moves_in(const World& world) {
  std::vector<std::int64_t> moves;
  for (const std::string& line : world.lines) {
    const auto event = parse_event(line);
    if (event && event->kind == Event::Kind::clock) moves.push_back(event->moved_ms);
  }
  return moves;
}

void expect_all_once(const World& world, std::size_t rows = 500) {
  EXPECT_EQ(world.balance().accepted, rows);
  EXPECT_EQ(world.truth.accepted.size(), rows);
  for (const auto& [number, times] : world.truth.accepted) EXPECT_EQ(times, 1) << number;
}

const Duration kSettings[] = {hours(1), -hours(1), to("1970-01-01T12:00:00Z"),
                              to("2038-01-19T03:14:06Z"), to("2106-02-07T06:28:14Z")};

TEST(Clock, SetWhileSendingItNeitherStallsNorHurries) {
  for (const Duration by : kSettings) {
    World world;
    world.settings.schedule.useful_until.reset();
    world.set_clock_later(milliseconds(1100), by);
    const auto ending = world.run(accepting(world));
    ASSERT_TRUE(ending && *ending);
    EXPECT_EQ(**ending, Ending::finished);
    expect_all_once(world);
    expect_pace(world.truth, 200);
    EXPECT_LT(world.now() - Tick{}, seconds(3));  // 333 rows at 200 a second
    EXPECT_THAT(moves_in(world),
                testing::ElementsAre(testing::AllOf(testing::Ge(by / milliseconds(1) - 1),
                                                    testing::Le(by / milliseconds(1) + 1))));
    EXPECT_THAT(world.notes, testing::Contains(testing::HasSubstr("the clock was set")));
  }
}

TEST(Clock, SetBetweenTwoRunsItNeitherStallsNorHurries) {
  for (const Duration by : kSettings) {
    World world;
    world.settings.schedule.useful_until.reset();
    ASSERT_TRUE(world.run(accepting(world), hours(1), milliseconds(700)));
    world.elapsed += seconds(2);
    world.set_clock(by);
    const Tick again = world.now();
    const auto ending = world.run(accepting(world));
    ASSERT_TRUE(ending && *ending);
    EXPECT_EQ(**ending, Ending::finished);
    expect_all_once(world);
    expect_pace(world.truth, 200);
    EXPECT_LT(world.now() - again, seconds(4));
    // Forward it looks like time that passed; back it cannot.
    EXPECT_EQ(moves_in(world).size(), by < Duration{0} ? 1U : 0U);
  }
}

TEST(Clock, ALeapSecondIsNoEvent) {
  for (const Duration by : {seconds(1), -seconds(1)}) {
    World world;
    world.set_clock_later(milliseconds(1100), by);
    EXPECT_EQ(**world.run(accepting(world)), Ending::finished);
    expect_all_once(world);
    expect_pace(world.truth, 200);
    EXPECT_THAT(moves_in(world), testing::IsEmpty());
  }
}

TEST(Clock, AnHourOfSlewIsNoEvent) {
  World world(3000);
  for (int second = 1; second < 10; ++second)
    world.set_clock_later(seconds(second), milliseconds(500));
  EXPECT_EQ(**world.run(accepting(world)), Ending::finished);
  EXPECT_THAT(moves_in(world), testing::IsEmpty());
}

TEST(Clock, UsefulUntilIsOfTheNewTime) {
  World world;
  world.set_clock_later(milliseconds(700), hours(3));
  EXPECT_EQ(**world.run(accepting(world)), Ending::expired);
  EXPECT_GT(world.balance().unsent, 0U);
  EXPECT_LT(world.now() - Tick{}, seconds(2));
}

TEST(Clock, SetBackItDoesNotExpireEarlier) {
  World world;
  world.set_clock_later(minutes(90), -hours(1));
  const auto ending = world.run([&](const auto&, const auto&) { return not_sent(); });
  EXPECT_EQ(**ending, Ending::expired);
  EXPECT_GE(world.now() - Tick{}, hours(3));
  EXPECT_LE(world.now() - Tick{}, hours(3) + seconds(60));
}

// Until the hours come, by whichever way; and no request outside of them.
TEST(Clock, WhoWaitsForTheHoursNoticesInThirtySeconds) {
  World world;
  world.settings.schedule.from = hours(10);  // two hours from the start
  world.settings.schedule.to = hours(20);
  world.settings.schedule.useful_until = kStart + hours(48);
  world.set_clock_later(minutes(10), hours(2));
  std::optional<Tick> first;
  EXPECT_EQ(**world.run([&](const auto&, const auto& numbers) {
    if (!first) first = world.now();
    return accept(world.truth, numbers);
  }),
            Ending::finished);
  ASSERT_TRUE(first);
  EXPECT_GE(*first, Tick{} + minutes(10));
  EXPECT_LE(*first, Tick{} + minutes(10) + seconds(30));
  expect_all_once(world);
}

TEST(Clock, SetOutOfTheHoursItStops) {
  World world;
  world.settings.schedule.from = hours(8);
  world.settings.schedule.to = hours(20);
  world.settings.schedule.useful_until = kStart + hours(48);
  world.set_clock_later(milliseconds(1000), -hours(3));  // 05:00
  std::vector<Tick> late;
  EXPECT_EQ(**world.run([&](const auto&, const auto& numbers) {
    if (world.wall() < kStart) late.push_back(world.now());
    return accept(world.truth, numbers);
  }),
            Ending::finished);
  // What was at its turn when the clock was set may go; nothing is taken up after that.
  for (const Tick at : late) EXPECT_LE(at, Tick{} + milliseconds(1000) + milliseconds(300));
  EXPECT_GE(world.now(), Tick{} + hours(3));
  expect_all_once(world);
}

TEST(Clock, TheDaysOfBerlin) {
  // The night of 25 October 2026 has its hour twice, that of 28 March 2027 lacks one.
  for (const std::string_view eve : {"2026-10-24T10:00:00Z", "2027-03-27T10:00:00Z"}) {
    World world(3000);
    world.set_clock(to(eve));
    world.settings.schedule.zone = "Europe/Berlin";
    world.settings.schedule.from = hours(2) + minutes(30);
    world.settings.schedule.to = hours(3) + minutes(30);
    world.settings.schedule.useful_until = *parse_rfc3339(eve) + hours(72);
    EXPECT_EQ(**world.run(
                  [&](const auto&, const auto& numbers) {
                    const std::string hour = to_local("Europe/Berlin", world.wall()).substr(11);
                    EXPECT_GE(hour, "02:30");
                    EXPECT_LT(hour, "03:30");
                    return accept(world.truth, numbers);
                  },
                  hours(200)),
              Ending::finished);
    expect_all_once(world, 3000);
    expect_pace(world.truth, 200);
  }
}

// What a gateway's day has used stays used, and its next day comes.
TEST(Clock, ADayIsNeitherForgottenNorEndless) {
  for (const bool between : {false, true}) {
    for (const Duration by :
         {Duration(-hours(5)), to("1970-01-01T01:00:00Z"), Duration(-hours(24 * 40))}) {
      World world;
      world.settings.schedule.useful_until.reset();
      for (Gateway& gateway : world.gateways) gateway.limits.per_day = 100;
      if (between) {
        ASSERT_TRUE(world.run(accepting(world), hours(1), minutes(1)));
        world.set_clock(by);
      } else {
        world.set_clock_later(minutes(1), by);
      }
      std::map<Instant, std::size_t> days;
      const Tick set = world.now();
      EXPECT_EQ(**world.run(
                    [&](const auto& gateway, const auto& numbers) {
                      if (gateway == "one")
                        days[end_of_day("Asia/Ho_Chi_Minh", world.wall())] += numbers.size();
                      return accept(world.truth, numbers);
                    },
                    hours(200)),
                Ending::finished);
      for (const auto& [day, count] : days) EXPECT_LE(count, 100U);
      expect_all_once(world);
      EXPECT_LT(world.now() - set, hours(24 * 4 + 6));  // 333 rows of gateway one, 100 a day
    }
  }
}

TEST(Clock, AUsefulUntilOfTheYear9999IsFar) {
  World world;
  world.settings.schedule.useful_until = parse_rfc3339("9999-12-31T23:59:59Z");
  world.set_clock_later(milliseconds(700), to("1970-01-01T00:00:01Z"));
  EXPECT_EQ(**world.run(accepting(world)), Ending::finished);
  expect_all_once(world);
  expect_pace(world.truth, 200);
}

// Any settings at any moments.
TEST(Clock, HistoriesOfManySettings) {
  for_each_seed(200, "clock_simulation", [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    World world;
    world.settings.schedule.useful_until.reset();
    world.settings.schedule.from = hours(7);
    world.settings.schedule.to = hours(21);
    for (auto n = random() % 6; n > 0; --n)
      world.set_clock_later(
          milliseconds(random() % 4000),
          milliseconds(static_cast<std::int64_t>(random() % 200'000'000) - 100'000'000));
    ASSERT_TRUE(world.run(accepting(world), hours(100), milliseconds(random() % 2500)));
    world.elapsed += seconds(random() % 5 + 2);
    world.set_clock(
        milliseconds(static_cast<std::int64_t>(random() % 2'000'000'000) - 1'000'000'000));
    const Tick again = world.now();
    const auto ending = world.run(accepting(world), hours(100));
    ASSERT_TRUE(ending && *ending);
    EXPECT_EQ(**ending, Ending::finished);
    expect_all_once(world);
    expect_pace(world.truth, 200);
    EXPECT_LT(world.now() - again, hours(24));
  });
}

}  // namespace
}  // namespace loa::simulation
