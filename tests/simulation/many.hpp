// Many campaigns at once on virtual time: each comes, pauses, goes on, over the deaths of the
// process.
#pragma once

#include "dispatch/subscribers.hpp"
#include "simulation/oracle.hpp"

namespace loa::simulation {

struct ManyCampaign {
  Plan plan;
  SendSettings settings;
  Duration comes{0};                                      // after the start of all
  std::vector<std::pair<Duration, Duration>> rests = {};  // drained then, sent again then

  // After a run.
  Balance balance = {};
  std::vector<RowState> rows = {};
  CampaignLife life = {};
  std::optional<Tick> sent = {};  // when it was last given to the dispatcher
};

// The data directory of a daemon; run() is one life of it.
class Daemon {
 public:
  explicit Daemon(std::uint64_t seed) : disk(seed, seed % 2 == 0 ? 512 : 4096) {
    Faults faults;
    numbering = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
    gateways = two_gateways(faults);
    EXPECT_TRUE(faults.ok());
  }

  // Its people follow on `first`.
  ManyCampaign& add(const Campaign& campaign, std::size_t first, std::size_t people) {
    SendSettings settings;
    settings.schedule = campaign.schedule;
    settings.weight = campaign.weight;
    settings.urgent = campaign.priority == Priority::emergency;
    settings.guard = campaign.guard;
    campaigns.push_back(
        {.plan = plan_for(campaign, first, people, gateways, numbering), .settings = settings});
    return campaigns.back();
  }

