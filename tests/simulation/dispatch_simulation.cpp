// Whole campaigns on virtual time: the real dispatcher against gateways that are the ground truth.
// One seed is one history; LOA_SEED replays it.
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <fstream>
#include <random>

#include "dispatch/dispatcher.hpp"
#include "plan/freeze.hpp"
#include "support/virtual_clock.hpp"

namespace loa {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart = *parse_rfc3339("2026-11-24T01:00:00Z");  // 08:00 in Lạng Sơn

// The journal as a list of lines, each durable a moment after it was given.
class ListJournal final : public Journal {
 public:
  ListJournal(Clock& clock, std::vector<std::string>& lines) : clock_(clock), lines_(lines) {}

  Task<Result<void>> commit(std::string_view line) override {
    if (lines_.size() >= fail_at) co_return fail(Code::io, "the disk is gone");
    const std::string kept(line);
    const auto alarm = clock_.make_alarm();
    co_await alarm->wait_until(clock_.now() + milliseconds(1));
    lines_.push_back(kept);
    co_return Result<void>{};
  }
  void close() override {}

  std::size_t fail_at = std::numeric_limits<std::size_t>::max();

 private:
  Clock& clock_;
  std::vector<std::string>& lines_;
};

struct Arrival {
  Tick at;
  std::size_t rows;
};

// What the carriers know. Survives the crashes of the dispatcher.
struct Truth {
  std::map<std::string, int> accepted;                   // by number
  std::map<std::string, std::vector<Arrival>> arrivals;  // by gateway
};

std::vector<std::string> numbers_in(const std::string& body) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i + 11 <= body.size(); ++i) {
    if (body.compare(i, 2, "84") != 0 ||
        (i > 0 && std::isdigit(static_cast<unsigned char>(body[i - 1])) != 0))
      continue;
    std::size_t end = i;
    while (end < body.size() && std::isdigit(static_cast<unsigned char>(body[end])) != 0) ++end;
    if (end - i == 11) numbers.push_back(body.substr(i, 11));
    i = end;
  }
  return numbers;
}

// Answers as VNPT does: one code for the list.
class Carrier final : public Http {
 public:
  using Script =
      std::function<HttpReply(const std::string& gateway, const std::vector<std::string>& numbers)>;

  Carrier(Clock& clock, Truth& truth, Script script)
      : clock_(clock), truth_(truth), script_(std::move(script)) {}

  Task<HttpReply> perform(const HttpCall& call) override {
    const std::string gateway = call.url.find("one") != std::string::npos ? "one" : "two";
    const std::vector<std::string> numbers = numbers_in(call.body);
    HttpReply reply = script_(gateway, numbers);
    if (reply.transport != Transport::not_sent)
      truth_.arrivals[gateway].push_back({clock_.now(), numbers.size()});
    const auto alarm = clock_.make_alarm();
    co_await alarm->wait_until(clock_.now() + milliseconds(20));
    co_return reply;
  }

  static HttpReply code(const std::string& code, int status = 200) {
    return {Transport::answered, status,
            R"({"RPLY":{"name":"send_sms_list","ERROR":")" + code + R"(","ERROR_DESC":"words"}})",
            "", ""};
  }

 private:
  Clock& clock_;
  Truth& truth_;
  Script script_;
};

struct Notes final : DispatchObserver {
  std::vector<std::string> all;
  void note(const std::string& message) override { all.push_back(message); }
};

// One plan and its journal; run() is one life of the process.
class World {
 public:
  explicit World(std::size_t rows = 500, OnUnknown on_unknown = OnUnknown::hold) {
    Faults faults;
    numbering = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
    const Profile profile = Profile::load(LOA_PROJECT "/config/profiles/vnpt-smsbn.yaml", faults);
    for (const auto& [name, network] :
         {std::pair("one", "vinaphone"), std::pair("two", "mobifone")}) {
      Gateway gateway;
      gateway.name = name;
      gateway.profile = profile;
      gateway.url = std::string("http://") + name;
      gateway.networks = {network};
      gateway.limits.messages_per_second = 200;
      gateway.limits.in_flight = 4;
      gateway.batch = 50;
      gateways.push_back(gateway);
    }
    const std::string path = testing::TempDir() + "simulation.csv";
    std::ofstream file(path);
    file << "so_dien_thoai\n";
    for (std::size_t i = 0; i < rows; ++i)
      file << (i % 3 == 0 ? "090" : "091") << 1'000'000 + i << "\n";
    file.close();
    Campaign campaign;
    campaign.id = "c";
    campaign.sender = "X";
    campaign.audience.files = {path};
    campaign.message.text = "Canh bao";
    campaign.on_unknown = on_unknown;
    campaign.schedule.useful_until = kStart + std::chrono::hours(2);
    settings.schedule = campaign.schedule;
    const std::vector<std::string> exclusions;
    auto frozen = freeze({campaign, gateways, numbering, exclusions});
    EXPECT_TRUE(frozen && faults.ok());
    std::string bytes;
    EXPECT_TRUE(frozen->write([&](std::string_view piece) -> Result<void> {
      bytes += piece;
      return {};
    }));
    plan.emplace(*Plan::from_bytes(bytes));
    Event event;
    event.kind = Event::Kind::frozen;
    event.at = kStart;
    event.campaign = "c";
    event.plan = plan->sha256();
    event.row_count = plan->rows().size();
    lines.push_back(to_line(event));
  }

