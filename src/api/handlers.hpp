// The handlers, by resource. Thin: read the request, ask the desk, write what it says.
#pragma once

#include "api/problem.hpp"
#include "api/route.hpp"

namespace loa::api {

// campaigns.cpp
Task<HttpResponse> list_campaigns(ApiCall& call);
Task<HttpResponse> submit_campaign(ApiCall& call);
Task<HttpResponse> check_campaign(ApiCall& call);
Task<HttpResponse> show_campaign(ApiCall& call);
Task<HttpResponse> revise_campaign(ApiCall& call);
Task<HttpResponse> show_plan(ApiCall& call);
Task<HttpResponse> show_forecast(ApiCall& call);
Task<HttpResponse> show_history(ApiCall& call);
Task<HttpResponse> act_on_campaign(ApiCall& call);

// gateways.cpp
Task<HttpResponse> list_gateways(ApiCall& call);
Task<HttpResponse> pause_gateway(ApiCall& call);
Task<HttpResponse> resume_gateway(ApiCall& call);

// uploads.cpp
Task<HttpResponse> put_audience(ApiCall& call);
Task<HttpResponse> delete_audience(ApiCall& call);

// record.cpp
Task<HttpResponse> explain_number(ApiCall& call);
Task<HttpResponse> list_acts(ApiCall& call);
Task<HttpResponse> show_me(ApiCall& call);

// system.cpp
Task<HttpResponse> follow_events(ApiCall& call);
Task<HttpResponse> show_openapi(ApiCall& call);
Task<HttpResponse> live(ApiCall& call);
Task<HttpResponse> ready(ApiCall& call);
Task<HttpResponse> show_metrics(ApiCall& call);
Task<HttpResponse> show_version(ApiCall& call);

// What several of them say.
HttpResponse json_response(int status, std::string body);
HttpResponse problem(const ApiCall& call, const Problem& problem);
HttpResponse refusal(const ApiCall& call, const Refusal& refusal);
std::string etag_of(std::uint64_t version);
// The answer to a request that was done before under the same Idempotency-Key.
HttpResponse replay(const ApiCall& call, const Desk::Remembered& before);
HttpResponse campaign_response(int status, const CampaignView& campaign);
HttpResponse submitted_response(const ApiCall& call, int status, const CampaignView& campaign,
                                const Faults& warnings);
// Somebody signed in who may not: put on record when it was an act, and said.
Task<HttpResponse> deny(ApiCall& call, Permission permission);

// ?limit= and ?cursor=, a number; a problem when they are none.
struct Page {
  std::size_t limit = 50;
  std::string cursor;
};
tl::expected<Page, Problem> read_page(const IncomingRequest& request);

}  // namespace loa::api
