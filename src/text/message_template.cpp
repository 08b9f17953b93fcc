#include "text/message_template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/document.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

bool is_name(std::string_view name) {
  constexpr std::size_t kNameMax = 64;
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

tl::unexpected<Error> fault_at(std::size_t position, const std::string& text) {
  return fail(Code::data, text, {"", 0, static_cast<int>(position)});
}

std::string read_pattern(MapReader& map, std::string_view key, bool required) {
  std::string text = required ? map.text(key) : map.text_or(key, "");
  if (text.empty()) return text;
  const auto composed = to_nfc(text);
  if (!composed) {
    map.fault(key, composed.error().text);
    return text;
  }
  const auto pattern = TextPattern::parse(*composed);
  if (!pattern)
    map.fault(key, fmt::format("{} (character {} of the text)", pattern.error().text,
                               pattern.error().place.column));
  return *composed;
}

}  // namespace

Result<TextPattern> TextPattern::parse(std::string_view pattern) {
  const auto decoded = decode_utf8(pattern);
  if (!decoded) return fail(decoded.error());
  const std::u32string& text = *decoded;
  TextPattern parsed;
  std::u32string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if ((c == U'{' || c == U'}') && i + 1 < text.size() && text[i + 1] == c) {
      literal += c;
      ++i;
      continue;
    }
    if (c == U'}')
      return fault_at(i + 1, "'}' without its '{': write '}}' for the character itself");
    if (c != U'{') {
      literal += c;
      continue;
    }
    const std::size_t end = text.find(U'}', i);
    if (end == std::u32string::npos)
      return fault_at(i + 1, "'{' without its '}': write '{{' for the character itself");
    const std::string name = encode_utf8(std::u32string_view(text).substr(i + 1, end - i - 1));
    if (!is_name(name))
      return fault_at(i + 1, "'{" + name +
                                 "}' is no placeholder: write the name of a column, with letters, "
                                 "digits, '_' and '-'");
    auto& names = parsed.placeholders_;
    auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) at = names.insert(names.end(), name);
    parsed.pieces_.push_back({encode_utf8(literal), static_cast<int>(at - names.begin())});
    literal.clear();
    i = end;
  }
  if (!literal.empty()) parsed.pieces_.push_back({encode_utf8(literal), -1});
  return parsed;
}

std::string TextPattern::render(std::span<const std::string_view> values) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (piece.placeholder >= 0) text += values[static_cast<std::size_t>(piece.placeholder)];
  }
  return text;
}

MessageTemplate load_template(const std::string& path, Faults& faults) {
  MessageTemplate made;
  const std::optional<Node> document = load_document(path, faults);
  if (!document) return made;
  MapReader map(*document, "template", faults);
  made.id = map.text("template");
  made.title = map.text_or("title", "");
  made.text = read_pattern(map, "text", true);
  made.unaccented = read_pattern(map, "unaccented", false);
  map.finish();
  return made;
}

}  // namespace loa
