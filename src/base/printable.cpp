#include "base/printable.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace loa {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kHidden = "•";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_digits(std::string& out, std::string_view digits) {
  constexpr std::size_t kNumberMin = 9;
  constexpr std::size_t kShown = 4;
  const bool number =
      digits.size() >= kNumberMin && (digits.starts_with("0") || digits.starts_with("84"));
  out += digits.substr(0, number ? kShown : digits.size());
  for (std::size_t i = kShown; number && i < digits.size(); ++i) out += kHidden;
}

}  // namespace

bool is_harmful(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return lead < 0x20 || lead == 0x7F;
  return (character >= "\xC2\x80" && character <= "\xC2\x9F") ||          // C1
         (character >= "\xE2\x80\xAA" && character <= "\xE2\x80\xAE") ||  // U+202A to U+202E
         (character >= "\xE2\x81\xA6" && character <= "\xE2\x81\xA9");    // U+2066 to U+2069
}

bool has_harmful(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(text));
    if (is_harmful(text.substr(0, length))) return true;
    text.remove_prefix(length);
  }
  return false;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    if (is_digit(text.front())) {
      length = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) -
                                        text.begin());
      append_digits(out, text.substr(0, length));
    } else if (text.front() == '\n' || text.front() == '\t') {
      out += text.front();
    } else if (length == 0 || is_harmful(text.substr(0, length))) {
      out += kReplacement;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return out;
}

}  // namespace loa
