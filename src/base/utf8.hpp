// Well-formed UTF-8 (RFC 3629), for bytes that come from outside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace loa {

// The length of the well-formed sequence at the front, 0 when there is none. Not for an empty text.
std::size_t utf8_length(std::string_view bytes);

bool is_utf8(std::string_view bytes);

// The text as valid UTF-8: what is not becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

}  // namespace loa
