#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "async/run.hpp"
#include "base/failpoint.hpp"
#include "cli/balance_view.hpp"
#include "cli/locate.hpp"
#include "cli/output.hpp"
#include "cli/plan_view.hpp"
#include "cli/prepare.hpp"
#include "cli/progress.hpp"
#include "cli/verbs.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/store.hpp"
#include "net/curl_http.hpp"

namespace loa {
namespace {

class SendVerb {
 public:
  SendVerb(const CommonOptions& common, const SendOptions& options, Prepared prepared)
      : common_(common),
        options_(options),
        prepared_(std::move(prepared)),
        data_(options.data.empty() ? prepared_.settings.data : options.data),
        disk_(create_system_disk()) {}

  // The exit status, or what went wrong.
  Result<int> run() {
    auto enough = allow_descriptors();
    if (!enough) return fail(std::move(enough.error()));
    auto stored = prepare_store(*disk_, data_);
    if (!stored) return fail(std::move(stored.error()));
    const auto lock = DirectoryLock::take(data_);
    if (!lock) return fail(lock.error());
    auto store = read_store(*disk_, data_, prepared_.settings.zone);
    if (!store) return fail(std::move(store.error()));
    if (const CampaignRecord* record = store->record.find(id())) {
      auto same = resume(*record);
      if (!same) return fail(std::move(same.error()));
      if (is_over(record->life.state)) return already_ended(*record);
    } else {
      auto begun = begin();
      if (!begun) return fail(std::move(begun.error()));
    }
    return dispatch(*store);
  }

 private:
  // One for each request in flight, and some for the rest. Found out half-way, a lack of them looks
  // like carriers that cannot be reached.
  Result<void> allow_descriptors() const {
    constexpr rlim_t kOthers = 32;
    rlim_t needed = kOthers;
    for (const Gateway& gateway : prepared_.settings.gateways)
      needed += static_cast<rlim_t>(gateway.limits.in_flight);
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
    const rlimit raised = {std::min(needed, limit.rlim_max), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0 && raised.rlim_cur >= needed) return {};
    return fail(Code::config,
                fmt::format("the gateways need {} file descriptors and the system allows {}: raise "
                            "it (ulimit -n, systemd's LimitNOFILE), or lower in_flight",
                            needed, limit.rlim_max),
                {prepared_.settings.file});
  }

  const std::string& id() const { return prepared_.campaign.id; }

  // A campaign that was begun goes on with the plan that was frozen, if it is still the same
  // campaign.
  Result<void> resume(const CampaignRecord& record) {
    auto plan = open_plan(data_, id(), record);
    if (!plan) return fail(std::move(plan.error()));
    plan_.emplace(std::move(*plan));
    const std::vector<std::string> changed = differences(plan_->head(), prepared_.plan.head);
    if (changed.empty()) return {};
    std::string list;
    for (const std::string& one : changed) list += "\n  - " + one;
    return fail(Code::data,
                fmt::format("campaign '{}' was frozen and is not the same any more. Changed:{}\n"
                            "Undo the change, or give the new campaign an id of its own",
                            id(), list));
  }

  Result<int> already_ended(const CampaignRecord& record) {
    say("campaign '{}' has ended ({}); nothing is sent\n", id(), to_string(record.life.state));
    print_balance(record, to_string(record.life.state));
    return exit_status(record, to_string(record.life.state));
  }

  Result<void> begin() {
    const Schedule& schedule = prepared_.campaign.schedule;
    const Instant now = system_wall();
    if (schedule.useful_until && *schedule.useful_until <= now)
      return fail(Code::data,
                  fmt::format("useful_until ({}) has passed: nothing is sent",
                              to_local(schedule.zone, *schedule.useful_until)),
                  {options_.campaign});
    say("{}\n", plan_text(prepared_, schedule.not_before.value_or(now)));
    if (!options_.yes && !confirmed())
      return fail(Code::usage,
                  "nothing was sent: it was not confirmed (--yes does without the question)");
    auto written = write_plan(*disk_, data_, prepared_.plan);
    if (!written) return written;
    frozen_.emplace();
    frozen_->kind = Event::Kind::frozen;
    frozen_->at = now;
    frozen_->campaign = id();
    frozen_->plan = prepared_.plan.sha256();
    frozen_->row_count = prepared_.plan.head.rows;
    frozen_->excluded = prepared_.plan.head.audience - prepared_.plan.head.rows;
    prepared_.plan.lanes.clear();  // the rows are in the plan file now
    prepared_.plan.lanes.shrink_to_fit();
    return {};
  }

  bool confirmed() const {
    if (::isatty(STDIN_FILENO) == 0) return false;
    say("Send {} messages? Type yes: ", grouped(prepared_.plan.head.rows));
    std::string answer;
    return std::getline(std::cin, answer) && answer == "yes";
  }

  // Secrets are fetched only now, and only where something will be sent.
  Result<std::vector<OpenGateway>> open_gateways() const {
    const std::vector<PlanLane>& lanes = plan_ ? plan_->head().lanes : prepared_.plan.head.lanes;
    std::vector<OpenGateway> open;
    for (const Gateway& gateway : prepared_.settings.gateways) {
      const bool needed = std::any_of(lanes.begin(), lanes.end(), [&](const PlanLane& lane) {
        return lane.gateway == gateway.name;
      });
      auto account = unlock(gateway);
      if (account) {
        open.push_back({gateway, std::move(*account)});
      } else if (needed) {
        return fail(std::move(account.error()));
      }
    }
    for (const PlanLane& lane : lanes) {
      const bool known = std::any_of(open.begin(), open.end(), [&](const OpenGateway& one) {
        return one.gateway.name == lane.gateway;
      });
      if (!known)
        return fail(
            Code::config,
            fmt::format("the plan sends through gateway '{}', which is not configured any more",
                        lane.gateway),
            {prepared_.settings.file});
    }
    return open;
  }

