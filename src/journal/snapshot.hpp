// A snapshot: what all lines before a place of the journal add up to, so that a start need not read
// them. NAME.state with NAME = the place's lsn in 20 digits; integers little-endian:
//
//   offset  size
//        0     4  crc      CRC-32C over the rest of the file
//        4     4  magic    "LOAS"
//        8     4  version  1
//       12     4  previous crc of the last block before the place
//       16    48  segment, offset, sequence, lsn, last_offset of the place; bytes of the state
//       64        state    of whoever folds the lines
//
// A snapshot that cannot be read is no harm: the one before it serves, or the journal's beginning.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "journal/reader.hpp"

namespace loa {

struct Snapshot {
  JournalPlace place;
  std::string state;
};

// The names of all snapshots, newest first.
Result<std::vector<std::string>> list_snapshots(Disk& disk, const std::string& directory);

// Nothing when it is damaged, of another version, or gone meanwhile.
std::optional<Snapshot> read_snapshot(Disk& disk, const std::string& directory,
                                      const std::string& name);

// Durable on return. The disk is left as it was when that fails.
Result<void> write_snapshot(Disk& disk, const std::string& directory, const Snapshot& snapshot);

}  // namespace loa
