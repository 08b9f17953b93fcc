#include <charconv>

#include "api/handlers.hpp"
#include "api/views.hpp"

namespace loa::api {

HttpResponse json_response(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

HttpResponse problem(const ApiCall& call, const Problem& problem) {
  return to_response(problem, call.request.path, call.request.body);
}

HttpResponse refusal(const ApiCall& call, const Refusal& refusal) {
  return problem(call, problem_of(refusal));
}

std::string etag_of(std::uint64_t version) { return "\"" + std::to_string(version) + "\""; }

HttpResponse campaign_response(int status, const CampaignView& campaign) {
  JsonWriter out;
  put_campaign(out, campaign);
  HttpResponse response = json_response(status, out.take());
  response.headers.set("ETag", etag_of(campaign.version));
  return response;
}

HttpResponse submitted_response(const ApiCall& call, int status, const CampaignView& campaign,
                                const Faults& warnings) {
  JsonWriter out;
  out.open_object().field("created", status == 201).key("campaign");
  put_campaign(out, campaign);
  out.key("warnings");
  put_faults(out, warnings, Fault::Severity::warning, call.request.body);
  out.close_object();
  HttpResponse response = json_response(status, out.take());
  response.headers.set("ETag", etag_of(campaign.version));
  response.headers.set("Location", "/api/v1/campaigns/" + campaign.id);
  return response;
}

HttpResponse replay(const ApiCall& call, const Desk::Remembered& before) {
  constexpr std::string_view kGateway = "gateway/";
  HttpResponse response;
  if (before.campaign.starts_with(kGateway)) {
    const std::string name = before.campaign.substr(kGateway.size());
    for (const GatewayView& gateway : call.api.desk.gateways()) {
      if (gateway.name != name) continue;
      JsonWriter out;
      put_gateway(out, gateway);
      response = json_response(before.status, out.take());
    }
  } else if (const auto campaign = call.api.desk.campaign(before.campaign)) {
    const bool was_submitted = call.request.path == "/api/v1/campaigns";
    if (was_submitted) {
      response = submitted_response(call, before.status, *campaign, {});
    } else {
      response = campaign_response(before.status, *campaign);
      if (before.status == 201)
        response.headers.set("Location", "/api/v1/campaigns/" + campaign->id);
    }
  }
  if (response.body.empty()) {
    response = problem(call, {404, "not-found", "what this request made is not there any more"});
  }
  response.headers.set("Idempotent-Replay", "true");
  return response;
}

Task<HttpResponse> deny(ApiCall& call, Permission permission, std::string campaign) {
  const std::string why = loa::refusal(call.who, permission);
  const bool is_act = call.request.method != "GET" && call.request.method != "HEAD";
  if (is_act) {
    const std::string act(to_string(permission));
    co_await call.api.desk.deny(call.actor(), act, std::move(campaign), why);
  }
  co_return problem(call, {403, "forbidden", why});
}

tl::expected<Page, Problem> read_page(const HttpRequest& request) {
  constexpr std::size_t kLimitMax = 200;
  Page page;
  if (const std::string* limit = request.parameter("limit")) {
    const char* const last = limit->data() + limit->size();
    const auto [end, ec] = std::from_chars(limit->data(), last, page.limit);
    if (ec != std::errc{} || end != last || page.limit < 1 || page.limit > kLimitMax) {
      return tl::unexpected(Problem{
          400, "bad-request", "limit must be a number from 1 to " + std::to_string(kLimitMax)});
    }
  }
  if (const std::string* cursor = request.parameter("cursor")) page.cursor = *cursor;
  return page;
}

}  // namespace loa::api
