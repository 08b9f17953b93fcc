// Reads a journal from its first block, or from a snapshot, to its end.
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

// A place between two blocks: what stands before it, and so what the next block must follow.
struct JournalPlace {
  std::uint64_t segment = 0;      // of the last block, 0 when there is none
  std::uint64_t offset = 0;       // where the next block goes
  std::uint64_t sequence = 0;     // of the last block
  std::uint64_t lsn = 0;          // number of lines before this place
  std::uint32_t previous = 0;     // crc of the last block
  std::uint64_t last_offset = 0;  // of the last block

  friend bool operator==(const JournalPlace&, const JournalPlace&) = default;
};

struct JournalEnd {
  JournalPlace place;
  std::uint64_t torn_bytes = 0;  // behind the end: a write that a crash cut short
  std::uint64_t torn_end = 0;    // offset behind the last of them
};

using OnLine = std::function<Result<void>(std::uint64_t lsn, std::string_view line)>;

// Calls `on_line` for each line from `start` on, without its line end; a default `start` is the
// first block there is (its lsn is above 0 when older segments were recycled). Fails with
// Code::data when a block in the middle is damaged or missing, or `start` is not a place of this
// journal, and with Code::config for a format this program does not know; nothing is changed.
Result<JournalEnd> read_journal(Disk& disk, const std::string& directory, const JournalPlace& start,
                                const OnLine& on_line);

}  // namespace loa