  Result<int> dispatch(StoreContents& store) {
    auto gateways = open_gateways();
    if (!gateways) return fail(std::move(gateways.error()));
    int connections = 0;
    for (const OpenGateway& one : *gateways) connections += one.gateway.limits.in_flight;

    std::signal(SIGPIPE,
                SIG_IGN);  // a carrier that closes its end is an error of that request only
    asio::io_context context(1);
    const auto clock = create_system_clock(context.get_executor());
    const auto random = create_system_random();
    const auto http = create_curl_http(context.get_executor(), connections);
    std::optional<Progress> progress;
    const auto note = [&](const std::string& text) {
      progress ? progress->note(text) : say("{}\n", text);
    };
    const auto journal = open_journal(
        context.get_executor(), *disk_, journal_directory(data_), store.end,
        {.writer = {.epoch = random->next(), .keep_segments = prepared_.settings.keep_segments},
         .background = {},
         .note = note});
    if (!journal) return fail(journal.error());
    Recorder recorder(store.record, **journal);
    auto opened = run_task<void>(context, record_opening(recorder, store.end));
    if (!opened) return fail(std::move(opened.error()));
    const CampaignRecord& record = *store.record.find(id());
    if (!plan_) {
      auto plan = open_plan(data_, id(), record);
      if (!plan) return fail(std::move(plan.error()));
      plan_.emplace(std::move(*plan));
    }

    progress.emplace(*clock, record);
    Dispatcher dispatcher({context.get_executor(), *clock, *random, recorder, *http, *progress},
                          std::move(*gateways));
    if (options_.now) note("--now: not_before and hours are ignored");
    asio::signal_set signals(context, SIGINT, SIGTERM);
    wait_for_signals(signals, dispatcher);
    const auto ending = run_task<Ending>(context, send(dispatcher, *progress, signals));
    if (!ending) return fail(ending.error());

    const std::string_view state = to_string(*ending);
    print_balance(record, state);
    if (*ending == Ending::interrupted)
      say("interrupted; what was sent is recorded. To go on: loa send {}{}{}\n", options_.campaign,
          options_.data.empty() ? "" : " --data " + options_.data,
          common_.config.empty() ? "" : " --config " + common_.config);
    if (record.in_doubt > 0)
      say("{} messages are in doubt: the gateway may have them. See: loa doubts {}{}{}\n",
          grouped(record.in_doubt), id(), options_.data.empty() ? "" : " --data " + options_.data,
          common_.config.empty() ? "" : " --config " + common_.config);
    return exit_status(record, state);
  }

  Task<Result<Ending>> send(Dispatcher& dispatcher, Progress& progress, asio::signal_set& signals) {
    TaskGroup display(signals.get_executor(), progress.clock());
    display.spawn(progress.show());
    SendSettings settings{.schedule = prepared_.campaign.schedule,
                          .parts_per_second = prepared_.campaign.parts_per_second,
                          .ignore_schedule = options_.now,
                          .guard = prepared_.campaign.guard};
    Result<Ending> ending = co_await dispatcher.send(*plan_, std::move(settings));
    co_await dispatcher.close();
    progress.stop();
    co_await display.join();
    signals.cancel();
    co_return ending;
  }

  Task<Result<void>> record_opening(Recorder& recorder, const JournalEnd& end) {
    const Event opened = opened_event(prepared_.settings.node, end);
    LOA_FAILPOINT("opened.before_commit");
    Result<void> durable = co_await recorder.commit(opened);
    LOA_FAILPOINT("opened.after_commit");
    const CampaignRecord* known = recorder.record().find(id());
    if (durable && known != nullptr && known->life.state == CampaignState::paused) {
      Event resumed;
      resumed.kind = Event::Kind::act;
      resumed.at = system_wall();
      resumed.campaign = id();
      resumed.act = to_string(Act::resume);
      resumed.who = person();
      resumed.from = "loa send";
      durable = co_await recorder.commit(resumed);
    }
    if (!durable || !frozen_) co_return durable;
    LOA_FAILPOINT("frozen.before_commit");
    durable = co_await recorder.commit(*frozen_);
    LOA_FAILPOINT("frozen.after_commit");
    co_return durable;
  }

  // The first signal drains; the second leaves at once, which the journal makes safe.
  void wait_for_signals(asio::signal_set& signals, Dispatcher& dispatcher) {
    signals.async_wait([&](const boost::system::error_code& ec, int) {
      if (ec) return;
      say("\nfinishing the requests under way; interrupt again to leave at once\n");
      dispatcher.drain_all();
      signals.async_wait([](const boost::system::error_code& again, int) {
        if (!again) std::_Exit(exit_status(Code::temporary));
      });
    });
  }

  void print_balance(const CampaignRecord& record, std::string_view state) const {
    if (!common_.json) {
      fmt::print("{}", balance_text(*plan_, record, state));
      return;
    }
    JsonWriter out;
    put_balance(out, *plan_, record, state);
    fmt::print("{}\n", out.text());
  }

  const CommonOptions& common_;
  const SendOptions& options_;
  Prepared prepared_;
  std::string data_;
  std::unique_ptr<Disk> disk_;
  std::optional<Plan> plan_;
  std::optional<Event> frozen_;  // of a new campaign: recorded before anything is sent
};

}  // namespace

int run_send(const CommonOptions& common, const SendOptions& options) {
  int status = 0;
  std::optional<Prepared> prepared = prepare(common.config, options.campaign, status);
  if (!prepared) return status;
  const Result<int> outcome = SendVerb(common, options, std::move(*prepared)).run();
  return outcome ? *outcome : report(outcome.error());
}

}  // namespace loa
