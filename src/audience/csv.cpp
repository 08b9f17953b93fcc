#include "audience/csv.hpp"

#include <algorithm>
#include <cstring>

#include "base/utf8.hpp"

namespace loa {

std::string_view describe(CsvFault fault) {
  switch (fault) {
    case CsvFault::too_long: return "The row is longer than 64 KiB";
    case CsvFault::not_utf8: return "The row is not UTF-8: save the file as 'CSV UTF-8'";
    case CsvFault::nul: return "The row holds a NUL byte: save the file as 'CSV UTF-8'";
    case CsvFault::unclosed_quote: return "A quote is opened and never closed";
    case CsvFault::bytes_after_quote: return "Something stands behind a closing quote";
  }
  return "";
}

CsvParser::CsvParser(OnRecord on_record, OnFault on_fault)
    : on_record_(std::move(on_record)), on_fault_(std::move(on_fault)) {}

void CsvParser::feed(std::string_view bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (!begun_) {
    // The mark may come in pieces.
    partial_ += bytes;
    if (partial_.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(partial_)) return;
    begun_ = true;
    std::string first;
    first.swap(partial_);
    std::string_view left = first;
    if (left.starts_with(kByteOrderMark)) left.remove_prefix(kByteOrderMark.size());
    scan(left);
    return;
  }
  scan(bytes);
}

void CsvParser::finish() {
  begun_ = true;
  if (skipping_) {
    skipping_ = false;
  } else if (!partial_.empty()) {
    std::string last;
    last.swap(partial_);
    end_line(last);
  }
  while (in_quotes_) {
    drop(CsvFault::unclosed_quote);
  }
}

// Cuts the bytes into lines; only the line that a piece cuts in two is copied.
void CsvParser::scan(std::string_view bytes) {
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    const std::size_t length =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data())
                         : bytes.size();
    const std::string_view piece = bytes.substr(0, length);
    bytes.remove_prefix(found != nullptr ? length + 1 : length);
    if (skipping_) {
      if (found != nullptr) {
        skipping_ = false;
        ++line_;
      }
      continue;
    }
    if (partial_.size() + piece.size() > kRecordMax) {
      partial_.clear();
      while (in_quotes_) drop(CsvFault::unclosed_quote);
      on_fault_(CsvFault::too_long, line_ + 1);
      if (found != nullptr) {
        ++line_;
      } else {
        skipping_ = true;
      }
      continue;
    }
    if (found == nullptr) {
      partial_ += piece;
    } else if (partial_.empty()) {
      end_line(piece);
    } else {
      partial_ += piece;
      std::string line;
      line.swap(partial_);
      end_line(line);
      if (partial_.empty()) {
        line.clear();
        partial_.swap(line);  // keeps its memory
      }
    }
  }
}

void CsvParser::end_line(std::string_view line) {
  ++line_;
  if (!in_quotes_) {
    first_line_ = line_;
    record_.clear();
  } else {
    record_ += '\n';
  }
  if (separator_ == 0 && !line.empty() && line != "\r") find_separator(line);
  in_quotes_ = track_quotes(line);
  record_ += line;
  if (in_quotes_) {
    if (line_ - first_line_ >= kRecordLinesMax || record_.size() > kRecordMax)
      drop(CsvFault::unclosed_quote);
    return;
  }
  if (!record_.empty() && record_.back() == '\r') record_.pop_back();
  end_record();
}

// Whether a quote is open at the end of the line. A quote opens only at the start of a field.
bool CsvParser::track_quotes(std::string_view line) {
  if (!in_quotes_ && std::memchr(line.data(), '"', line.size()) == nullptr) return false;
  bool open = in_quotes_;
  bool at_start = !open;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (open) {
      if (c != '"') continue;
      if (i + 1 < line.size() && line[i + 1] == '"') {
        ++i;
      } else {
        open = false;
      }
    } else if (c == '"' && at_start) {
      open = true;
      at_start = false;
    } else {
      at_start = c == separator_;
    }
  }
  return open;
}

// The record's first line is no good; those behind it are read anew.
void CsvParser::drop(CsvFault fault) {
  std::string rest;
  rest.swap(record_);
  in_quotes_ = false;
  on_fault_(fault, first_line_);
  const std::uint32_t last = line_;
  line_ = first_line_;
  std::size_t at = rest.find('\n');
  while (at != std::string::npos && line_ < last) {
    const std::size_t end = rest.find('\n', at + 1);
    end_line(std::string_view(rest).substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
}

void CsvParser::end_record() {
  if (record_.empty()) return;
  if (std::memchr(record_.data(), '\0', record_.size()) != nullptr) {
    on_fault_(CsvFault::nul, first_line_);
    return;
  }
  if (!is_utf8(record_)) {
    on_fault_(CsvFault::not_utf8, first_line_);
    return;
  }
  out_.line = first_line_;
  out_.fields.clear();
  if (std::memchr(record_.data(), '"', record_.size()) == nullptr) {
    split();
  } else if (!split_quoted(record_)) {
    drop(CsvFault::bytes_after_quote);
    return;
  }
  on_record_(out_);
}

void CsvParser::split() {
  std::string_view left = record_;
  for (std::size_t at = left.find(separator_); at != std::string_view::npos;
       at = left.find(separator_)) {
    out_.fields.push_back(left.substr(0, at));
    left.remove_prefix(at + 1);
  }
  out_.fields.push_back(left);
}

bool CsvParser::split_quoted(std::string_view record) {
  unquoted_.clear();
  unquoted_.reserve(record.size());  // views into it must stay
  std::size_t at = 0;
  for (;;) {
    if (at < record.size() && record[at] == '"') {
      const std::size_t begin = unquoted_.size();
      for (++at;; ++at) {
        if (record[at] != '"') {
          unquoted_ += record[at];
        } else if (at + 1 < record.size() && record[at + 1] == '"') {
          unquoted_ += record[at++];
        } else {
          break;
        }
      }
      ++at;
      out_.fields.push_back(std::string_view(unquoted_).substr(begin));
      if (at == record.size()) return true;
      if (record[at] != separator_) return false;
      ++at;
    } else {
      const std::size_t end = std::min(record.find(separator_, at), record.size());
      out_.fields.push_back(record.substr(at, end - at));
      if (end == record.size()) return true;
      at = end + 1;
    }
  }
}

// The candidate that occurs most in the header, quoted names aside.
void CsvParser::find_separator(std::string_view record) {
  const auto occurs = [&](char candidate) {
    int count = 0;
    bool open = false;
    for (const char c : record) {
      if (c == '"') open = !open;
      if (c == candidate && !open) ++count;
    }
    return count;
  };
  separator_ = ',';
  int most = occurs(',');
  for (const char candidate : {';', '\t'}) {
    const int count = occurs(candidate);
    if (count > most) {
      most = count;
      separator_ = candidate;
    }
  }
}

}  // namespace loa
