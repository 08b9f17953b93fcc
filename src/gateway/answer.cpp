#include "gateway/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <pugixml.hpp>
#include <regex>
#include <unordered_map>

#include "base/utf8.hpp"

namespace loa {
namespace {

constexpr std::size_t kBodyMax = 1024 * 1024;
constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kRegexInputMax = 4096;
constexpr std::size_t kPatternMax = 256;
constexpr int kRepeatMax = 100;
constexpr std::size_t kCodeMax = 64;
constexpr std::size_t kWordsMax = 200;
constexpr std::size_t kDigitsShown = 7;  // longer runs may be a subscriber's number
constexpr std::chrono::seconds kRetryAfterMax{3600};

const std::vector<std::string> kClassWords = {"ok",     "duplicate", "retry",     "throttle",
                                              "window", "hold",      "recipient", "message",
                                              "split",  "reroute",   "in_doubt"};

enum class Format { json, xml, text };

// --- bodies ---------------------------------------------------------------------------------

// A JSON value whose numbers stay as written: "0012" and 12 are codes, not quantities.
struct Json {
  enum class Kind { scalar, list, map };
  Kind kind = Kind::scalar;
  bool null = false;
  std::string key;  // in a map
  std::string text;
  std::vector<Json> children;
};

class JsonHandler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the names that boost::json asks for
  static constexpr std::size_t max_object_size = kBodyMax;
  static constexpr std::size_t max_array_size = kBodyMax;
  static constexpr std::size_t max_key_size = kBodyMax;
  static constexpr std::size_t max_string_size = kBodyMax;
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;
  // NOLINTEND(readability-identifier-naming)

  Json take() { return std::move(root_); }

  bool on_document_begin(error_code& /*ec*/) { return true; }
  bool on_document_end(error_code& /*ec*/) { return true; }
  bool on_object_begin(error_code& /*ec*/) { return open(Json::Kind::map); }
  bool on_object_end(std::size_t /*n*/, error_code& /*ec*/) { return close(); }
  bool on_array_begin(error_code& /*ec*/) { return open(Json::Kind::list); }
  bool on_array_end(std::size_t /*n*/, error_code& /*ec*/) { return close(); }
  bool on_key_part(string_view part, std::size_t /*n*/, error_code& /*ec*/) { return more(part); }
  bool on_key(string_view part, std::size_t /*n*/, error_code& /*ec*/) {
    more(part);
    key_ = std::move(pending_);
    pending_.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t /*n*/, error_code& /*ec*/) {
    return more(part);
  }
  bool on_string(string_view part, std::size_t /*n*/, error_code& /*ec*/) { return scalar(part); }
  bool on_number_part(string_view part, error_code& /*ec*/) { return more(part); }
  bool on_int64(std::int64_t /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_uint64(std::uint64_t /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_double(double /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_bool(bool truth, error_code& /*ec*/) { return scalar(truth ? "true" : "false"); }
  bool on_null(error_code& /*ec*/) {
    Json value;
    value.null = true;
    return add(std::move(value));
  }
  bool on_comment_part(string_view /*part*/, error_code& /*ec*/) { return true; }
  bool on_comment(string_view /*part*/, error_code& /*ec*/) { return true; }

 private:
  bool more(string_view part) {
    pending_.append(part.data(), part.size());
    return true;
  }
  bool scalar(string_view part) {
    more(part);
    Json value;
    value.text = std::move(pending_);
    pending_.clear();
    return add(std::move(value));
  }
  bool open(Json::Kind kind) {
    Json value;
    value.kind = kind;
    value.key = std::move(key_);
    key_.clear();
    open_.push_back(std::move(value));
    return true;
  }
  bool close() {
    Json value = std::move(open_.back());
    open_.pop_back();
    key_ = value.key;
    return add(std::move(value));
  }
  bool add(Json value) {
    value.key = std::move(key_);
    key_.clear();
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().children.push_back(std::move(value));
    }
    return true;
  }

  Json root_;
  std::vector<Json> open_;
  std::string key_;
  std::string pending_;
};

std::optional<Json> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::basic_parser<JsonHandler> parser(options);
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error || !parser.done()) return std::nullopt;
  if (text.substr(used).find_first_not_of(" \t\r\n") != std::string_view::npos) return std::nullopt;
  return parser.handler().take();
}

// A body, or one item of it.
struct Part {
  const Json* json = nullptr;
  pugi::xml_node xml;
  std::string_view text;
};

// --- selectors ------------------------------------------------------------------------------

// Patterns that can take for ever are refused, though the matcher below is linear: a quantifier on
// a group that holds one, back references, and great repeat counts.
std::string_view pattern_problem(std::string_view pattern) {
  if (pattern.size() > kPatternMax) return "is longer than 256 bytes";
  std::vector<bool> groups;  // whether each open group holds a quantifier or an alternative
  bool last_heavy = false;   // the piece just read is such a group
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
      if (i < pattern.size() && pattern[i] >= '1' && pattern[i] <= '9' && !in_class) {
        return "refers back to a group";
      }
      last_heavy = false;
      continue;
    }
    if (in_class) {
      in_class = c != ']';
      continue;
    }
    const bool heavy_before = last_heavy;
    last_heavy = false;
    if (c == '[') {
      in_class = true;
    } else if (c == '(') {
      groups.push_back(false);
      if (i + 2 < pattern.size() && pattern[i + 1] == '?') i += 2;
    } else if (c == ')' && !groups.empty()) {
      last_heavy = groups.back();
      groups.pop_back();
      if (!groups.empty()) groups.back() = groups.back() || last_heavy;
    } else if (c == '|') {
      if (!groups.empty()) groups.back() = true;
    } else if (c == '*' || c == '+' || c == '{') {
      if (heavy_before) return "repeats a group that holds '*', '+', '{' or '|'";
      if (!groups.empty()) groups.back() = true;
      int count = 0;
      for (; c == '{' && i + 1 < pattern.size() && pattern[i] != '}'; ++i) {
        const char next = pattern[i + 1];
        count = next >= '0' && next <= '9' ? count * 10 + (next - '0') : 0;
        if (count > kRepeatMax) return "repeats more than 100 times";
      }
    }
  }
  return "";
}

