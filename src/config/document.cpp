#include "config/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>
#include <unordered_map>

#include "base/input_file.hpp"
#include "base/utf8.hpp"
#include "config/json_events.hpp"

namespace loa {

struct Node::Data {
  Kind kind = Kind::null;
  std::string scalar;
  bool quoted = false;
  Place place;
  int width = 1;
  std::vector<Node> items;
  std::vector<Entry> entries;
};

namespace {

constexpr std::size_t kBytesMax = 256 * 1024;
constexpr std::size_t kLevelsMax = 16;
constexpr int kBracketsMax = 64;          // counted blindly, quotes and comments included
constexpr std::size_t kFaultsMax = 50;    // of one document; then reading stops
constexpr std::size_t kUnknownsMax = 20;  // unknown keys named in one map

// Thrown through yaml-cpp by our handler, and caught in parse_document.
struct Stop {};

int count_characters(std::string_view bytes) {
  return static_cast<int>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// Turns yaml-cpp's marks, which count bytes from 0, into places.
class Lines {
 public:
  Lines(std::string_view text, const std::string& name) : text_(text), name_(name) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  Place at_offset(std::size_t offset) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const auto line = static_cast<std::size_t>(next - starts_.begin()) - 1;
    return at(line, offset - starts_[line]);
  }

  Place of(const YAML::Mark& mark) const {
    if (mark.line < 0 || mark.column < 0) return {name_, 0, 0};
    return at(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
  }

  std::string_view rest_of_text(const YAML::Mark& mark) const {
    if (mark.line < 0 || mark.column < 0) return {};
    const auto line = static_cast<std::size_t>(mark.line);
    if (line >= starts_.size()) return {};
    return text_.substr(
        std::min(text_.size(), starts_[line] + static_cast<std::size_t>(mark.column)));
  }

 private:
  std::string_view line_text(std::size_t line) const {
    if (line >= starts_.size()) return {};
    const std::size_t end = line + 1 < starts_.size() ? starts_[line + 1] - 1 : text_.size();
    return text_.substr(starts_[line], end - starts_[line]);
  }

  Place at(std::size_t line, std::size_t byte) const {
    const std::string_view before = line_text(line).substr(0, byte);
    return {name_, static_cast<int>(line) + 1, count_characters(before) + 1};
  }

  std::string_view text_;
  std::string name_;
  std::vector<std::size_t> starts_;
};

// Whether the quote that opens `source` is closed: yaml-cpp takes the end of the file for its end.
bool closes(std::string_view source) {
  const char quote = source.front();
  for (std::size_t i = 1; i < source.size(); ++i) {
    if (source[i] == '\\' && quote == '"') {
      ++i;
    } else if (source[i] == quote) {
      if (quote == '"' || i + 1 == source.size() || source[i + 1] != quote) return true;
      ++i;
    }
  }
  return false;
}

bool well_formed(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

}  // namespace

// Builds the tree from yaml-cpp's events, so that nothing is ever expanded or guessed.
class DocumentBuilder final : public YAML::EventHandler {
 public:
  DocumentBuilder(const Lines& lines, Faults& faults) : lines_(lines), faults_(faults) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      fault(mark, "one document a file: cut the file here, and remove the line '---' or '...'");
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (wants_key()) {
      fault(mark, "a key is missing here: write 'key: value'");
      throw Stop{};
    }
    Node::Data data;
    data.place = after_key() ? open_.back().key_place : lines_.of(mark);
    add(std::move(data));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fault(mark, "aliases (*name) are not taken: write the value out");
    if (wants_key()) throw Stop{};
    add({});
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    fault(mark, fmt::format("anchors (&{}) are not taken: write the value out where it is used",
                            name.substr(0, 40)));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    const std::string_view source = lines_.rest_of_text(mark);
    const char first = source.empty() ? '\0' : source.front();
    check_tag(mark, tag, first == '!');
    const bool in_quotes = tag == "!" && (first == '"' || first == '\'');
    if (in_quotes && !closes(source))
      fault(mark, "this quote is never closed: add the closing one");
    if (!well_formed(value)) fault(mark, "a NUL character is not taken: remove the escape");
    Node::Data data;
    data.kind = Node::Kind::scalar;
    data.scalar = value;
    data.quoted = tag == "!";
    data.place = lines_.of(mark);
    const int room = count_characters(source.substr(0, source.find('\n')));
    data.width = std::clamp(count_characters(value) + (in_quotes ? 2 : 0), 1, std::max(1, room));
    if (wants_key()) {
      take_key(mark, data);
    } else {
      add(std::move(data));
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, style, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, style, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node::Data data;
    bool has_key = false;
    std::string key;
    Place key_place;
    int key_width = 1;
    std::unordered_map<std::string, int> lines;  // of the keys seen
  };

  void fault(const YAML::Mark& mark, std::string text, int width = 1) {
    faults_.error(lines_.of(mark), std::move(text), width);
    if (++count_ >= kFaultsMax) throw Stop{};
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().data.kind == Node::Kind::map && !open_.back().has_key;
  }
  bool after_key() const { return !open_.empty() && open_.back().has_key; }

  void check_tag(const YAML::Mark& mark, const std::string& tag, bool written) {
    // yaml-cpp itself gives "?" to what stands bare and "!" to what stands in quotes.
    if (!written && (tag.empty() || tag == "?" || tag == "!")) return;
    fault(mark, "tags (!name) are not taken: remove the tag");
  }

  void take_key(const YAML::Mark& mark, const Node::Data& data) {
    Open& map = open_.back();
    map.has_key = true;
    map.key = data.scalar;
    map.key_place = data.place;
    map.key_width = data.width;
    const auto [seen, fresh] = map.lines.emplace(data.scalar, data.place.line);
    if (!fresh) {
      fault(mark,
            fmt::format("the key '{}' stands twice, first in line {}: keep one of them", map.key,
                        seen->second),
            data.width);
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::EmitterStyle::value style,
            Node::Kind kind) {
    check_tag(mark, tag, lines_.rest_of_text(mark).starts_with('!'));
    if (wants_key()) {
      fault(mark, "a list or a map cannot be a key: write a plain word before the ':'");
      throw Stop{};
    }
    if (open_.size() >= kLevelsMax) {
      fault(mark,
            fmt::format("more than {} levels inside one another: make it flatter", kLevelsMax));
      throw Stop{};
    }
    Node::Data data;
    data.kind = kind;
    data.place = lines_.of(mark);
    // The mark of a block is its first entry, often lines below: the key says more.
    if (after_key() && style != YAML::EmitterStyle::Flow) {
      data.place = open_.back().key_place;
      data.width = open_.back().key_width;
    }
    open_.emplace_back();
    open_.back().data = std::move(data);
  }

  void close() {
    Node::Data data = std::move(open_.back().data);
    open_.pop_back();
    add(std::move(data));
  }

  void add(Node::Data data) {
    Node node;
    node.data_ = std::make_shared<const Node::Data>(std::move(data));
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.data.kind == Node::Kind::list) {
      parent.data.items.push_back(std::move(node));
    } else {
      parent.data.entries.push_back({parent.key, parent.key_place, std::move(node)});
      parent.has_key = false;
    }
  }

  const Lines& lines_;
  Faults& faults_;
  std::vector<Open> open_;
  Node root_;
  int documents_ = 0;
  std::size_t count_ = 0;
};

namespace {

// yaml-cpp holds every open bracket before it gives the first event, so depth is bounded before it
// sees the text. Blind to quotes and comments: no honest file comes near the bound.
std::optional<std::size_t> too_many_brackets(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' || text[i] == '{') {
      if (++depth > kBracketsMax) return i;
    } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

bool check_bytes(std::string_view text, const Lines& lines, const std::string& name,
                 Faults& faults) {
  if (text.size() > kBytesMax) {
    faults.error({name, 0, 0}, fmt::format("the file is larger than {} KiB: a configuration is "
                                           "small; is this the right file?",
                                           kBytesMax / 1024));
    return false;
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    faults.error(lines.at_offset(nul), "a NUL byte: this is not a text file, or it is damaged");
    return false;
  }
  if (const std::string valid = to_valid_utf8(text); valid != text) {
    const auto where = std::mismatch(text.begin(), text.end(), valid.begin(), valid.end()).first;
    faults.error(lines.at_offset(static_cast<std::size_t>(where - text.begin())),
                 "not UTF-8: save the file as UTF-8");
    return false;
  }
  if (const auto deep = too_many_brackets(text)) {
    faults.error(lines.at_offset(*deep),
                 fmt::format("more than {} open brackets: close them", kBracketsMax));
    return false;
  }
  return true;
}

std::string syntax_words(const std::string& message) {
  if (message.find("end of map") != std::string::npos) {
    return "the map does not end well here: check the indentation and the quotes above";
  }
  if (message.find("illegal map value") != std::string::npos) {
    return "a ': ' stands here where no key can be: put the text in quotes";
  }
  if (message.find("invalid unicode") != std::string::npos)
    return "this escape is half of a character: write the character itself";
  if (message.find("tab") != std::string::npos) return "a tab indents this line: use spaces";
  return fmt::format("this is not YAML ({}): check the indentation and the quotes", message);
}

}  // namespace

std::optional<Node> parse_document(std::string_view text, const std::string& name, Faults& faults) {
  if (text.size() > kBytesMax) text = text.substr(0, kBytesMax + 1);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text, name);
  if (!check_bytes(text, lines, name, faults)) return std::nullopt;

  const std::size_t errors = faults.errors();
  DocumentBuilder builder(lines, faults);
  try {
    if (is_json_object(text)) {
      give_json_events(text, builder);
      if (faults.errors() > errors) return std::nullopt;
      return builder.take();
    }
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      faults.error({name, 1, 1}, "the file is empty");
      return std::nullopt;
    }
    parser.HandleNextDocument(builder);
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& exception) {
    faults.error(lines.of(exception.mark), syntax_words(exception.msg));
    return std::nullopt;
  } catch (const std::exception& exception) {
    faults.error({name, 0, 0}, fmt::format("the file cannot be read: {}", exception.what()));
    return std::nullopt;
  }
  if (faults.errors() > errors) return std::nullopt;
  return builder.take();
}

std::optional<Node> load_document(const std::string& path, Faults& faults) {
  const auto text = read_start(path, kBytesMax + 4);
  if (!text) {
    faults.error({path, 0, 0}, "the file " + text.error().text);
    return std::nullopt;
  }
  return parse_document(*text, path, faults);
}

namespace {

const Node::Kind kNoKind = Node::Kind::null;

template <class T>
const T& empty_value() {
  static const T value{};
  return value;
}

}  // namespace

Node::Kind Node::kind() const { return data_ ? data_->kind : kNoKind; }
const std::string& Node::scalar() const {
  return data_ ? data_->scalar : empty_value<std::string>();
}
bool Node::quoted() const { return data_ && data_->quoted; }
const Place& Node::place() const { return data_ ? data_->place : empty_value<Place>(); }
int Node::width() const { return data_ ? data_->width : 1; }
const std::vector<Node>& Node::items() const {
  return data_ ? data_->items : empty_value<std::vector<Node>>();
}
const std::vector<Node::Entry>& Node::entries() const {
  return data_ ? data_->entries : empty_value<std::vector<Entry>>();
}
const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries()) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

MapReader::MapReader(const Node& node, std::string what, Faults& faults)
    : node_(node), what_(std::move(what)), faults_(faults) {
  if (!node_.is_map()) {
    faults_.error(node_.place(), fmt::format("{} must be a map: lines 'key: value'", what_),
                  node_.width());
  }
}

const Node* MapReader::optional(std::string_view key) {
  known_.emplace_back(key);
  return node_.find(key);
}

const Node* MapReader::required(std::string_view key) {
  const Node* found = optional(key);
  if (found == nullptr && node_.is_map()) {
    faults_.error(node_.place(), fmt::format("{}: the key '{}' is missing", what_, key),
                  node_.width());
  }
  return found;
}

namespace {

// The scalar's text; a fault and nothing when it is no text or empty.
const std::string* scalar_of(const Node& node, std::string_view what, std::string_view key,
                             Faults& faults) {
  if (node.is_scalar() && !node.scalar().empty()) return &node.scalar();
  const std::string_view problem = node.is_map()    ? "is a map; it must be one value"
                                   : node.is_list() ? "is a list; it must be one value"
                                                    : "is empty; write a value or remove the key";
  faults.error(node.place(), fmt::format("{}: '{}' {}", what, key, problem), node.width());
  return nullptr;
}

}  // namespace

std::string MapReader::text(std::string_view key) {
  const Node* found = required(key);
  if (found == nullptr) return "";
  const std::string* text = scalar_of(*found, what_, key, faults_);
  return text != nullptr ? *text : "";
}

std::string MapReader::text_or(std::string_view key, std::string fallback) {
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  if (found->is_scalar() && found->quoted()) return found->scalar();  // "" is meant
  const std::string* text = scalar_of(*found, what_, key, faults_);
  return text != nullptr ? *text : fallback;
}

std::int64_t MapReader::integer_or(std::string_view key, std::int64_t fallback, std::int64_t min,
                                   std::int64_t max) {
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  const std::string* text = scalar_of(*found, what_, key, faults_);
  if (text == nullptr) return fallback;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  const bool octal_look = text->size() > 1 && text->front() == '0';
  if (error != std::errc() || stop != end || octal_look || value < min || value > max) {
    fault(key, fmt::format("{}: '{}' must be a whole number from {} to {}, it is '{}'", what_, key,
                           min, max, text->substr(0, 40)));
    return fallback;
  }
  return value;
}

double MapReader::decimal_or(std::string_view key, double fallback, double min, double max) {
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  const std::string* text = scalar_of(*found, what_, key, faults_);
  if (text == nullptr) return fallback;
  double value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value) || value < min || value > max) {
    fault(key, fmt::format("{}: '{}' must be a number from {} to {}, it is '{}'", what_, key, min,
                           max, text->substr(0, 40)));
    return fallback;
  }
  return value;
}

