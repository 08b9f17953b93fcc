#include <algorithm>
#include <charconv>

#include "api/handlers.hpp"
#include "api/input.hpp"
#include "api/views.hpp"

namespace loa::api {
namespace {

// From so many people on, an approval is typed and not clicked.
constexpr std::uint64_t kGraveFrom = 10'000;

// "*", or a list of tags as this server writes them.
bool names_version(std::string_view condition, std::uint64_t version) {
  if (condition == "*") return true;
  const std::string wanted = etag_of(version);
  while (!condition.empty()) {
    const auto end = std::min(condition.find(','), condition.size());
    std::string_view tag = condition.substr(0, end);
    condition.remove_prefix(std::min(end + 1, condition.size()));
    while (!tag.empty() && tag.front() == ' ') tag.remove_prefix(1);
    while (!tag.empty() && tag.back() == ' ') tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == wanted) return true;
  }
  return false;
}

std::optional<std::uint64_t> version_in(std::string_view condition) {
  if (condition.size() < 3 || condition.front() != '"' || condition.back() != '"')
    return std::nullopt;
  const std::string_view digits = condition.substr(1, condition.size() - 2);
  std::uint64_t version = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return version;
}

std::optional<Problem> missing_confirmation(Act act, const CampaignView& campaign,
                                            const std::string& confirm) {
  const bool is_grave = act == Act::stop || (act == Act::approve && campaign.planned > kGraveFrom);
  if (!is_grave || confirm == campaign.id) return std::nullopt;
  const std::string what =
      act == Act::stop ? std::to_string(campaign.accepted) +
                             " messages have gone and cannot be called back, and " +
                             std::to_string(campaign.unsent) + " would not be sent"
                       : std::to_string(campaign.planned) + " people would get this message";
  return Problem{422, "confirmation-required",
                 what + "; to go on, send \"confirm\": \"" + campaign.id + "\""};
}

// The whole campaign behind an answer that only names it.
HttpResponse submitted(ApiCall& call, const Answer<Submitted>& done, int status_if_new) {
  if (!done) return refusal(call, done.error());
  call.subject = done->campaign;
  const auto campaign = call.api.desk.campaign(done->campaign);
  if (!campaign) return refusal(call, campaign.error());
  return submitted_response(call, done->is_new ? status_if_new : 200, *campaign, done->warnings);
}

}  // namespace

Task<HttpResponse> list_campaigns(ApiCall& call) {
  const auto page = read_page(call.request);
  if (!page) co_return problem(call, page.error());
  std::optional<CampaignState> wanted;
  if (const std::string* state = call.request.parameter("state")) {
    wanted = campaign_state_of(*state);
    if (!wanted) {
      const std::string words = "there is no state '" + *state + "'";
      co_return problem(call, {400, "bad-request", words});
    }
  }
  const std::vector<CampaignView> all = call.api.desk.campaigns();
  auto from = all.begin();
  if (!page->cursor.empty()) {
    from = std::find_if(all.begin(), all.end(),
                        [&](const CampaignView& one) { return one.id == page->cursor; });
    if (from == all.end()) co_return problem(call, {400, "bad-request", "the cursor is unknown"});
    ++from;
  }
  JsonWriter out;
  out.open_object().key("items").open_array();
  std::size_t count = 0;
  std::string next;
  for (; from != all.end(); ++from) {
    if (wanted && from->state != *wanted) continue;
    if (count == page->limit) {
      break;
    }
    put_summary(out, *from);
    next = from->id;
    ++count;
  }
  out.close_array().key("next");
  if (from == all.end()) {
    out.null();
  } else {
    out.value(next);
  }
  co_return json_response(200, out.close_object().take());
}

Task<HttpResponse> submit_campaign(ApiCall& call) {
  auto submission = read_submission(call);
  if (!submission) co_return problem(call, submission.error());
  const auto done = co_await call.api.desk.submit(call.actor(), std::move(*submission));
  co_return submitted(call, done, 201);
}

