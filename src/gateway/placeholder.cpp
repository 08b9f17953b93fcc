#include "gateway/placeholder.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/hash.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

const std::vector<std::pair<std::string, Field>> kFields = {
    {"numbers", Field::numbers},
    {"number", Field::number},
    {"text", Field::text},
    {"sender", Field::sender},
    {"reference", Field::reference},
    {"encoding", Field::encoding},
    {"class", Field::message_class},
    {"registered.template", Field::registered_template},
    {"registered.parameters", Field::registered_parameters},
    {"items", Field::items},
    {"item.number", Field::item_number},
    {"item.id", Field::item_id},
    {"item.text", Field::item_text},
};

const std::vector<std::pair<std::string, Filter::Kind>> kFilters = {
    {"map", Filter::Kind::map},
    {"base64", Filter::Kind::base64},
    {"md5", Filter::Kind::md5},
    {"hmac_sha256", Filter::Kind::hmac_sha256},
    {"hex_utf16be", Filter::Kind::hex_utf16be},
    {"default", Filter::Kind::fallback},
    {"int", Filter::Kind::integer},
    {"digits", Filter::Kind::digits},
    {"numbered", Filter::Kind::numbered},
};

constexpr std::string_view kAccount = "account.";

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Cuts at `separator` outside parentheses.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == separator && depth == 0)) {
      pieces.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  return pieces;
}

template <class T>
std::vector<std::string> names_of(const std::vector<std::pair<std::string, T>>& table) {
  std::vector<std::string> names;
  names.reserve(table.size());
  for (const auto& entry : table) names.push_back(entry.first);
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const std::string near = nearest(word, names);
  if (!near.empty()) return fmt::format("; did you mean '{}'?", near);
  return fmt::format("; there are {}", fmt::join(names, ", "));
}

bool is_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

class PlaceholderParser {
 public:
  PlaceholderParser(const Node& node, Faults& faults) : node_(node), faults_(faults) {}

  std::optional<Placeholder> parse(std::string_view inside) {
    const std::vector<std::string_view> parts = split(inside, '|');
    Placeholder placeholder;
    placeholder.name = std::string(parts.front());
    if (!find_field(placeholder)) return std::nullopt;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      std::optional<Filter> filter = parse_filter(parts[i]);
      if (!filter || !fits(placeholder, *filter)) return std::nullopt;
      placeholder.filters.push_back(std::move(*filter));
    }
    return placeholder;
  }

  void fault(std::string text) { faults_.error(node_.place(), std::move(text), node_.width()); }

 private:
  bool find_field(Placeholder& placeholder) {
    const std::string& name = placeholder.name;
    if (name.starts_with(kAccount)) {
      placeholder.field = Field::account;
      placeholder.key = name.substr(kAccount.size());
      if (is_key(placeholder.key)) return true;
      fault(fmt::format("'{{{{{}}}}}': an account key has a-z, 0-9 and '_'", name));
      return false;
    }
    for (const auto& [known, field] : kFields) {
      if (known != name) continue;
      placeholder.field = field;
      return true;
    }
    std::vector<std::string> names = names_of(kFields);
    names.emplace_back("account.KEY");
    fault(fmt::format("there is no placeholder '{{{{{}}}}}'{}", name, did_you_mean(name, names)));
    return false;
  }

  std::optional<Filter> parse_filter(std::string_view written) {
    const std::size_t open = written.find('(');
    const std::string_view name = trim(written.substr(0, open));
    std::string_view arguments;
    if (open != std::string_view::npos) {
      if (!written.ends_with(')')) {
        fault(fmt::format("the filter '{}' lacks its ')'", written));
        return std::nullopt;
      }
      arguments = trim(written.substr(open + 1, written.size() - open - 2));
    }
    for (const auto& [known, kind] : kFilters) {
      if (known != name) continue;
      Filter filter;
      filter.kind = kind;
      if (read_arguments(filter, name, arguments)) return filter;
      return std::nullopt;
    }
    fault(fmt::format("there is no filter '{}'{}", name, did_you_mean(name, names_of(kFilters))));
    return std::nullopt;
  }

  bool read_arguments(Filter& filter, std::string_view name, std::string_view arguments) {
    switch (filter.kind) {
      case Filter::Kind::map:
        for (const std::string_view pair : split(arguments, ',')) {
          const std::size_t colon = pair.find(':');
          if (colon == std::string_view::npos) {
            fault("the filter 'map' is written map(gsm7: 0, ucs2: 8)");
            return false;
          }
          filter.pairs.emplace_back(trim(pair.substr(0, colon)), trim(pair.substr(colon + 1)));
        }
        return true;
      case Filter::Kind::numbered: {
        const std::vector<std::string_view> keys = split(arguments, ',');
        if (keys.size() != 2 || keys[0].empty() || keys[1].empty()) {
          fault("the filter 'numbered' names two keys: numbered(NUM, CONTENT)");
          return false;
        }
        filter.pairs.emplace_back(keys[0], keys[1]);
        return true;
      }
      case Filter::Kind::hmac_sha256:
        if (!arguments.starts_with(kAccount) || !is_key(arguments.substr(kAccount.size()))) {
          fault("the filter 'hmac_sha256' names its key: hmac_sha256(account.KEY)");
          return false;
        }
        filter.account_key = std::string(arguments.substr(kAccount.size()));
        return true;
      case Filter::Kind::fallback:
        if (arguments.starts_with(kAccount) && is_key(arguments.substr(kAccount.size()))) {
          filter.account_key = std::string(arguments.substr(kAccount.size()));
        } else {
          filter.argument = std::string(arguments);
        }
        return true;
      case Filter::Kind::base64:
      case Filter::Kind::md5:
      case Filter::Kind::hex_utf16be:
      case Filter::Kind::integer:
      case Filter::Kind::digits:
        if (arguments.empty()) return true;
        fault(fmt::format("the filter '{}' takes nothing in parentheses", name));
        return false;
    }
    return false;
  }

  bool fits(const Placeholder& placeholder, const Filter& filter) {
    const bool list = placeholder.field == Field::registered_parameters;
    if (placeholder.field == Field::items || list != (filter.kind == Filter::Kind::numbered)) {
      fault(fmt::format("'{{{{{}}}}}' cannot go through this filter", placeholder.name));
      return false;
    }
    if (filter.kind != Filter::Kind::map) return true;
    std::vector<std::string> needed;
    if (placeholder.field == Field::encoding) needed = {"gsm7", "ucs2"};
    if (placeholder.field == Field::message_class) needed = {"public_info", "care", "advertising"};
    for (const std::string& word : needed) {
      const auto same = [&](const auto& pair) { return pair.first == word; };
      if (std::any_of(filter.pairs.begin(), filter.pairs.end(), same)) continue;
      fault(fmt::format("the map of '{{{{{}}}}}' says nothing for '{}'", placeholder.name, word));
      return false;
    }
    for (const auto& pair : filter.pairs) {
      if (needed.empty() || std::find(needed.begin(), needed.end(), pair.first) != needed.end()) {
        continue;
      }
      fault(fmt::format("the map of '{{{{{}}}}}' names '{}', which it never is{}", placeholder.name,
                        pair.first, did_you_mean(pair.first, needed)));
      return false;
    }
    return true;
  }

  const Node& node_;
  Faults& faults_;
};

