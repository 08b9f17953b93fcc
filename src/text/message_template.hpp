// A warning text with placeholders, filled from the columns of the audience.
//   template: lua-dao-gia-danh
//   title: ...
//   text: "CA tỉnh Lạng Sơn: ... {quan_huyen} ..."
//   unaccented: "CA tinh Lang Son: ..."        # optional: a hand-made text instead of the folded
//   one
// A placeholder is a column name in braces, {ho_ten}; "{{" and "}}" stand for single braces. There
// is no expression language, and a value is never read as a pattern again.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "base/result.hpp"

namespace loa {

class TextPattern {
 public:
  // Fails with Code::data: a brace without its partner, an empty or odd placeholder name. The place
  // in the error is line 0 and the column is the character's position in the pattern.
  static Result<TextPattern> parse(std::string_view pattern);

  // The distinct placeholder names, in order of first appearance.
  const std::vector<std::string>& placeholders() const { return placeholders_; }

  // values[i] belongs to placeholders()[i].
  std::string render(std::span<const std::string_view> values) const;

 private:
  struct Piece {
    std::string literal;
    int placeholder = -1;  // after the literal; -1 for none
  };
  std::vector<Piece> pieces_;
  std::vector<std::string> placeholders_;
};

struct MessageTemplate {
  std::string id;
  std::string title;
  std::string text;        // as written, NFC
  std::string unaccented;  // "" when there is none
};

// Reads a template file; every fault goes to `faults` and then the template may be incomplete.
MessageTemplate load_template(const std::string& path, Faults& faults);

}  // namespace loa
