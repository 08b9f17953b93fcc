// A strict YAML or JSON document with places. What yaml-cpp lets pass is refused here: duplicate
// and unknown keys, anchors and aliases, tags, more than 16 levels, more than 256 KiB, bytes that
// are not UTF-8. Scalars are re-typed by the reader who asks, so that "no", "017" and "84912345678"
// stay what was written. Every fault goes to a Faults list with file, line and column; the reader
// goes on, so that all are found at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"

namespace loa {

class Node {
 public:
  enum class Kind { null, scalar, list, map };

  Kind kind() const;
  bool is_map() const { return kind() == Kind::map; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_scalar() const { return kind() == Kind::scalar; }
  const std::string& scalar() const;  // as written, unquoted; "" when not a scalar
  bool quoted() const;                // the scalar stood in quotes
  const Place& place() const;
  int width() const;  // characters to underline

  // A list's items; a map's entries in the order written. Empty for other kinds.
  struct Entry;
  const std::vector<Node>& items() const;
  const std::vector<Entry>& entries() const;
  const Node* find(std::string_view key) const;

 private:
  friend class DocumentBuilder;
  struct Data;
  std::shared_ptr<const Data> data_;
};

struct Node::Entry {
  std::string key;
  Place key_place;
  Node value;
};

// Reads a file (or a text, under a name for its places). On failure the faults say why and the
// result is empty.
std::optional<Node> load_document(const std::string& path, Faults& faults);
std::optional<Node> parse_document(std::string_view text, const std::string& name, Faults& faults);

// Takes a map apart key by key. Keys that nobody asked for are faults when finish() is called ("did
// you mean"). Each getter records a fault (missing key at the map's place, wrong type or range at
// the value's) and then returns the fallback.
class MapReader {
 public:
  // `what` names the thing for messages: "campaign", "gateway 'vina'". A node that is not a map is
  // a fault.
  MapReader(const Node& node, std::string what, Faults& faults);

  const Node* optional(std::string_view key);  // null when absent
  const Node* required(std::string_view key);  // null, and a fault, when absent

  std::string text(std::string_view key);  // required, not empty
  std::string text_or(std::string_view key, std::string fallback);
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t min,
                          std::int64_t max);
  double decimal_or(std::string_view key, double fallback, double min, double max);
  bool flag_or(std::string_view key, bool fallback);  // true | false, nothing else
  // A whole number with its unit: 30s, 10m, 24h, 7d.
  std::chrono::seconds duration_or(std::string_view key, std::chrono::seconds fallback,
                                   std::chrono::seconds min, std::chrono::seconds max);
  std::vector<std::string> texts_or_empty(
      std::string_view key);  // a list of scalars, or one scalar
  // One of a fixed list of words; returns its index.
  std::size_t choice_or(std::string_view key, std::size_t fallback,
                        const std::vector<std::string>& words);

  void fault(std::string_view key,
             std::string text);  // at the key's value, or at the map when absent
  Faults& faults() { return faults_; }
  const Node& node() const { return node_; }
  void finish();

 private:
  Node node_;
  std::string what_;
  Faults& faults_;
  std::vector<std::string> known_;
};

}  // namespace loa
