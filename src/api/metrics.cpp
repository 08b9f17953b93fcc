#include "api/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace loa {
namespace {

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out.append("\\").append(1, c);
    } else if (c == '\n') {
      out.append("\\n");
    } else {
      out.append(1, c);
    }
  }
  return out;
}

// 0 sends, 1 is slowed, 2 is stopped.
int circuit_of(const GatewayView& gateway) {
  if (gateway.state == "up") return 0;
  return gateway.state == "slowed" ? 1 : 2;
}

void put_messages(MetricsWriter& out, const std::vector<GatewayView>& gateways) {
  out.family("loa_messages_total", "counter", "Messages by what came of them, since the start.");
  for (const GatewayView& gateway : gateways) {
    const OutletCounts& counts = gateway.counts;
    const auto put = [&](std::string_view outcome, std::uint64_t count) {
      out.sample({"gateway", gateway.name, "outcome", outcome}, static_cast<double>(count));
    };
    put("accepted", counts.accepted);
    put("refused", counts.refused);
    put("in_doubt", counts.in_doubt);
    put("again", counts.again);
  }
  out.family("loa_segments_total", "counter",
             "Billed parts of accepted messages, since the start.");
  for (const GatewayView& gateway : gateways)
    out.sample({"gateway", gateway.name}, static_cast<double>(gateway.counts.parts));
}

void put_durations(MetricsWriter& out, const std::vector<GatewayView>& gateways) {
  out.family("loa_batch_duration_seconds", "histogram", "From a request to its answer.");
  constexpr auto& kBounds = OutletCounts::kSeconds;
  for (const GatewayView& gateway : gateways) {
    double below = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
      below += static_cast<double>(gateway.counts.answers[i]);
      const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      out.sample({"gateway", gateway.name, "le", bound}, below, "_bucket");
    }
    out.sample({"gateway", gateway.name}, gateway.counts.answer_seconds, "_sum");
    out.sample({"gateway", gateway.name}, below, "_count");
  }
}

void put_gateways(MetricsWriter& out, const std::vector<GatewayView>& gateways) {
  const auto each = [&](auto value) {
    for (const GatewayView& gateway : gateways)
      out.sample({"gateway", gateway.name}, static_cast<double>(value(gateway)));
  };
  out.family("loa_inflight_messages", "gauge", "Messages whose request has no answer yet.");
  each([](const GatewayView& gateway) { return gateway.in_flight; });
  out.family("loa_rate_limit_messages_per_second", "gauge", "The gateway's limit, 0 for none.");
  each([](const GatewayView& gateway) { return gateway.limit; });
  out.family("loa_circuit_state", "gauge",
             "0 sends, 1 is slowed, 2 is stopped: held, paused or unreachable.");
  each(circuit_of);
}

// A queue is a gateway's; its age is that of the oldest campaign with messages in it.
void put_queues(MetricsWriter& out, const std::vector<GatewayView>& gateways,
                const std::vector<CampaignView>& campaigns, Instant now) {
  out.family("loa_queue_messages", "gauge", "Messages that wait for their turn.");
  for (const GatewayView& gateway : gateways)
    out.sample({"queue", gateway.name}, static_cast<double>(gateway.waiting));
  std::map<std::string_view, double> ages;
  for (const CampaignView& campaign : campaigns) {
    if (campaign.state != CampaignState::sending || !campaign.began) continue;
    const double age = std::chrono::duration<double>(now - *campaign.began).count();
    for (const GatewayProgress& gateway : campaign.gateways)
      if (gateway.unsent > 0) ages[gateway.gateway] = std::max(ages[gateway.gateway], age);
  }
  out.family("loa_queue_oldest_seconds", "gauge", "Since when the oldest of them is being sent.");
  for (const GatewayView& gateway : gateways)
    out.sample({"queue", gateway.name}, ages[gateway.name]);
}

// Only of campaigns that are not over: series that never change any more cost memory for years.
void put_campaigns(MetricsWriter& out, const std::vector<CampaignView>& campaigns) {
  out.family("loa_campaigns", "gauge", "Campaigns by state.");
  for (std::size_t i = 0; i < kCampaignStates; ++i) {
    const auto state = static_cast<CampaignState>(i);
    const auto count = std::count_if(campaigns.begin(), campaigns.end(),
                                     [&](const CampaignView& one) { return one.state == state; });
    out.sample({"state", to_string(state)}, static_cast<double>(count));
  }
  out.family("loa_campaign_recipients", "gauge",
             "People of a campaign that is not over, by state.");
  for (const CampaignView& one : campaigns) {
    if (is_over(one.state) || one.state == CampaignState::draft) continue;
    double refused = 0;
    for (const auto& [code, count] : one.refused) refused += static_cast<double>(count);
    out.sample({"campaign", one.id, "state", "accepted"}, static_cast<double>(one.accepted));
    out.sample({"campaign", one.id, "state", "refused"}, refused);
    out.sample({"campaign", one.id, "state", "in_doubt"}, static_cast<double>(one.in_doubt));
    out.sample({"campaign", one.id, "state", "under_way"}, static_cast<double>(one.under_way));
    out.sample({"campaign", one.id, "state", "unsent"}, static_cast<double>(one.unsent));
  }
}

}  // namespace

