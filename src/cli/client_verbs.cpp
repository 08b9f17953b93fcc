// The verbs that ask the daemon.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "cli/bring.hpp"
#include "cli/campaign_view.hpp"
#include "cli/client.hpp"
#include "cli/json_view.hpp"
#include "cli/output.hpp"
#include "cli/problem_view.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"
#include "cli/watch.hpp"

namespace loa {
namespace {

using boost::json::object;

constexpr std::int64_t kGraveFrom = 10'000;  // people: above, an approval is typed
constexpr Duration kPlanningMax = std::chrono::minutes(15);

Result<int> done() { return 0; }

class ClientRun {
 public:
  ClientRun(ApiClient& client, const CommonOptions& common, const ClientOptions& options)
      : client_(client), common_(common), options_(options) {}

  Result<int> submit() {
    Faults faults;
    const auto brought = bring_campaign(client_, options_.subject, faults);
    print_faults(faults);
    if (!brought) return fail(brought.error());
    if (!faults.ok()) return fail(Code::data, "the campaign is wrong", {.file = options_.subject});
    ApiRequest request{"POST",
                       options_.dry_run ? "/api/v1/campaigns/check" : "/api/v1/campaigns",
                       brought->document,
                       brought->type,
                       {new_idempotency_key()},
                       kPlanningMax};
    request.is_result = !options_.watch;
    constexpr std::size_t kNameMax = 200;
    const std::string name = options_.subject.substr(0, kNameMax);
    request.path += "?name=" + url_part(is_utf8(name) ? name : "campaign");
    for (const std::string& upload : brought->uploads) request.path += "&upload=" + upload;
    const auto reply = client_.call(request, options_.subject);
    if (!reply) return fail(reply.error());
    print_faults(faults_of(*reply, "warnings", options_.subject));
    if (options_.dry_run) {
      if (!common_.json) fmt::print("{}", plan_text(*reply));
      return done();
    }
    const object& campaign = object_in(*reply, "campaign");
    const std::string id = text_of(campaign, "id");
    const boost::json::value* created = reply->if_contains("created");
    const bool is_new = created == nullptr || !created->is_bool() || created->get_bool();
    if (!common_.json) fmt::print("{}", campaign_text(campaign));
    say("{}\n",
        is_new ? fmt::format("{} is taken.", printable(id))
               : fmt::format("{} was here already, the same; nothing was done.", printable(id)));
    if (text_of(campaign, "state") == "waiting")
      say("Next: somebody else looks at it and approves it: loa approve {}\n", printable(id));
    return options_.watch ? watch_campaign(client_, id, common_.json) : done();
  }

  Result<int> list() {
    std::string path = fmt::format("/api/v1/campaigns?limit={}", options_.limit);
    if (!options_.state.empty()) path += "&state=" + url_part(options_.state);
    const auto page = client_.call({"GET", path});
    if (!page) return fail(page.error());
    if (common_.json) return done();
    fmt::print("{}", campaigns_table(*page));
    if (!text_of(*page, "next").empty()) say("There are more: --limit\n");
    return done();
  }

  Result<int> show() {
    if (options_.watch) return watch_campaign(client_, options_.subject, common_.json);
    const auto reply =
        client_.call({"GET",
                      of_campaign(options_.with_plan ? "/plan" : ""),
                      "",
                      "",
                      {},
                      options_.with_plan ? kPlanningMax : Duration(std::chrono::seconds(30))});
    if (!reply) return fail(reply.error());
    if (!common_.json)
      fmt::print("{}", options_.with_plan ? plan_text(*reply) : campaign_text(*reply));
    return done();
  }

  Result<int> history() {
    const auto reply = client_.call({"GET", of_campaign("/history")});
    if (!reply) return fail(reply.error());
    if (!common_.json) fmt::print("{}", acts_table(*reply));
    return done();
  }

