// Compiles the strings and bodies of a profile's request to programs: literals escaped once, and a
// value after each. Finds placeholders that cannot stand where they do.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/render.hpp"

namespace loa {

// Compiles the nodes of one profile and remembers what they used.
class Compiler {
 public:
  Compiler(RequestTemplate& request, Faults& faults) : request_(request), faults_(faults) {}

  Program pattern(const Node& node, Escape escape);  // one text
  Program json(const Node& node);
  Program pairs(const Node& node);  // name=value&name=value

  void in_item(bool value) { in_item_ = value; }
  void in_body(bool value) { in_body_ = value; }
  bool used(Field field) const {
    return std::find(used_.begin(), used_.end(), field) != used_.end();
  }
  void fault(const Node& node, std::string text);

 private:
  void start(Escape escape);
  Program finish();
  void push(Op::Value value, Placeholder placeholder);
  void note_key(const std::string& key);
  // Whether the placeholder may stand in this batch mode and part of the request.
  bool allowed(const Node& node, const Placeholder& placeholder);
  void text(const Node& node);
  void text(const Node& node, std::vector<PatternPiece> pieces);
  // Markup stands as it is; everywhere else the profile writes plain text.
  void literal(std::string_view text);
  void json_value(const Node& node, int depth);
  void json_scalar(const Node& node);
  // A leaf that is one placeholder may be more than a string.
  bool json_whole(const Node& node, const Placeholder& placeholder);

  RequestTemplate& request_;
  Faults& faults_;
  Program program_;
  std::string pending_;
  std::vector<Field> used_;
  bool in_item_ = false;
  bool in_body_ = false;
};

}  // namespace loa
