// What the daemon counts, in Prometheus' text format 0.0.4.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "desk/desk.hpp"
#include "net/http_server.hpp"

namespace loa {

// Writes families of samples; each family once, all of its samples together.
class MetricsWriter {
 public:
  MetricsWriter& family(std::string_view name, std::string_view type, std::string_view help);
  // `labels`: name, value, name, value ...
  MetricsWriter& sample(std::initializer_list<std::string_view> labels, double value,
                        std::string_view suffix = "");
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

class Metrics {
 public:
  Metrics(Desk& desk, std::string version);

  // What others know: the server; whether the last reload of the configuration was good; whether
  // Redis is there. What is not set is left out.
  std::function<HttpServerCounts()> server = {};
  std::function<bool()> reload_ok = {};
  std::function<bool()> redis_connected = {};

  // Asked for now. What gateways wait for is looked at each time this is asked, and the time since
  // is put down to it.
  std::string text(Instant wall, Tick now);

 private:
  void put_waits(MetricsWriter& out, const std::vector<GatewayView>& gateways,
                 const std::vector<CampaignView>& campaigns, Tick now);

  Desk& desk_;
  std::string version_;
  std::uint64_t records_ = 0;
  Desk::Subscription subscription_;
  std::map<std::pair<std::string, std::string>, double> waits_;  // seconds, by gateway and reason
  std::optional<Tick> asked_;
};

}  // namespace loa