  // Folds the journal and dispatches, for at most `life`; nothing when the process died before its
  // end.
  std::optional<Result<Ending>> run(Carrier::Script script, Duration life = std::chrono::hours(10),
                                    std::size_t fail_at = std::numeric_limits<std::size_t>::max(),
                                    Duration drain_after = Duration::max()) {
    auto born = std::make_unique<Life>(*this, std::move(script), fail_at);
    life_ = born.get();
    std::optional<Result<Ending>> ending;
    asio::co_spawn(born->context, outcome(*born->dispatcher, ending),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    if (drain_after != Duration::max()) {
      born->clock.run(drain_after);
      born->dispatcher->drain();
    }
    born->clock.run(life);
    elapsed = born->clock.now() - Tick{};
    balance_ = born->campaign().balance();
    notes = born->notes.all;
    life_ = nullptr;
    // A process that died stays as it was: its coroutines wait for ever and nobody runs their
    // clock.
    if (!ending) graveyard().push_back(std::move(born));
    return ending;
  }

  Tick now() const { return life_ != nullptr ? life_->clock.now() : Tick{} + elapsed; }
  const Balance& balance() const { return balance_; }

  NumberingPlan numbering;
  std::vector<Gateway> gateways;
  DispatchSettings settings;
  std::optional<Plan> plan;
  std::vector<std::string> lines;
  Truth truth;
  std::vector<std::string> notes;
  Duration elapsed{0};

 private:
  struct Life {
    Life(World& world, Carrier::Script script, std::size_t fail_at)
        : clock(context, kStart, world.elapsed),
          random(create_seeded_random(1)),
          record("Asia/Ho_Chi_Minh"),
          journal(clock, world.lines),
          carrier(clock, world.truth, std::move(script)) {
      for (const std::string& line : world.lines) {
        const auto event = parse_event(line);
        EXPECT_TRUE(event) << line;
        const auto applied = record.apply(*event);
        EXPECT_TRUE(applied) << applied.error().text;
      }
      journal.fail_at = fail_at;
      std::vector<OpenGateway> open;
      open.reserve(world.gateways.size());
      for (const Gateway& gateway : world.gateways)
        open.push_back({gateway,
                        {{{"label", "X"},
                          {"agent", "1"},
                          {"contract", "1"},
                          {"contract_type", "1"},
                          {"template", "1"},
                          {"user", "u"},
                          {"password", "p"}}}});
      dispatcher =
          std::make_unique<Dispatcher>(Dispatcher::World{context.get_executor(), clock, *random,
                                                         journal, carrier, record, notes},
                                       *world.plan, std::move(open), world.settings);
    }
    const CampaignRecord& campaign() { return *record.find("c"); }

    asio::io_context context{1};
    VirtualClock clock;
    std::unique_ptr<Random> random;
    Record record;
    ListJournal journal;
    Carrier carrier;
    Notes notes;
    std::unique_ptr<Dispatcher> dispatcher;
  };

  static Task<void> outcome(Dispatcher& dispatcher, std::optional<Result<Ending>>& ending) {
    Result<Ending> ended = co_await dispatcher.run();
    ending = std::move(ended);
  }

  static std::vector<std::unique_ptr<Life>>& graveyard() {
    static auto* const dead = new std::vector<std::unique_ptr<Life>>();
    return *dead;
  }

  Life* life_ = nullptr;
  Balance balance_;
};

HttpReply not_sent() { return {Transport::not_sent, 0, "", "", "Connection refused"}; }
HttpReply lost() { return {Transport::in_doubt, 0, "", "", "Timeout was reached"}; }

HttpReply accept(Truth& truth, const std::vector<std::string>& numbers) {
  for (const std::string& number : numbers) ++truth.accepted[number];
  return Carrier::code("0");
}

void expect_pace(const Truth& truth, std::size_t limit) {
  for (const auto& [gateway, arrivals] : truth.arrivals) {
    std::size_t in_window = 0;
    std::size_t oldest = 0;
    for (const Arrival& arrival : arrivals) {
      in_window += arrival.rows;
      while (arrivals[oldest].at <= arrival.at - seconds(1)) in_window -= arrivals[oldest++].rows;
      EXPECT_LE(in_window, limit) << gateway;
    }
  }
}

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
  ASSERT_TRUE(world.run(script, std::chrono::hours(1), std::numeric_limits<std::size_t>::max(),
                        milliseconds(300)));
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
  const auto ending = world.run(script, std::chrono::hours(1),
                                std::numeric_limits<std::size_t>::max(), milliseconds(700));
  ASSERT_TRUE(ending && *ending);
  EXPECT_EQ(**ending, Ending::interrupted);
  EXPECT_EQ(world.balance().in_doubt, 0U);
  EXPECT_GT(world.balance().unsent, 0U);
  EXPECT_EQ(**world.run(script), Ending::finished);
  EXPECT_EQ(world.balance().accepted, 500U);
  for (const auto& [number, times] : world.truth.accepted) EXPECT_EQ(times, 1) << number;
}

