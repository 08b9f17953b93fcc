// A campaign that comes again: each time is a campaign of its own, with its own plan and approval.
//   repeat: {every: day, at: "08:00", useful_for: 10h}
//   repeat: {every: week, days: [mon, thu], at: "08:00", until: RFC3339, ahead: 24h, useful_for:
//   10h}
// Times are local to the schedule's zone. Where the clocks change, a time that does not exist moves
// to the next that does, and one that exists twice is taken once, the first; a day that a zone
// leaves out has none.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "base/fault.hpp"
#include "base/time.hpp"

namespace loa {

class Node;
struct Schedule;
struct Campaign;

struct Repeat {
  std::array<bool, 7> days{};    // Monday first; at least one
  std::chrono::minutes at{0};    // of the local day, before 24:00
  std::optional<Instant> from;   // schedule.not_before: the first is not before this
  std::optional<Instant> until;  // the last is not after this; absent: it goes on
  std::chrono::seconds ahead{
      86'400};  // so long before its time it is made, for its approval; 0 s to 14 d
  std::chrono::seconds useful_for{36'000};  // from its time on; 1 m to 7 d

  friend bool operator==(const Repeat&, const Repeat&) = default;
};

// One time of a repeated campaign.
struct Occurrence {
  std::string day;  // "2026-11-25", in the zone
  Instant at;
  Instant useful_until;

  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

// The schedule gives the zone, the hours and the first moment.
Repeat read_repeat(const Node& node, const Schedule& schedule, Faults& faults);

// The first one later than `after`.
std::optional<Occurrence> next_occurrence(const Repeat& repeat, const std::string& zone,
                                          Instant after);

// That time's campaign: id "ID-2026-11-25", not_before and useful_until set, no repeat.
Campaign occurrence_of(const Campaign& campaign, const Occurrence& occurrence);

constexpr std::size_t kOccurrenceSuffix = 11;  // characters that its id is longer by

}  // namespace loa
