#include "intake/redis_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace loa {
namespace {

constexpr std::size_t kRangesMax = 8;  // named one by one

// "3, 7-9, 12", of the indices that are not there.
std::string gaps(const std::map<std::uint32_t, Assembly::Part>& parts, std::uint32_t count) {
  std::string text;
  std::size_t ranges = 0;
  std::uint32_t next = 1;
  const auto gap = [&](std::uint32_t from, std::uint32_t to) {
    if (from > to) return;
    if (++ranges > kRangesMax) return;
    text += text.empty() ? "" : ", ";
    text += from == to ? std::to_string(from) : fmt::format("{}-{}", from, to);
  };
  for (const auto& [index, part] : parts) {
    gap(next, index - 1);
    next = index + 1;
  }
  gap(next, count);
  if (ranges > kRangesMax) text += " and more";
  return text;
}

}  // namespace

void Assembly::add_entry(const std::string& one, std::int64_t handed_out) {
  deliveries = entries.empty() ? handed_out : std::min(deliveries, handed_out);
  entries.insert(one);
}

std::vector<StagedChunk> Assembly::chunks() const {
  std::vector<StagedChunk> all;
  all.reserve(parts.size());
  for (const auto& [index, part] : parts) all.push_back({id, index, count, part.sha256});
  return all;
}

std::string Assembly::missing() const {
  std::string text;
  if (entry.empty()) text = "the campaign itself is missing";
  const std::size_t absent = count - parts.size();
  if (absent == 0) return text;
  if (!text.empty()) text += "; ";
  return text + fmt::format("{} of {} parts {} missing: {}", absent, count,
                            absent == 1 ? "is" : "are", gaps(parts, count));
}

}  // namespace loa
