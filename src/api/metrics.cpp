#include "api/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

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

// "ms":12 of an `answer` line, which the journal writes itself.
std::optional<std::uint64_t> milliseconds_of(std::string_view line) {
  constexpr std::string_view kAnswer = "{\"event\":\"answer\"";
  constexpr std::string_view kKey = "\"ms\":";
  if (!line.starts_with(kAnswer)) return std::nullopt;
  const auto at = line.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* const begin = line.data() + at + kKey.size();
  if (std::from_chars(begin, line.data() + line.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

struct GatewaySums {
  double accepted = 0;
  double refused = 0;
  double in_doubt = 0;
  double parts = 0;
};

std::map<std::string, GatewaySums> sums_of(const std::vector<CampaignView>& campaigns) {
  std::map<std::string, GatewaySums> sums;
  for (const CampaignView& campaign : campaigns) {
    for (const GatewayProgress& gateway : campaign.gateways) {
      GatewaySums& sum = sums[gateway.gateway];
      sum.accepted += static_cast<double>(gateway.accepted);
      sum.refused += static_cast<double>(gateway.refused);
      sum.in_doubt += static_cast<double>(gateway.in_doubt);
      sum.parts += static_cast<double>(gateway.parts);
    }
  }
  return sums;
}

void put_messages(MetricsWriter& out, const std::vector<CampaignView>& campaigns) {
  const auto sums = sums_of(campaigns);
  out.family("loa_messages_total", "counter", "Messages by what the carrier did with them.");
  for (const auto& [name, sum] : sums) {
    out.sample({"carrier", name, "outcome", "accepted"}, sum.accepted);
    out.sample({"carrier", name, "outcome", "refused"}, sum.refused);
  }
  out.family("loa_in_doubt_messages", "gauge", "Messages of which nobody knows whether they went.");
  for (const auto& [name, sum] : sums) out.sample({"carrier", name}, sum.in_doubt);
  out.family("loa_segments_total", "counter", "Billed parts of accepted messages.");
  for (const auto& [name, sum] : sums) out.sample({"carrier", name}, sum.parts);
}

void put_gateways(MetricsWriter& out, const std::vector<GatewayView>& gateways) {
  const auto each = [&](auto value) {
    for (const GatewayView& gateway : gateways)
      out.sample({"carrier", gateway.name}, static_cast<double>(value(gateway)));
  };
  out.family("loa_inflight_requests", "gauge", "Requests that wait for an answer.");
  each([](const GatewayView& gateway) { return gateway.in_flight; });
  out.family("loa_queue_messages", "gauge", "Messages that wait for their turn.");
  for (const GatewayView& gateway : gateways)
    out.sample({"queue", gateway.name}, static_cast<double>(gateway.waiting));
  out.family("loa_rate_limit_messages_per_second", "gauge", "The carrier's limit, 0 for none.");
  each([](const GatewayView& gateway) { return gateway.limit; });
  out.family("loa_rate_messages_per_second", "gauge", "Messages a second in the last ten seconds.");
  each([](const GatewayView& gateway) { return gateway.rate; });
  out.family("loa_rate_share_ratio", "gauge",
             "The part of the limit that is used after throttling.");
  each([](const GatewayView& gateway) { return gateway.share; });
  out.family("loa_today_messages", "gauge", "Messages of this day, as the carrier's quota counts.");
  each([](const GatewayView& gateway) { return gateway.today; });
  out.family("loa_circuit_state", "gauge", "1 for the state that the gateway is in.");
  for (const GatewayView& gateway : gateways)
    for (const std::string_view state : {"up", "slowed", "unreachable", "held", "paused"})
      out.sample({"carrier", gateway.name, "state", state}, gateway.state == state ? 1 : 0);
}

// Only of campaigns that are not over: series that never change any more cost memory for years.
void put_campaigns(MetricsWriter& out, const std::vector<CampaignView>& campaigns, Instant now) {
  out.family("loa_campaigns", "gauge", "Campaigns by state.");
  for (std::size_t i = 0; i < kCampaignStates; ++i) {
    const auto state = static_cast<CampaignState>(i);
    const auto count = std::count_if(campaigns.begin(), campaigns.end(),
                                     [&](const CampaignView& one) { return one.state == state; });
    out.sample({"state", to_string(state)}, static_cast<double>(count));
  }
  out.family("loa_campaign_recipients", "gauge",
             "People of a campaign that is not over, by state.");
  double oldest = 0;
  for (const CampaignView& one : campaigns) {
    if (is_over(one.state) || one.state == CampaignState::draft) continue;
    double refused = 0;
    for (const auto& [code, count] : one.refused) refused += static_cast<double>(count);
    out.sample({"campaign", one.id, "state", "accepted"}, static_cast<double>(one.accepted));
    out.sample({"campaign", one.id, "state", "refused"}, refused);
    out.sample({"campaign", one.id, "state", "in_doubt"}, static_cast<double>(one.in_doubt));
    out.sample({"campaign", one.id, "state", "unsent"}, static_cast<double>(one.unsent));
    if (one.state == CampaignState::sending && one.began)
      oldest = std::max(oldest, std::chrono::duration<double>(now - *one.began).count());
  }
  out.family("loa_queue_oldest_seconds", "gauge", "How long the oldest campaign has been sending.");
  out.sample({}, oldest);
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
  subscription_ = desk_.subscribe([this](const Change& change) { take(change); });
}

void Metrics::take(const Change& change) {
  records_ = std::max(records_, change.lsn);
  const auto milliseconds = milliseconds_of(change.line);
  if (!milliseconds) return;
  constexpr double kThousand = 1000;
  const double seconds = static_cast<double>(*milliseconds) / kThousand;
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++batches_[static_cast<std::size_t>(bound - kBounds.begin())];
  batch_seconds_ += seconds;
}

std::string Metrics::text(Instant now) const {
  MetricsWriter out;
  const std::vector<CampaignView> campaigns = desk_.campaigns();
  put_messages(out, campaigns);
  put_gateways(out, desk_.gateways());
  put_campaigns(out, campaigns, now);

  out.family("loa_batch_duration_seconds", "histogram", "From a request to its answer.");
  double below = 0;
  for (std::size_t i = 0; i <= kBounds.size(); ++i) {
    below += static_cast<double>(batches_[i]);
    const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
    out.sample({"le", bound}, below, "_bucket");
  }
  out.sample({}, batch_seconds_, "_sum").sample({}, below, "_count");
  out.family("loa_audit_chain_records_total", "counter", "Lines of the journal.");
  out.sample({}, static_cast<double>(records_));
  out.family("loa_trouble", "gauge",
             "1 when nothing new is taken or sent, as when the disk is full.");
  out.sample({}, desk_.trouble() ? 1 : 0);
  out.family("loa_approval_required", "gauge", "0 on a test system, where nobody must approve.");
  out.sample({}, desk_.approval_required() ? 1 : 0);
  if (reload_ok) {
    out.family("loa_config_last_reload_successful", "gauge",
               "Whether the configuration on disk is used.");
    out.sample({}, reload_ok() ? 1 : 0);
  }
  if (server) {
    const HttpServerCounts counts = server();
    out.family("loa_http_connections", "gauge", "Open connections to the API.");
    out.sample({}, static_cast<double>(counts.connections));
    out.family("loa_http_streams", "gauge", "Readers of live events.");
    out.sample({}, static_cast<double>(counts.streams));
    out.family("loa_http_requests_total", "counter", "Requests to the API.");
    out.sample({}, static_cast<double>(counts.requests));
    out.family("loa_http_dropped_connections_total", "counter", "Slow, half-open, or too many.");
    out.sample({"reason", "slow"}, static_cast<double>(counts.timed_out));
    out.sample({"reason", "too_many"}, static_cast<double>(counts.refused_connections));
  }
  if (more) more(out);
  out.family("loa_build_info", "gauge", "1, with the version as a label.");
  out.sample({"version", version_}, 1);
  return out.take();
}

}  // namespace loa