// Found by the drill: after a crash a batch to be sent again came from the policy and from the
// lane.
TEST(Simulation, ALaneLeavesOutRowsThatComeBackAfterACrash) {
  World world;
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(*parse_event(world.lines.front())));
  CampaignRecord& campaign = *record.find("c");
  const auto set = [&](RowState state) {
    for (std::uint64_t row = 10; row < 20; ++row) campaign.rows[row] = state;
  };
  set(RowState::intended);
  Lane lane(*world.plan, campaign, 0, 10, false);
  set(RowState::planned);
  EXPECT_EQ(lane.take().rows, (RowRanges{{0, 9}}));
  EXPECT_EQ(lane.take().rows, (RowRanges{{20, 29}}));
}

TEST(Simulation, WithoutAJournalNothingMoreIsSent) {
  World world;
  const auto ending =
      world.run([&](const auto&, const auto& numbers) { return accept(world.truth, numbers); },
                std::chrono::hours(1), 6);
  ASSERT_TRUE(ending);
  ASSERT_FALSE(*ending);
  EXPECT_EQ((*ending).error().text, "the disk is gone");
  EXPECT_LT(world.truth.accepted.size(), 500U);
}

// Random faults, random crashes, each policy: the promises hold after every history.
void live(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto policy = static_cast<OnUnknown>(random() % 3);
  World world(200, policy);
  const auto script = [&](const std::string&, const std::vector<std::string>& numbers) {
    switch (random() % 24) {
      case 0: return not_sent();
      case 1: return lost();
      case 2: accept(world.truth, numbers); return lost();
      case 3: return Carrier::code("16");
      case 4: accept(world.truth, numbers); return Carrier::code("?", 500);
      case 5: {
        HttpReply garbled = accept(world.truth, numbers);
        garbled.body = "{\"RPLY\":";
        return garbled;
      }
      case 6: return numbers.size() > 1 ? Carrier::code("23") : accept(world.truth, numbers);
      default: return accept(world.truth, numbers);
    }
  };
  std::optional<Result<Ending>> ending;
  for (int life = 0; life < 4 && !ending; ++life)
    ending = world.run(script, milliseconds(random() % 2000));
  if (!ending) ending = world.run(script);
  ASSERT_TRUE(ending && *ending);

  // The fold of the journal is the state in memory, and it adds up.
  Record record("Asia/Ho_Chi_Minh");
  for (const std::string& line : world.lines) {
    const auto event = parse_event(line);
    ASSERT_TRUE(event && record.apply(*event));
  }
  const Balance balance = record.find("c")->balance();
  EXPECT_EQ(balance.planned,
            balance.accepted + balance.refused_total() + balance.in_doubt + balance.unsent);
  EXPECT_EQ(balance.accepted, world.balance().accepted);
  EXPECT_EQ(balance.unsent, 0U);

  const CampaignRecord& campaign = *record.find("c");
  std::size_t doubled = 0;
  for (std::size_t i = 0; i < campaign.rows.size(); ++i) {
    const std::string number = to_digits(world.plan->rows()[i].number());
    const auto found = world.truth.accepted.find(number);
    const int times = found == world.truth.accepted.end() ? 0 : found->second;
    if (times > 1) ++doubled;
    // Accepted is accepted, but for what a policy took for sent; refused was never taken.
    if (campaign.rows[i] == RowState::accepted && policy != OnUnknown::assume_sent) {
      EXPECT_GE(times, 1) << i;
    }
    if (campaign.rows[i] == RowState::refused) {
      EXPECT_EQ(times, 0) << i;
    }
  }
  if (policy != OnUnknown::resend) {
    EXPECT_EQ(doubled, 0U);
  }
  EXPECT_LE(doubled, campaign.resent);
  expect_pace(world.truth, 200);
}

TEST(Simulation, EveryHistoryKeepsThePromises) {
  const char* replay = std::getenv("LOA_SEED");
  const std::uint64_t first = replay != nullptr ? std::strtoull(replay, nullptr, 10) : 1;
  const std::uint64_t last = replay != nullptr ? first : 300;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    live(seed);
    ASSERT_FALSE(testing::Test::HasFailure())
        << "LOA_SEED=" << seed << " replays it: LOA_SEED=" << seed
        << " dispatch_simulation --gtest_filter=*Every*";
  }
}

}  // namespace
}  // namespace loa
