#include "api/handlers.hpp"
#include "api/input.hpp"
#include "api/views.hpp"

namespace loa::api {
namespace {

HttpResponse gateway_response(ApiCall& call, const Answer<GatewayView>& gateway) {
  if (!gateway) return refusal(call, gateway.error());
  call.subject = "gateway/" + gateway->name;
  JsonWriter out;
  put_gateway(out, *gateway);
  return json_response(200, out.take());
}

}  // namespace

// A carrier sees its own gateway, and not that there are others.
Task<HttpResponse> list_gateways(ApiCall& call) {
  JsonWriter out;
  out.open_object().key("items").open_array();
  for (const GatewayView& gateway : call.api.desk.gateways())
    if (allowed(call.who, Permission::read_gateways, gateway.name)) put_gateway(out, gateway);
  co_return json_response(200, out.close_array().close_object().take());
}

Task<HttpResponse> pause_gateway(ApiCall& call) {
  auto body = read_act_body(call.request);
  if (!body) co_return problem(call, body.error());
  const auto gateway =
      co_await call.api.desk.pause_gateway(call.actor(), call.names[0], std::move(body->input.why));
  co_return gateway_response(call, gateway);
}

Task<HttpResponse> resume_gateway(ApiCall& call) {
  auto body = read_act_body(call.request);
  if (!body) co_return problem(call, body.error());
  const auto gateway = co_await call.api.desk.resume_gateway(call.actor(), call.names[0],
                                                             std::move(body->input.why));
  co_return gateway_response(call, gateway);
}

}  // namespace loa::api
