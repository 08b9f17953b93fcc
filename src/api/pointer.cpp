#include "api/pointer.hpp"

#include <tuple>

#include "config/document.hpp"

namespace loa {
namespace {

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// The depth is bounded by the document's reader.
template <class Add>
void walk(const Node& node, const std::string& pointer, const Add& add) {
  add(node.place(), pointer);
  for (const Node::Entry& entry : node.entries()) {
    const std::string below = pointer + "/" + escaped(entry.key);
    add(entry.key_place, below);
    walk(entry.value, below, add);
  }
  std::size_t index = 0;
  for (const Node& item : node.items()) walk(item, pointer + "/" + std::to_string(index++), add);
}

}  // namespace

Pointers::Pointers(std::string_view document) {
  Faults faults;
  const std::optional<Node> root = parse_document(document, "document", faults);
  if (!root) return;
  walk(*root, "", [this](const Place& place, const std::string& pointer) {
    entries_.push_back({place.line, place.column, pointer});
  });
}

std::string Pointers::at(const Place& place) const {
  std::string pointer;
  for (const Entry& entry : entries_) {
    if (std::tie(entry.line, entry.column) > std::tie(place.line, place.column)) break;
    // A value that begins where its parent begins is the one that is meant.
    if (entry.line == place.line) pointer = entry.pointer;
  }
  return pointer;
}

}  // namespace loa
