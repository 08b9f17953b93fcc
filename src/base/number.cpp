#include "base/number.hpp"

namespace loa {

std::string to_digits(E164 number) { return std::to_string(number); }

std::string masked(E164 number) {
  const std::string digits = to_digits(number);
  if (digits.size() < 10) return "+" + digits.substr(0, 2) + "•••";
  return "+" + digits.substr(0, 4) + "•••" + digits.substr(digits.size() - 4);
}

}  // namespace loa
