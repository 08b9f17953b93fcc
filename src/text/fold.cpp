#include "text/fold.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <array>
#include <utility>

#include "text/gsm7.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

struct Mapping {
  char32_t from;
  std::u32string_view to;
};

// Typography that phones show badly or that costs a part for nothing.
constexpr std::array kPunctuation{
    Mapping{U'“', U"\""},     Mapping{U'”', U"\""},     Mapping{U'„', U"\""},
    Mapping{U'«', U"\""},     Mapping{U'»', U"\""},     Mapping{U'″', U"\""},
    Mapping{U'‘', U"'"},      Mapping{U'’', U"'"},      Mapping{U'‚', U"'"},
    Mapping{U'′', U"'"},      Mapping{U'–', U"-"},      Mapping{U'—', U"-"},
    Mapping{U'‐', U"-"},      Mapping{U'\u2011', U"-"}, Mapping{U'−', U"-"},
    Mapping{U'…', U"..."},    Mapping{U'•', U"-"},      Mapping{U'·', U"-"},
    Mapping{U'\u00A0', U" "}, Mapping{U'\u202F', U" "}, Mapping{U'\u2007', U" "},
    Mapping{U'\u2009', U" "}, Mapping{U'\u3000', U" "}, Mapping{U'\t', U" "},
    Mapping{U'\u200B', U""},  Mapping{U'\u200C', U""},  Mapping{U'\u200D', U""},
    Mapping{U'\u2060', U""},  Mapping{U'\uFEFF', U""},  Mapping{U'\u00AD', U""},
    Mapping{U'\u200E', U""},  Mapping{U'\u200F', U""},  Mapping{U'\u202A', U""},
    Mapping{U'\u202B', U""},  Mapping{U'\u202C', U""},  Mapping{U'\u202D', U""},
    Mapping{U'\u202E', U""},  Mapping{U'\u2066', U""},  Mapping{U'\u2067', U""},
    Mapping{U'\u2068', U""},  Mapping{U'\u2069', U""}};

// Letters that no decomposition leads to.
constexpr std::array kLetters{Mapping{U'đ', U"d"}, Mapping{U'Đ', U"D"}, Mapping{U'ð', U"d"},
                              Mapping{U'Ð', U"D"}, Mapping{U'ɖ', U"d"}, Mapping{U'Ɖ', U"D"},
                              Mapping{U'₫', U"d"}};

template <std::size_t N>
void append_mapped(std::u32string& out, char32_t character, const std::array<Mapping, N>& table) {
  for (const Mapping& mapping : table)
    if (mapping.from == character) {
      out += mapping.to;
      return;
    }
  out += character;
}

tl::unexpected<Error> unsendable(char32_t character, std::size_t position) {
  return fail(Code::data,
              fmt::format("character {} of the text, {}, cannot be sent without accents: write it "
                          "otherwise, or give the template an unaccented text",
                          position, describe(character)));
}

// The base letter of a character without its marks, by canonical decomposition.
void append_without_marks(std::u32string& out, char32_t character) {
  std::array<utf8proc_int32_t, 8> decomposed{};
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(character), decomposed.data(),
      static_cast<utf8proc_ssize_t>(decomposed.size()), UTF8PROC_DECOMPOSE, &boundary);
  for (utf8proc_ssize_t i = 0; i < count && i < static_cast<utf8proc_ssize_t>(decomposed.size());
       ++i) {
    const utf8proc_int32_t part = decomposed[static_cast<std::size_t>(i)];
    // The stroke of "not equal" is no accent: it stays, and the text is refused.
    constexpr utf8proc_int32_t kSolidusOverlay = 0x338;
    if (part == kSolidusOverlay || utf8proc_category(part) != UTF8PROC_CATEGORY_MN)
      out += static_cast<char32_t>(part);
  }
}

}  // namespace

Result<std::string> normalise(std::string_view text) {
  auto composed = to_nfc(text);
  if (!composed) return composed;
  std::u32string out;
  std::string_view left = *composed;
  for (std::size_t position = 1; !left.empty(); ++position) {
    const char32_t character = take_character(left);
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(character));
    const bool control = category == UTF8PROC_CATEGORY_CC && character != U'\n' &&
                         character != U'\r' && character != U'\t';
    if (control || category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO)
      return fail(Code::data,
                  fmt::format("character {} of the text is {}, which no phone shows: take it out",
                              position, describe(character)));
    append_mapped(out, character, kPunctuation);
  }
  return encode_utf8(out);
}

Result<std::string> fold(std::string_view text) {
  auto composed = to_nfc(text);
  if (!composed) return composed;
  std::u32string out;
  std::string_view left = *composed;
  for (std::size_t position = 1; !left.empty(); ++position) {
    const char32_t character = take_character(left);
    std::u32string mapped;
    append_mapped(mapped, character, kPunctuation);
    std::u32string letters;
    for (const char32_t one : mapped) append_mapped(letters, one, kLetters);
    std::u32string folded;
    for (const char32_t one : letters) append_without_marks(folded, one);
    for (const char32_t one : folded)
      if (gsm7_septets(one) == 0) return unsendable(character, position);
    out += folded;
  }
  return encode_utf8(out);
}

}  // namespace loa
