#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

// The line of a fault, up to its column when a secret may stand there; "" when it is too long.
std::string line_of(const Fault& fault) {
  std::ifstream file(fault.place.file);
  std::string line;
  for (int i = 0; i < fault.place.line; ++i)
    if (!std::getline(file, line)) return "";
  if (line.ends_with('\r')) line.pop_back();
  constexpr std::size_t kShownMax = 400;
  if (line.size() > kShownMax) return "";
  line = printable(line);
  if (fault.width != kHiddenWidth) return line;
  std::size_t end = 0;
  for (int n = 1; n < fault.place.column && end < line.size(); ++n)
    end += utf8_length(std::string_view(line).substr(end));
  return line.substr(0, end) + "•••";
}

// A fault is one line, whatever a key or a value in it holds.
std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text);
}

// The first `count` characters as blanks of the same width.
std::string blanks(std::string_view line, int count) {
  std::string text;
  std::size_t i = 0;
  for (int n = 0; n < count && i < line.size(); ++n) {
    std::size_t length = 1;
    while (i + length < line.size() &&
           (static_cast<unsigned char>(line[i + length]) & 0xC0) == 0x80)
      ++length;
    const std::string_view character = line.substr(i, length);
    text += character == "\t"
                ? "\t"
                : std::string(static_cast<std::size_t>(std::max(0, display_width(character))), ' ');
    i += length;
  }
  return text;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

void print_faults(const Faults& faults) {
  for (const Fault& fault : faults.all()) {
    const char* kind = fault.severity == Fault::Severity::error ? "error" : "warning";
    const std::string place = in_one_line(to_string(fault.place));
    say("{}{}{}: {}\n", place, place.empty() ? "" : ": ", kind, in_one_line(fault.text));
    if (fault.place.line <= 0 || fault.width == kHiddenLine) continue;
    const std::string line = line_of(fault);
    if (line.empty()) continue;
    say("{:5} | {}\n      | {}{}\n", fault.place.line, line, blanks(line, fault.place.column - 1),
        std::string(static_cast<std::size_t>(std::max(1, fault.width)), '^'));
  }
}

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
