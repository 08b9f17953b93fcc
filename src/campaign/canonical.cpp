#include "campaign/canonical.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "audience/source.hpp"
#include "base/json.hpp"

namespace loa {
namespace {

// Paths from the campaign's top, keys joined by '.'; '*' stands for any key.
constexpr auto kNumbers = std::to_array<std::string_view>(
    {"audience.chunks", "audience.numbers.count", "message.max_parts", "pace.parts_per_second",
     "pace.weight", "budget.parts", "guard.refused_share", "guard.throttled_share", "guard.after",
     "guard.canary"});
constexpr auto kLists =
    std::to_array<std::string_view>({"audience.files", "audience.exclude",
                                     "message.registered.*.parameters", "schedule.repeat.days"});
constexpr std::string_view kInlineNumbers = "audience.numbers";
constexpr std::string_view kRegistered = "message.registered";

template <class List>
bool contains(const List& list, std::string_view path) {
  return std::find(list.begin(), list.end(), path) != list.end();
}

// The number in its shortest form without an exponent; "" when the text is none.
std::string shortest(const std::string& text) {
  const char* end = text.data() + text.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value) || std::abs(value) > 1e15)
    return "";
  if (value == 0) return "0";  // and not "-0"
  std::array<char, 400> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return written.ec == std::errc() ? std::string(buffer.data(), written.ptr) : "";
}

void write(JsonWriter& out, const Node& node, const std::string& path);

void write_scalar(JsonWriter& out, const Node& node, const std::string& path) {
  const std::string number = contains(kNumbers, path) ? shortest(node.scalar()) : "";
  if (number.empty()) {
    out.value(node.scalar());
  } else {
    out.raw(number);
  }
}

void write_map(JsonWriter& out, const Node& node, const std::string& path) {
  std::vector<const Node::Entry*> entries;
  for (const Node::Entry& entry : node.entries()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const Node::Entry* a, const Node::Entry* b) { return a->key < b->key; });
  out.open_object();
  for (const Node::Entry* entry : entries) {
    const std::string key = path == kRegistered ? "*" : entry->key;
    out.key(entry->key);
    write(out, entry->value, path.empty() ? key : fmt::format("{}.{}", path, key));
  }
  out.close_object();
}

void write(JsonWriter& out, const Node& node, const std::string& path) {
  const bool recipients = path == kInlineNumbers && !node.is_map();
  if (recipients) {
    std::vector<std::string> numbers;
    for (const Node& item : node.items()) numbers.push_back(item.scalar());
    const NumbersDigest digest = digest_of(numbers);
    out.open_object().field("count", digest.count).field("sha256", digest.sha256).close_object();
    return;
  }
  switch (node.kind()) {
    case Node::Kind::null: out.null(); return;
    case Node::Kind::map: write_map(out, node, path); return;
    case Node::Kind::list:
      out.open_array();
      for (const Node& item : node.items()) {
        if (item.is_scalar()) {
          write_scalar(out, item, path);
        } else {
          write(out, item, path + ".-");
        }
      }
      out.close_array();
      return;
    case Node::Kind::scalar: {
      const bool list = contains(kLists, path);
      if (list) out.open_array();
      write_scalar(out, node, path);
      if (list) out.close_array();
      return;
    }
  }
}

}  // namespace

std::string canonical_json(const Node& campaign) {
  JsonWriter out;
  write(out, campaign, "");
  return out.take();
}

}  // namespace loa
