#include "service/one_line.hpp"

#include <algorithm>

#include "base/printable.hpp"

namespace loa {

std::string one_line(std::string_view text, std::size_t bytes) {
  constexpr std::string_view kCut = "…";
  // No work for what is not shown; but a number at the cut is seen whole, and so masked.
  constexpr std::size_t kNumberMax = 32;
  std::string line = printable(text.substr(0, bytes + kNumberMax));
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  if (line.size() <= bytes) return line;
  std::size_t end = bytes - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return line.substr(0, end) + std::string(kCut);
}

}  // namespace loa
