// What stops a campaign that goes wrong before everybody has it: rings of a canary, and shares of
// bad answers.
//   guard: {canary: [0.5, 5], observe: 60s, refused_share: 20, throttled_share: 30, after: 200}
// Shares and rings are in percent. Without `guard:`, and for each key that is absent: no canary,
// pause above 50 % of refusals, throttling does not pause, nothing is judged before 500 outcomes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fault.hpp"

namespace loa {

class Node;

struct Guard {
  std::vector<double> canary;  // percent of the rows, growing; then all. Empty (`off`): all at once
  std::chrono::seconds observe{
      60};                       // how long a ring is watched before the next begins; 1 s to 24 h
  double refused_share = 50;     // percent of the outcomes; 100 never pauses
  double throttled_share = 100;  // percent of the tries; 100 never pauses
  std::uint64_t after = 500;     // outcomes (or tries) before a share is judged

  friend bool operator==(const Guard&, const Guard&) = default;
};

Guard read_guard(const Node& node, Faults& faults);

// How many of `rows` are sent when each ring is done: growing, each at least one, the last is all.
std::vector<std::uint64_t> ring_ends(const Guard& guard, std::uint64_t rows);

struct GuardCounts {
  std::uint64_t outcomes = 0;   // rows accepted or refused
  std::uint64_t refused = 0;    // of them
  std::uint64_t tries = 0;      // rows of answered requests, each time they are tried
  std::uint64_t throttled = 0;  // of them, answered by "slower"
};

// Why the campaign is to pause, in words for people; "" to go on.
std::string why_pause(const Guard& guard, const GuardCounts& counts);

}  // namespace loa