  Result<int> approve() {
    if (!may("approve")) return act("approve");
    const auto plan = look(of_campaign("/plan"));
    if (!plan) return fail(plan.error());
    const object& campaign = object_in(*plan, "campaign");
    const std::string hash = text_of(campaign, "plan");
    if (!options_.plan.empty() && options_.plan != hash)
      return fail(Code::data,
                  fmt::format("the plan is another one by now. Look at it: loa show {} --plan",
                              options_.subject));
    const std::int64_t people = number_of(campaign, "planned");
    const std::string number =
        grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, people)));
    const bool looked_at = !options_.plan.empty() && people <= kGraveFrom;
    if (options_.confirm.empty() && !looked_at) say("{}", plan_text(*plan));
    const auto agreed =
        confirmed(people > kGraveFrom,
                  fmt::format("{} people will get this message, in {} parts.", number,
                              grouped(static_cast<std::uint64_t>(
                                  std::max<std::int64_t>(0, number_of(campaign, "parts"))))),
                  "approve", looked_at);
    if (!agreed) return fail(agreed.error());
    return act("approve", [&](object& body) {
      body["plan"] = hash;
      body["confirm"] = options_.subject;
    });
  }

  Result<int> stop() {
    if (!may("stop")) return act("stop");
    const auto campaign = look(of_campaign(""));
    if (!campaign) return fail(campaign.error());
    const auto count = [&](std::string_view key) {
      return grouped(
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(*campaign, key))));
    };
    const auto agreed = confirmed(
        true,
        fmt::format("{} messages have gone and cannot be called back; {} will not be sent.",
                    count("accepted"), count("unsent")),
        "stop", false);
    if (!agreed) return fail(agreed.error());
    return act("stop", [&](object& body) { body["confirm"] = options_.subject; });
  }

  // `fill` adds to the body what this act needs.
  template <class Fill>
  Result<int> act(std::string_view name, Fill fill) {
    object body;
    if (!options_.reason.empty()) body["reason"] = options_.reason;
    if (!options_.not_before.empty()) body["not_before"] = options_.not_before;
    if (!options_.useful_until.empty()) body["useful_until"] = options_.useful_until;
    if (!options_.id.empty()) body["id"] = options_.id;
    fill(body);
    ApiRequest request{"POST",
                       of_campaign("/" + std::string(name)),
                       boost::json::serialize(body),
                       "application/json",
                       {new_idempotency_key()},
                       kPlanningMax};
    request.is_result = !options_.watch;
    const auto reply = client_.call(request);
    if (!reply) return fail(reply.error());
    const object& campaign = reply->contains("campaign") ? object_in(*reply, "campaign") : *reply;
    if (!common_.json) fmt::print("{}", campaign_text(campaign));
    return options_.watch ? watch_campaign(client_, text_of(campaign, "id"), common_.json) : done();
  }
  Result<int> act(std::string_view name) {
    return act(name, [](object&) {});
  }

  Result<int> explain() {
    std::string number = options_.subject;
    if (number == "-") {
      constexpr std::size_t kNumberMax = 64;
      auto line = read_input_line(kNumberMax);
      if (!line) return fail(line.error());
      number = *line;
    }
    object body;
    body["number"] = number;
    if (!options_.campaign.empty()) body["campaign"] = options_.campaign;
    const auto reply = client_.post("/api/v1/explain", boost::json::serialize(body));
    if (!reply) return fail(reply.error());
    if (common_.json) return done();
    const boost::json::array& items = array_in(*reply, "items");
    if (items.empty()) fmt::print("No campaign knows this number.\n");
    for (const auto& item : items) {
      if (!item.is_object()) continue;
      const std::string state = text_of(item.get_object(), "state");
      fmt::print("{}{}\n", printable(text_of(item.get_object(), "campaign")),
                 state.empty() ? "" : ": " + printable(state));
      for (const auto& line : array_in(item.get_object(), "lines"))
        if (line.is_string()) fmt::print("  {}\n", text_of({{"line", line}}, "line"));
    }
    return done();
  }

  Result<int> gateways() {
    const auto page = client_.call({"GET", "/api/v1/gateways"});
    if (!page) return fail(page.error());
    if (!common_.json) fmt::print("{}", gateways_table(*page));
    return done();
  }

  Result<int> act_on_gateway(std::string_view name) {
    object body;
    if (!options_.reason.empty()) body["reason"] = options_.reason;
    const auto reply =
        client_.post(fmt::format("/api/v1/gateways/{}/{}", url_part(options_.subject), name),
                     boost::json::serialize(body));
    if (!reply) return fail(reply.error());
    if (!common_.json) {
      const boost::json::array one = {*reply};
      fmt::print("{}", gateways_table({{"items", one}}));
    }
    return done();
  }

 private:
  std::string of_campaign(const std::string& rest) const {
    return "/api/v1/campaigns/" + url_part(options_.subject) + rest;
  }

  // Whoever may not is not asked, but refused by the daemon, and that on record.
  bool may(std::string_view permission) {
    const auto me = look("/api/v1/me");
    if (!me) return true;  // the next request says why
    for (const auto& one : array_in(*me, "permissions"))
      if (one.is_string() && std::string_view(one.get_string()) == permission) return true;
    return false;
  }

  // Before an act; with --json only the act's own answer is printed.
  Result<object> look(const std::string& path) {
    ApiRequest request{"GET", path, "", "", {}, kPlanningMax};
    request.is_result = false;
    return client_.call(request);
  }

  // Asks, unless the answer was given: the campaign's id when it is grave, else yes.
  Result<void> confirmed(bool grave, const std::string& words, std::string_view verb,
                         bool looked_at) {
    const std::string& id = options_.subject;
    if (!options_.confirm.empty()) {
      if (options_.confirm == id) return {};
      return fail(Code::usage,
                  fmt::format("--confirm={} is not this campaign: nothing was done. {}",
                              printable(options_.confirm), words));
    }
    if (looked_at) return {};
    if (options_.reach.no_input || !has_terminal())
      return fail(Code::usage, fmt::format("{} To {} it where nobody can be asked: --confirm={}",
                                           words, verb, printable(id)));
    const std::string wanted = grave ? id : "yes";
    const auto answer =
        ask(fmt::format("{} Type {} to {} it: ", words, grave ? "the campaign's id" : "yes", verb));
    if (!answer) return fail(answer.error());
    if (*answer == wanted) return {};
    return fail(Code::usage, "that is not it: nothing was done");
  }

  ApiClient& client_;
  const CommonOptions& common_;
  const ClientOptions& options_;
};

