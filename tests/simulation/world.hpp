// Whole campaigns on virtual time: the real dispatcher against carriers that are the ground truth.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <fstream>
#include <map>

#include "dispatch/dispatcher.hpp"
#include "plan/freeze.hpp"
#include "support/virtual_clock.hpp"

namespace loa::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline const Instant kStart = *parse_rfc3339("2026-11-24T01:00:00Z");  // 08:00 in Lạng Sơn

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
  void snapshot(std::string /*state*/) override {}
  const std::optional<Error>& shortage() const override { return shortage_; }

  std::size_t fail_at = std::numeric_limits<std::size_t>::max();

 private:
  Clock& clock_;
  std::vector<std::string>& lines_;
  std::optional<Error> shortage_;
};

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

  Carrier(Clock& clock, Truth& truth, Script script)
      : clock_(clock), truth_(truth), script_(std::move(script)) {}

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
    for (const auto& [after, by] : std::exchange(later_, {}))
      asio::co_spawn(born->context, set_clock_at(born->clock, born->clock.now() + after, by),
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

  // Sets the wall clock, while a process runs or between two.
  void set_clock(Duration by) {
    wall_set += by;
    if (life_ != nullptr) life_->clock.set_by(by);
  }
  Instant wall() const {
    return kStart + std::chrono::floor<std::chrono::microseconds>(wall_set + (now() - Tick{}));
  }
  // In the next run, that long after its start.
  void set_clock_later(Duration after, Duration by) { later_.emplace_back(after, by); }

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
  Duration wall_set{0};  // what set_clock() has moved the wall clock by

 private:
  struct Life {
    Life(World& world, Carrier::Script script, std::size_t fail_at)
        : clock(context, kStart + std::chrono::floor<std::chrono::microseconds>(world.wall_set),
                world.elapsed),
          random(create_seeded_random(1)),
          record("Asia/Ho_Chi_Minh"),
          journal(clock, world.lines),
          recorder(record, journal),
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
                          {"password", "p"},
                          {"token", "t"}}}});
      dispatcher = std::make_unique<Dispatcher>(
          Dispatcher::World{context.get_executor(), clock, *random, recorder, carrier, notes},
          *world.plan, std::move(open), world.settings);
    }
    const CampaignRecord& campaign() { return *record.find("c"); }

    asio::io_context context{1};
    VirtualClock clock;
    std::unique_ptr<Random> random;
    Record record;
    ListJournal journal;
    Recorder recorder;
    Carrier carrier;
    Notes notes;
    std::unique_ptr<Dispatcher> dispatcher;
  };

  static Task<void> outcome(Dispatcher& dispatcher, std::optional<Result<Ending>>& ending) {
    Result<Ending> ended = co_await dispatcher.run();
    ending = std::move(ended);
  }

  Task<void> set_clock_at(Clock& clock, Tick at, Duration by) {
    const auto alarm = clock.make_alarm();
    co_await alarm->wait_until(at);
    set_clock(by);
  }

  static std::vector<std::unique_ptr<Life>>& graveyard() {
    static auto* const dead = new std::vector<std::unique_ptr<Life>>();
    return *dead;
  }

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
