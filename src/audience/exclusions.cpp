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

class ListReader {
 public:
  ListReader(const std::string& path, const NumberingPlan& numbering,
             const std::string& phone_column, OptedOut& numbers)
      : path_(path), numbering_(numbering), phone_column_(phone_column), numbers_(numbers) {}

  Result<void> run() {
    CsvParser parser(
        [this](const CsvRecord& record) { take(record); },
        [this](CsvFault what, std::uint32_t line) { stop(line, std::string(describe(what))); });
    auto read = read_file(path_, [&](std::string_view bytes) {
      parser.feed(bytes);
      return !fault_;
    });
    if (!read) return read;
    parser.finish();
    if (fault_) return fail(std::move(*fault_));
    return {};
  }

 private:
  void take(const CsvRecord& record) {
    if (fault_) return;
    if (!column_ && !begin(record)) return;
    if (*column_ >= record.fields.size()) {
      stop(record.line, "a row of the list of opted-out numbers has too few columns");
      return;
    }
    const ParsedNumber parsed = numbering_.parse(record.fields[*column_]);
    if (parsed.ok) {
      numbers_.add(parsed.number);
    } else if (!never_sent_to(parsed.fault)) {
      stop(record.line,
           "a number of the list of opted-out numbers cannot be read: correct it, or delete the "
           "row");
    }
  }

  // Looks at the first record; whether it holds a number itself.
  bool begin(const CsvRecord& record) {
    column_ = find_column(record, phone_column_);
    if (column_) return false;
    if (record.fields.size() > 1) {
      stop(record.line,
           fmt::format("the list of opted-out numbers needs a column called '{}', or one "
                       "number a line; it has {} columns",
                       phone_column_, record.fields.size()));
      return false;
    }
    column_ = 0;
    // A header by another name; a first number has digits.
    return record.fields[0].find_first_of("0123456789") != std::string_view::npos;
  }

  void stop(std::uint32_t line, std::string text) {
    if (!fault_) fault_ = Error{Code::data, std::move(text), {path_, static_cast<int>(line)}};
  }

  const std::string& path_;
  const NumberingPlan& numbering_;
  const std::string& phone_column_;
  OptedOut& numbers_;
  std::optional<std::size_t> column_;
  std::optional<Error> fault_;
};

}  // namespace

struct OptedOut::Numbers {
  Roaring64Map map;
};

OptedOut::OptedOut() : numbers_(std::make_unique<Numbers>()) {}
OptedOut::~OptedOut() = default;
OptedOut::OptedOut(OptedOut&& other) noexcept = default;
OptedOut& OptedOut::operator=(OptedOut&& other) noexcept = default;

void OptedOut::add(E164 number) { numbers_->map.add(number); }
bool OptedOut::contains(E164 number) const { return numbers_->map.contains(number); }

Result<OptedOut> read_exclusions(const std::vector<std::string>& paths,
                                 const NumberingPlan& numbering, const std::string& phone_column) {
  OptedOut numbers;
  for (const std::string& path : paths) {
    auto read = ListReader(path, numbering, phone_column, numbers).run();
    if (!read) return fail(std::move(read.error()));
  }
  return numbers;
}

}  // namespace loa
