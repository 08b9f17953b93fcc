// An answer's body, parsed: JSON, XML or text.
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace loa {

enum class Format { json, xml, text };

// A JSON value whose numbers stay as written: "0012" and 12 are codes, not quantities.
struct Json {
  enum class Kind { scalar, list, map };
  Kind kind = Kind::scalar;
  bool null = false;
  std::string key;  // in a map
  std::string text;
  std::vector<Json> children;
};

// A body, or one item of it.
struct Part {
  const Json* json = nullptr;
  pugi::xml_node xml;
  std::string_view text;
};

// The whole body, parsed. Holds what the root points into, so it stays where it is.
class Body {
 public:
  Body(std::string_view text, Format format);
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  bool readable() const { return readable_; }
  const Part& root() const { return root_; }

 private:
  std::optional<Json> json_;
  pugi::xml_document xml_;
  Part root_;
  bool readable_ = false;
};

}  // namespace loa
