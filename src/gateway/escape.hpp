// How a value is written where it stands. Every writer appends.
#pragma once

#include <string>
#include <string_view>

#include "base/number.hpp"

namespace loa {

enum class Escape { json, url, xml, header, none };
enum class NumberForm { international, plus, national };  // 84..., +84..., 0...

void append_escaped(std::string& out, Escape escape, std::string_view text);
void append_json(std::string& out, std::string_view text);  // without the quotes
void append_url(std::string& out, std::string_view text);
void append_number(std::string& out, E164 number, NumberForm form);

bool is_unreserved(char c);  // RFC 3986: stands in a URL as it is
// RFC 8259 integers only: no sign '+', no leading zero.
bool is_json_integer(std::string_view text);

}  // namespace loa
