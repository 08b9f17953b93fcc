#include <fmt/format.h>
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
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "dispatch/dispatcher.hpp"
#include "net/curl_http.hpp"

namespace loa {
namespace {

class SendVerb {
 public:
  SendVerb(const CommonOptions& common, const SendOptions& options, Prepared prepared)
      : common_(common),
        options_(options),
        prepared_(std::move(prepared)),
        data_(options.data.empty() ? prepared_.settings.data : options.data) {}

  // The exit status, or what went wrong.
  Result<int> run() {
    constexpr std::uint64_t kOtherDescriptors = 32;
    auto enough = allow_descriptors(prepared_.settings, kOtherDescriptors);
    if (!enough) return fail(std::move(enough.error()));
    auto session = Session::take(prepared_.settings, data_, Session::Missing::make);
    if (!session) return fail(std::move(session.error()));
    if (const CampaignRecord* record = (*session)->record().find(id())) {
      auto same = resume(*record);
      if (!same) return fail(std::move(same.error()));
      if (is_over(record->life.state)) return already_ended(*record);
    } else {
      if (prepared_.settings.approval_required)
        return fail(Code::permission,
                    "here another person must approve a campaign before it is sent: submit it to "
                    "the daemon (loa serve, loa submit), or, on a test system, write approval: "
                    "{required: false}",
                    {prepared_.settings.file});
      auto begun = begin((*session)->disk());
      if (!begun) return fail(std::move(begun.error()));
    }
    return dispatch(**session);
  }

 private:
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

  Result<void> begin(Disk& disk) {
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
    auto written = write_plan(disk, data_, prepared_.plan);
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
  Result<std::vector<OpenGateway>> open_all() const {
    const std::vector<PlanLane>& lanes = plan_ ? plan_->head().lanes : prepared_.plan.head.lanes;
    auto open = open_gateways(prepared_.settings, [&](const std::string& gateway) {
      return std::any_of(lanes.begin(), lanes.end(),
                         [&](const PlanLane& lane) { return lane.gateway == gateway; });
    });
    if (!open) return open;
    for (const PlanLane& lane : lanes) {
      const bool known = std::any_of(open->begin(), open->end(), [&](const OpenGateway& one) {
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

  Result<int> dispatch(Session& session) {
    auto gateways = open_all();
    if (!gateways) return fail(std::move(gateways.error()));
    int connections = 0;
    for (const OpenGateway& one : *gateways) connections += one.gateway.limits.in_flight;

    std::signal(SIGPIPE,
                SIG_IGN);  // a carrier that closes its end is an error of that request only
    asio::io_context& context = session.context();
    const auto clock = create_system_clock(context.get_executor());
    const auto random = create_system_random();
    const auto http = create_curl_http(context.get_executor(), connections);
    std::optional<Progress> progress;
    const auto note = [&](const std::string& text) {
      progress ? progress->note(text) : say("{}\n", text);
    };
    auto opened = session.open(*random, note);
    if (!opened) return fail(std::move(opened.error()));
    Recorder& recorder = session.recorder();
    opened = run_task<void>(context, record_beginning(recorder));
    if (!opened) return fail(std::move(opened.error()));
    const CampaignRecord& record = *session.record().find(id());
    if (!plan_) {
      auto plan = open_plan(data_, id(), record);
      if (!plan) return fail(std::move(plan.error()));
      plan_.emplace(std::move(*plan));
    }

    SubscriberLog subscribers(prepared_.settings.subscriber);
    auto recalled = recall_subscribers(subscribers, session.record(), data_, clock->wall());
    if (!recalled) return fail(std::move(recalled.error()));
    progress.emplace(*clock, record);
    Dispatcher dispatcher({context.get_executor(), *clock, *random, recorder, *http, *progress,
                           subscribers.limits().any() ? &subscribers : nullptr},
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
                          .urgent = prepared_.campaign.priority == Priority::emergency,
                          .guard = prepared_.campaign.guard};
    Result<Ending> ending = co_await dispatcher.send(*plan_, std::move(settings));
    co_await dispatcher.close();
    progress.stop();
    co_await display.join();
    signals.cancel();
    co_return ending;
  }

  // What a person begins, or takes up again.
  Task<Result<void>> record_beginning(Recorder& recorder) {
    Result<void> durable;
    const CampaignRecord* known = recorder.record().find(id());
    if (known != nullptr && known->life.state == CampaignState::paused) {
      Event resumed;
      resumed.kind = Event::Kind::act;
      resumed.at = system_wall();
      resumed.campaign = id();
      resumed.act = to_string(Act::resume);
      resumed.who = person();
      resumed.from = "loa send";
      durable = co_await recorder.commit(resumed);
    }
    if (!frozen_) co_return durable;
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
