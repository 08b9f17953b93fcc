// A CSV file on disk, and its columns. Only for this folder's own sources.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audience/csv.hpp"
#include "base/result.hpp"

namespace loa {

// Feeds the whole file to `take`, in pieces, until it says false.
Result<void> read_file(const std::string& path, const std::function<bool(std::string_view)>& take);

// Without the blanks around it.
std::string_view trimmed(std::string_view text);

// The column of that name, whatever the size of its letters.
std::optional<std::size_t> find_column(const CsvRecord& header, std::string_view name);

}  // namespace loa
