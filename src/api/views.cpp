#include "api/views.hpp"

#include <cmath>
#include <numeric>

#include "api/problem.hpp"
#include "base/printable.hpp"

namespace loa {
namespace {

void put_time(JsonWriter& out, std::string_view key, const std::optional<Instant>& time) {
  out.key(key);
  if (time) {
    out.value(to_rfc3339(*time));
  } else {
    out.null();
  }
}

double tenths(double value) { return std::round(value * 10) / 10; }

void put_counts(JsonWriter& out, std::string_view key,
                const std::map<std::string, std::uint64_t>& counts) {
  out.key(key).open_object();
  for (const auto& [name, count] : counts) out.field(name, count);
  out.close_object();
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                         [](std::uint64_t total, const auto& one) { return total + one.second; });
}

void put_progress(JsonWriter& out, const GatewayProgress& gateway) {
  out.open_object().field("gateway", gateway.gateway).field("rows", gateway.rows);
  out.field("accepted", gateway.accepted).field("refused", gateway.refused);
  out.field("in_doubt", gateway.in_doubt).field("under_way", gateway.under_way);
  out.field("unsent", gateway.unsent);
  out.field("parts", gateway.parts);
  out.field("rate", tenths(gateway.rate)).field("limit", tenths(gateway.limit));
  out.field("bound", gateway.bound).field("bound_words", printable(gateway.bound_words));
  put_time(out, "end", gateway.end);
  out.close_object();
}

void put_gateways(JsonWriter& out, const CampaignView& campaign) {
  out.key("gateways").open_array();
  for (const GatewayProgress& gateway : campaign.gateways) put_progress(out, gateway);
  out.close_array();
}

void put_summary_fields(JsonWriter& out, const CampaignView& campaign) {
  out.field("id", campaign.id).field("title", campaign.title);
  out.field("state", to_string(campaign.state)).field("reason", printable(campaign.reason));
  out.field("author", campaign.author).field("source", campaign.source);
  out.field("approved_by", campaign.approved_by);
  out.field("priority", campaign.priority).field("weight", campaign.weight);
  out.field("revision", campaign.revision).field("plan", campaign.plan);
  out.field("content", campaign.content);
  out.field("audience", campaign.audience);
  put_counts(out, "excluded", campaign.excluded);
  out.field("planned", campaign.planned).field("accepted", campaign.accepted);
  out.field("refused", sum(campaign.refused));
  put_counts(out, "refused_by_code", campaign.refused);
  out.field("in_doubt", campaign.in_doubt).field("under_way", campaign.under_way);
  out.field("unsent", campaign.unsent);
  out.field("parts", campaign.parts).field("cost", campaign.cost);
  put_time(out, "not_before", campaign.not_before);
  put_time(out, "useful_until", campaign.useful_until);
  put_time(out, "began", campaign.began);
  put_time(out, "end", campaign.end);
  out.field("updated", to_rfc3339(campaign.updated)).field("version", campaign.version);
}

}  // namespace

void put_summary(JsonWriter& out, const CampaignView& campaign) {
  out.open_object();
  put_summary_fields(out, campaign);
  out.close_object();
}

void put_campaign(JsonWriter& out, const CampaignView& campaign) {
  out.open_object();
  put_summary_fields(out, campaign);
  put_gateways(out, campaign);
  out.key("document");
  if (campaign.document.empty()) {
    out.null();
  } else {
    out.raw(campaign.document);
  }
  out.close_object();
}

void put_forecast(JsonWriter& out, const CampaignView& campaign) {
  out.open_object().field("campaign", campaign.id).field("state", to_string(campaign.state));
  out.field("reason", printable(campaign.reason)).field("unsent", campaign.unsent);
  put_time(out, "end", campaign.end);
  put_time(out, "useful_until", campaign.useful_until);
  const bool late = campaign.end && campaign.useful_until && *campaign.end > *campaign.useful_until;
  out.field("in_time", !late);
  put_gateways(out, campaign);
  out.close_object();
}

void put_plan(JsonWriter& out, const PlanView& plan) {
  out.open_object().key("campaign");
  put_campaign(out, plan.campaign);
  out.key("samples").open_array();
  for (const Sample& sample : plan.samples) {
    out.open_object().field("what", sample.what).field("number", sample.number);
    out.field("gateway", sample.gateway).field("text", sample.text);
    out.field("encoding", sample.encoding).field("parts", sample.parts).close_object();
  }
  out.close_array().key("warnings");
  put_faults(out, plan.warnings, Fault::Severity::warning, {});
  out.close_object();
}

void put_gateway(JsonWriter& out, const GatewayView& gateway) {
  out.open_object().field("name", gateway.name).field("profile", gateway.profile);
  out.key("networks").open_array();
  for (const std::string& network : gateway.networks) out.value(network);
  out.close_array();
  out.field("state", gateway.state).field("reason", printable(gateway.reason));
  out.field("limit", tenths(gateway.limit)).field("rate", tenths(gateway.rate));
  out.field("share", gateway.share).field("in_flight", gateway.in_flight);
  out.field("waiting", gateway.waiting).field("today", gateway.today);
  out.field("per_day", gateway.per_day).close_object();
}

void put_act(JsonWriter& out, const ActRecord& act) {
  out.open_object().field("lsn", act.lsn).field("at", to_rfc3339(act.at));
  out.field("campaign", act.campaign).field("gateway", act.gateway).field("act", act.act);
  out.field("who", act.who).field("from", act.from).field("why", printable(act.why));
  out.field("plan", act.plan).field("denied", act.denied).close_object();
}

}  // namespace loa
