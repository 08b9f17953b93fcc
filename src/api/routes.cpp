#include <array>

#include "api/handlers.hpp"

namespace loa {
namespace {

using namespace api;
using P = Permission;
using B = Route::Body;

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/api/v1/campaigns", P::read_campaigns, false, B::none, list_campaigns},
    {"POST", "/api/v1/campaigns", P::submit, false, B::whole, submit_campaign},
    {"POST", "/api/v1/campaigns/check", P::submit, false, B::whole, check_campaign},
    {"GET", "/api/v1/campaigns/{}", P::read_campaigns, false, B::none, show_campaign},
    {"PUT", "/api/v1/campaigns/{}", P::revise, false, B::whole, revise_campaign},
    {"GET", "/api/v1/campaigns/{}/plan", P::read_campaigns, false, B::none, show_plan},
    {"GET", "/api/v1/campaigns/{}/forecast", P::read_campaigns, false, B::none, show_forecast},
    {"GET", "/api/v1/campaigns/{}/history", P::read_record, false, B::none, show_history},
    {"POST", "/api/v1/campaigns/{}/{}", std::nullopt, false, B::whole, act_on_campaign},
    {"GET", "/api/v1/gateways", P::read_gateways, false, B::none, list_gateways},
    {"POST", "/api/v1/gateways/{}/pause", P::run_gateways, false, B::whole, pause_gateway},
    {"POST", "/api/v1/gateways/{}/resume", P::run_gateways, false, B::whole, resume_gateway},
    {"PUT", "/api/v1/audiences/{}", P::upload, false, B::stream, put_audience},
    {"DELETE", "/api/v1/audiences/{}", P::upload, false, B::none, delete_audience},
    {"POST", "/api/v1/explain", P::explain, false, B::whole, explain_number},
    {"GET", "/api/v1/acts", P::read_record, false, B::none, list_acts},
    {"GET", "/api/v1/me", std::nullopt, false, B::none, show_me},
    {"GET", "/api/v1/events", std::nullopt, false, B::none, follow_events},
    {"GET", "/api/v1/openapi.yaml", std::nullopt, true, B::none, show_openapi},
    {"GET", "/livez", std::nullopt, true, B::none, live},
    {"GET", "/readyz", std::nullopt, true, B::none, ready},
    {"GET", "/metrics", std::nullopt, true, B::none, show_metrics},
    {"GET", "/version", std::nullopt, true, B::none, show_version},
});

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const auto end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> names;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = next_segment(pattern);
    const auto given = next_segment(path);
    if (wanted == "{}" && !given.empty()) {
      names.emplace_back(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return names;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Match find_route(std::string_view method, std::string_view path) {
  Match found;
  if (path.empty() || path.front() != '/') return found;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    auto names = match(route.pattern, path);
    if (!names) continue;
    // "/campaigns/{}" knows "/campaigns/check" too; the first line is meant.
    if (route.method == wanted && found.route == nullptr) {
      found.route = &route;
      found.names = std::move(*names);
    }
    if (found.allowed.find(route.method) != std::string::npos) continue;
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += route.method;
    if (route.method == "GET") found.allowed += ", HEAD";
  }
  return found;
}

}  // namespace loa
