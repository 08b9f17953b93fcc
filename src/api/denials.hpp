// Refused acts are put on record, and so cost a line of the journal: so many at once by one user,
// and one more each 200 ms.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "base/time.hpp"

namespace loa {

class Denials {
 public:
  bool has_room(const std::string& user, Tick now) {
    std::erase_if(forgiven_at_, [&](const auto& one) { return one.second <= now; });
    Tick& until = forgiven_at_[user];
    const Tick next = std::max(until, now) + kEach;
    if (next - now > kBurst * kEach) return false;
    until = next;
    return true;
  }

 private:
  static constexpr int kBurst = 10;
  static constexpr Duration kEach = std::chrono::milliseconds(200);

  std::map<std::string, Tick> forgiven_at_;  // users with refusals that still count
};

}  // namespace loa
