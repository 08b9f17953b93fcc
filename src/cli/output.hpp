// What the verbs print: data on stdout, messages on stderr.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audience/audience.hpp"
#include "base/fault.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace loa {

// A message, on stderr. That it cannot be written, to a full disk say, must not end a sending.
template <class... Values>
void say(fmt::format_string<Values...> words, Values&&... values) {
  const std::string text = fmt::format(words, std::forward<Values>(values)...);
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

std::string grouped(std::uint64_t number);  // 260,000

// "file:1:2: error: what, and how to mend it", the line of the file, a caret under the place.
void print_faults(const Faults& faults);
void put_faults(JsonWriter& out, const Faults& faults);  // under the key "faults"

// "loa: ..." on stderr; the exit status.
int report(const Error& error);

// Columns aligned by display width; those named in `right` to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header, std::vector<bool> right);
  void add(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

// {"duplicate":3,...}: the reasons that occur.
void put_excluded(JsonWriter& out, const std::array<std::uint64_t, kExclusions>& excluded);

}  // namespace loa
