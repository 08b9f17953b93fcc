#include "text/fault_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

// The line of a fault, up to its column when a secret may stand there; "" when it is too long.
std::string line_of(const Fault& fault, std::istream& file) {
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

// `document` stands for the file `name`; null when all are files.
std::string to_text(const Fault& fault, const std::string& name, const std::string* document) {
  const char* kind = fault.severity == Fault::Severity::error ? "error" : "warning";
  const std::string place = in_one_line(to_string(fault.place));
  std::string text =
      fmt::format("{}{}{}: {}\n", place, place.empty() ? "" : ": ", kind, in_one_line(fault.text));
  // And no file is opened: it may be a pipe.
  if (fault.place.line <= 0 || fault.width == kHiddenLine) return text;
  std::string line;
  if (document != nullptr && fault.place.file == name) {
    std::istringstream source(*document);
    line = line_of(fault, source);
  } else {
    std::ifstream source(fault.place.file);
    line = line_of(fault, source);
  }
  if (line.empty()) return text;
  return text + fmt::format("{:5} | {}\n      | {}{}\n", fault.place.line, line,
                            blanks(line, fault.place.column - 1),
                            std::string(static_cast<std::size_t>(std::max(1, fault.width)), '^'));
}

}  // namespace

std::string to_text(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults.all()) text += to_text(fault, "", nullptr);
  return text;
}

std::string to_text(const Faults& faults, const std::string& name, const std::string& document) {
  std::string text;
  for (const Fault& fault : faults.all()) text += to_text(fault, name, &document);
  return text;
}

}  // namespace loa