std::chrono::seconds MapReader::duration_or(std::string_view key, std::chrono::seconds fallback,
                                            std::chrono::seconds min, std::chrono::seconds max) {
  constexpr std::array<std::pair<char, int>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}}};
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  const std::string* text = scalar_of(*found, what_, key, faults_);
  if (text == nullptr) return fallback;
  std::uint32_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  for (const auto& [letter, seconds] : kUnits) {
    if (error != std::errc() || stop == end ||
        std::string_view(stop, end) != std::string(1, letter))
      continue;
    const std::chrono::seconds duration(std::int64_t{value} * seconds);
    if (duration >= min && duration <= max) return duration;
  }
  fault(key, fmt::format("{}: '{}' must be a time from {} s to {} s, such as 30s, 10m, 24h or 7d; "
                         "it is '{}'",
                         what_, key, min.count(), max.count(), text->substr(0, 40)));
  return fallback;
}

bool MapReader::flag_or(std::string_view key, bool fallback) {
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  const std::string* text = scalar_of(*found, what_, key, faults_);
  if (text == nullptr) return fallback;
  if (*text == "true") return true;
  if (*text == "false") return false;
  fault(key,
        fmt::format("{}: '{}' must be true or false, it is '{}'", what_, key, text->substr(0, 40)));
  return fallback;
}

