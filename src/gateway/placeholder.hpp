// The strings of a profile with their placeholders: "{{encoding|map(gsm7: 0, ucs2: 8)}}". Parsed
// once, when the profile is read; everything that can be wrong is found then.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fault.hpp"
#include "config/document.hpp"
#include "gateway/profile.hpp"

namespace loa {

enum class Field {
  numbers,
  number,
  text,
  sender,
  reference,
  encoding,
  message_class,
  account,
  registered_template,
  registered_parameters,
  items,
  item_number,
  item_id,
  item_text,
};

struct Filter {
  enum class Kind {
    map,
    base64,
    md5,
    hmac_sha256,
    hex_utf16be,
    fallback,
    integer,
    digits,
    numbered
  };

  Kind kind = Kind::map;
  std::vector<std::pair<std::string, std::string>> pairs;  // of map; of numbered the two keys
  std::string argument;                                    // of default, when it is a fixed text
  std::string account_key;  // of hmac_sha256, and of default(account.KEY)
};

struct Placeholder {
  Field field = Field::text;
  std::string name;  // as written, for messages
  std::string key;   // of account.KEY
  std::vector<Filter> filters;

  const Filter* filter(Filter::Kind kind) const;
};

struct PatternPiece {
  std::string literal;  // comes before the placeholder
  std::optional<Placeholder> placeholder;
};

// Pieces of the text; faults stand at the node.
std::vector<PatternPiece> parse_pattern(const Node& node, std::string_view text, Faults& faults);

// The value through the filters, in order. `integer` and `numbered` are forms, not changes.
std::string apply_filters(const std::vector<Filter>& filters, std::string_view value,
                          const AccountValues& account);

std::string to_base64(std::string_view bytes);

}  // namespace loa
