// Many campaigns on the same gateways: everybody's share, nobody's hunger, and the limits that hold
// over all of them. One seed is one history; LOA_SEED replays it.
#include <numeric>
#include <random>

#include "simulation/many.hpp"
#include "support/seeds.hpp"

namespace loa::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

Campaign campaign_named(const std::string& id) {
  Campaign campaign;
  campaign.id = id;
  campaign.message.text = "Canh bao";
  campaign.guard.refused_share = 100;
  return campaign;
}

Carrier::Script accepting(Daemon& daemon) {
  return [&daemon](const auto&, const auto& numbers) { return accept(daemon.truth, numbers); };
}

// The campaign that a request was of: numbers are of one campaign each.
class Owners {
 public:
  explicit Owners(const Daemon& daemon) {
    for (std::size_t i = 0; i < daemon.campaigns.size(); ++i)
      for (const PlanRow& row : daemon.campaigns[i].plan.rows())
        owners_[to_digits(row.number())] = i;
  }
  std::size_t of(const Arrived& request) const { return owners_.at(request.numbers.front()); }

 private:
  std::map<std::string, std::size_t> owners_;
};

// Rows of each campaign that reached a gateway, as long as all of them had some waiting.
std::vector<double> rows_while_all_wait(const Daemon& daemon, const std::string& gateway) {
  const Owners owners(daemon);
  std::vector<double> left(daemon.campaigns.size());
  for (std::size_t i = 0; i < left.size(); ++i)
    for (const PlanLane& lane : daemon.campaigns[i].plan.head().lanes)
      if (lane.gateway == gateway) left[i] += static_cast<double>(lane.rows);
  std::vector<double> rows(left.size());
  for (const Arrived& request : daemon.truth.requests) {
    if (request.gateway != gateway) continue;
    const std::size_t owner = owners.of(request);
    const auto count = static_cast<double>(request.numbers.size());
    rows[owner] += count;
    left[owner] -= count;
    if (left[owner] <= count) break;
  }
  return rows;
}

TEST(Fair, SharesFollowTheWeights) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    std::mt19937_64 random(seed);
    Daemon daemon(seed);
    for (Gateway& gateway : daemon.gateways) {
      gateway.batch = 4;
      gateway.limits.messages_per_second = 400;
    }
    const std::size_t count = 2 + random() % 4;
    double weights = 0;
    for (std::size_t i = 0; i < count; ++i) {
      Campaign campaign = campaign_named("c" + std::to_string(i));
      campaign.weight = static_cast<int>(1 + random() % 5);
      weights += campaign.weight;
      daemon.add(campaign, 100'000 * i, 700 * static_cast<std::size_t>(campaign.weight));
    }
    ASSERT_TRUE(daemon.run(accepting(daemon)));
    for (const std::string gateway : {"one", "two"}) {
      const std::vector<double> rows = rows_while_all_wait(daemon, gateway);
      const double all = std::accumulate(rows.begin(), rows.end(), 0.0);
      for (std::size_t i = 0; i < count; ++i) {
        const double due = daemon.campaigns[i].settings.weight / weights;
        EXPECT_NEAR(rows[i] / all, due, 0.02 * due) << gateway << " " << i;
      }
    }
    for (const ManyCampaign& one : daemon.campaigns)
      expect_the_promises(one.plan, one.balance, one.rows, daemon.truth, daemon.lines);
    expect_pace(daemon.truth, 400);
  }
}

