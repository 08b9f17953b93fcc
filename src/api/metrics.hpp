// What the daemon counts, in Prometheus' text format 0.0.4.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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

  // What others know: the server, and whether the last reload of the configuration was good.
  std::function<HttpServerCounts()> server = {};
  std::function<bool()> reload_ok = {};
  // Further families, as MetricsWriter writes them.
  std::function<void(MetricsWriter&)> more = {};

  std::string text(Instant now) const;

 private:
  void take(const Change& change);

  static constexpr std::array<double, 10> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1,
                                                     0.25,  0.5,  1,     5,    30};  // seconds

  Desk& desk_;
  std::string version_;
  std::array<std::uint64_t, kBounds.size() + 1> batches_{};  // by duration
  double batch_seconds_ = 0;
  std::uint64_t records_ = 0;
  Desk::Subscription subscription_;
};

}  // namespace loa
