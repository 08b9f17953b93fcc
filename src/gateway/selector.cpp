#include "gateway/selector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace loa {

// --- regular expressions --------------------------------------------------------------------

namespace {

constexpr std::size_t kPatternMax = 256;
constexpr int kRepeatMax = 100;

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

}  // namespace

std::optional<Regex> Regex::compile(const Node& node, bool wants_group, Faults& faults) {
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

std::optional<Regex::Match> Regex::search(std::string_view text) const {
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

// --- selectors ------------------------------------------------------------------------------

namespace {

bool is_list(char c) {
  return (c >= '0' && c <= '9') || c == ' ' || c == ',' || c == ';' || c == '+';
}

}  // namespace

std::optional<Selector> Selector::compile(const Node& node, Format format, Faults& faults) {
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
        return refuse(fmt::format("a JSON pointer begins with '/': did you mean '/{}'?", written));
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

std::vector<Part> Selector::all(const Part& from) const {
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

std::optional<std::string> Selector::one(const Part& from) const {
  if (!regex_ && !query_) {
    const Json* json = walk(from.json);
    if (json == nullptr || json->null || json->kind != Json::Kind::scalar) return std::nullopt;
    return json->text;
  }
  const std::vector<Part> found = all(from);
  if (found.empty()) return std::nullopt;
  return std::string(found.front().text);
}

void Selector::split_pointer(std::string_view pointer) {
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

const Json* Selector::walk(const Json* json) const {
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

bool Selector::compile_path(std::string_view path) {
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

}  // namespace loa
