#include "config/json_events.hpp"

#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/mark.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace loa {
namespace {

constexpr int kLevelsMax = 64;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Without a handler it only says whether the text is JSON.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, YAML::EventHandler* handler)
      : text_(text), handler_(handler) {}

  bool run() {
    skip_space();
    if (peek() != '{') return false;
    if (handler_ != nullptr) handler_->OnDocumentStart(mark());
    if (!value(1)) return false;
    skip_space();
    if (handler_ != nullptr) handler_->OnDocumentEnd();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  YAML::Mark mark() const {
    YAML::Mark mark;
    mark.pos = static_cast<int>(at_);
    mark.line = line_;
    mark.column = static_cast<int>(at_ - line_start_);
    return mark;
  }

  bool value(int level) {
    if (level > kLevelsMax) return false;
    skip_space();
    switch (peek()) {
      case '{': return map(level);
      case '[': return list(level);
      case '"': return string();
      default: return word();
    }
  }

  bool map(int level) {
    if (handler_ != nullptr)
      handler_->OnMapStart(mark(), "?", YAML::NullAnchor, YAML::EmitterStyle::Flow);
    ++at_;
    skip_space();
    if (peek() != '}') {
      do {
        skip_space();
        if (peek() != '"' || !string()) return false;
        skip_space();
        if (!take(':') || !value(level + 1)) return false;
        skip_space();
      } while (take(','));
    }
    if (!take('}')) return false;
    if (handler_ != nullptr) handler_->OnMapEnd();
    return true;
  }

  bool list(int level) {
    if (handler_ != nullptr)
      handler_->OnSequenceStart(mark(), "?", YAML::NullAnchor, YAML::EmitterStyle::Flow);
    ++at_;
    skip_space();
    if (peek() != ']') {
      do {
        if (!value(level + 1)) return false;
        skip_space();
      } while (take(','));
    }
    if (!take(']')) return false;
    if (handler_ != nullptr) handler_->OnSequenceEnd();
    return true;
  }

  std::optional<std::uint32_t> four_digits() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return std::nullopt;
      }
      value = value * 16 + digit;
    }
    return value;
  }

  bool unicode_escape(std::string& out) {
    auto code = four_digits();
    if (!code || (*code >= 0xDC00 && *code <= 0xDFFF)) return false;
    if (*code >= 0xD800 && *code <= 0xDBFF) {
      if (!take('\\') || !take('u')) return false;
      const auto low = four_digits();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
    append_utf8(out, *code);
    return true;
  }

  bool escape(std::string& out) {
    constexpr std::array<std::pair<char, char>, 8> kEscapes = {{{'"', '"'},
                                                                {'\\', '\\'},
                                                                {'/', '/'},
                                                                {'b', '\b'},
                                                                {'f', '\f'},
                                                                {'n', '\n'},
                                                                {'r', '\r'},
                                                                {'t', '\t'}}};
    if (take('u')) return unicode_escape(out);
    for (const auto& [letter, meant] : kEscapes) {
      if (!take(letter)) continue;
      out += meant;
      return true;
    }
    return false;
  }

  bool string() {
    const YAML::Mark start = mark();
    std::string content;
    ++at_;
    while (!take('"')) {
      if (at_ == text_.size() || static_cast<unsigned char>(peek()) < 0x20) return false;
      if (take('\\')) {
        if (!escape(content)) return false;
      } else {
        content += text_[at_++];
      }
    }
    if (handler_ != nullptr) handler_->OnScalar(start, "!", YAML::NullAnchor, content);
    return true;
  }

  bool digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  bool word() {
    const YAML::Mark start = mark();
    const std::size_t from = at_;
    for (const std::string_view known : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(known)) continue;
      at_ += known.size();
      if (handler_ == nullptr) return true;
      if (known == "null") {
        handler_->OnNull(start, YAML::NullAnchor);
      } else {
        handler_->OnScalar(start, "?", YAML::NullAnchor, std::string(known));
      }
      return true;
    }
    if (!number()) return false;
    if (handler_ != nullptr)
      handler_->OnScalar(start, "?", YAML::NullAnchor, std::string(text_.substr(from, at_ - from)));
    return true;
  }

  std::string_view text_;
  YAML::EventHandler* handler_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::size_t line_start_ = 0;
};

}  // namespace

bool is_json_object(std::string_view text) { return JsonScanner(text, nullptr).run(); }

void give_json_events(std::string_view text, YAML::EventHandler& handler) {
  JsonScanner(text, &handler).run();
}

}  // namespace loa