class Regex {
 public:
  static std::optional<Regex> compile(const Node& node, bool wants_group, Faults& faults) {
    const auto refuse = [&](std::string text) {
      faults.error(node.place(), std::move(text), node.width());
      return std::nullopt;
    };
    const std::string& pattern = node.scalar();
    if (pattern.empty()) return refuse("the regular expression is empty");
    if (const std::string_view problem = pattern_problem(pattern); !problem.empty()) {
      return refuse(fmt::format("the regular expression {}", problem));
    }
    Regex regex;
    try {
      // Thompson's matcher of libstdc++: its time grows with the input, never explodes. Anchored
      // behind a lazy prefix, one run finds the first match.
      regex.regex_.assign("[\\s\\S]*?(?:" + pattern + ")",
                          std::regex::ECMAScript | std::regex_constants::__polynomial);
    } catch (const std::regex_error&) {
      return refuse("this is no regular expression (ECMAScript): check brackets and backslashes");
    }
    if (wants_group && regex.regex_.mark_count() < 1) {
      return refuse("the regular expression needs a group (...) around what is wanted");
    }
    return regex;
  }

  struct Match {
    std::size_t begin = 0;  // of the first group
    std::size_t end = 0;
  };
  std::optional<Match> search(std::string_view text) const {
    text = text.substr(0, kRegexInputMax);
    std::cmatch match;
    try {
      if (!std::regex_search(text.data(), text.data() + text.size(), match, regex_,
                             std::regex_constants::match_continuous)) {
        return std::nullopt;
      }
    } catch (const std::regex_error&) {
      return std::nullopt;
    }
    Match found;
    if (match.size() > 1 && match[1].matched) {
      found.begin = static_cast<std::size_t>(match.position(1));
      found.end = found.begin + static_cast<std::size_t>(match.length(1));
    }
    return found;
  }

