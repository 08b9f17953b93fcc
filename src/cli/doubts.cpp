// The verb doubts: which requests are in doubt and what will become of them; a person's decision.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <iostream>

#include "async/clock.hpp"
#include "async/run.hpp"
#include "base/random.hpp"
#include "campaign/schedule.hpp"
#include "cli/locate.hpp"
#include "cli/output.hpp"
#include "cli/prepare.hpp"
#include "cli/session.hpp"
#include "dispatch/ladder.hpp"
#include "dispatch/recorder.hpp"
#include "dispatch/store.hpp"
#include "gateway/rule.hpp"
#include "journal/journal.hpp"

namespace loa {
namespace {

// A request in doubt, or under way, and what is next for it.
struct Doubt {
  OpenIntent intent;
  std::string next;  // a word, for programs
  std::string why;
  std::optional<Instant> at;
};

std::string_view word_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::repeat: return "repeat";
    case Step::Kind::ask: return "ask";
    case Step::Kind::wait: return "receipt";
    case Step::Kind::settle: return step.state == RowState::planned ? "resend" : "assume_sent";
    case Step::Kind::leave: break;
  }
  return "person";
}

Doubt look_at(const OpenIntent& intent, const CampaignRecord& record, const Plan& plan,
              const std::vector<Gateway>& gateways, Instant now) {
  Doubt doubt{.intent = intent, .next = "person", .why = {}, .at = {}};
  if (is_over(record.life.state)) {
    doubt.why = fmt::format("the campaign has ended: {}", to_string(record.life.state));
    return doubt;
  }
  const auto gateway = std::find_if(gateways.begin(), gateways.end(),
                                    [&](const Gateway& one) { return one.name == intent.gateway; });
  const Step step = next_step(
      ladder_input(intent, plan, gateway == gateways.end() ? nullptr : &*gateway, 0, now));
  doubt.next = word_of(step);
  doubt.why = step.why;
  if (step.at != Instant{}) doubt.at = step.at;
  return doubt;
}

std::vector<Doubt> doubts_of(const CampaignRecord& record, const Plan& plan,
                             const std::vector<Gateway>& gateways, Instant now) {
  std::vector<Doubt> doubts;
  doubts.reserve(record.doubts.size() + record.open.size());
  for (const auto& [first_row, intent] : record.doubts)
    doubts.push_back(look_at(intent, record, plan, gateways, now));
  for (const auto& [batch, intent] : record.open) {
    doubts.push_back({.intent = intent, .next = "under_way", .why = {}, .at = {}});
    doubts.back().intent.cause = "no outcome recorded: a process is sending, or was ended";
    doubts.back().intent.since = intent.first;
  }
  return doubts;
}

std::uint64_t count_rows(const std::vector<Doubt>& doubts) {
  std::uint64_t rows = 0;
  for (const Doubt& doubt : doubts) rows += count_rows(doubt.intent.rows);
  return rows;
}

std::string counted(std::uint64_t number, std::string_view thing) {
  return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : "s");
}

// To the second, as a carrier looks it up.
std::string local_second(const std::string& zone, Instant at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count() % 60;
  return fmt::format("{}:{:02}", to_local(zone, at), second);
}

// The rest of a command line that works on the same data.
std::string same_place(const CommonOptions& common, const DoubtsOptions& options) {
  return (options.data.empty() ? "" : " --data " + options.data) +
         (common.config.empty() ? "" : " --config " + common.config);
}

// What is next, for people.
std::string advice(const Doubt& doubt) {
  if (doubt.next == "repeat")
    return "'loa send' repeats the same request: the gateway refuses a reference it knows";
  if (doubt.next == "ask") return "'loa send' asks the gateway what became of the request";
  if (doubt.next == "receipt") return doubt.why + ": a person decides";
  if (doubt.next == "under_way") return "'loa send' goes on from here";
  if (doubt.next == "resend") return "'loa send' sends them again (" + doubt.why + ")";
  if (doubt.next == "assume_sent") return "'loa send' counts them as accepted (" + doubt.why + ")";
  return "a person decides (" + doubt.why + ")";
}

std::string ranges(const RowRanges& rows) {
  constexpr std::size_t kShownMax = 3;
  std::string text;
  for (std::size_t i = 0; i < rows.size() && i < kShownMax; ++i) {
    text += text.empty() ? "" : ", ";
    text += rows[i].first == rows[i].last ? fmt::format("{}", rows[i].first)
                                          : fmt::format("{}-{}", rows[i].first, rows[i].last);
  }
  if (rows.size() > kShownMax) text += fmt::format(" and {} more", rows.size() - kShownMax);
  return text;
}

