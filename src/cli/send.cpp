#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "base/failpoint.hpp"
#include "cli/balance_view.hpp"
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

class Sending {
 public:
  Sending(const CommonOptions& common, const SendOptions& options, Prepared prepared)
      : common_(common),
        options_(options),
        prepared_(std::move(prepared)),
        data_(options.data.empty() ? prepared_.settings.data : options.data),
        disk_(create_system_disk()) {}

  // The exit status, or what went wrong.
  Result<int> run() {
    auto stored = prepare_store(*disk_, data_);
    if (!stored) return fail(std::move(stored.error()));
    const auto lock = DirectoryLock::take(data_);
    if (!lock) return fail(lock.error());
    auto store = read_store(*disk_, data_, prepared_.settings.zone);
    if (!store) return fail(std::move(store.error()));
    const CampaignRecord* record = store->record.find(id());
    if (record != nullptr) {
      auto plan = resume(*record);
      if (!plan) return fail(std::move(plan.error()));
      if (!record->ended.empty()) return already_ended(*plan, *record);
      return dispatch(*store, *plan);
    }
    return begin(*store);
  }

 private:
  const std::string& id() const { return prepared_.campaign.id; }

  // A campaign that was begun goes on with the plan that was frozen, if it is still the same
  // campaign.
  Result<Plan> resume(const CampaignRecord& record) {
    auto plan = open_plan(data_, id(), record);
    if (!plan) return plan;
    const std::vector<std::string> changed = differences(plan->head(), prepared_.plan.head);
    if (changed.empty()) return plan;
    std::string list;
    for (const std::string& one : changed) list += "\n  - " + one;
    return fail(Code::data,
                fmt::format("campaign '{}' was frozen and is not the same any more. Changed:{}\n"
                            "Undo the change, or give the new campaign an id of its own",
                            id(), list));
  }

  Result<int> already_ended(const Plan& plan, const CampaignRecord& record) {
    fmt::print(stderr, "campaign '{}' has ended ({}); nothing is sent\n", id(), record.ended);
    print_balance(plan, record, record.ended);
    return exit_status(record, record.ended);
  }

  Result<int> begin(StoreContents& store) {
    const Schedule& schedule = prepared_.campaign.schedule;
    const Instant now = system_wall();
    if (schedule.useful_until && *schedule.useful_until <= now)
      return fail(Code::data,
                  fmt::format("useful_until ({}) has passed: nothing is sent",
                              to_local(schedule.zone, *schedule.useful_until)),
                  {options_.campaign});
    fmt::print(stderr, "{}\n", plan_text(prepared_, schedule.not_before.value_or(now)));
    if (!options_.yes && !confirmed())
      return fail(Code::usage,
                  "nothing was sent: it was not confirmed (--yes does without the question)");
    auto written = write_plan(*disk_, data_, prepared_.plan);
    if (!written) return fail(std::move(written.error()));
    Event frozen;
    frozen.kind = Event::Kind::frozen;
    frozen.at = now;
    frozen.campaign = id();
    frozen.plan = prepared_.plan.sha256();
    frozen.row_count = prepared_.plan.head.rows;
    frozen.excluded = prepared_.plan.head.audience - prepared_.plan.head.rows;
    auto applied = store.record.apply(frozen);
    if (!applied) return fail(std::move(applied.error()));
    first_event_ = frozen;
    prepared_.plan.lanes.clear();  // the rows are in the plan file now
    prepared_.plan.lanes.shrink_to_fit();
    const auto plan = open_plan(data_, id(), *store.record.find(id()));
    if (!plan) return fail(plan.error());
    return dispatch(store, *plan);
  }

  bool confirmed() const {
    if (::isatty(STDIN_FILENO) == 0) return false;
    fmt::print(stderr, "Send {} messages? Type yes: ", grouped(prepared_.plan.head.rows));
    std::string answer;
    return std::getline(std::cin, answer) && answer == "yes";
  }

