// When a campaign may send: from not_before until useful_until, inside the daily hours of its zone.
//   schedule: {not_before: RFC3339, useful_until: RFC3339, hours: {from: "07:00", to: "20:00"},
//   zone: Asia/Ho_Chi_Minh}
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/fault.hpp"
#include "base/time.hpp"
#include "config/document.hpp"

namespace loa {

struct Schedule {
  std::optional<Instant> not_before;
  std::optional<Instant> useful_until;
  std::chrono::minutes from{0};      // of the local day
  std::chrono::minutes to{24 * 60};  // exclusive; from < to
  std::string zone = "Asia/Ho_Chi_Minh";
};

Schedule read_schedule(const Node& node, Faults& faults);

// The first moment at or after `at` when sending is allowed (not_before, hours); nothing when that
// is not before useful_until.
std::optional<Instant> next_allowed(const Schedule& schedule, Instant at);

// The end of the allowed stretch that holds `at` (which must be allowed): the end of the hours or
// useful_until.
Instant allowed_until(const Schedule& schedule, Instant at);

// Midnight that ends the local day of `at`.
Instant end_of_day(const std::string& zone, Instant at);

// "2026-11-24 08:00" in the zone, for people.
std::string to_local(const std::string& zone, Instant at);

}  // namespace loa