void print_group(const std::string& zone, const std::vector<const Doubt*>& group) {
  constexpr std::size_t kShownMax = 20;
  const Doubt& first = *group.front();
  fmt::print("\ngateway '{}': {}\n", first.intent.gateway, first.intent.cause);
  Table table({"messages", "rows", "attempt", "reference", "first sent"},
              {true, false, true, false, false});
  for (std::size_t i = 0; i < group.size() && i < kShownMax; ++i) {
    const OpenIntent& intent = group[i]->intent;
    table.add({grouped(count_rows(intent.rows)), ranges(intent.rows),
               std::to_string(intent.attempt), intent.reference, local_second(zone, intent.first)});
  }
  fmt::print("{}", table.text());
  if (group.size() > kShownMax)
    fmt::print("  and {} more; --json lists all\n", grouped(group.size() - kShownMax));
  fmt::print("  next: {}\n", advice(first));
}

void print_doubts(const std::string& id, const std::string& zone, const std::string& place,
                  const std::vector<Doubt>& doubts) {
  if (doubts.empty()) {
    fmt::print("campaign {}: nothing is in doubt\n", id);
    return;
  }
  fmt::print(
      "campaign {}: {} messages in doubt, in {} requests: the gateways may have them or not\n", id,
      grouped(count_rows(doubts)), grouped(doubts.size()));
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<const Doubt*>> groups;
  for (const Doubt& doubt : doubts)
    groups[{doubt.intent.gateway, doubt.intent.cause, advice(doubt)}].push_back(&doubt);
  for (const auto& [key, group] : groups) print_group(zone, group);
  fmt::print(
      "\nAsk the carrier, by reference and time. Then decide for all of them:\n"
      "  it does not have them, send them again:   loa doubts {0}{1} --resend --reason TEXT\n"
      "  it has them, count them as accepted:      loa doubts {0}{1} --assume-sent --reason TEXT\n",
      id, place);
}

void put_doubts(JsonWriter& out, const std::string& id, const CampaignRecord& record,
                const std::vector<Doubt>& doubts) {
  out.open_object()
      .field("campaign", id)
      .field("state", state_of(record))
      .field("in_doubt", count_rows(doubts));
  out.key("requests").open_array();
  for (const Doubt& doubt : doubts) {
    const OpenIntent& intent = doubt.intent;
    out.open_object()
        .field("gateway", intent.gateway)
        .field("cause", intent.cause)
        .field("attempt", std::int64_t{intent.attempt})
        .field("reference", intent.reference)
        .field("messages", count_rows(intent.rows));
    out.key("rows").open_array();
    for (const RowRange& range : intent.rows)
      out.open_array().value(range.first).value(range.last).close_array();
    out.close_array()
        .field("first", to_rfc3339(intent.first))
        .field("since", to_rfc3339(intent.since))
        .field("next", doubt.next);
    if (doubt.at) out.field("next_at", to_rfc3339(*doubt.at));
    if (!doubt.why.empty()) out.field("why", doubt.why);
    out.close_object();
  }
  out.close_array().close_object();
}

class Deciding {
 public:
  Deciding(const CommonOptions& common, const DoubtsOptions& options, Located located)
      : common_(common),
        options_(options),
        located_(std::move(located)),
        id_(campaign_id(options.campaign)) {
    constexpr std::size_t kReasonMax = 300;
    decision_.campaign = id_;
    decision_.kind = Event::Kind::settled;
    decision_.state = options.resend ? RowState::planned : RowState::accepted;
    decision_.by = DecidedBy::person;
    decision_.why = options.resend ? "decided: send again" : "decided: count as accepted";
    decision_.who = person();
    decision_.reason = clean(options.reason, kReasonMax, true);
  }

  Result<int> run() {
    if (decision_.reason.empty())
      return fail(Code::usage, "--reason: say in a few words why; it is recorded with your name");
    const auto session = Session::take(located_.settings, located_.data, Session::Missing::refuse);
    if (!session) return fail(session.error());
    const CampaignRecord* record = (*session)->record().find(id_);
    if (record == nullptr) return fail(unknown_campaign(id_, (*session)->record()));
    const auto plan = open_plan(located_.data, id_, *record);
    if (!plan) return fail(plan.error());
    auto possible = check(*record, *plan);
    if (!possible) return fail(std::move(possible.error()));

    for (const auto& [batch, intent] : record->open) count(intent);
    for (const auto& [row, doubt] : record->doubts) count(doubt);
    if (!options_.yes && !confirmed())
      return fail(Code::usage,
                  "nothing was decided: it was not confirmed (--yes does without the question)");
    auto recorded = write(**session, *record);
    if (!recorded) return fail(std::move(recorded.error()));
    print(*record);
    return 0;
  }