// Many campaigns use a gateway as one would, whole.
TEST(Fair, ManyTakeNoLongerThanOne) {
  const auto time_of = [](std::size_t count) {
    Daemon daemon(1);
    for (std::size_t i = 0; i < count; ++i)
      daemon.add(campaign_named("c" + std::to_string(i)), 100'000 * i, 6000 / count);
    EXPECT_TRUE(daemon.run(accepting(daemon)));
    Tick last{};
    for (const Arrived& request : daemon.truth.requests) last = std::max(last, request.at);
    return last - Tick{};
  };
  EXPECT_LE(time_of(6), time_of(1) * 101 / 100);
}

TEST(Fair, AnEmergencyIsNextOnABusySlowGateway) {
  Daemon daemon(1);
  for (Gateway& gateway : daemon.gateways) {
    gateway.batch = 2;
    gateway.limits.messages_per_second = 4;
  }
  for (std::size_t i = 0; i < 5; ++i)
    daemon.add(campaign_named("c" + std::to_string(i)), 100'000 * i, 300);
  Campaign campaign = campaign_named("flood");
  campaign.priority = Priority::emergency;
  daemon.add(campaign, 900'000, 120).comes = seconds(20);
  ASSERT_TRUE(daemon.run(accepting(daemon)));
  const Owners owners(daemon);
  std::map<std::string, Tick> first;
  std::map<std::string, Tick> last;
  std::map<std::string, double> of_others;
  for (const Arrived& request : daemon.truth.requests) {
    if (owners.of(request) != 5) {
      if (first.contains(request.gateway)) ++of_others[request.gateway];
      continue;
    }
    first.try_emplace(request.gateway, request.at);
    last[request.gateway] = request.at;
  }
  for (const std::string gateway : {"one", "two"}) {
    EXPECT_LE(first.at(gateway), Tick{} + seconds(22)) << gateway;
    // It has nine tenths of the gateway.
    const auto rows = gateway == std::string("one") ? 80 : 40;
    EXPECT_LE(last.at(gateway) - first.at(gateway), seconds(rows / 4) * 10 / 8) << gateway;
    EXPECT_GT(of_others.at(gateway), 0) << gateway;
  }
}

// Who would miss its useful_until gets more than its weight, and makes it.
TEST(Fair, ADeadlinePresses) {
  Daemon daemon(1);
  daemon.add(campaign_named("long"), 0, 30'000);
  Campaign campaign = campaign_named("soon");
  campaign.schedule.useful_until = kStart + seconds(45);  // at half the gateway: 60 s
  ManyCampaign& soon = daemon.add(campaign, 100'000, 9'000);
  ASSERT_TRUE(daemon.run(accepting(daemon)));
  EXPECT_EQ(soon.life.state, CampaignState::finished);
  EXPECT_EQ(soon.balance.accepted, 9'000U);
}

TEST(Fair, AGatewayKeepsItsHoursForAllOfThem) {
  Daemon daemon(1);
  Schedule& open = daemon.gateways[0].hours.emplace();  // it is 08:00
  open.from = hours(9);
  open.to = hours(9) + minutes(1);
  for (std::size_t i = 0; i < 3; ++i)
    daemon.add(campaign_named("c" + std::to_string(i)), 100'000 * i, 9'000);
  Campaign campaign = campaign_named("flood");
  campaign.priority = Priority::emergency;
  daemon.add(campaign, 900'000, 300);
  ASSERT_TRUE(daemon.run(accepting(daemon)));
  std::set<std::int64_t> days;
  for (const Arrived& request : daemon.truth.requests) {
    if (request.gateway != "one") continue;
    const Duration of_day = (request.at - Tick{}) % hours(24);
    EXPECT_GE(of_day, hours(1));
    EXPECT_LT(of_day, hours(1) + minutes(1));
    days.insert((request.at - Tick{}) / hours(24));
  }
  EXPECT_EQ(days, (std::set<std::int64_t>{0, 1}));  // 12,000 a minute, and 18,200 to send
  EXPECT_LT(daemon.truth.arrivals.at("two").back().at, Tick{} + minutes(2)) << "the other is open";
  for (const ManyCampaign& one : daemon.campaigns) EXPECT_EQ(one.balance.unsent, 0U);
}

// The rings of a canary: the next one waits until the one before was watched, also after a restart.
TEST(Fair, RingsOpenOneAfterTheOther) {
  Daemon daemon(1);
  Campaign campaign = campaign_named("c");
  campaign.guard.canary = {1, 10};
  campaign.guard.observe = seconds(30);
  const ManyCampaign& one = daemon.add(campaign, 0, 3000);
  daemon.add(campaign_named("d"), 100'000, 3000);
  EXPECT_FALSE(daemon.run(accepting(daemon), seconds(10)));
  EXPECT_EQ(one.balance.accepted, 30U);
  EXPECT_FALSE(daemon.run(accepting(daemon), seconds(25)));
  EXPECT_EQ(one.balance.accepted, 30U) << "watched anew from the start on";
  EXPECT_FALSE(daemon.run(accepting(daemon), seconds(40)));
  EXPECT_EQ(one.balance.accepted, 300U);
  EXPECT_TRUE(daemon.run(accepting(daemon)));
  EXPECT_EQ(one.balance.accepted, 3000U);
}

TEST(Fair, AGuardPausesOneAndLeavesTheOthers) {
  Daemon daemon(1);
  Campaign campaign = campaign_named("bad");
  campaign.guard.refused_share = 20;
  campaign.guard.after = 100;
  const ManyCampaign& bad = daemon.add(campaign, 0, 3000);
  const ManyCampaign& good = daemon.add(campaign_named("good"), 100'000, 3000);
  const Owners owners(daemon);
  for (Gateway& gateway : daemon.gateways) gateway.batch = 1;
  ASSERT_TRUE(daemon.run([&](const auto&, const auto& numbers) {
    const bool refused = owners.of({"", "", numbers, {}}) == 0 && numbers.front().back() < '5';
    return refused ? Carrier::code("26") : accept(daemon.truth, numbers);
  }));
  EXPECT_EQ(bad.life.state, CampaignState::paused);
  EXPECT_THAT(bad.life.why, testing::HasSubstr("outcomes are refusals"));
  EXPECT_GT(bad.balance.unsent, 2800U);
  EXPECT_EQ(good.balance.accepted, 3000U);
}

// What each number got, when.
struct Received {
  std::map<std::string, std::vector<Tick>> times;

  HttpReply take(Daemon& daemon, const std::vector<std::string>& numbers) {
    for (const std::string& number : numbers) times[number].push_back(daemon.now());
    return accept(daemon.truth, numbers);
  }
  void expect_within(const SubscriberLimits& limits) const {
    for (const auto& [number, all] : times)
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto most = static_cast<std::size_t>(limits.messages_per_day);
        if (most > 0 && i >= most) {
          EXPECT_GE(all[i] - all[i - most], hours(24)) << i;
        }
        if (i > 0) {
          EXPECT_GE(all[i] - all[i - 1], limits.between) << i;
        }
      }
  }
};

TEST(Fair, NobodyGetsMoreThanADayAllows) {
  Daemon daemon(1);
  daemon.subscriber = {.messages_per_day = 2, .between = minutes(10)};
  for (std::size_t i = 0; i < 3; ++i) daemon.add(campaign_named("c" + std::to_string(i)), 0, 600);
  Received received;
  ASSERT_TRUE(
      daemon.run([&](const auto&, const auto& numbers) { return received.take(daemon, numbers); }));
  received.expect_within(daemon.subscriber);
  for (const ManyCampaign& one : daemon.campaigns) EXPECT_EQ(one.balance.accepted, 600U);
  EXPECT_LT(daemon.elapsed, hours(24) + minutes(15)) << "and nobody waits for nothing";
}

TEST(Fair, WhoMayHaveNothingBeforeItIsUselessStaysUnsentAndTheEndSaysWhy) {
  Daemon daemon(1);
  daemon.subscriber = {.messages_per_day = 1};
  daemon.add(campaign_named("first"), 0, 100);
  Campaign campaign = campaign_named("second");
  campaign.schedule.useful_until = kStart + hours(3);
  ManyCampaign& second = daemon.add(campaign, 50, 100);
  second.comes = seconds(10);
  ASSERT_TRUE(daemon.run(accepting(daemon)));
  EXPECT_EQ(second.life.state, CampaignState::finished);
  EXPECT_EQ(second.balance.accepted, 50U);
  EXPECT_EQ(second.balance.unsent, 50U);
  EXPECT_THAT(second.life.why, testing::HasSubstr("50 not sent"));
  EXPECT_LT(daemon.elapsed, minutes(1));
}

// Whenever the process dies, also while some requests get no answer.
TEST(Fair, ACapHoldsOverDeaths) {
  for (int moment = 0; moment < 1000; moment += 50) {
    Daemon daemon(static_cast<std::uint64_t>(moment));
    daemon.subscriber = {.messages_per_day = 1};
    Campaign campaign = campaign_named("c0");
    campaign.schedule.useful_until = kStart + hours(3);
    daemon.add(campaign, 0, 300);
    campaign.id = "c1";
    daemon.add(campaign, 0, 300).comes = milliseconds(300);
    Received received;
    int requests = 0;
    const auto script = [&](const auto&, const auto& numbers) {
      const HttpReply reply = received.take(daemon, numbers);
      return ++requests % 4 == 0 ? lost() : reply;
    };
    EXPECT_FALSE(daemon.run(script, milliseconds(moment)));
    EXPECT_TRUE(daemon.run(script));
    received.expect_within(daemon.subscriber);
    std::size_t in_doubt = 0;
    for (const ManyCampaign& one : daemon.campaigns) {
      EXPECT_EQ(one.life.state, CampaignState::finished);
      in_doubt += one.balance.in_doubt;
    }
    EXPECT_GE(received.times.size() + in_doubt, 300U) << "who has none is in doubt";
  }
}

TEST(Fair, AnEmergencyIsNotHeldBackAndCounts) {
  Daemon daemon(1);
  daemon.subscriber = {.messages_per_day = 1};
  daemon.add(campaign_named("first"), 0, 100);
  Campaign campaign = campaign_named("flood");
  campaign.priority = Priority::emergency;
  ManyCampaign& flood = daemon.add(campaign, 0, 200);
  flood.comes = seconds(10);
  campaign = campaign_named("last");
  campaign.schedule.useful_until = kStart + hours(3);
  ManyCampaign& last = daemon.add(campaign, 0, 300);
  last.comes = seconds(20);
  ASSERT_TRUE(daemon.run(accepting(daemon)));
  EXPECT_EQ(flood.balance.accepted, 200U);
  EXPECT_EQ(last.balance.accepted, 100U) << "the first 200 have had theirs";
}

// What counts against a budget, by what is on record, line by line.
std::uint64_t most_spent(const ManyCampaign& one, const std::vector<std::string>& lines) {
  std::uint64_t spent = 0;
  std::uint64_t most = 0;
  std::set<std::uint64_t> in_doubt;
  for (const std::string& line : lines) {
    const auto event = parse_event(line);
    if (event->campaign != one.plan.head().campaign) continue;
    if (event->kind == Event::Kind::intent) {
      if (event->why.empty()) spent += cost_of(one.plan, event->rows).parts;
    } else if (event->kind == Event::Kind::answer) {
      for (const Outcome& outcome : event->outcomes)
        if (!may_have_arrived(outcome.state)) spent -= cost_of(one.plan, outcome.rows).parts;
    }
    most = std::max(most, spent);
  }
  return most;
}

TEST(Fair, ABudgetHoldsForWhatIsSentAgain) {
  Daemon daemon(1);
  Campaign campaign = campaign_named("c");
  campaign.on_unknown = OnUnknown::resend;
  campaign.parts_budget = 1100;
  const ManyCampaign& one = daemon.add(campaign, 0, 1000);
  const ManyCampaign& other = daemon.add(campaign_named("d"), 100'000, 1000);
  const Owners owners(daemon);
  int requests = 0;
  const auto script = [&](const auto&, const auto& numbers) {
    const bool gone = owners.of({"", "", numbers, {}}) == 0 && ++requests % 3 == 0;
    return gone ? lost() : accept(daemon.truth, numbers);
  };
  EXPECT_FALSE(daemon.run(script, milliseconds(900)));
  EXPECT_FALSE(daemon.run(script, milliseconds(1900)));
  ASSERT_TRUE(daemon.run(script));
  EXPECT_LE(most_spent(one, daemon.lines), 1100U);
  EXPECT_GT(most_spent(one, daemon.lines), 1100U - 50U) << "and is used";
  EXPECT_EQ(one.life.state, CampaignState::paused);
  EXPECT_THAT(one.life.why, testing::HasSubstr("budget.parts: "));
  EXPECT_EQ(one.life.who, "loa");
  EXPECT_EQ(other.balance.accepted, 1000U);
  // Nothing more goes out, however often it is taken up again.
  EXPECT_TRUE(daemon.run(script));
  EXPECT_LE(most_spent(one, daemon.lines), 1100U);
}

TEST(Fair, WhatWasNotTakenCostsNothing) {
  Daemon daemon(1);
  Campaign campaign = campaign_named("c");
  campaign.parts_budget = 300;  // each once
  const ManyCampaign& one = daemon.add(campaign, 0, 300);
  int requests = 0;
  ASSERT_TRUE(daemon.run([&](const auto&, const auto& numbers) {
    return ++requests % 3 == 0 ? Carrier::code("16") : accept(daemon.truth, numbers);
  }));
  EXPECT_EQ(one.balance.accepted, 300U);
  EXPECT_EQ(one.life.state, CampaignState::finished);
}

// Random campaigns, weights, priorities, rings, rests; faults of carriers and disk, kills and
// losses of power.
class History {
 public:
  History(std::uint64_t seed, bool faulty) : random_(seed), faulty_(faulty), daemon_(seed + 1) {
    daemon_.writer.segment_size = (16 + draw(100)) * kBlockAlign;
    daemon_.lines_per_snapshot = 1 + draw(100);
    for (Gateway& gateway : daemon_.gateways) {
      gateway.batch = static_cast<int>(1 + draw(15));
      gateway.limits.messages_per_second = static_cast<double>(15 + draw(100));
    }
    const bool shared = faulty_ && draw(5) == 0;
    if (shared)
      daemon_.subscriber = {.messages_per_day = static_cast<int>(draw(4)),
                            .between = minutes(draw(2) * draw(30))};
    const std::size_t count = 2 + draw(5);
    for (std::size_t i = 0; i < count; ++i) {
      Campaign campaign = campaign_named("c" + std::to_string(i));
      campaign.weight = static_cast<int>(1 + draw(16));
      campaign.on_unknown = static_cast<OnUnknown>(draw(3));
      if (draw(4) == 0) campaign.priority = Priority::emergency;
      if (draw(3) == 0) campaign.guard.canary = {5, 30};
      campaign.guard.observe = seconds(1 + draw(5));
      const std::size_t people = 10 + draw(80);
      if (draw(4) == 0) campaign.parts_budget = people + draw(people);
      ManyCampaign& one = daemon_.add(campaign, shared ? draw(50) : 1000 * i, people);
      one.comes = milliseconds(draw(8000));
      for (Duration at = one.comes; draw(2) == 0;) {
        const Duration from = at + milliseconds(draw(3000));
        at = from + milliseconds(1 + draw(5000));
        one.rests.emplace_back(from, at);
      }
    }
    disjoint_ = !shared;
  }

  void run() {
    bool done = false;
    const std::uint64_t lives = draw(4);
    for (std::uint64_t life = 0; life < lives && !done && !testing::Test::HasFailure(); ++life)
      done = live();
    if (testing::Test::HasFailure()) return;
    const bool were_faults = std::exchange(faulty_, false);
    const Duration before = daemon_.elapsed;
    if (!done) {
      ASSERT_TRUE(daemon_.run(script()));
    }
    // With a cap of one a day, who is in all campaigns has a message a day, and a start counts what
    // it finds as of now.
    const auto days = static_cast<int>(daemon_.campaigns.size()) + 2;
    EXPECT_LT(daemon_.elapsed - before, daemon_.subscriber.any() ? hours(24 * days) : hours(1));
    EXPECT_EQ(daemon_.disk.syncs_after_failure(), 0);
    for (const ManyCampaign& one : daemon_.campaigns) {
      if (disjoint_)
        expect_the_promises(one.plan, one.balance, one.rows, daemon_.truth, daemon_.lines);
      expect_no_number(one.plan, daemon_.notes);
      const std::uint64_t budget = one.plan.head().parts_budget;
      if (budget > 0) {
        EXPECT_LE(most_spent(one, daemon_.lines), budget);
      }
      if (one.life.state == CampaignState::paused) {
        EXPECT_GT(budget, 0U);
      } else {
        EXPECT_EQ(one.life.state, CampaignState::finished);
        EXPECT_EQ(one.balance.unsent, 0U);
      }
    }
    for (const Gateway& gateway : daemon_.gateways) expect_limit(gateway);
    if (!were_faults) expect_no_hunger();
    if (!daemon_.subscriber.any()) return;
    bool no_emergency = true;
    for (const ManyCampaign& one : daemon_.campaigns)
      no_emergency = no_emergency && !one.settings.urgent;
    if (no_emergency) received_.expect_within(daemon_.subscriber);
  }

 private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  bool live() {
    Duration life = milliseconds(draw(12'000));
    if (faulty_ && draw(3) == 0) {
      const std::uint64_t calls = draw(draw(2) == 0 ? 40 : 400);
      if (draw(2) == 0) {
        daemon_.disk.power_fails_at = daemon_.disk.calls() + 1 + calls;
      } else {
        daemon_.disk.call_fails_at = daemon_.disk.calls() + 1 + calls;
        daemon_.disk.failure = Code::io;
        daemon_.disk.fails_for_good = true;
      }
      life = hours(10);
    }
    const bool done = daemon_.run(script(), life);
    if (!done && draw(2) == 0) daemon_.disk.lose_power();
    return done;
  }

  Carrier::Script script() {
    return [this](const std::string&, const std::vector<std::string>& numbers) {
      switch (faulty_ ? draw(24) : 23) {
        case 0: return not_sent();
        case 1: return lost();
        case 2: received_.take(daemon_, numbers); return lost();
        case 3: return Carrier::code("16");
        case 4: received_.take(daemon_, numbers); return Carrier::code("?", 500);
        case 5: return numbers.size() > 1 ? Carrier::code("23") : received_.take(daemon_, numbers);
        default: return received_.take(daemon_, numbers);
      }
    };
  }

  void expect_limit(const Gateway& gateway) {
    Truth of_it;
    of_it.arrivals[gateway.name] = daemon_.truth.arrivals[gateway.name];
    expect_pace(of_it, static_cast<std::size_t>(gateway.limits.messages_per_second));
  }

  // An emergency begins within two seconds of its send(). Nobody whose rows wait, waits longer than
  // the bound of share.hpp says.
  void expect_no_hunger() {
    const Owners owners(daemon_);
    for (std::size_t i = 0; i < daemon_.campaigns.size(); ++i) {
      const ManyCampaign& one = daemon_.campaigns[i];
      std::optional<Tick> first;
      for (const Arrived& request : daemon_.truth.requests)
        if (owners.of(request) == i && !first) first = request.at;
      ASSERT_TRUE(first) << i;
      // The wait since the last send() is only seen when nothing of it went before.
      if (!one.sent || *first < *one.sent) continue;
      double wait = 2;
      if (!one.settings.urgent) {
        double parts = 0;
        for (const ManyCampaign& other : daemon_.campaigns)
          parts += 10 * 15 * (2 + other.settings.weight / one.settings.weight);
        wait += parts / 15;
      }
      EXPECT_LE(std::chrono::duration<double>(*first - *one.sent).count(), wait) << i;
    }
  }

  std::mt19937_64 random_;
  bool faulty_;
  Daemon daemon_;
  bool disjoint_ = true;
  Received received_;
};

TEST(Fair, EveryHistoryOfManyKeepsThePromises) {
  for_each_seed(100, "fair_simulation", [](std::uint64_t seed) { History(seed, false).run(); });
}

TEST(Fair, EveryHistoryOfManyWithFaultsKeepsThePromises) {
  for_each_seed(100, "fair_simulation", [](std::uint64_t seed) { History(seed, true).run(); });
}

}  // namespace
}  // namespace loa::simulation
