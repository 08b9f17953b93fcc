// A subscriber's number as E.164 digits in an integer (84912345678), and how it is shown.
#pragma once

#include <cstdint>
#include <string>

namespace loa {

using E164 = std::uint64_t;  // at most 15 digits

std::string to_digits(E164 number);  // "84912345678"

// For everything outside plan files and the ledger: "+8491•••5678"; short numbers show less.
std::string masked(E164 number);

}  // namespace loa
