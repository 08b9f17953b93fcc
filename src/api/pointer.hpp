// From a place in a document to the JSON Pointer (RFC 6901) of what stands there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace loa {

class Pointers {
 public:
  // Of YAML or JSON; a document that cannot be read has no pointers.
  explicit Pointers(std::string_view document);

  // Of what begins there, or of what it stands in; "" for the whole document.
  std::string at(const Place& place) const;

 private:
  struct Entry {
    int line = 0;
    int column = 0;
    std::string pointer;
  };
  std::vector<Entry> entries_;  // in the order of the document
};

}  // namespace loa