 private:
  std::regex regex_;
};

// Where a value stands: a JSON Pointer (RFC 6901), a path of XML names blind to namespaces
// ("//reply/code", "items/@id"), or a regular expression with one group.
class Selector {
 public:
  static std::optional<Selector> compile(const Node& node, Format format, Faults& faults) {
    Selector selector;
    const std::string& written = node.scalar();
    const auto refuse = [&](std::string text) {
      faults.error(node.place(), std::move(text), node.width());
      return std::nullopt;
    };
    if (!node.is_scalar()) return refuse("a selector is one text");
    switch (format) {
      case Format::json:
        if (!written.empty() && written.front() != '/') {
          return refuse(
              fmt::format("a JSON pointer begins with '/': did you mean '/{}'?", written));
        }
        selector.split_pointer(written);
        break;
      case Format::xml:
        if (!selector.compile_path(written)) {
          return refuse("an XML selector is a path of names, such as //reply/code or items/@id");
        }
        break;
      case Format::text:
        selector.regex_ = Regex::compile(node, true, faults);
        if (!selector.regex_) return std::nullopt;
        break;
    }
    return selector;
  }

  // Every value there is: an array's elements, the nodes of a path. At most one for text.
  std::vector<Part> all(const Part& from) const {
    std::vector<Part> found;
    if (regex_) {
      if (const auto match = regex_->search(from.text)) {
        std::size_t end = match->end;
        // The list may go on behind what was searched.
        while (end >= kRegexInputMax && end < from.text.size() && is_list(from.text[end])) ++end;
        found.push_back({nullptr, {}, from.text.substr(match->begin, end - match->begin)});
      }
    } else if (query_) {
      for (const pugi::xpath_node& node : from.xml.select_nodes(*query_)) {
        if (node.attribute()) {
          found.push_back({nullptr, {}, node.attribute().value()});
        } else {
          found.push_back({nullptr, node.node(), node.node().text().get()});
        }
      }
    } else if (const Json* json = walk(from.json)) {
      if (json->kind != Json::Kind::list) return {{json, {}, json->text}};
      for (const Json& child : json->children) found.push_back({&child, {}, child.text});
    }
    return found;
  }

  // The one value, when it is there and not a structure.
  std::optional<std::string> one(const Part& from) const {
    if (!regex_ && !query_) {
      const Json* json = walk(from.json);
      if (json == nullptr || json->null || json->kind != Json::Kind::scalar) return std::nullopt;
      return json->text;
    }
    const std::vector<Part> found = all(from);
    if (found.empty()) return std::nullopt;
    return std::string(found.front().text);
  }

 private:
  static bool is_list(char c) {
    return (c >= '0' && c <= '9') || c == ' ' || c == ',' || c == ';' || c == '+';
  }

  void split_pointer(std::string_view pointer) {
    while (!pointer.empty()) {
      pointer.remove_prefix(1);
      const std::size_t end = std::min(pointer.find('/'), pointer.size());
      std::string step;
      for (std::size_t i = 0; i < end; ++i) {
        if (pointer[i] == '~' && i + 1 < end) {
          step += pointer[++i] == '1' ? '/' : '~';
        } else {
          step += pointer[i];
        }
      }
      steps_.push_back(std::move(step));
      pointer.remove_prefix(end);
    }
  }

  const Json* walk(const Json* json) const {
    for (const std::string& step : steps_) {
      if (json == nullptr) return nullptr;
      const Json* next = nullptr;
      if (json->kind == Json::Kind::map) {
        for (const Json& child : json->children) {
          if (child.key == step) next = &child;
        }
      } else if (json->kind == Json::Kind::list) {
        std::size_t index = 0;
        const char* end = step.data() + step.size();
        const auto [stop, error] = std::from_chars(step.data(), end, index);
        if (error == std::errc() && stop == end && index < json->children.size()) {
          next = &json->children[index];
        }
      }
      json = next;
    }
    return json;
  }

