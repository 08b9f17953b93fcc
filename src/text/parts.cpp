#include "text/parts.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "text/gsm7.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

int units_of(char32_t character, Encoding encoding) {
  if (encoding == Encoding::ucs2) return character > 0xFFFF ? 2 : 1;
  const int septets = gsm7_septets(character);
  LOA_CHECK(septets > 0);
  return septets;
}

// How much the parts of a long text hold. Cumulative limits say it only from the third part on; the
// second holds as much as the third, and the first what is left of the second limit, but never more
// than a text of one part.
struct Capacities {
  explicit Capacities(const PartTable& table) : limits(table.limits) {
    LOA_CHECK(!limits.empty());
    if (limits.size() == 1) {
      first = second = limits[0];
      return;
    }
    second = limits.size() == 2 ? limits[1] / 2 : limits[2] - limits[1];
    first = std::min(limits[1] - second, limits[0]);
    second = limits[1] - first;
  }

  int single() const { return limits[0]; }

  int of(int part) const {
    if (part == 1) return first;
    if (part == 2 || limits.size() <= 2) return second;
    const std::size_t last = std::min(static_cast<std::size_t>(part), limits.size()) - 1;
    return limits[last] - limits[last - 1];
  }

  const std::vector<int>& limits;
  int first = 0;
  int second = 0;
};

struct Laid {
  int parts = 1;
  int in_last = 0;
};

// Fills parts one after the other; a character that does not fit whole moves to the next.
Laid lay_out(std::string_view text, Encoding encoding, const Capacities& capacities) {
  Laid laid;
  while (!text.empty()) {
    const int units = units_of(take_character(text), encoding);
    if (laid.in_last + units > capacities.of(laid.parts)) {
      ++laid.parts;
      laid.in_last = 0;
    }
    laid.in_last += units;
  }
  return laid;
}

}  // namespace

std::string_view to_string(Encoding encoding) {
  return encoding == Encoding::gsm7 ? "gsm7" : "ucs2";
}

PartCount count_parts(std::string_view text, Encoding encoding, const PartTable& table) {
  PartCount count;
  for (std::string_view left = text; !left.empty();)
    count.units += units_of(take_character(left), encoding);
  const Capacities capacities(table);
  if (count.units <= capacities.single()) {
    count.parts = 1;
    count.spare = capacities.single() - count.units;
    return count;
  }
  const Laid laid = lay_out(text, encoding, capacities);
  count.parts = laid.parts;
  count.spare = capacities.of(laid.parts) - laid.in_last;
  count.over = laid.parts > 2 ? laid.in_last : count.units - capacities.single();
  return count;
}

}  // namespace loa