 private:
  // Whether the decision can have an effect.
  Result<void> check(const CampaignRecord& record, const Plan& plan) const {
    if (record.doubts.empty() && record.open.empty())
      return fail(
          Code::data,
          fmt::format("campaign '{}': nothing is in doubt, so there is nothing to decide", id_));
    const auto& useful_until = plan.head().useful_until;
    const bool too_late = useful_until && system_wall() >= *useful_until;
    const bool over = too_late || record.life.state == CampaignState::stopped ||
                      record.life.state == CampaignState::expired;
    if (!options_.resend || !over) return {};
    return fail(
        Code::data,
        fmt::format("campaign '{}' sends nothing more: {}. Its messages in doubt can only "
                    "be counted as accepted (--assume-sent), or stay in doubt",
                    id_,
                    record.life.state == CampaignState::stopped ? "its text was refused"
                                                                : "useful_until has passed"));
  }

  void count(const OpenIntent& doubt) {
    rows_ += count_rows(doubt.rows);
    ++requests_;
  }

  bool confirmed() const {
    if (::isatty(STDIN_FILENO) == 0) return false;
    fmt::print(stderr, "{} the {} of {} in doubt? Type yes: ",
               options_.resend ? "Send again" : "Count as accepted", counted(rows_, "message"),
               counted(requests_, "request"));
    std::string answer;
    return std::getline(std::cin, answer) && answer == "yes";
  }

  Result<void> write(Session& session, const CampaignRecord& record) {
    const auto random = create_system_random();
    auto opened = session.open(*random, [](const std::string& text) { say("{}\n", text); });
    if (!opened) return opened;
    return run_task<void>(session.context(), decide(session.recorder(), record));
  }

  Task<Result<void>> decide(Recorder& recorder, const CampaignRecord& record) {
    const Instant now = system_wall();
    Result<void> durable;
    while (durable && !record.open.empty()) {
      const Event found = found_after_crash(id_, record.open.begin()->second, now);
      durable = co_await recorder.commit(found);
    }
    decision_.at = now;
    while (durable && !record.doubts.empty()) {
      decision_.rows = record.doubts.begin()->second.rows;
      durable = co_await recorder.commit(decision_);
    }
    co_return durable;
  }

  void print(const CampaignRecord& record) const {
    if (common_.json) {
      JsonWriter out;
      out.open_object()
          .field("campaign", id_)
          .field("decided", options_.resend ? "resend" : "assume_sent")
          .field("messages", rows_)
          .field("requests", requests_)
          .field("who", decision_.who)
          .field("reason", decision_.reason)
          .field("state", state_of(record))
          .close_object();
      fmt::print("{}\n", out.text());
      return;
    }
    fmt::print("campaign {}: {}, of {}, {}\n  recorded for {}: {}\n", id_,
               counted(rows_, "message"), counted(requests_, "request"),
               options_.resend ? "to be sent again" : "taken as accepted", decision_.who,
               decision_.reason);
    if (is_over(record.life.state)) return;
    const bool is_file = options_.campaign != id_;
    fmt::print("  to go on: loa send {}{}\n", is_file ? options_.campaign : "CAMPAIGN.yaml",
               same_place(common_, options_));
  }

  const CommonOptions& common_;
  const DoubtsOptions& options_;
  Located located_;
  std::string id_;
  Event decision_;
  std::uint64_t rows_ = 0;
  std::uint64_t requests_ = 0;
};

int list(const CommonOptions& common, const DoubtsOptions& options, const Located& located) {
  const auto disk = create_system_disk();
  const auto store = read_store(*disk, located.data, located.settings.zone);
  if (!store) return report(store.error());
  const std::string id = campaign_id(options.campaign);
  const CampaignRecord* record = store->record.find(id);
  if (record == nullptr) return report(unknown_campaign(id, store->record));
  const auto plan = open_plan(located.data, id, *record);
  if (!plan) return report(plan.error());
  const std::vector<Doubt> doubts =
      doubts_of(*record, *plan, located.settings.gateways, system_wall());
  if (common.json) {
    JsonWriter out;
    put_doubts(out, id, *record, doubts);
    fmt::print("{}\n", out.text());
  } else {
    print_doubts(id, located.settings.zone, same_place(common, options), doubts);
  }
  return 0;
}

}  // namespace

int run_doubts(const CommonOptions& common, const DoubtsOptions& options) {
  auto located = locate(common, options.data);
  if (!located) return report(located.error());
  if (!options.resend && !options.assume_sent) return list(common, options, *located);
  const Result<int> outcome = Deciding(common, options, std::move(*located)).run();
  return outcome ? *outcome : report(outcome.error());
}

}  // namespace loa
