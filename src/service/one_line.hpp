// Foreign text for a place where a line is a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace loa {

// printable(), on one line, of at most `bytes` bytes; what was cut shows as "…".
std::string one_line(std::string_view text, std::size_t bytes = 2000);

}  // namespace loa
