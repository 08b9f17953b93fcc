// When a campaign may send: from not_before until useful_until, inside the daily hours of its zone.
//   schedule: {not_before: RFC3339, useful_until: RFC3339, hours: {from: "07:00", to: "20:00"},
//   zone: Asia/Ho_Chi_Minh, if_late: skip | ask | run, repeat: {...}}
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "base/fault.hpp"
#include "base/time.hpp"
#include "campaign/repeat.hpp"
#include "config/document.hpp"

namespace loa {

// What becomes of a campaign whose time began while nothing ran, and is not over: it waits for a
// person, it is given up, or it is sent.
enum class IfLate { ask, skip, run };
std::string_view to_string(IfLate value);

// Hours of a local day: from 00:00 to 24:00, `to` not included, from < to.
struct Hours {
  std::chrono::minutes from{0};
  std::chrono::minutes to{24 * 60};

  friend bool operator==(const Hours&, const Hours&) = default;
};

// Nothing, and a fault, when they are wrong.
std::optional<Hours> read_hours(const Node& node, Faults& faults);

// "07:00" to "24:00"; nothing when it is no hour.
std::optional<std::chrono::minutes> parse_hour(std::string_view text);

struct Schedule {
  std::optional<Instant> not_before;
  std::optional<Instant> useful_until;
  std::chrono::minutes from{0};      // of the local day
  std::chrono::minutes to{24 * 60};  // exclusive; from < to
  std::string zone = "Asia/Ho_Chi_Minh";

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

struct WrittenSchedule {
  Schedule schedule;
  IfLate if_late = IfLate::ask;
  std::optional<Repeat> repeat;
};

// An emergency is sent at any hour: its hours are read, and then ignored.
enum class HoursRule { kept, ignored };

WrittenSchedule read_schedule(const Node& node, Faults& faults, HoursRule rule = HoursRule::kept);

// The first moment at or after `at` when sending is allowed (not_before, hours); nothing when that
// is not before useful_until.
std::optional<Instant> next_allowed(const Schedule& schedule, Instant at);

// The end of the allowed stretch that holds `at` (which must be allowed): the end of the hours or
// useful_until.
Instant allowed_until(const Schedule& schedule, Instant at);

// The same where several schedules hold together: a campaign's and a gateway's. Nothing also when
// their hours never meet.
std::optional<Instant> next_allowed(std::span<const Schedule> schedules, Instant at);
Instant allowed_until(std::span<const Schedule> schedules, Instant at);

// Midnight that ends the local day of `at`.
Instant end_of_day(const std::string& zone, Instant at);

// Whether the IANA list, as installed here, has it.
bool is_zone(const std::string& name);

// "2026-11-24 08:00" in the zone, for people.
std::string to_local(const std::string& zone, Instant at);

}  // namespace loa
