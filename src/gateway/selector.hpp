// Selectors find values in an answer's body: JSON Pointer, XML path, regular expression.
#pragma once

#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "gateway/body.hpp"

namespace loa {

constexpr std::size_t kRegexInputMax = 4096;  // the rest of a text is not searched

class Regex {
 public:
  // Faults when the pattern is wrong, or could take for ever.
  static std::optional<Regex> compile(const Node& node, bool wants_group, Faults& faults);

  struct Match {
    std::size_t begin = 0;  // of the first group
    std::size_t end = 0;
  };
  std::optional<Match> search(std::string_view text) const;

 private:
  std::regex regex_;
};

// Where a value stands: a JSON Pointer (RFC 6901), a path of XML names blind to namespaces
// ("//reply/code", "items/@id"), or a regular expression with one group.
class Selector {
 public:
  static std::optional<Selector> compile(const Node& node, Format format, Faults& faults);

  // Every value there is: an array's elements, the nodes of a path. At most one for text.
  std::vector<Part> all(const Part& from) const;
  // The one value, when it is there and not a structure.
  std::optional<std::string> one(const Part& from) const;

 private:
  void split_pointer(std::string_view pointer);
  const Json* walk(const Json* json) const;
  bool compile_path(std::string_view path);

  std::vector<std::string> steps_;
  std::shared_ptr<pugi::xpath_query> query_;
  std::optional<Regex> regex_;
};

}  // namespace loa
