#include "audience/numbering.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint64_t to_integer(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

}  // namespace

NumberingPlan NumberingPlan::load(const std::string& path, Faults& faults) {
  NumberingPlan plan;
  plan.by_prefix_.fill(kUnknown);
  const std::optional<Node> document = load_document(path, faults);
  if (!document) return plan;
  MapReader map(*document, "numbering plan", faults);
  plan.country_code_ = map.text("country_code");
  plan.trunk_prefix_ = map.text("trunk_prefix");
  plan.digits_ = static_cast<std::size_t>(map.integer_or("mobile_digits", 9, 6, 12));
  if (!all_digits(plan.country_code_) || plan.country_code_.size() > 3)
    map.fault("country_code",
              "write the country code as one to three digits in quotes, such as \"84\"");
  if (!all_digits(plan.trunk_prefix_) || plan.trunk_prefix_.size() > 2)
    map.fault("trunk_prefix",
              "write the digit dialled in front of a national number in quotes, such as \"0\"");
  std::vector<Prefix> prefixes;
  for (const std::string& prefix : map.texts_or_empty("landline")) {
    if (plan.significant(prefix).empty()) {
      map.fault("landline", "'" + prefix + "' is no prefix: write it as dialled, such as \"02\"");
    } else {
      prefixes.emplace_back(plan.significant(prefix), kLandline);
    }
  }
  plan.read_networks(map, prefixes);
  // The longer prefix wins; of two alike, the network's.
  std::sort(prefixes.begin(), prefixes.end(), [](const Prefix& a, const Prefix& b) {
    return a.first.size() != b.first.size() ? a.first.size() < b.first.size() : a.second > b.second;
  });
  for (const auto& [digits, network] : prefixes) plan.assign(digits, network);
  plan.read_migration(map);
  map.finish();
  return plan;
}

void NumberingPlan::read_networks(MapReader& map, std::vector<Prefix>& prefixes) {
  const Node* networks = map.required("networks");
  if (networks == nullptr) return;
  MapReader reader(*networks, "networks", map.faults());
  for (const Node::Entry& entry : networks->entries()) {
    if (networks_.size() >= 60) {
      reader.fault(entry.key, "more than 60 networks");
      break;
    }
    const auto id = static_cast<std::uint8_t>(networks_.size());
    networks_.push_back(entry.key);
    for (const std::string& prefix : reader.texts_or_empty(entry.key)) {
      const std::string digits = significant(prefix);
      if (digits.empty()) {
        reader.fault(entry.key, "'" + prefix +
                                    "' is no prefix: write it as dialled, with two to five digits "
                                    "in quotes, such as \"086\"");
        continue;
      }
      const auto twin = std::find_if(prefixes.begin(), prefixes.end(), [&](const auto& one) {
        return one.second != kLandline && one.first == digits;
      });
      if (twin != prefixes.end())
        reader.fault(entry.key, fmt::format("the prefix {} stands in '{}' already", prefix,
                                            networks_[twin->second]));
      prefixes.emplace_back(digits, id);
    }
  }
  reader.finish();
}

void NumberingPlan::read_migration(MapReader& map) {
  const Node* migration = map.optional("migration");
  if (migration == nullptr) return;
  MapReader reader(*migration, "migration", map.faults());
  for (const Node::Entry& entry : migration->entries()) {
    const std::string to = reader.text_or(entry.key, "");
    const std::string from_digits = significant(entry.key);
    const std::string to_digits = significant(to);
    if (from_digits.empty() || to_digits.empty() || from_digits.size() != to_digits.size() + 1) {
      reader.fault(
          entry.key,
          "write the old prefix and the new one, a digit shorter, as dialled: \"0120\": \"070\"");
      continue;
    }
    migrations_.push_back({from_digits, to_digits});
  }
  reader.finish();
}

// The prefix without the trunk prefix; "" when it is none.
std::string NumberingPlan::significant(const std::string& prefix) const {
  if (!all_digits(prefix) || !prefix.starts_with(trunk_prefix_)) return "";
  const std::string digits = prefix.substr(trunk_prefix_.size());
  return digits.size() <= kPrefixDigits ? digits : "";
}

