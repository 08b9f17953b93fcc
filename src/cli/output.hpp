// What the verbs print: data on stdout, messages on stderr.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audience/audience.hpp"
#include "base/fault.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace loa {

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
