#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.hpp"
#include "text/fault_text.hpp"
#include "text/unicode.hpp"

namespace loa {

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

void print_faults(const Faults& faults) { say("{}", to_text(faults)); }

void put_faults(JsonWriter& out, const Faults& faults) {
  out.key("faults").open_array();
  for (const Fault& fault : faults.all())
    out.open_object()
        .field("severity", fault.severity == Fault::Severity::error ? "error" : "warning")
        .field("file", fault.place.file)
        .field("line", fault.place.line)
        .field("column", fault.place.column)
        .field("text", printable(fault.text))
        .close_object();
  out.close_array();
}

int report(const Error& error) {
  say("loa: {}\n", printable(to_string(error)));
  return exit_status(error.code);
}

Table::Table(std::vector<std::string> header, std::vector<bool> right) : right_(std::move(right)) {
  rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string Table::text() const {
  std::vector<int> widths(right_.size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  std::string text;
  for (const auto& row : rows_) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(static_cast<std::size_t>(widths[i] - display_width(row[i])), ' ');
      line += " " + (right_[i] ? pad + row[i] : row[i] + pad) + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

void put_excluded(JsonWriter& out, const std::array<std::uint64_t, kExclusions>& excluded) {
  out.key("excluded").open_object();
  for (std::size_t i = 0; i < kExclusions; ++i)
    if (excluded[i] > 0) out.field(to_string(static_cast<Exclusion>(i)), excluded[i]);
  out.close_object();
}

}  // namespace loa
