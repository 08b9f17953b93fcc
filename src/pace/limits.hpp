// What a carrier's contract allows, or a campaign asks for. 0 means no limit.
#pragma once

#include <cstdint>

namespace loa {

struct Limits {
  double requests_per_second = 0;
  double messages_per_second = 0;
  double parts_per_second = 0;
  int in_flight = 8;          // requests at once
  std::uint64_t per_day = 0;  // messages a local day
};

inline bool has_rate(const Limits& limits) {
  return limits.requests_per_second > 0 || limits.messages_per_second > 0 ||
         limits.parts_per_second > 0;
}

}  // namespace loa