  // Secrets are fetched only now, and only where something will be sent.
  Result<std::vector<OpenGateway>> open_gateways(const Plan& plan) const {
    std::vector<OpenGateway> open;
    for (const Gateway& gateway : prepared_.settings.gateways) {
      const auto& lanes = plan.head().lanes;
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
    for (const PlanLane& lane : plan.head().lanes) {
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

  Result<int> dispatch(StoreContents& store, const Plan& plan) {
    auto gateways = open_gateways(plan);
    if (!gateways) return fail(std::move(gateways.error()));
    int connections = 0;
    for (const OpenGateway& one : *gateways) connections += one.gateway.limits.in_flight;

    std::signal(SIGPIPE,
                SIG_IGN);  // a carrier that closes its end is an error of that request only
    asio::io_context context(1);
    const auto clock = create_system_clock(context.get_executor());
    const auto random = create_system_random();
    const auto journal = open_journal(context.get_executor(), *disk_, journal_directory(data_),
                                      store.end, random->next());
    if (!journal) return fail(journal.error());
    const auto http = create_curl_http(context.get_executor(), connections);
    const CampaignRecord& record = *store.record.find(id());
    Progress progress(*clock, record);
    Dispatcher dispatcher(
        {context.get_executor(), *clock, *random, **journal, *http, store.record, progress}, plan,
        std::move(*gateways),
        {.schedule = prepared_.campaign.schedule,
         .parts_per_second = prepared_.campaign.parts_per_second,
         .ignore_schedule = options_.now});
    if (options_.now) progress.note("--now: not_before and hours are ignored");

    asio::signal_set signals(context, SIGINT, SIGTERM);
    wait_for_signals(signals, dispatcher);
    std::optional<Result<Ending>> ending;
    std::exception_ptr thrown;
    asio::co_spawn(context, run_dispatcher(dispatcher, **journal, progress, signals, ending),
                   [&](const std::exception_ptr& failure) { thrown = failure; });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    if (!*ending) return fail(std::move(ending->error()));

    const std::string_view state = to_string(**ending);
    print_balance(plan, record, state);
    if (**ending == Ending::interrupted)
      fmt::print(stderr, "interrupted; what was sent is recorded. To go on: loa send {}{}{}\n",
                 options_.campaign, options_.data.empty() ? "" : " --data " + options_.data,
                 common_.config.empty() ? "" : " --config " + common_.config);
    if (record.in_doubt > 0)
      fmt::print(stderr, "{} rows are in doubt: the gateway may have them. on_unknown: {}\n",
                 grouped(record.in_doubt), to_string(plan.head().on_unknown));
    return exit_status(record, state);
  }

  Task<void> run_dispatcher(Dispatcher& dispatcher, Journal& journal, Progress& progress,
                            asio::signal_set& signals, std::optional<Result<Ending>>& ending) {
    ending = co_await record_opening(journal);
    if (!*ending) {
      signals.cancel();
      co_return;
    }
    TaskGroup display(signals.get_executor(), progress.clock());
    display.spawn(progress.show());
    ending = co_await dispatcher.run();
    progress.stop();
    co_await display.join();
    signals.cancel();
  }

  Task<Result<Ending>> record_opening(Journal& journal) {
    Event opened;
    opened.at = system_wall();
    opened.node = prepared_.settings.node;
    opened.version = LOA_VERSION;
    const std::string opened_line = to_line(opened);
    LOA_FAILPOINT("opened.before_commit");
    const Result<void> durable = co_await journal.commit(opened_line);
    LOA_FAILPOINT("opened.after_commit");
    if (!durable) co_return fail(durable.error());
    if (first_event_) {
      const std::string frozen_line = to_line(*first_event_);
      LOA_FAILPOINT("frozen.before_commit");
      const Result<void> frozen = co_await journal.commit(frozen_line);
      LOA_FAILPOINT("frozen.after_commit");
      if (!frozen) co_return fail(frozen.error());
    }
    co_return Ending::finished;
  }

  // The first signal drains; the second leaves at once, which the journal makes safe.
  void wait_for_signals(asio::signal_set& signals, Dispatcher& dispatcher) {
    signals.async_wait([&](const boost::system::error_code& ec, int) {
      if (ec) return;
      fmt::print(stderr, "\nfinishing the requests under way; interrupt again to leave at once\n");
      dispatcher.drain();
      signals.async_wait([](const boost::system::error_code& again, int) {
        if (!again) std::_Exit(exit_status(Code::temporary));
      });
    });
  }

  void print_balance(const Plan& plan, const CampaignRecord& record, std::string_view state) const {
    if (!common_.json) {
      fmt::print("{}", balance_text(plan, record, state));
      return;
    }
    JsonWriter out;
    put_balance(out, plan, record, state);
    fmt::print("{}\n", out.text());
  }

  const CommonOptions& common_;
  const SendOptions& options_;
  Prepared prepared_;
  std::string data_;
  std::unique_ptr<Disk> disk_;
  std::optional<Event> first_event_;  // to be recorded before anything is sent
};

}  // namespace

int run_send(const CommonOptions& common, const SendOptions& options) {
  int status = 0;
  std::optional<Prepared> prepared = prepare(common.config, options.campaign, status);
  if (!prepared) return status;
  const Result<int> outcome = Sending(common, options, std::move(*prepared)).run();
  return outcome ? *outcome : report(outcome.error());
}

}  // namespace loa