  bool compile_path(std::string_view path) {
    const auto is_name = [](std::string_view name) {
      return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
    };
    std::string xpath;
    if (path.starts_with("//")) {
      xpath = ".//";
      path.remove_prefix(2);
    } else if (path.starts_with('/')) {
      path.remove_prefix(1);
    }
    while (true) {
      const std::size_t end = std::min(path.find('/'), path.size());
      std::string_view step = path.substr(0, end);
      const bool attribute = step.starts_with('@');
      if (attribute) step.remove_prefix(1);
      if (!is_name(step) || (attribute && end != path.size())) return false;
      xpath += fmt::format("{}*[local-name()='{}']", attribute ? "@" : "", step);
      if (end == path.size()) break;
      xpath += '/';
      path.remove_prefix(end + 1);
    }
    try {
      query_ = std::make_shared<pugi::xpath_query>(xpath.c_str());
    } catch (const std::exception&) {
      return false;
    }
    return true;
  }

  std::vector<std::string> steps_;
  std::shared_ptr<pugi::xpath_query> query_;
  std::optional<Regex> regex_;
};

// --- rules ----------------------------------------------------------------------------------

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

struct Rule {
  std::vector<std::pair<int, int>> http;  // ranges, both ends included
  std::vector<std::string> codes;
  std::optional<Regex> match;
  std::optional<Regex> network;                            // of a reroute: where the name stands
  std::vector<std::pair<std::string, std::string>> names;  // the carrier's names to ours
  AnswerClass value = AnswerClass::hold;

  // The network that the words name, "" when they name none.
  std::string network_in(std::string_view words) const {
    const auto found = network ? network->search(words) : std::nullopt;
    if (!found) return "";
    const std::string name = to_lower(words.substr(found->begin, found->end - found->begin));
    for (const auto& [theirs, ours] : names) {
      if (theirs == name) return ours;
    }
    return name.substr(0, kCodeMax);
  }

  bool fits(int status, const std::optional<std::string>& code, std::string_view words) const {
    const auto inside = [&](const auto& range) {
      return status >= range.first && status <= range.second;
    };
    if (!http.empty() && std::none_of(http.begin(), http.end(), inside)) return false;
    if (!codes.empty() && (!code || std::find(codes.begin(), codes.end(), *code) == codes.end())) {
      return false;
    }
    return !match || match->search(words);
  }
};

std::optional<std::pair<int, int>> parse_http(const std::string& text) {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return std::nullopt;
  const int hundred = (text[0] - '0') * 100;
  if (text.substr(1) == "xx") return std::pair{hundred, hundred + 99};
  if (text[1] < '0' || text[1] > '9' || text[2] < '0' || text[2] > '9') return std::nullopt;
  const int status = hundred + (text[1] - '0') * 10 + (text[2] - '0');
  return std::pair{status, status};
}

// --- texts from outside ---------------------------------------------------------------------

// Cut at a character's border.
std::string cut(std::string text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return text;
}

std::string clean(std::string_view text, std::size_t size, bool mask) {
  std::string valid = to_valid_utf8(text.substr(0, kRegexInputMax));
  std::string out;
  for (std::size_t i = 0; i < valid.size();) {
    std::size_t end = i;
    while (end < valid.size() && valid[end] >= '0' && valid[end] <= '9') ++end;
    if (end == i) {
      const auto byte = static_cast<unsigned char>(valid[i++]);
      out += byte < 0x20 || byte == 0x7F ? ' ' : static_cast<char>(byte);
    } else {
      if (mask && end - i > kDigitsShown) {
        out += "•••";
      } else {
        out.append(valid, i, end - i);
      }
      i = end;
    }
  }
  const std::size_t begin = out.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  out = cut(out.substr(begin), size);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

// A number as a carrier may write it, as E.164 digits; 0 when it is none.
E164 number_of(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (digits.starts_with("00")) digits.erase(0, 2);
  if (digits.starts_with('0')) digits.replace(0, 1, "84");
  if (digits.size() == 9) digits.insert(0, "84");
  E164 number = 0;
  if (digits.size() > 15) return 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end || value < 0) return std::nullopt;
  return std::min(std::chrono::seconds(std::min<std::int64_t>(value, 3600)), kRetryAfterMax);
}

