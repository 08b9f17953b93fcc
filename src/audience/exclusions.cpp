#include "audience/exclusions.hpp"

#include <fmt/format.h>

#include <optional>
#include <roaring/roaring64map.hh>

#include "audience/csv_file.hpp"

namespace loa {
namespace {

// A number of another country or of a fixed line is whole, and no row with it is ever used.
bool never_sent_to(NumberFault fault) {
  return fault == NumberFault::empty || fault == NumberFault::prefix ||
         fault == NumberFault::not_mobile;
}

}  // namespace

struct ExclusionList::Numbers {
  Roaring64Map all;
};

ExclusionList::ExclusionList() : numbers_(std::make_unique<Numbers>()) {}
ExclusionList::~ExclusionList() = default;
ExclusionList::ExclusionList(ExclusionList&&) noexcept = default;

bool ExclusionList::contains(E164 number) const { return numbers_->all.contains(number); }

Result<void> ExclusionList::add_file(const std::string& path, const std::string& phone_column,
                                     const NumberingPlan& numbering) {
  std::optional<std::size_t> column;
  std::optional<Error> fault;
  bool first = true;
  const auto stop = [&](std::uint32_t line, std::string text) {
    if (!fault) fault = Error{Code::data, std::move(text), {path, static_cast<int>(line)}};
  };
  CsvParser parser(
      [&](const CsvRecord& record) {
        if (first) {
          first = false;
          column = find_column(record, phone_column);
          if (column) return;
          if (record.fields.size() > 1) {
            stop(record.line,
                 fmt::format("the list of opted-out numbers needs a column called '{}', or one "
                             "number a line; it has {} columns",
                             phone_column, record.fields.size()));
            return;
          }
          column = 0;
          // A header by another name; a first number has digits.
          if (record.fields[0].find_first_of("0123456789") == std::string_view::npos) return;
        }
        if (fault) return;
        if (*column >= record.fields.size()) {
          stop(record.line, "a row of the list of opted-out numbers has too few columns");
          return;
        }
        const ParsedNumber parsed = numbering.parse(record.fields[*column]);
        if (parsed.ok) {
          numbers_->all.add(parsed.number);
        } else if (!never_sent_to(parsed.fault)) {
          stop(record.line,
               "a number of the list of opted-out numbers cannot be read: correct it, or delete "
               "the row");
        }
      },
      [&](CsvFault what, std::uint32_t line) { stop(line, std::string(describe(what))); });
  auto read = read_file(path, [&](std::string_view bytes) {
    parser.feed(bytes);
    return !fault;
  });
  if (!read) return read;
  parser.finish();
  if (fault) return fail(std::move(*fault));
  return {};
}

}  // namespace loa
