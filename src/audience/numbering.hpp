// The numbering plan: which written numbers are mobile numbers, and of which network. It is data
// (config/networks.yaml), edited by operators; no prefix stands in the code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "base/number.hpp"

namespace loa {

using NetworkId = std::uint8_t;  // index into NumberingPlan::networks()

enum class NumberFault { empty, characters, too_short, too_long, prefix, not_mobile };

struct ParsedNumber {
  E164 number = 0;
  NetworkId network = 0;
  bool converted = false;  // an old 11-digit number, rewritten
  bool ok = false;
  NumberFault fault = NumberFault::empty;  // when not ok
};

class NumberingPlan {
 public:
  static NumberingPlan load(const std::string& path, Faults& faults);

  // Takes what people write: "0912 345 678", "+84 (91) 234-5678", "0084...", "84...", "91234567 8",
  // and the old 11-digit numbers, which are converted.
  ParsedNumber parse(std::string_view written) const;

  const std::vector<std::string>& networks() const { return networks_; }
  // The network's id, or nothing known by that name: -1.
  int find_network(std::string_view name) const;
  std::string_view country_code() const { return country_code_; }
  std::string_view trunk_prefix() const {
    return trunk_prefix_;
  }  // "0": national form is this + the rest

 private:
  std::vector<std::string> networks_;
  std::string country_code_;
  std::string trunk_prefix_;
  // the implementer adds its tables
};

}  // namespace loa