enum class Match { id, number, position };

struct Items {
  Selector items;
  Match match = Match::number;
  std::optional<Selector> key;
  std::optional<Selector> code;
  std::optional<Selector> words;
  std::optional<Selector> message_id;
};

struct Failed {
  Selector list;
  AnswerClass value = AnswerClass::recipient;
  std::string code;
};

}  // namespace

std::string_view to_string(AnswerClass value) {
  return kClassWords[static_cast<std::size_t>(value)];
}

struct AnswerReader::Data {
  Format format = Format::json;
  std::optional<Selector> code;
  std::optional<Selector> words;
  std::optional<Selector> message_id;
  std::optional<Selector> retry_after;
  std::optional<Items> items;
  std::vector<Failed> failed;
  std::vector<Rule> rules;
};

AnswerReader::AnswerReader() = default;
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

namespace {

std::optional<Selector> read_selector(MapReader& reader, std::string_view key, Format format,
                                      Faults& faults) {
  const Node* node = reader.optional(key);
  if (node == nullptr) return std::nullopt;
  return Selector::compile(*node, format, faults);
}

AnswerClass read_class(MapReader& reader, AnswerClass fallback) {
  return static_cast<AnswerClass>(
      reader.choice_or("class", static_cast<std::size_t>(fallback), kClassWords));
}

std::optional<Items> read_items(const Node& node, Format format, BatchMode mode, Faults& faults) {
  MapReader reader(node, "recipients", faults);
  std::optional<Selector> list = read_selector(reader, "items", format, faults);
  const std::size_t match = reader.choice_or("match", 1, {"id", "number", "position"});
  std::optional<Items> items;
  if (list) items.emplace(Items{std::move(*list), static_cast<Match>(match), {}, {}, {}, {}});
  const auto read = [&](std::string_view key) {
    return read_selector(reader, key, format, faults);
  };
  std::optional<Selector> key = read("key");
  std::optional<Selector> code = read("code");
  std::optional<Selector> words = read("words");
  std::optional<Selector> message_id = read("message_id");
  if (format == Format::text) {
    reader.fault("items", "recipients: a text answer has no items: use 'failed'");
  }
  if ((node.find("key") == nullptr) != (match == static_cast<std::size_t>(Match::position))) {
    reader.fault("match",
                 "recipients: 'key' says where an item's id or number stands; match: "
                 "position has none");
  }
  if (match == static_cast<std::size_t>(Match::id) && mode != BatchMode::items) {
    reader.fault("match", "recipients: match: id needs batch: {mode: items}, which sends ids");
  }
  reader.finish();
  if (items) {
    items->key = std::move(key);
    items->code = std::move(code);
    items->words = std::move(words);
    items->message_id = std::move(message_id);
  }
  return items;
}

void read_failed(const Node& node, Format format, std::vector<Failed>& failed, Faults& faults) {
  MapReader reader(node, "recipients", faults);
  const Node* list = reader.required("failed");
  const AnswerClass value = read_class(reader, AnswerClass::recipient);
  std::string code = reader.text_or("code", "");
  reader.finish();
  if (list == nullptr) return;
  if (std::optional<Selector> selector = Selector::compile(*list, format, faults)) {
    failed.push_back({std::move(*selector), value, std::move(code)});
  }
}

Rule read_rule(const Node& node, bool has_code, Faults& faults) {
  Rule rule;
  MapReader reader(node, "rule", faults);
  for (const std::string& text : reader.texts_or_empty("http")) {
    if (const auto range = parse_http(text)) {
      rule.http.push_back(*range);
    } else {
      reader.fault("http", fmt::format("rule: '{}' is no HTTP status; write 200 or \"5xx\"", text));
    }
  }
  rule.codes = reader.texts_or_empty("code");
  if (!rule.codes.empty() && !has_code) {
    reader.fault("code", "rule: it asks for a code, but 'answer' has no selector 'code'");
  }
  if (const Node* match = reader.optional("match")) {
    rule.match = Regex::compile(*match, false, faults);
  }
  if (reader.required("class") != nullptr) rule.value = read_class(reader, AnswerClass::hold);
  if (const Node* network = reader.optional("network")) {
    rule.network = Regex::compile(*network, true, faults);
    if (rule.value != AnswerClass::reroute) {
      reader.fault("network", "rule: 'network' belongs to class: reroute");
    }
  }
  reader.finish();
  if (node.is_map() && node.find("http") == nullptr && node.find("code") == nullptr &&
      node.find("match") == nullptr) {
    faults.error(node.place(), "rule: it needs 'http', 'code' or 'match'", node.width());
  }
  return rule;
}

void read_rules(MapReader& profile, bool has_code, std::vector<Rule>& rules, Faults& faults) {
  const Node* node = profile.required("rules");
  if (node == nullptr) return;
  if (!node->is_list() || node->items().empty()) {
    profile.fault("rules", "rules must be a list: '- {code: [\"0\"], class: ok}'");
    return;
  }
  std::unordered_map<std::string, int> seen;  // codes of rules that ask for nothing else
  bool ok = false;
  for (const Node& item : node->items()) {
    rules.push_back(read_rule(item, has_code, faults));
    const Rule& rule = rules.back();
    ok = ok || rule.value == AnswerClass::ok;
    for (const std::string& code : rule.codes) {
      const auto known = seen.find(code);
      if (known != seen.end()) {
        faults.error(
            item.place(),
            fmt::format("rule: the code '{}' was decided in line {} already", code, known->second),
            item.width());
      } else if (rule.http.empty() && item.find("match") == nullptr) {
        seen.emplace(code, item.place().line);
      }
    }
  }
  if (!ok) profile.fault("rules", "rules: none has class: ok, so nothing would ever be sent");
}

}  // namespace

