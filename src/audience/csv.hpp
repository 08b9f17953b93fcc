// Streaming CSV (RFC 4180) as offices save it: a byte order mark, CRLF or LF, quotes over lines,
// and the separator (comma, semicolon or tab) found from the header. Memory is bounded: a record
// longer than kRecordMax is skipped and reported, never held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace loa {

struct CsvRecord {
  std::uint32_t line = 0;                // the line of the file it begins on, from 1
  std::vector<std::string_view> fields;  // valid until the callback returns
};

enum class CsvFault { too_long, not_utf8, nul, unclosed_quote, bytes_after_quote };
std::string_view describe(CsvFault fault);

class CsvParser {
 public:
  static constexpr std::size_t kRecordMax = 64 * 1024;
  static constexpr std::uint32_t kRecordLinesMax = 100;  // a quote open for longer was never meant

  using OnRecord = std::function<void(const CsvRecord&)>;
  using OnFault = std::function<void(CsvFault, std::uint32_t line)>;

  // `on_record` gets every readable record, the header included; `on_fault` every one that is not,
  // with the line it begins on. An empty line is neither.
  CsvParser(OnRecord on_record, OnFault on_fault);

  void feed(std::string_view bytes);
  void finish();

 private:
  void scan(std::string_view bytes);
  void end_line(std::string_view line);
  void end_record();
  bool track_quotes(std::string_view line);
  void drop(CsvFault fault);
  void split();
  bool split_quoted(std::string_view record);
  void find_separator(std::string_view record);

  OnRecord on_record_;
  OnFault on_fault_;
  std::string partial_;  // the line that has not ended yet
  std::string record_;   // the lines of a record whose quote is open
  bool in_quotes_ = false;
  bool skipping_ = false;  // to the end of a line that is too long
  bool begun_ = false;
  char separator_ = 0;      // 0 until the header is seen
  std::uint32_t line_ = 0;  // of the file, the last one ended
  std::uint32_t first_line_ = 1;
  CsvRecord out_;
  std::string unquoted_;  // fields that had doubled quotes
};

}  // namespace loa
