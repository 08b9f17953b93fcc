// Vietnamese without its accents, in the GSM 7-bit alphabet. Nothing is ever replaced by '?': a
// character that cannot be sent is an error that names it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace loa {

// NFC, punctuation mapped (quotes, dashes, spaces, bullets, dong sign), d-stroke and its
// look-alikes mapped, marks dropped. Fails with Code::data naming the character, its place in the
// text and its code point.
Result<std::string> fold(std::string_view text);

// Punctuation alone, for a text that keeps its accents: typographic spaces, quotes and dashes that
// phones show badly become plain; invisible characters go.
Result<std::string> normalise(std::string_view text);

}  // namespace loa
