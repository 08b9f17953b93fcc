// What all CSV files of people have in common: how they are read, and how a column is found.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audience/csv.hpp"
#include "base/result.hpp"

namespace loa {

// Feeds a whole file to `take`, in pieces, until that returns false.
Result<void> read_file(const std::string& path, const std::function<bool(std::string_view)>& take);

std::string_view trimmed(std::string_view text);

// By its name, whatever its case.
std::optional<std::size_t> find_column(const CsvRecord& header, std::string_view name);

}  // namespace loa
