#include "campaign/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "config/document.hpp"

namespace loa {
namespace {

constexpr std::size_t kRingsMax = 8;

std::optional<double> percent_of(const Node& node) {
  const std::string& text = node.scalar();
  const char* end = text.data() + text.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<double> read_canary(const Node& node, Faults& faults) {
  std::vector<double> rings;
  if (node.is_scalar() && node.scalar() == "off") return rings;
  if (!node.is_list() || node.items().empty() || node.items().size() > kRingsMax) {
    faults.error(
        node.place(),
        fmt::format("guard: 'canary' must be off, or a list of 1 to {} shares of the rows in "
                    "percent, such as [0.5, 5]",
                    kRingsMax),
        node.width());
    return rings;
  }
  for (const Node& item : node.items()) {
    const auto ring = percent_of(item);
    if (!ring || *ring <= 0 || *ring >= 100 || (!rings.empty() && *ring <= rings.back())) {
      faults.error(
          item.place(),
          "guard: a ring of 'canary' is a share in percent above 0, below 100, and above the "
          "ring before it",
          item.width());
      return rings;
    }
    rings.push_back(*ring);
  }
  return rings;
}

}  // namespace

Guard read_guard(const Node& node, Faults& faults) {
  Guard guard;
  constexpr std::int64_t kAfterMax = 1'000'000;
  MapReader reader(node, "guard", faults);
  if (const Node* canary = reader.optional("canary")) guard.canary = read_canary(*canary, faults);
  guard.observe =
      reader.duration_or("observe", guard.observe, std::chrono::seconds(1), std::chrono::hours(24));
  guard.refused_share = reader.decimal_or("refused_share", guard.refused_share, 0, 100);
  guard.throttled_share = reader.decimal_or("throttled_share", guard.throttled_share, 0, 100);
  guard.after = static_cast<std::uint64_t>(
      reader.integer_or("after", static_cast<std::int64_t>(guard.after), 1, kAfterMax));
  reader.finish();
  return guard;
}

std::vector<std::uint64_t> ring_ends(const Guard& guard, std::uint64_t rows) {
  std::vector<std::uint64_t> ends;
  for (const double percent : guard.canary) {
    const double share = static_cast<double>(rows) * percent / 100;
    const auto end = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share)));
    if (end < rows && (ends.empty() || end > ends.back())) ends.push_back(end);
  }
  if (rows > 0) ends.push_back(rows);
  return ends;
}

std::string why_pause(const Guard& guard, const GuardCounts& counts) {
  const auto above = [&guard](std::uint64_t bad, std::uint64_t all, double share) {
    return all >= guard.after && static_cast<double>(bad) * 100 > static_cast<double>(all) * share;
  };
  const auto words = [](std::uint64_t bad, std::uint64_t all, std::string_view what, double share) {
    return fmt::format("{:.1f} % of {} {}; the guard of the campaign pauses it above {:g} %",
                       static_cast<double>(bad) * 100 / static_cast<double>(all), all, what, share);
  };
  if (above(counts.refused, counts.outcomes, guard.refused_share))
    return words(counts.refused, counts.outcomes, "outcomes are refusals", guard.refused_share);
  if (above(counts.throttled, counts.tries, guard.throttled_share))
    return words(counts.throttled, counts.tries, "tries were told to come slower",
                 guard.throttled_share);
  return "";
}

}  // namespace loa
