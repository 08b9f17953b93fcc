// Foreign text on its way to a terminal or a log.
#pragma once

#include <string>
#include <string_view>

namespace loa {

// As wide as `text` is, and valid UTF-8: control characters but '\n' and '\t', and the marks that
// turn the direction of writing, become U+FFFD, so that no text can paint over another; what looks
// like a phone number keeps only its first digits ("0912••••••").
std::string printable(std::string_view text);

// Whether one well-formed character is a control character or turns the direction of writing.
bool is_harmful(std::string_view character);
// The same of any character of valid UTF-8.
bool has_harmful(std::string_view text);

}  // namespace loa
