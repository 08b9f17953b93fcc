#include "text/gsm7.hpp"

#include <algorithm>
#include <array>

#include "text/unicode.hpp"

namespace loa {
namespace {

// The default alphabet but for LF, CR and the printable ASCII that stands in it (below).
constexpr std::u32string_view kBeyondAscii = U"£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
constexpr std::u32string_view kExtension = U"\f^{}\\[~]|€";

// Septets of the characters below 256, by table; 0 for those not in the alphabet.
constexpr std::array<std::uint8_t, 256> make_latin1() {
  std::array<std::uint8_t, 256> septets{};
  for (char32_t c = 0x20; c < 0x7F; ++c) septets[c] = 1;
  septets[U'`'] = 0;
  septets[U'\n'] = septets[U'\r'] = 1;
  for (const char32_t c : kBeyondAscii)
    if (c < 256) septets[c] = 1;
  for (const char32_t c : kExtension)
    if (c < 256) septets[c] = 2;
  return septets;
}
constexpr std::array<std::uint8_t, 256> kLatin1 = make_latin1();

}  // namespace

int gsm7_septets(char32_t character) {
  if (character < 256) return kLatin1[character];
  if (character == U'€') return 2;
  return kBeyondAscii.find(character) != std::u32string_view::npos ? 1 : 0;
}

bool is_gsm7(std::string_view text) {
  while (!text.empty())
    if (gsm7_septets(take_character(text)) == 0) return false;
  return true;
}

std::vector<Offender> not_gsm7(std::string_view text) {
  std::vector<Offender> offenders;
  for (std::size_t position = 1; !text.empty(); ++position) {
    const char32_t character = take_character(text);
    if (gsm7_septets(character) > 0) continue;
    const bool known = std::any_of(offenders.begin(), offenders.end(),
                                   [&](const Offender& one) { return one.character == character; });
    if (!known) offenders.push_back({character, position});
  }
  return offenders;
}

}  // namespace loa