Result<int> run(ClientRun& run, ClientVerb verb) {
  switch (verb) {
    case ClientVerb::submit: return run.submit();
    case ClientVerb::list: return run.list();
    case ClientVerb::show: return run.show();
    case ClientVerb::history: return run.history();
    case ClientVerb::approve: return run.approve();
    case ClientVerb::give_back: return run.act("return");
    case ClientVerb::reject: return run.act("reject");
    case ClientVerb::schedule: return run.act("schedule");
    case ClientVerb::pause: return run.act("pause");
    case ClientVerb::resume: return run.act("resume");
    case ClientVerb::stop: return run.stop();
    case ClientVerb::retry: return run.act("retry");
    case ClientVerb::clone: return run.act("clone");
    case ClientVerb::explain: return run.explain();
    case ClientVerb::gateways: return run.gateways();
    case ClientVerb::pause_gateway: return run.act_on_gateway("pause");
    case ClientVerb::resume_gateway: return run.act_on_gateway("resume");
  }
  return 0;
}

}  // namespace

int run_client(const CommonOptions& common, ClientVerb verb, const ClientOptions& options) {
  auto client = ApiClient::open(common, options.reach);
  if (!client) return report(client.error());
  ClientRun running(*client, common, options);
  const auto status = run(running, verb);
  return status ? *status : report(status.error());
}

}  // namespace loa