AnswerReader AnswerReader::read(MapReader& profile, BatchMode mode, Faults& faults) {
  auto data = std::make_unique<Data>();
  std::vector<std::pair<std::string, std::string>> names;
  bool has_code = false;
  if (const Node* node = profile.required("answer")) {
    MapReader reader(*node, "answer", faults);
    data->format = static_cast<Format>(reader.choice_or("format", 0, {"json", "xml", "text"}));
    data->code = read_selector(reader, "code", data->format, faults);
    data->words = read_selector(reader, "words", data->format, faults);
    data->message_id = read_selector(reader, "message_id", data->format, faults);
    data->retry_after = read_selector(reader, "retry_after", data->format, faults);
    has_code = node->find("code") != nullptr;
    if (const Node* recipients = reader.optional("recipients")) {
      if (recipients->is_map() && recipients->find("items") != nullptr) {
        data->items = read_items(*recipients, data->format, mode, faults);
        has_code = has_code || recipients->find("code") != nullptr;
      } else if (recipients->is_list()) {
        for (const Node& each : recipients->items()) {
          read_failed(each, data->format, data->failed, faults);
        }
      } else {
        read_failed(*recipients, data->format, data->failed, faults);
      }
    }
    if (const Node* networks = reader.optional("networks")) {
      if (!networks->is_map())
        reader.fault("networks", "answer: 'networks' is a map: 'THEIRS: ours'");
      for (const Node::Entry& entry : networks->entries()) {
        names.emplace_back(to_lower(entry.key), entry.value.scalar());
      }
    }
    reader.finish();
  }
  read_rules(profile, has_code, data->rules, faults);
  for (Rule& rule : data->rules) {
    if (rule.network) rule.names = names;
  }
  AnswerReader reader;
  reader.data_ = std::move(data);
  return reader;
}