  // False when it was killed, or cut off from power or disk, before all campaigns had ended.
  bool run(Carrier::Script script, Duration life = std::chrono::hours(400)) {
    auto born = std::make_unique<Life>(*this, std::move(script));
    life_ = born.get();
    asio::co_spawn(born->context, born->live(*this),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    born->clock.run(life);
    elapsed = born->clock.now() - Tick{};
    const bool cut_off = disk.power_failed();
    const bool done = born->done && !cut_off;
    notes.insert(notes.end(), born->notes.all.begin(), born->notes.all.end());
    life_ = nullptr;
    disk.call_fails_at = ModelDisk::kNever;
    if (!done) disk.power_fails_at = disk.calls();
    born.reset();
    if (cut_off) {
      disk.lose_power();
    } else if (!done) {
      disk.end_process();
    }
    disk.power_fails_at = ModelDisk::kNever;
    look();
    return done;
  }

  void set_clock(Duration by) {
    wall_set += by;
    if (life_ != nullptr) life_->clock.set_by(by);
  }
  Tick now() const { return life_ != nullptr ? life_->clock.now() : Tick{} + elapsed; }
  Dispatcher& dispatcher() { return *life_->dispatcher; }

  NumberingPlan numbering;
  std::vector<Gateway> gateways;
  std::deque<ManyCampaign> campaigns;
  SubscriberLimits subscriber;
  ModelDisk disk;
  WriterSettings writer{.epoch = 0, .segment_size = 256 * kBlockAlign, .keep_segments = {}};
  std::uint64_t lines_per_snapshot = 64;
  std::vector<std::string> lines;  // of the journal, after a run
  std::vector<std::string> notes;  // of all lives
  Truth truth;
  Carrier::Delay delay = [](const std::string&) { return Duration(milliseconds(20)); };
  Duration elapsed{0};
  Duration wall_set{0};

 private:
  static constexpr const char* kZone = "Asia/Ho_Chi_Minh";
  static constexpr const char* kData = "d";

  struct Life {
    Life(Daemon& daemon, Carrier::Script script)
        : clock(context, kStart + std::chrono::floor<std::chrono::microseconds>(daemon.wall_set),
                daemon.elapsed),
          random(create_seeded_random(1)),
          carrier(clock, daemon.truth, std::move(script), daemon.delay),
          group(context.get_executor(), clock) {}

    ~Life() { context.abandon(); }
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;

    Task<void> live(Daemon& daemon) {
      store = read_store(daemon.disk, kData, kZone);
      if (!store) co_return;
      daemon.writer.epoch = static_cast<std::uint64_t>(daemon.elapsed.count()) + 1;
      auto opened = open_journal(
          context.get_executor(), daemon.disk, journal_directory(kData), store->end,
          {.writer = daemon.writer,
           .background = [this](Duration wait,
                                std::function<void()> job) { background(wait, std::move(job)); },
           .note = [this](const std::string& text) { notes.note(text); }});
      if (!opened) co_return;
      journal = std::move(*opened);
      recorder.emplace(store->record, *journal, daemon.lines_per_snapshot);
      Event opening;
      opening.at = clock.wall();
      const Result<void> durable = co_await recorder->commit(opening);
      if (!durable) co_return;
      for (const ManyCampaign& one : daemon.campaigns) {
        const Event frozen = frozen_event(one.plan);
        if (store->record.find(frozen.campaign) == nullptr) {
          const Result<void> kept = co_await recorder->commit(frozen);
          if (!kept) co_return;
        }
      }
      subscribers.emplace(daemon.subscriber);
      for (const ManyCampaign& one : daemon.campaigns)
        subscribers->recall(one.plan, *store->record.find(one.plan.head().campaign), clock.wall());
      dispatcher = std::make_unique<Dispatcher>(
          Dispatcher::World{context.get_executor(), clock, *random, *recorder, carrier, notes,
                            daemon.subscriber.any() ? &*subscribers : nullptr},
          with_accounts(daemon.gateways));
      for (ManyCampaign& one : daemon.campaigns) group.spawn(bring(one));
      co_await group.join();
      co_await dispatcher->close();
      done = !dispatcher->failure();
    }

    // One campaign from its time to its end, drained and sent again in between.
    Task<void> bring(ManyCampaign& one) {
      const std::string& id = one.plan.head().campaign;
      const CampaignRecord& record = *store->record.find(id);
      const auto alarm = clock.make_alarm();
      co_await alarm->wait_until(Tick{} + one.comes);
      bool again = true;
      while (again && !is_over(record.life.state)) {
        for (const auto& [from, to] : one.rests)
          if (clock.now() >= Tick{} + from) co_await alarm->wait_until(Tick{} + to);
        if (record.life.state == CampaignState::paused) {
          if (one.settings.guard.refused_share < 100 || one.plan.head().parts_budget > 0) break;
          const Event resumed = resuming(id);
          const Result<void> durable = co_await recorder->commit(resumed);
          if (!durable) co_return;
        }
        for (const auto& [from, to] : one.rests)
          if (clock.now() < Tick{} + from)
            asio::co_spawn(context, drain_at(Tick{} + from, id),
                           [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
        one.sent = clock.now();
        const Result<Ending> ending = co_await dispatcher->send(one.plan, one.settings);
        again = ending && *ending != Ending::held;
      }
    }
    Event resuming(const std::string& id) {
      Event resumed;
      resumed.kind = Event::Kind::act;
      resumed.at = clock.wall();
      resumed.campaign = id;
      resumed.act = to_string(Act::resume);
      resumed.who = "lan";
      return resumed;
    }
    Task<void> drain_at(Tick at, std::string id) {
      const auto alarm = clock.make_alarm();
      co_await alarm->wait_until(at);
      dispatcher->drain(id);
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
    TaskGroup group;
    Result<StoreContents> store = fail(Code::internal, "not read yet");
    std::unique_ptr<Journal> journal;
    std::optional<Recorder> recorder;
    std::optional<SubscriberLog> subscribers;
    std::unique_ptr<Dispatcher> dispatcher;
    bool done = false;
  };

  void look() {
    lines.clear();
    const auto whole = read_whole_store(disk, kData, kZone, {});
    ASSERT_TRUE(whole) << whole.error().text;
    EXPECT_TRUE(read_journal(disk, journal_directory(kData), {},
                             [&](std::uint64_t, std::string_view line) -> Result<void> {
                               lines.emplace_back(line);
                               return {};
                             }));
    for (ManyCampaign& one : campaigns) {
      const CampaignRecord* record = whole->record.find(one.plan.head().campaign);
      if (record == nullptr) continue;
      one.balance = record->balance();
      one.rows = record->rows;
      one.life = record->life;
    }
  }

  Life* life_ = nullptr;
};

}  // namespace loa::simulation
