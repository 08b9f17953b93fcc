#include "audience/csv_file.hpp"

#include <algorithm>
#include <memory>

#include "base/input_file.hpp"

namespace loa {
namespace {

constexpr std::size_t kReadSize = 256 * 1024;

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Result<void> read_file(const std::string& path, const std::function<bool(std::string_view)>& take) {
  auto file = InputFile::open(path);
  if (!file) return fail(Code::no_input, file.error().text, {path});
  const auto buffer = std::make_unique<char[]>(kReadSize);
  for (;;) {
    const auto n = file->read(buffer.get(), kReadSize);
    if (!n) return fail(Code::no_input, n.error().text, {path});
    if (*n == 0 || !take({buffer.get(), *n})) return {};
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<std::size_t> find_column(const CsvRecord& header, std::string_view name) {
  for (std::size_t i = 0; i < header.fields.size(); ++i)
    if (same_name(trimmed(header.fields[i]), name)) return i;
  return std::nullopt;
}

}  // namespace loa
