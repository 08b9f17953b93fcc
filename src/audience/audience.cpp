#include "audience/audience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <roaring/roaring64map.hh>

#include "audience/csv_file.hpp"
#include "audience/exclusions.hpp"

namespace loa {
namespace {

struct ReasonWords {
  std::string_view name;
  std::string_view words;
};

constexpr std::array<ReasonWords, kExclusions> kReasons{{
    {"duplicate", "Same number as an earlier row – sent once"},
    {"opted_out", "Recipient has opted out"},
    {"number_empty", "Enter a phone number"},
    {"number_characters", "Phone number contains something that is not a digit"},
    {"number_short", "Phone number is too short"},
    {"number_long", "Phone number is too long"},
    {"number_prefix", "Phone number prefix is not in the numbering plan"},
    {"not_mobile", "Not a mobile number"},
    {"value_missing", "A value that the message needs is missing"},
    {"bad_row", "The row cannot be read"},
    {"no_route", "No gateway serves this network"},
    {"too_long", "The message with this row's values cannot be sent"},
}};

// The first digits of a number, not enough to tell whose it is.
std::string prefix_of(std::string_view written) {
  constexpr std::size_t kDigitsShown = 4;
  std::string prefix;
  std::size_t digits = 0;
  for (const char c : written) {
    const bool digit = c >= '0' && c <= '9';
    if (digit || c == '+') prefix += c;
    if (digit && ++digits == kDigitsShown) break;
  }
  return prefix;
}

// A file without a header has people's numbers where the names should stand.
std::string shown_name(std::string_view name) {
  constexpr auto kDigitsMax = 6;
  const auto digits =
      std::count_if(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits > kDigitsMax ? prefix_of(name) + "…" : std::string(name);
}

std::string columns_of(const CsvRecord& header) {
  std::string list;
  constexpr std::size_t kListMax = 300;
  for (const std::string_view field : header.fields) {
    if (list.size() > kListMax) return list + ", ...";
    list += (list.empty() ? "" : ", ") + shown_name(trimmed(field));
  }
  return list;
}

class AudienceReader {
 public:
  AudienceReader(const AudienceSource& source, const NumberingPlan& numbering,
                 const std::vector<std::string>& columns,
                 const std::function<RowVerdict(const AudienceRow&)>& on_row,
                 const std::function<void(const ExcludedRow&)>& on_excluded)
      : source_(source),
        numbering_(numbering),
        columns_(columns),
        on_row_(on_row),
        on_excluded_(on_excluded) {}

  Result<AudienceCounts> run() {
    if (source_.files.size() > kAudienceFilesMax)
      return fail(
          Code::data,
          fmt::format("an audience has at most {} files; this one has {}: join some of them",
                      kAudienceFilesMax, source_.files.size()));
    auto opted_out = read_exclusions(source_.exclude, numbering_, source_.phone_column);
    if (!opted_out) return fail(std::move(opted_out.error()));
    opted_out_ = std::move(*opted_out);
    if (source_.kind() != AudienceKind::files) {
      auto read = read_numbers();
      if (!read) return fail(std::move(read.error()));
    }
    for (std::size_t i = 0; i < source_.files.size(); ++i) {
      file_ = static_cast<std::uint8_t>(i);
      auto read = read_recipients(source_.files[i]);
      if (!read) return fail(std::move(read.error()));
    }
    return counts_;
  }

 private:
  Result<void> read_numbers() {
    if (source_.numbers.empty())
      return fail(
          Code::data,
          fmt::format("the recipients are not at hand: an audience of '{}' is brought in by "
                      "the daemon; submit the campaign to it, or name 'files'",
                      to_string(source_.kind())));
    if (!columns_.empty())
      return fail(Code::data,
                  fmt::format("the message needs a column called '{}', and 'numbers' has "
                              "none: use a CSV file",
                              columns_.front()));
    CsvRecord record;
    for (const std::string& number : source_.numbers) {
      ++record.line;
      record.fields.assign(1, number);
      take(record, 0, {});
    }
    return {};
  }

  Result<void> read_recipients(const std::string& path) {
    std::optional<std::size_t> phone;
    std::vector<std::size_t> places;
    std::optional<Error> fault;
    bool header_seen = false;
    const std::uint64_t rows_before = counts_.rows;
    CsvParser parser(
        [&](const CsvRecord& record) {
          if (header_seen) {
            if (phone && !fault) take(record, *phone, places);
            return;
          }
          header_seen = true;
          phone = find_column(record, source_.phone_column);
          if (!phone)
            fault = Error{Code::data,
                          fmt::format("the file needs a column called '{}'; right now it has: {}",
                                      source_.phone_column, columns_of(record)),
                          {path, 1}};
          for (const std::string& name : columns_) {
            const auto place = find_column(record, name);
            if (!place && !fault)
              fault = Error{Code::data,
                            fmt::format("the file is missing a column called '{}', which the "
                                        "message needs; right now it has: {}",
                                        name, columns_of(record)),
                            {path, 1}};
            places.push_back(place.value_or(0));
          }
        },
        [&](CsvFault what, std::uint32_t line) {
          if (!header_seen) {
            header_seen = true;
            fault = Error{Code::data, std::string(describe(what)), {path, static_cast<int>(line)}};
            return;
          }
          if (fault) return;
          ++counts_.rows;
          exclude(Exclusion::bad_row, line, std::string(describe(what)));
        });
    auto read = read_file(path, [&](std::string_view bytes) {
      parser.feed(bytes);
      return !fault;
    });
    if (!read) return read;
    parser.finish();
    if (fault) return fail(std::move(*fault));
    if (counts_.rows == rows_before) return fail(Code::data, "the file has no rows", {path});
    return {};
  }

  void take(const CsvRecord& record, std::size_t phone, const std::vector<std::size_t>& places) {
    ++counts_.rows;
    if (phone >= record.fields.size()) {
      exclude(Exclusion::bad_row, record.line, "The row has fewer columns than the header");
      return;
    }
    const ParsedNumber parsed = numbering_.parse(record.fields[phone]);
    if (!parsed.ok) {
      refuse(parsed, record.fields[phone], record.line);
      return;
    }
    values_.clear();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::string_view value =
          places[i] < record.fields.size() ? trimmed(record.fields[places[i]]) : std::string_view();
      if (value.empty()) {
        exclude(Exclusion::value_missing, record.line,
                fmt::format("Enter a value for '{}'", columns_[i]));
        return;
      }
      values_.push_back(value);
    }
    if (opted_out_.contains(parsed.number)) {
      exclude(Exclusion::opted_out, record.line, "");
      return;
    }
    if (seen_.contains(parsed.number)) {
      exclude(Exclusion::duplicate, record.line, "");
      return;
    }
    const RowVerdict verdict = on_row_({.number = parsed.number,
                                        .network = parsed.network,
                                        .file = file_,
                                        .line = record.line,
                                        .values = values_});
    if (!verdict.used) {
      exclude(verdict.reason, record.line, verdict.detail);
      return;
    }
    seen_.add(parsed.number);  // only now: a later row may do where this one was refused
    ++counts_.usable;
    if (parsed.converted) ++counts_.converted;
  }

  void refuse(const ParsedNumber& parsed, std::string_view written, std::uint32_t line) {
    switch (parsed.fault) {
      case NumberFault::empty: exclude(Exclusion::number_empty, line, ""); return;
      case NumberFault::characters:
        exclude(Exclusion::number_characters, line,
                fmt::format("Phone number contains '{}'", parsed.detail));
        return;
      case NumberFault::too_short: exclude(Exclusion::number_short, line, ""); return;
      case NumberFault::too_long: exclude(Exclusion::number_long, line, ""); return;
      case NumberFault::not_mobile: exclude(Exclusion::not_mobile, line, ""); return;
      case NumberFault::prefix: {
        exclude(
            Exclusion::number_prefix, line,
            fmt::format("Phone number prefix {} is not in the numbering plan", prefix_of(written)));
        return;
      }
    }
  }

  void exclude(Exclusion reason, std::uint32_t line, std::string detail) {
    ++counts_.excluded[static_cast<std::size_t>(reason)];
    on_excluded_({reason, file_, line, std::move(detail)});
  }

  const AudienceSource& source_;
  const NumberingPlan& numbering_;
  const std::vector<std::string>& columns_;
  const std::function<RowVerdict(const AudienceRow&)>& on_row_;
  const std::function<void(const ExcludedRow&)>& on_excluded_;
  Roaring64Map seen_;
  OptedOut opted_out_;
  std::vector<std::string_view> values_;
  std::uint8_t file_ = 0;
  AudienceCounts counts_;
};

}  // namespace

std::string_view to_string(Exclusion reason) {
  return kReasons[static_cast<std::size_t>(reason)].name;
}
std::string_view describe(Exclusion reason) {
  return kReasons[static_cast<std::size_t>(reason)].words;
}

Result<AudienceCounts> read_audience(const AudienceSource& source, const NumberingPlan& numbering,
                                     const std::vector<std::string>& columns,
                                     const std::function<RowVerdict(const AudienceRow&)>& on_row,
                                     const std::function<void(const ExcludedRow&)>& on_excluded) {
  return AudienceReader(source, numbering, columns, on_row, on_excluded).run();
}

}  // namespace loa
