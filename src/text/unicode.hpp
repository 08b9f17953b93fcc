// UTF-8 in and out, and normal form C (Unicode Annex 15, by utf8proc).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace loa {

// Fails with Code::data when the text is not UTF-8 (RFC 3629) or holds a NUL, naming the byte
// offset.
Result<std::u32string> decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

// One character off the front of a text known to be valid UTF-8 and not empty.
char32_t take_character(std::string_view& text);

Result<std::string> to_nfc(std::string_view text);

// "U+1EA1 (ạ)": a character named for people; control characters show only their code point.
std::string describe(char32_t character);

// Columns a terminal needs for the text (combining marks none, wide characters two).
int display_width(std::string_view text);

}  // namespace loa