void NumberingPlan::assign(const std::string& prefix, std::uint8_t network) {
  std::uint64_t first = to_integer(prefix);
  std::uint64_t count = 1;
  for (std::size_t i = prefix.size(); i < kPrefixDigits; ++i) {
    first *= 10;
    count *= 10;
  }
  std::fill_n(by_prefix_.begin() + static_cast<std::ptrdiff_t>(first), count, network);
}

int NumberingPlan::find_network(std::string_view name) const {
  const auto found = std::find(networks_.begin(), networks_.end(), name);
  return found == networks_.end() ? -1 : static_cast<int>(found - networks_.begin());
}

ParsedNumber NumberingPlan::parse(std::string_view written) const {
  constexpr std::size_t kDigitsMax = 20;
  char buffer[kDigitsMax];
  std::size_t size = 0;
  bool plus = false;
  const auto wrong = [](NumberFault fault, std::string_view detail = {}) {
    return ParsedNumber{.fault = fault, .detail = detail};
  };
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (c >= '0' && c <= '9') {
      if (size == kDigitsMax) return wrong(NumberFault::too_long);
      buffer[size++] = c;
    } else if (c == '+' && size == 0 && !plus) {
      plus = true;
    } else if (c == '\xC2' && i + 1 < written.size() && written[i + 1] == '\xA0') {
      ++i;  // no-break space
    } else if (std::string_view(" .-()/\t'").find(c) == std::string_view::npos) {
      const std::size_t length = utf8_length(written.substr(i));
      return wrong(NumberFault::characters, written.substr(i, std::max<std::size_t>(length, 1)));
    }
  }
  if (size == 0) return wrong(NumberFault::empty);

  const std::string_view digits(buffer, size);
  std::string_view national = digits;
  const std::string_view international_prefix = "00";
  if (plus || digits.starts_with(international_prefix)) {
    if (!plus) national.remove_prefix(international_prefix.size());
    if (!national.starts_with(country_code_)) return wrong(NumberFault::prefix);
    national.remove_prefix(country_code_.size());
    if (national.starts_with(trunk_prefix_))
      national.remove_prefix(trunk_prefix_.size());  // +84 (0)91...
  } else if (digits.starts_with(trunk_prefix_)) {
    national.remove_prefix(trunk_prefix_.size());
  } else if (digits.starts_with(country_code_) && digits.size() >= country_code_.size() + digits_) {
    national.remove_prefix(country_code_.size());
  }

  if (national.size() == digits_ + 1) {
    for (const Migration& migration : migrations_) {
      if (!national.starts_with(migration.from)) continue;
      char moved[kDigitsMax];
      char* end = std::copy(migration.to.begin(), migration.to.end(), moved);
      end = std::copy(national.begin() + static_cast<std::ptrdiff_t>(migration.from.size()),
                      national.end(), end);
      ParsedNumber parsed = judge({moved, static_cast<std::size_t>(end - moved)});
      parsed.converted = parsed.ok;
      return parsed;
    }
  }
  return judge(national);
}

ParsedNumber NumberingPlan::judge(std::string_view national) const {
  ParsedNumber parsed;
  const std::uint8_t network = national.size() < kPrefixDigits
                                   ? kUnknown
                                   : by_prefix_[to_integer(national.substr(0, kPrefixDigits))];
  if (network == kLandline) {
    parsed.fault = NumberFault::not_mobile;
  } else if (national.size() < digits_) {
    parsed.fault = NumberFault::too_short;
  } else if (national.size() > digits_) {
    parsed.fault = NumberFault::too_long;
  } else if (network == kUnknown) {
    parsed.fault = NumberFault::prefix;
  } else {
    parsed.ok = true;
    parsed.network = network;
    parsed.number = to_integer(national);
    std::uint64_t scale = 1;
    for (std::size_t i = 0; i < digits_; ++i) scale *= 10;
    parsed.number += to_integer(country_code_) * scale;
  }
  return parsed;
}

}  // namespace loa