Task<HttpResponse> check_campaign(ApiCall& call) {
  auto submission = read_submission(call);
  if (!submission) co_return problem(call, submission.error());
  const auto plan = co_await call.api.desk.check(std::move(*submission));
  if (!plan) co_return refusal(call, plan.error());
  JsonWriter out;
  put_plan(out, *plan);
  co_return json_response(200, out.take());
}

Task<HttpResponse> show_campaign(ApiCall& call) {
  const auto campaign = call.api.desk.campaign(call.names[0]);
  if (!campaign) co_return refusal(call, campaign.error());
  const std::string* known = call.request.headers.find("If-None-Match");
  if (known == nullptr || !names_version(*known, campaign->version))
    co_return campaign_response(200, *campaign);
  HttpResponse unchanged;
  unchanged.status = 304;
  unchanged.headers.set("ETag", etag_of(campaign->version));
  co_return unchanged;
}

Task<HttpResponse> revise_campaign(ApiCall& call) {
  const std::string* condition = call.request.headers.find("If-Match");
  if (condition == nullptr) {
    co_return problem(call, {428, "precondition-required",
                             "send the ETag of the campaign that was looked at as If-Match"});
  }
  const auto version = version_in(*condition);
  if (!version) {
    co_return problem(call, {412, "changed", "If-Match is not an ETag of this campaign"});
  }
  auto submission = read_submission(call);
  if (!submission) co_return problem(call, submission.error());
  const auto done =
      co_await call.api.desk.revise(call.actor(), call.names[0], *version, std::move(*submission));
  co_return submitted(call, done, 200);
}

Task<HttpResponse> show_plan(ApiCall& call) {
  const auto plan = co_await call.api.desk.plan(call.names[0]);
  if (!plan) co_return refusal(call, plan.error());
  JsonWriter out;
  put_plan(out, *plan);
  HttpResponse response = json_response(200, out.take());
  response.headers.set("ETag", etag_of(plan->campaign.version));
  co_return response;
}

Task<HttpResponse> show_forecast(ApiCall& call) {
  const auto campaign = call.api.desk.campaign(call.names[0]);
  if (!campaign) co_return refusal(call, campaign.error());
  JsonWriter out;
  put_forecast(out, *campaign);
  co_return json_response(200, out.take());
}

Task<HttpResponse> show_history(ApiCall& call) {
  const auto campaign = call.api.desk.campaign(call.names[0]);
  if (!campaign) co_return refusal(call, campaign.error());
  JsonWriter out;
  out.open_object().field("campaign", campaign->id).key("acts").open_array();
  for (const ActRecord& act : call.api.desk.acts(campaign->id)) put_act(out, act);
  co_return json_response(200, out.close_array().close_object().take());
}

Task<HttpResponse> act_on_campaign(ApiCall& call) {
  const std::string id = call.names[0];
  const auto act = act_of(call.names[1]);
  const auto permission = act ? permission_for(*act) : std::nullopt;
  if (!permission || *act == Act::submit) {
    const std::string words = "there is no act '" + call.names[1] + "'";
    co_return problem(call, {404, "not-found", words});
  }
  if (!allowed(call.who, *permission)) co_return co_await deny(call, *permission, id);
  auto body = read_act_body(call.request);
  if (!body) co_return problem(call, body.error());
  const auto before = call.api.desk.campaign(id);
  if (!before) co_return refusal(call, before.error());
  if (const auto missing = missing_confirmation(*act, *before, body->confirm))
    co_return problem(call, *missing);
  const auto done = co_await call.api.desk.act(call.actor(), id, *act, std::move(body->input));
  if (!done) {
    Problem why = problem_of(done.error());
    // 412 is for If-Match; here it was the body that named the plan.
    if (why.status == 412) why.status = 409;
    co_return problem(call, why);
  }
  call.subject = done->id;
  if (*act != Act::retry && *act != Act::clone) co_return campaign_response(200, *done);
  HttpResponse response = campaign_response(201, *done);
  response.headers.set("Location", "/api/v1/campaigns/" + done->id);
  co_return response;
}

}  // namespace loa::api