std::string md5_hex(std::string_view bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return "";
  }
  return to_hex(std::span<const std::uint8_t>(digest.data(), size));
}

std::string utf16be_hex(std::string_view text) {
  std::string hex;
  const auto add = [&](unsigned unit) { fmt::format_to(std::back_inserter(hex), "{:04X}", unit); };
  const Result<std::u32string> characters = decode_utf8(text);
  if (!characters) return hex;
  for (const char32_t c : *characters) {
    if (c < 0x10000) {
      add(static_cast<unsigned>(c));
    } else {
      const unsigned rest = static_cast<unsigned>(c) - 0x10000;
      add(0xD800 + (rest >> 10));
      add(0xDC00 + (rest & 0x3FF));
    }
  }
  return hex;
}

}  // namespace

const Filter* Placeholder::filter(Filter::Kind kind) const {
  for (const Filter& filter : filters) {
    if (filter.kind == kind) return &filter;
  }
  return nullptr;
}

std::vector<PatternPiece> parse_pattern(const Node& node, std::string_view text, Faults& faults) {
  std::vector<PatternPiece> pieces;
  PlaceholderParser parser(node, faults);
  while (true) {
    const std::size_t open = text.find("{{");
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find("}}", open + 2);
    if (close == std::string_view::npos) {
      parser.fault("'{{' without its '}}'");
      break;
    }
    pieces.push_back(
        {std::string(text.substr(0, open)), parser.parse(text.substr(open + 2, close - open - 2))});
    text.remove_prefix(close + 2);
  }
  if (!text.empty() || pieces.empty()) pieces.push_back({std::string(text), std::nullopt});
  return pieces;
}

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::string apply_filters(const std::vector<Filter>& filters, std::string_view value,
                          const AccountValues& account) {
  std::string text(value);
  for (const Filter& filter : filters) {
    switch (filter.kind) {
      case Filter::Kind::map:
        for (const auto& [from, to] : filter.pairs) {
          if (from != text) continue;
          text = to;
          break;
        }
        break;
      case Filter::Kind::base64: text = to_base64(text); break;
      case Filter::Kind::md5: text = md5_hex(text); break;
      case Filter::Kind::hmac_sha256:
        text = to_hex(hmac_sha256(account.find(filter.account_key), text));
        break;
      case Filter::Kind::hex_utf16be: text = utf16be_hex(text); break;
      case Filter::Kind::fallback:
        if (text.empty()) {
          text = filter.account_key.empty() ? filter.argument : account.find(filter.account_key);
        }
        break;
      case Filter::Kind::digits:
        std::erase_if(text, [](char c) { return c < '0' || c > '9'; });
        break;
      case Filter::Kind::integer:
      case Filter::Kind::numbered: break;
    }
  }
  return text;
}

}  // namespace loa
