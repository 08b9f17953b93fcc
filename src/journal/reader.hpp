// Reads a journal from its first block to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "journal/disk.hpp"

namespace loa {

constexpr std::uint64_t kSegmentSize = 64 * 1024 * 1024;

std::string segment_name(std::uint64_t number);  // "00000001.seg"

// Where a journal ends, and so where the next block goes.
struct JournalEnd {
  std::uint64_t segments = 0;  // number of the last segment, 0 when there is none
  std::uint64_t offset = 0;    // of the next block in it
  std::uint64_t sequence = 0;  // of the last block
  std::uint64_t lsn = 0;       // number of lines
  std::uint32_t previous = 0;  // crc of the last block
  std::uint64_t torn_bytes =
      0;  // bytes behind the end that are not zero: a write that a crash cut short
};

// Calls `on_line(lsn, line)` for each line, without its line end. Fails with Code::data when a
// block in the middle is damaged (naming segment and offset), with Code::config for a format this
// program does not know.
Result<JournalEnd> read_journal(
    Disk& disk, const std::string& directory,
    const std::function<Result<void>(std::uint64_t, std::string_view)>& on_line);

}  // namespace loa
