#include "gateway/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/utf8.hpp"

namespace loa {
namespace {

constexpr std::size_t kWordsMax = 200;
constexpr std::size_t kDigitsShown = 7;  // longer runs may be a subscriber's number

const std::vector<std::string> kClassWords = {"ok",     "duplicate", "retry",     "throttle",
                                              "window", "hold",      "recipient", "message",
                                              "split",  "reroute",   "in_doubt",  "unknown"};
const std::vector<std::string> kRuleClasses(kClassWords.begin(), kClassWords.end() - 1);

}  // namespace

std::string_view to_string(AnswerClass value) {
  return kClassWords[static_cast<std::size_t>(value)];
}

std::string Rule::network_in(std::string_view words) const {
  const auto found = network ? network->search(words) : std::nullopt;
  if (!found) return "";
  const std::string name = to_lower(words.substr(found->begin, found->end - found->begin));
  for (const auto& [theirs, ours] : names) {
    if (theirs == name) return ours;
  }
  return name.substr(0, kCodeMax);
}

bool Rule::fits(int status, const std::optional<std::string>& code, std::string_view words) const {
  const auto inside = [&](const auto& range) {
    return status >= range.first && status <= range.second;
  };
  if (!http.empty() && std::none_of(http.begin(), http.end(), inside)) return false;
  if (!codes.empty() && (!code || std::find(codes.begin(), codes.end(), *code) == codes.end())) {
    return false;
  }
  return !match || match->search(words);
}

// --- reading --------------------------------------------------------------------------------

namespace {

std::optional<std::pair<int, int>> parse_http(const std::string& text) {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return std::nullopt;
  const int hundred = (text[0] - '0') * 100;
  if (text.substr(1) == "xx") return std::pair{hundred, hundred + 99};
  if (text[1] < '0' || text[1] > '9' || text[2] < '0' || text[2] > '9') return std::nullopt;
  const int status = hundred + (text[1] - '0') * 10 + (text[2] - '0');
  return std::pair{status, status};
}

AnswerClass read_found(MapReader& reader) {
  return reader.choice_or("class", 0, {"found", "not_found"}) == 0 ? kFound : kNotFound;
}

Rule read_rule(const Node& node, bool has_code, Words words, Faults& faults) {
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
  if (reader.required("class") != nullptr) {
    rule.value = words == Words::query ? read_found(reader) : read_class(reader, AnswerClass::hold);
  }
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

}  // namespace

AnswerClass read_class(MapReader& reader, AnswerClass fallback) {
  return static_cast<AnswerClass>(
      reader.choice_or("class", static_cast<std::size_t>(fallback), kRuleClasses));
}

void read_rules(MapReader& profile, bool has_code, Words words, std::vector<Rule>& rules,
                Faults& faults) {
  const Node* node = profile.required("rules");
  if (node == nullptr) return;
  if (!node->is_list() || node->items().empty()) {
    profile.fault("rules", "rules must be a list: '- {code: [\"0\"], class: ok}'");
    return;
  }
  std::unordered_map<std::string, int> seen;  // codes of rules that ask for nothing else
  bool ok = false;
  for (const Node& item : node->items()) {
    rules.push_back(read_rule(item, has_code, words, faults));
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
  if (ok) return;
  profile.fault("rules", words == Words::query
                             ? "rules: none has class: found, so nothing would ever be found"
                             : "rules: none has class: ok, so nothing would ever be sent");
}

// --- judging --------------------------------------------------------------------------------

namespace {

// Cut at a character's border.
std::string cut(std::string text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return text;
}

// What a status means that no rule names.
AnswerClass unknown_class(int status, bool has_code) {
  if (status == 429) return AnswerClass::throttle;
  if (status >= 400 && status <= 499) return AnswerClass::hold;
  if (status >= 300 && status <= 399) return AnswerClass::unknown;
  return is_success(status) && has_code ? AnswerClass::unknown : AnswerClass::in_doubt;
}

}  // namespace

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

bool is_success(int status) { return status >= 200 && status <= 299; }

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
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

}  // namespace loa
