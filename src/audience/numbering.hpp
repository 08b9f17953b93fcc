// The numbering plan: which written numbers are mobile numbers, and of which network. It is data
// (config/networks.yaml), edited by operators; no prefix stands in the code.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fault.hpp"
#include "base/number.hpp"

namespace loa {

class MapReader;

using NetworkId = std::uint8_t;  // index into NumberingPlan::networks()

enum class NumberFault { empty, characters, too_short, too_long, prefix, not_mobile };

struct ParsedNumber {
  E164 number = 0;
  NetworkId network = 0;
  bool converted = false;  // an old 11-digit number, rewritten
  bool ok = false;
  NumberFault fault = NumberFault::empty;  // when not ok
  std::string_view detail = {};  // the character or the prefix that is wrong, from the written text
};

class NumberingPlan {
 public:
  static NumberingPlan load(const std::string& path, Faults& faults);

  // Takes what people write: "0912 345 678", "+84 (91) 234-5678", "0084...", "84...", a number
  // whose leading zero a spreadsheet ate, and the old 11-digit numbers, which are converted.
  ParsedNumber parse(std::string_view written) const;

  const std::vector<std::string>& networks() const { return networks_; }
  // The network's id, or -1.
  int find_network(std::string_view name) const;

 private:
  static constexpr std::size_t kPrefixDigits =
      4;  // of the national number, without the trunk prefix
  static constexpr std::size_t kPrefixes = 10'000;
  static constexpr std::uint8_t kUnknown = 255;
  static constexpr std::uint8_t kLandline = 254;

  using Prefix = std::pair<std::string, std::uint8_t>;  // significant digits, network

  struct Migration {
    std::string from;  // national digits without the trunk prefix
    std::string to;
  };

  void read_networks(MapReader& map, std::vector<Prefix>& prefixes);
  void read_migration(MapReader& map);
  void assign(const std::string& prefix, std::uint8_t network);
  std::string significant(const std::string& prefix) const;
  ParsedNumber judge(std::string_view national) const;

  std::vector<std::string> networks_;
  std::string country_code_ = "84";
  std::string trunk_prefix_ = "0";
  std::size_t digits_ = 9;  // of a mobile number without the trunk prefix
  std::array<std::uint8_t, kPrefixes> by_prefix_{};
  std::vector<Migration> migrations_;
};

}  // namespace loa
