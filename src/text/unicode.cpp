#include "text/unicode.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cstdlib>

namespace loa {
namespace {

const utf8proc_uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

}  // namespace

Result<std::u32string> decode_utf8(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t length = utf8proc_iterate(
        bytes_of(text) + at, static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    if (length <= 0 || character <= 0)
      return fail(Code::data,
                  fmt::format("the text is not UTF-8 at byte {}: save it as UTF-8", at + 1));
    characters += static_cast<char32_t>(character);
    at += static_cast<std::size_t>(length);
  }
  return characters;
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  for (const char32_t character : text) {
    utf8proc_uint8_t buffer[4];
    const utf8proc_ssize_t length =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), buffer);
    bytes.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(length));
  }
  return bytes;
}

char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t character = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    character = (character << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  text.remove_prefix(std::min(length, text.size()));
  return character;
}

Result<std::string> to_nfc(std::string_view text) {
  const auto decoded = decode_utf8(text);
  if (!decoded) return fail(decoded.error());
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(bytes_of(text), static_cast<utf8proc_ssize_t>(text.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) return fail(Code::data, std::string("the text: ") + utf8proc_errmsg(size));
  std::string result(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size));
  std::free(composed);
  return result;
}

std::string describe(char32_t character) {
  const std::string code = fmt::format("U+{:04X}", static_cast<std::uint32_t>(character));
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(character));
  const bool shown = category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CF &&
                     category != UTF8PROC_CATEGORY_CS && category != UTF8PROC_CATEGORY_CN &&
                     category != UTF8PROC_CATEGORY_ZL && category != UTF8PROC_CATEGORY_ZP;
  return shown ? fmt::format("{} ({})", code, encode_utf8(std::u32string(1, character))) : code;
}

int display_width(std::string_view text) {
  const auto decoded = decode_utf8(text);
  if (!decoded) return static_cast<int>(text.size());
  int width = 0;
  for (const char32_t character : *decoded)
    width += utf8proc_charwidth(static_cast<utf8proc_int32_t>(character));
  return width;
}

}  // namespace loa
