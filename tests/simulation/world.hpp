// Whole campaigns on virtual time: the real dispatcher against carriers that are the ground truth.
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "dispatch/dispatcher.hpp"
#include "dispatch/image.hpp"
#include "dispatch/store.hpp"
#include "plan/freeze.hpp"
#include "support/context.hpp"
#include "support/model_disk.hpp"
#include "support/virtual_clock.hpp"

namespace loa::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline const Instant kStart = *parse_rfc3339("2026-11-24T01:00:00Z");  // 08:00 in Lạng Sơn

// A request as it arrived: "POST http://...", headers and body.
struct Arrived {
  std::string gateway;
  std::string bytes;
  std::vector<std::string> numbers;
  Tick at;
};

struct Arrival {
  Tick at;
  std::size_t rows;
};

// What the carriers know. Survives the crashes of the dispatcher.
struct Truth {
  std::map<std::string, int> accepted;                   // by number
  std::map<std::string, std::vector<Arrival>> arrivals;  // by gateway
  std::vector<Arrived> requests;                         // all, the latest last
};

inline std::vector<std::string> numbers_in(const std::string& body) {
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

  using Delay = std::function<Duration(const std::string& gateway)>;

  Carrier(Clock& clock, Truth& truth, Script script, Delay delay)
      : clock_(clock), truth_(truth), script_(std::move(script)), delay_(std::move(delay)) {}

  Task<HttpReply> perform(const HttpCall& call) override {
    const std::string gateway = call.url.find("one") != std::string::npos ? "one" : "two";
    const std::vector<std::string> numbers = numbers_in(call.body);
    std::string bytes = std::string(call.method) + " " + call.url + "\n";
    for (const std::string& header : call.headers) bytes += header + "\n";
    truth_.requests.push_back({gateway, bytes + call.body, numbers, clock_.now()});
    HttpReply reply = script_(gateway, numbers);
    if (reply.transport != Transport::not_sent)
      truth_.arrivals[gateway].push_back({clock_.now(), numbers.size()});
    const auto alarm = clock_.make_alarm();
    co_await alarm->wait_until(clock_.now() + delay_(gateway));
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
  Delay delay_;
};

struct Notes final : DispatchObserver {
  std::vector<std::string> all;
  void note(const std::string& message) override { all.push_back(message); }
};

// Two gateways, of 200 messages a second each.
inline std::vector<Gateway> two_gateways(Faults& faults) {
  std::vector<Gateway> gateways;
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
  return gateways;
}

inline std::vector<OpenGateway> with_accounts(const std::vector<Gateway>& gateways) {
  std::vector<OpenGateway> open;
  open.reserve(gateways.size());
  for (const Gateway& gateway : gateways)
    open.push_back({gateway,
                    {{{"label", "X"},
                      {"agent", "1"},
                      {"contract", "1"},
                      {"contract_type", "1"},
                      {"template", "1"},
                      {"user", "u"},
                      {"password", "p"},
                      {"token", "t"}}}});
  return open;
}

// Every third of the people has the second network. Their numbers follow on the `first`.
inline Plan plan_for(Campaign campaign, std::size_t first, std::size_t people,
                     const std::vector<Gateway>& gateways, const NumberingPlan& numbering) {
  const std::string path = testing::TempDir() + std::to_string(::getpid()) + ".csv";
  std::ofstream file(path);
  file << "so_dien_thoai\n";
  for (std::size_t i = first; i < first + people; ++i)
    file << (i % 3 == 0 ? "090" : "091") << 1'000'000 + i << "\n";
  file.close();
  campaign.sender = "X";
  campaign.audience.files = {path};
  const std::vector<std::string> exclusions;
  const auto frozen = freeze({campaign, gateways, numbering, exclusions});
  std::filesystem::remove(path);
  EXPECT_TRUE(frozen) << frozen.error().text;
  std::string bytes;
  EXPECT_TRUE(frozen->write([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return *Plan::from_bytes(bytes);
}

inline Event frozen_event(const Plan& plan) {
  Event frozen;
  frozen.kind = Event::Kind::frozen;
  frozen.at = kStart;
  frozen.campaign = plan.head().campaign;
  frozen.plan = plan.sha256();
  frozen.row_count = plan.rows().size();
  return frozen;
}

// One plan and its data directory; run() is one life of the process.
class World {
 public:
  explicit World(std::size_t people = 500, OnUnknown on_unknown = OnUnknown::hold,
                 std::uint64_t seed = 1)
      : disk(seed, seed % 2 == 0 ? 512 : 4096) {
    Faults faults;
    numbering = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
    gateways = two_gateways(faults);
    EXPECT_TRUE(faults.ok());
    Campaign campaign;
    campaign.id = "c";
    campaign.message.text = "Canh bao";
    campaign.on_unknown = on_unknown;
    campaign.schedule.useful_until = kStart + std::chrono::hours(2);
    settings.schedule = campaign.schedule;
    plan.emplace(plan_for(campaign, 0, people, gateways, numbering));
    frozen_ = frozen_event(*plan);
  }

  // One life of the process, for at most `life`: reads the data directory and dispatches. Nothing
  // when it was killed or lost its power before the end.
  std::optional<Result<Ending>> run(Carrier::Script script, Duration life = std::chrono::hours(10),
                                    Duration drain_after = Duration::max()) {
    auto born = std::make_unique<Life>(*this, std::move(script));
    life_ = born.get();
    std::optional<Result<Ending>> ending;
    asio::co_spawn(born->context, born->live(*this, ending),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    for (const auto& [after, by] : std::exchange(later_, {}))
      asio::co_spawn(born->context, set_clock_at(born->clock, born->clock.now() + after, by),
                     [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    if (drain_after != Duration::max()) {
      born->clock.run(drain_after);
      if (born->dispatcher) born->dispatcher->drain_all();
    }
    born->clock.run(life);
    elapsed = born->clock.now() - Tick{};
    notes = born->notes.all;
    life_ = nullptr;
    disk.call_fails_at = ModelDisk::kNever;  // errors end with the process that met them
    const bool cut_off = disk.power_failed();
    if (cut_off) ending.reset();
    if (!ending) disk.power_fails_at = disk.calls();  // nothing more comes from a dead process
    born.reset();
    if (cut_off) {
      disk.lose_power();
    } else if (!ending) {
      disk.end_process();
    }
    disk.power_fails_at = ModelDisk::kNever;
    look();
    return ending;
  }

  // Sets the wall clock, while a process runs or between two.
  void set_clock(Duration by) {
    wall_set += by;
    if (life_ != nullptr) life_->clock.set_by(by);
  }
  Instant wall() const {
    return kStart + std::chrono::floor<std::chrono::microseconds>(wall_set + (now() - Tick{}));
  }
  // Does something at a time, while a process runs.
  void at(Tick when, std::function<void()> what) {
    asio::co_spawn(life_->context, Life::later(life_->clock, when - now(), std::move(what)),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  }
  // The process that runs is not given the processor for so long.
  void hold_up(Duration by) { life_->clock.hold_up(by); }
  // In the next run, that long after its start.
  void set_clock_later(Duration after, Duration by) { later_.emplace_back(after, by); }

  Tick now() const { return life_ != nullptr ? life_->clock.now() : Tick{} + elapsed; }
  const Balance& balance() const { return balance_; }

  NumberingPlan numbering;
  std::vector<Gateway> gateways;
  SendSettings settings;
  std::optional<Plan> plan;
  ModelDisk disk;
  WriterSettings writer{.epoch = 0, .segment_size = 64 * kBlockAlign, .keep_segments = {}};
  std::uint64_t lines_per_snapshot = 16;
  std::vector<std::string> lines;  // of the journal, after a run
  std::vector<RowState> rows;      // after a run
  Truth truth;
  // How long a gateway takes to answer.
  Carrier::Delay delay = [](const std::string&) { return Duration(milliseconds(20)); };
  std::vector<std::string> notes;
  Duration elapsed{0};
  Duration wall_set{0};  // what set_clock() has moved the wall clock by

 private:
  static constexpr const char* kZone = "Asia/Ho_Chi_Minh";
  static constexpr const char* kData = "d";

  struct Life {
    Life(World& world, Carrier::Script script)
        : clock(context, kStart + std::chrono::floor<std::chrono::microseconds>(world.wall_set),
                world.elapsed),
          random(create_seeded_random(1)),
          carrier(clock, world.truth, std::move(script), world.delay) {}

    ~Life() { context.abandon(); }
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;

    Task<void> live(World& world, std::optional<Result<Ending>>& ending) {
      Result<Ending> ended = co_await send(world);
      ending = std::move(ended);
    }

    Task<Result<Ending>> send(World& world) {
      store = read_store(world.disk, kData, kZone);
      if (!store) co_return fail(store.error());
      world.writer.epoch = static_cast<std::uint64_t>(world.elapsed.count()) + 1;
      auto opened = open_journal(
          context.get_executor(), world.disk, journal_directory(kData), store->end,
          {.writer = world.writer,
           .background = [this](Duration wait,
                                std::function<void()> job) { background(wait, std::move(job)); },
           .note = [this](const std::string& text) { notes.note(text); }});
      if (!opened) co_return fail(opened.error());
      journal = std::move(*opened);
      recorder.emplace(store->record, *journal, world.lines_per_snapshot);
      Event opening;
      opening.at = clock.wall();
      Result<void> durable = co_await recorder->commit(opening);
      if (durable && store->record.find("c") == nullptr)
        durable = co_await recorder->commit(world.frozen_);
      if (!durable) co_return fail(durable.error());
      dispatcher = std::make_unique<Dispatcher>(
          Dispatcher::World{context.get_executor(), clock, *random, *recorder, carrier, notes},
          with_accounts(world.gateways));
      Result<Ending> ending = co_await dispatcher->send(*world.plan, world.settings);
      co_await dispatcher->close();
      co_return ending;
    }

    // The journal's writer: a moment later, in the same thread.
    void background(Duration wait, std::function<void()> job) {
      asio::co_spawn(context, later(clock, wait + milliseconds(1), std::move(job)),
                     [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    }
    static Task<void> later(Clock& clock, Duration wait, std::function<void()> job) {
      const auto alarm = clock.make_alarm();
      co_await alarm->wait_until(clock.now() + wait);
      job();
    }

    MortalContext context;
    VirtualClock clock;
    std::unique_ptr<Random> random;
    Carrier carrier;
    Notes notes;
    Result<StoreContents> store = fail(Code::internal, "not read yet");
    std::unique_ptr<Journal> journal;
    std::optional<Recorder> recorder;
    std::unique_ptr<Dispatcher> dispatcher;
  };

  // What the data directory says after a life, as `loa journal verify` and `loa status` read it.
  void look() {
    lines.clear();
    const auto whole = read_whole_store(disk, kData, kZone, {});
    ASSERT_TRUE(whole) << whole.error().text;
    const auto quick = read_store(disk, kData, kZone);
    ASSERT_TRUE(quick) << quick.error().text;
    EXPECT_TRUE(image_of(quick->record) == image_of(whole->record));
    EXPECT_TRUE(read_journal(disk, journal_directory(kData), {},
                             [&](std::uint64_t, std::string_view line) -> Result<void> {
                               lines.emplace_back(line);
                               return {};
                             }));
    const CampaignRecord* record = whole->record.find("c");
    balance_ = record == nullptr ? Balance{} : record->balance();
    rows = record == nullptr ? std::vector<RowState>{} : record->rows;
  }

  Task<void> set_clock_at(Clock& clock, Tick at, Duration by) {
    const auto alarm = clock.make_alarm();
    co_await alarm->wait_until(at);
    set_clock(by);
  }

  Event frozen_;
  Life* life_ = nullptr;
  std::vector<std::pair<Duration, Duration>> later_;
  Balance balance_;
};

inline HttpReply not_sent() { return {Transport::not_sent, 0, "", "", "Connection refused"}; }
inline HttpReply lost() { return {Transport::in_doubt, 0, "", "", "Timeout was reached"}; }

inline HttpReply accept(Truth& truth, const std::vector<std::string>& numbers) {
  for (const std::string& number : numbers) ++truth.accepted[number];
  return Carrier::code("0");
}

inline void expect_pace(const Truth& truth, std::size_t limit) {
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

}  // namespace loa::simulation
