// When a plan will end at the configured limits, and what it costs. Pure arithmetic, no clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "campaign/schedule.hpp"
#include "gateway/gateway.hpp"
#include "plan/plan.hpp"

namespace loa {

struct GatewayForecast {
  std::string gateway;
  Duration sending{0};         // net time at the limits; 0 when there is none
  std::string bound;           // what holds it back: "messages_per_second 500", "" for nothing
  std::optional<Instant> end;  // unless it cannot end in time
};

struct Forecast {
  std::optional<Instant> start;  // nothing when the campaign cannot begin before useful_until
  std::optional<Instant> end;    // nothing when it cannot end before useful_until
  Duration sending{0};
  std::vector<GatewayForecast> gateways;
  std::uint64_t rows_late = 0;  // rows that would be left at useful_until
};

// `from` is when sending could begin, without the schedule. A per_day limit is spread over local
// days.
Forecast forecast(const PlanHead& head, const std::vector<Gateway>& gateways,
                  const Schedule& schedule, double parts_per_second, Instant from);

}  // namespace loa