namespace {

bool is_success(int status) { return status >= 200 && status <= 299; }

// What a status means that no rule names.
AnswerClass unknown_class(int status, bool has_code) {
  if (status == 429) return AnswerClass::throttle;
  if (status >= 300 && status <= 499) return AnswerClass::hold;
  if (is_success(status) && has_code) return AnswerClass::hold;
  return AnswerClass::in_doubt;
}

struct Found {
  std::optional<std::string> code;
  std::string words;  // as they came
};

Verdict::Row make_row(const std::vector<Rule>& rules, int status, const Found& found,
                      std::string_view matched, bool readable) {
  Verdict::Row row;
  row.code = found.code ? clean(*found.code, kCodeMax, true) : "";
  row.words = clean(found.words, kWordsMax, true);
  if (!readable && is_success(status)) {
    row.words = cut(fmt::format("unreadable answer: HTTP {}", status), kWordsMax);
    return row;
  }
  for (const Rule& rule : rules) {
    if (!rule.fits(status, found.code, matched)) continue;
    row.value = rule.value;
    row.network = to_valid_utf8(rule.network_in(matched));
    if (row.words.empty()) row.words = fmt::format("HTTP {}", status);
    return row;
  }
  row.value = unknown_class(status, readable && (found.code || !matched.empty()));
  row.words =
      cut(fmt::format("unknown answer: HTTP {}{}{}{}{}", status, row.code.empty() ? "" : ", code ",
                      row.code, row.words.empty() ? "" : ": ", row.words),
          kWordsMax);
  return row;
}

Verdict::Row doubtful(std::string words) {
  Verdict::Row row;
  row.words = std::move(words);
  return row;
}

constexpr std::string_view kListed = "listed as not accepted";

// The rows a list of numbers names; false when it names one that was not sent.
bool mark_failed(const Failed& failed, const std::vector<Part>& parts,
                 const std::unordered_map<E164, std::size_t>& positions,
                 std::vector<Verdict::Row>& rows) {
  bool all_known = true;
  const auto mark = [&](std::string_view written) {
    const auto found = positions.find(number_of(written));
    if (found == positions.end()) {
      all_known = false;
      return;
    }
    rows[found->second].value = failed.value;
    rows[found->second].code = failed.code;
    rows[found->second].words = kListed;
    rows[found->second].carrier_id.clear();
  };
  for (const Part& part : parts) {
    std::string_view text = part.text;
    const bool structure = part.json != nullptr && part.json->kind != Json::Kind::scalar;
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    const bool no_number = text.find_first_of("0123456789") == std::string_view::npos;
    all_known = all_known && !structure && (blank || !no_number);
    while (!text.empty()) {
      const std::size_t begin = text.find_first_of("+0123456789");
      if (begin == std::string_view::npos) break;
      const std::size_t end = std::min(text.find_first_not_of("+0123456789", begin), text.size());
      mark(text.substr(begin, end - begin));
      text.remove_prefix(end);
    }
  }
  return all_known;
}

}  // namespace

