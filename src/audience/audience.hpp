// Who gets the message: rows of CSV files, each with a number the numbering plan knows, once, and
// not on an exclusion list. Every row that is not used is counted with its reason and its line.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audience/numbering.hpp"
#include "audience/source.hpp"
#include "base/result.hpp"

namespace loa {

enum class Exclusion : std::uint8_t {
  duplicate,  // the same number stood in an earlier usable row
  opted_out,  // on an exclusion list
  number_empty,
  number_characters,
  number_short,
  number_long,
  number_prefix,
  not_mobile,
  value_missing,  // a column that the message needs is empty
  bad_row,        // not readable as CSV (too long, not UTF-8, NUL, broken quotes, missing fields)
  no_route,       // no gateway serves the network
  too_long,       // the message with this row's values is over max_parts, or cannot be sent
};
constexpr std::size_t kExclusions = 12;

std::string_view to_string(
    Exclusion reason);                        // stable name, "duplicate", "opted_out", ... for JSON
std::string_view describe(Exclusion reason);  // for people, e.g. "Recipient has opted out"

struct AudienceRow {
  E164 number = 0;
  NetworkId network = 0;
  std::uint8_t file =
      0;  // index into AudienceSource::files; 0 when the numbers stand in the campaign
  std::uint32_t line = 0;
  std::span<const std::string_view>
      values;  // of the asked columns, in their order; valid during the call
};

struct ExcludedRow {
  Exclusion reason;
  std::uint8_t file = 0;
  std::uint32_t line = 0;
  std::string detail;  // for people, with the offending character, prefix or column; "" when the
                       // reason says all
};

struct AudienceCounts {
  std::uint64_t rows = 0;  // data rows seen
  std::uint64_t usable = 0;
  std::uint64_t converted = 0;  // of the usable: old 11-digit numbers rewritten
  std::array<std::uint64_t, kExclusions> excluded{};
};

// Reads the files in order, in bounded memory, or the numbers that stand in the campaign (their
// `line` counts from 1). `columns` are the further columns whose values each row must have (not
// empty). Calls `on_row` for each usable row and `on_excluded` for each other one; `on_row` may
// itself refuse the row by returning a reason (no_route, too_long), which is then counted and
// reported. Fails with Code::no_input (a file cannot be read) or Code::data (no such column: the
// error names the columns there are; a file with no rows; an audience of another kind).
struct RowVerdict {
  bool used = true;
  Exclusion reason = Exclusion::no_route;
  std::string detail;
};
Result<AudienceCounts> read_audience(const AudienceSource& source, const NumberingPlan& numbering,
                                     const std::vector<std::string>& columns,
                                     const std::function<RowVerdict(const AudienceRow&)>& on_row,
                                     const std::function<void(const ExcludedRow&)>& on_excluded);

}  // namespace loa