std::vector<std::string> MapReader::texts_or_empty(std::string_view key) {
  std::vector<std::string> texts;
  const Node* found = optional(key);
  if (found == nullptr) return texts;
  if (!found->is_list()) {
    if (const std::string* text = scalar_of(*found, what_, key, faults_)) texts.push_back(*text);
    return texts;
  }
  for (const Node& item : found->items()) {
    if (const std::string* text = scalar_of(item, what_, key, faults_)) texts.push_back(*text);
  }
  return texts;
}

std::size_t MapReader::choice_or(std::string_view key, std::size_t fallback,
                                 const std::vector<std::string>& words) {
  const Node* found = optional(key);
  if (found == nullptr) return fallback;
  const std::string* text = scalar_of(*found, what_, key, faults_);
  if (text == nullptr) return fallback;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == *text) return i;
  }
  const std::string near = nearest(*text, words);
  fault(key,
        fmt::format("{}: '{}' must be one of {}, it is '{}'{}", what_, key, fmt::join(words, ", "),
                    text->substr(0, 40), near.empty() ? "" : "; did you mean '" + near + "'?"));
  return fallback;
}

void MapReader::fault(std::string_view key, std::string text) {
  const Node* found = node_.find(key);
  const Node& at = found != nullptr ? *found : node_;
  faults_.error(at.place(), std::move(text), at.width());
}

void MapReader::finish() {
  std::size_t unknown = 0;
  for (const Node::Entry& entry : node_.entries()) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    if (++unknown > kUnknownsMax) {
      faults_.error(entry.key_place, fmt::format("{}: and more unknown keys from here", what_));
      return;
    }
    const std::string near = nearest(entry.key, known_);
    faults_.error(
        entry.key_place,
        fmt::format("{}: the key '{}' is not known{}", what_, entry.key.substr(0, 64),
                    near.empty() ? "; the keys are " + fmt::to_string(fmt::join(known_, ", "))
                                 : "; did you mean '" + near + "'?"),
        std::max(1, count_characters(entry.key)));
  }
}

}  // namespace loa
