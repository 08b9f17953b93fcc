// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace loa {

// Septets a character costs: 1, 2 for the extension table, 0 when it is not in the alphabet.
int gsm7_septets(char32_t character);

bool is_gsm7(std::string_view text);

struct Offender {
  char32_t character = 0;
  std::size_t position = 0;  // in characters, from 1
};

// Every distinct character that forces UCS-2, with its first place, in order of appearance.
std::vector<Offender> not_gsm7(std::string_view text);

}  // namespace loa
