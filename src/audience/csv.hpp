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

class CsvParser {
 public:
  static constexpr std::size_t kRecordMax = 64 * 1024;

  // `on_record` gets every readable record, the header included; `on_fault` every one that is not,
  // with the line it begins on. A record of no bytes (an empty line) is neither.
  CsvParser(std::function<void(const CsvRecord&)> on_record,
            std::function<void(CsvFault, std::uint32_t line)> on_fault);

  void feed(std::string_view bytes);
  void finish();

 private:
  // the implementer adds what it needs
};

}  // namespace loa