MetricsWriter& MetricsWriter::family(std::string_view name, std::string_view type,
                                     std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text_.append(name).append(" ").append(type).append("\n");
  return *this;
}

MetricsWriter& MetricsWriter::sample(std::initializer_list<std::string_view> labels, double value,
                                     std::string_view suffix) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (auto label = labels.begin(); label != labels.end(); label += 2) {
    text_.append(1, before).append(*label).append("=\"").append(escaped(label[1])).append("\"");
    before = ',';
  }
  if (labels.size() > 0) text_.append("}");
  text_.append(fmt::format(" {}\n", value));
  return *this;
}

Metrics::Metrics(Desk& desk, std::string version) : desk_(desk), version_(std::move(version)) {
  subscription_ = desk_.subscribe([this](const Change& change) { records_ = change.lsn; });
}

void Metrics::put_waits(MetricsWriter& out, const std::vector<GatewayView>& gateways,
                        const std::vector<CampaignView>& campaigns, Tick now) {
  // Longer than between two scrapes nobody knows what was in between.
  constexpr double kMost = 120;
  const double elapsed = asked_ ? std::chrono::duration<double>(now - *asked_).count() : 0;
  asked_ = now;
  for (const GatewayView& gateway : gateways) {
    std::set<std::string> reasons;
    for (const CampaignView& campaign : campaigns) {
      if (campaign.state != CampaignState::sending) continue;
      for (const GatewayProgress& progress : campaign.gateways) {
        if (progress.gateway != gateway.name || progress.bound.empty() || progress.bound == "none")
          continue;
        const bool throttled = progress.bound == "limit" && gateway.share < 1;
        reasons.insert(throttled ? "throttle" : progress.bound);
      }
    }
    for (const std::string& reason : reasons)
      waits_[{gateway.name, reason}] += std::min(elapsed, kMost);
  }
  out.family("loa_throttle_wait_seconds_total", "counter",
             "Time in which messages waited, by reason: limit, throttle, hours, held, ...");
  for (const auto& [key, seconds] : waits_)
    out.sample({"gateway", key.first, "reason", key.second}, seconds);
}

std::string Metrics::text(Instant wall, Tick now) {
  MetricsWriter out;
  const std::vector<CampaignView> campaigns = desk_.campaigns();
  const std::vector<GatewayView> gateways = desk_.gateways();
  put_messages(out, gateways);
  put_durations(out, gateways);
  put_gateways(out, gateways);
  put_queues(out, gateways, campaigns, wall);
  put_waits(out, gateways, campaigns, now);
  put_campaigns(out, campaigns);

  const auto put = [&](std::string_view name, std::string_view type, std::string_view help,
                       double value) { out.family(name, type, help).sample({}, value); };
  put("loa_audit_chain_records_total", "counter", "Lines of the journal.",
      static_cast<double>(records_));
  put("loa_journal_shortage", "gauge", "1 when the journal has no room, and nothing new is done.",
      desk_.trouble() ? 1 : 0);
  put("loa_approval_required", "gauge", "0 on a test system, where nobody must approve.",
      desk_.approval_required() ? 1 : 0);
  if (reload_ok) {
    put("loa_config_last_reload_successful", "gauge", "Whether the configuration on disk is used.",
        reload_ok() ? 1 : 0);
  }
  if (redis_connected)
    put("loa_redis_connected", "gauge", "Whether Redis is there.", redis_connected() ? 1 : 0);
  if (server) {
    const HttpServerCounts counts = server();
    put("loa_http_connections", "gauge", "Open connections to the API.",
        static_cast<double>(counts.connections));
    put("loa_http_streams", "gauge", "Readers of live events.",
        static_cast<double>(counts.streams));
    put("loa_http_requests_total", "counter", "Requests to the API.",
        static_cast<double>(counts.requests));
    out.family("loa_http_dropped_connections_total", "counter", "Slow, half-open, or too many.");
    out.sample({"reason", "slow"}, static_cast<double>(counts.timed_out));
    out.sample({"reason", "too_many"}, static_cast<double>(counts.refused_connections));
  }
  out.family("loa_build_info", "gauge", "1, with the version as a label.");
  out.sample({"version", version_}, 1);
  return out.take();
}

}  // namespace loa
