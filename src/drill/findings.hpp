// What a campaign's record says, held against what its gateways really took.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "base/number.hpp"
#include "dispatch/event.hpp"

namespace loa {

struct RowFate {
  E164 number = 0;
  RowState state = RowState::planned;  // as recorded
  unsigned resends = 0;                // recorded decisions to send it again while in doubt
};

using TakenCounts = std::unordered_map<E164, std::uint64_t>;  // times a gateway took a message

struct Findings {
  std::uint64_t lost = 0;     // rows without an outcome, or accepted although no gateway has them
  std::uint64_t doubled = 0;  // rows taken more often than the record has reasons for
  std::uint64_t denied = 0;   // numbers that got a message, and are refused or not in the plan
  std::uint64_t in_doubt = 0;
  std::uint64_t in_doubt_taken = 0;  // of these, the gateways have
  std::uint64_t resent = 0;          // rows sent again by a recorded decision

  Findings& operator+=(const Findings& other);
};

Findings compare(std::span<const RowFate> rows, const TakenCounts& taken);

}  // namespace loa
