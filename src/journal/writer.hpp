// Writes commit blocks and snapshots, one after the other, each durable before the next.
//
// A segment is whole on disk, and its name too, before the first block goes into it; the next one,
// the spare, stands ready while the current one fills, so that a full disk is met before work is
// begun whose outcome would find no room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "journal/block.hpp"
#include "journal/reader.hpp"

namespace loa {

struct WriterSettings {
  std::uint64_t epoch = 0;
  std::uint64_t segment_size = kSegmentSize;
  // Full segments kept behind the older of the two last snapshots; nothing: all of them. What is
  // not kept is used again, and the events in it are gone.
  std::optional<std::uint64_t> keep_segments;
};

class BlockWriter {
 public:
  // Goes on at `end` (from read_journal): cuts a torn tail, writes the last block once more, and
  // makes the spare.
  static Result<BlockWriter> open(Disk& disk, std::string directory, const JournalEnd& end,
                                  const WriterSettings& settings);

  // Fails with Code::cannot_write when there is no room: nothing has changed then, and the same may
  // be tried again. After any other failure the writer must not be used any more.
  Result<void> write(std::string_view body, std::uint32_t lines);

  // Makes the spare if there is none; fails as write() does.
  Result<void> make_spare();
  bool has_spare() const { return spare_ != nullptr; }

  // Keeps what the lines so far add up to. A failure harms nothing but the time of the next start.
  Result<void> snapshot(std::string state);

 private:
  BlockWriter(Disk& disk, std::string directory, const JournalEnd& end,
              const WriterSettings& settings);

  Result<void> clean_up(const JournalEnd& end);
  Result<void> renew_tail(const JournalEnd& end);
  Result<void> put(std::string_view block);
  Result<void> zero_ahead(std::uint64_t end);
  Result<void> find_room(std::uint64_t extent);
  Result<std::unique_ptr<DiskFile>> next_file(const std::string& path);
  Result<void> drop_old_snapshots();
  std::string path_of(std::uint64_t segment) const;

  Disk* disk_;
  std::string directory_;
  WriterSettings settings_;
  JournalPlace place_;
  std::uint64_t zeroed_ = 0;         // up to here the segment's space has been written
  std::uint64_t first_segment_ = 1;  // the oldest that is kept
  std::uint64_t needed_from_ = 0;    // the oldest segment that a snapshot still needs, 0 unknown
  std::unique_ptr<DiskFile> file_;
  std::unique_ptr<DiskFile> spare_;
};

}  // namespace loa