Verdict AnswerReader::verdict(const HttpAnswer& answer, const Batch& batch) const {
  const Data& data = *data_;
  Verdict verdict;
  verdict.retry_after = seconds_of(answer.retry_after);

  const bool fits = answer.body.size() <= kBodyMax;
  std::optional<Json> json;
  pugi::xml_document xml;
  Part root;
  bool readable = fits;
  if (fits && data.format == Format::json) {
    json = parse_json(answer.body);
    readable = json.has_value();
    root.json = json ? &*json : nullptr;
  } else if (fits && data.format == Format::xml) {
    readable = bool(xml.load_buffer(answer.body.data(), answer.body.size(), pugi::parse_default,
                                    pugi::encoding_utf8));
    root.xml = xml;
  } else if (fits) {
    root.text = answer.body;
    readable = answer.body.find_first_not_of(" \t\r\n") != std::string_view::npos;
  }

  Found found;
  if (readable && data.code) found.code = data.code->one(root);
  if (readable && data.words) found.words = data.words->one(root).value_or("");
  if (readable && data.format == Format::text && !data.words) {
    found.words = answer.body.substr(0, kRegexInputMax);
  }
  if (readable && data.retry_after && !verdict.retry_after) {
    verdict.retry_after = seconds_of(data.retry_after->one(root).value_or(""));
  }
  const std::string_view matched = found.words.empty() ? answer.body : found.words;
  // Without the code that the profile promises, the answer is not the carrier's.
  const bool promised = !data.code || found.code;
  const bool theirs = promised || !is_success(answer.status);
  verdict.whole =
      make_row(data.rules, answer.status, found, theirs ? matched : std::string_view(), readable);
  if (readable && data.message_id) {
    verdict.whole.carrier_id = clean(data.message_id->one(root).value_or(""), kCodeMax, false);
  }

  const bool accepted =
      verdict.whole.value == AnswerClass::ok || verdict.whole.value == AnswerClass::duplicate;
  if (!readable || (!data.items && data.failed.empty())) return verdict;
  const std::size_t count = batch.rows.size();
  std::unordered_map<E164, std::size_t> positions;
  for (std::size_t i = 0; i < count; ++i) positions.emplace(batch.rows[i].number, i);

  if (!data.failed.empty()) {
    if (!accepted) return verdict;
    verdict.rows.assign(count, verdict.whole);
    bool certain = true;
    for (const Failed& failed : data.failed) {
      const std::vector<Part> parts = failed.list.all(root);
      // A list that may stand behind what was searched is no list that is not there.
      if (data.format == Format::text && answer.body.size() > kRegexInputMax && parts.empty()) {
        certain = false;
      }
      certain = mark_failed(failed, parts, positions, verdict.rows) && certain;
    }
    for (Verdict::Row& row : verdict.rows) {
      if (certain || row.words == kListed) continue;
      row = doubtful("the answer lists a number that was not sent, or is too long to read");
    }
    return verdict;
  }

  const Items& items = *data.items;
  const std::vector<Part> parts = items.items.all(root);
  const bool whole_decides = !accepted && (data.code ? promised : !is_success(answer.status));
  if (whole_decides) return verdict;
  if (parts.empty()) {
    if (accepted || is_success(answer.status))
      verdict.whole = doubtful("the answer names no recipient");
    return verdict;
  }
  verdict.rows.assign(count, doubtful("the answer does not name this recipient"));
  if (items.match == Match::position && parts.size() != count) {
    verdict.rows.clear();
    verdict.whole = doubtful(fmt::format("the answer has {} rows for {}", parts.size(), count));
    return verdict;
  }
  std::unordered_map<std::string_view, std::size_t> ids;
  if (items.match == Match::id) {
    for (std::size_t i = 0; i < count; ++i) ids.emplace(batch.rows[i].id, i);
  }
  std::vector<bool> named(count, false);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::size_t at = i;
    if (items.match != Match::position) {
      const std::string key = items.key ? items.key->one(parts[i]).value_or("") : "";
      if (items.match == Match::id) {
        const auto known = ids.find(key);
        if (known == ids.end()) continue;
        at = known->second;
      } else {
        const auto known = positions.find(number_of(key));
        if (known == positions.end()) continue;
        at = known->second;
      }
    }
    Found of_item;
    of_item.code = items.code ? items.code->one(parts[i]) : found.code;
    if (items.words) of_item.words = items.words->one(parts[i]).value_or("");
    const bool has_code = !items.code || of_item.code;
    Verdict::Row row =
        make_row(data.rules, answer.status, of_item,
                 has_code ? std::string_view(of_item.words) : std::string_view(), true);
    if (items.message_id) {
      row.carrier_id = clean(items.message_id->one(parts[i]).value_or(""), kCodeMax, false);
    }
    if (named[at] && verdict.rows[at].value != row.value) {
      row = doubtful("the answer names this recipient twice, with different results");
    }
    named[at] = true;
    verdict.rows[at] = std::move(row);
  }
  return verdict;
}

}  // namespace loa
