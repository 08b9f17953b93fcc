#include "journal/writer.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "journal/snapshot.hpp"

namespace loa {

BlockWriter::BlockWriter(Disk& disk, std::string directory, const JournalEnd& end,
                         const WriterSettings& settings)
    : disk_(&disk), directory_(std::move(directory)), settings_(settings), place_(end.place) {}

Result<BlockWriter> BlockWriter::open(Disk& disk, std::string directory, const JournalEnd& end,
                                      const WriterSettings& settings) {
  BlockWriter writer(disk, std::move(directory), end, settings);
  auto clean = writer.clean_up(end);
  if (!clean) return fail(std::move(clean.error()));
  auto ready = writer.place_.segment == 0 ? writer.make_spare() : writer.renew_tail(end);
  if (!ready) return fail(std::move(ready.error()));
  // Without a spare the journal can be opened all the same, but nothing new is begun.
  ready = writer.make_spare();
  if (!ready && ready.error().code != Code::cannot_write) return fail(std::move(ready.error()));
  return writer;
}

std::string BlockWriter::path_of(std::uint64_t segment) const {
  return directory_ + "/" + segment_name(segment);
}

// What a process before this one prepared and did not use may not be on the disk, whatever the
// page cache shows.
Result<void> BlockWriter::clean_up(const JournalEnd& end) {
  const auto names = disk_->list(directory_);
  if (!names) return fail(names.error());
  bool first = true;
  for (const std::string& name : *names) {
    if (!name.ends_with(".seg")) continue;
    if (name > segment_name(end.place.segment)) {
      auto removed = disk_->remove(directory_ + "/" + name);
      if (!removed) return removed;
    } else if (std::exchange(first, false)) {
      first_segment_ = std::strtoull(name.c_str(), nullptr, 10);
    }
  }
  return disk_->sync_directory(directory_);
}

// The last block may be in the page cache and not on the disk, when its sync failed: it is written
// once more, behind itself, since a rewrite in place could spoil what is there.
Result<void> BlockWriter::renew_tail(const JournalEnd& end) {
  auto file = disk_->open(path_of(place_.segment), true);
  if (!file) return fail(std::move(file.error()));
  file_ = std::move(*file);
  const auto block = file_->read_at(place_.last_offset, place_.offset - place_.last_offset);
  if (!block) return fail(block.error());
  if (end.torn_end > place_.offset) {
    auto cut = file_->write_at(place_.offset, std::string(end.torn_end - place_.offset, '\0'));
    if (!cut) return cut;
  }
  auto room = find_room(block->size());
  if (!room) return room;
  return put(*block);
}

Result<void> BlockWriter::write(std::string_view body, std::uint32_t lines) {
  auto room = find_room(block_extent(body.size()));
  if (!room) return room;
  BlockHeader header{.crc = 0,
                     .epoch = settings_.epoch,
                     .sequence = place_.sequence + 1,
                     .lsn = place_.lsn,
                     .lines = lines,
                     .size = 0,
                     .previous = place_.previous};
  const std::string block = encode_block(header, body);
  auto written = put(block);
  if (!written) return written;
  ++place_.sequence;
  place_.lsn += lines;
  place_.previous = header.crc;
  return {};
}

// Puts a block at the end of the segment, durably.
Result<void> BlockWriter::put(std::string_view block) {
  auto ready = zero_ahead(place_.offset + block.size());
  if (!ready) return ready;
  LOA_FAILPOINT("block.before_write");
  auto written = file_->write_at(place_.offset, block);
  if (!written) return written;
  LOA_FAILPOINT("block.before_sync");
  auto synced = file_->sync();
  if (!synced) {
    synced.error().code = Code::io;  // never tried again, whatever the reason
    return synced;
  }
  LOA_FAILPOINT("block.after_sync");
  place_.last_offset = place_.offset;
  place_.offset += block.size();
  return {};
}

// Reserved space is not yet written space: the first write to it changes the file's metadata,
// which fdatasync then has to write too. Zeros put down a mebibyte at a time make that rare
// (measured: a third more commits a second).
Result<void> BlockWriter::zero_ahead(std::uint64_t end) {
  constexpr std::uint64_t kAhead = 1024 * 1024;
  if (end <= zeroed_) return {};
  const std::uint64_t begin = std::max(zeroed_, place_.offset);
  const std::uint64_t zeroed = std::min(end + kAhead, std::max(end, settings_.segment_size));
  auto written = file_->write_at(begin, std::string(zeroed - begin, '\0'));
  if (written) zeroed_ = zeroed;
  return written;
}

// Goes over to the spare when the segment has no room for so many bytes.
Result<void> BlockWriter::find_room(std::uint64_t extent) {
  if (file_ != nullptr && place_.offset + extent <= settings_.segment_size) return {};
  auto made = make_spare();
  if (!made) return made;
  file_ = std::move(spare_);
  ++place_.segment;
  place_.offset = 0;
  zeroed_ = 0;
  return {};
}

Result<void> BlockWriter::make_spare() {
  if (spare_ != nullptr) return {};
  LOA_FAILPOINT("segment.before_create");
  auto file = next_file(path_of(place_.segment + 1));
  if (!file) return fail(std::move(file.error()));
  LOA_FAILPOINT("segment.before_sync");
  auto synced = (*file)->sync();
  LOA_FAILPOINT("segment.before_directory_sync");
  if (synced) synced = disk_->sync_directory(directory_);
  LOA_FAILPOINT("segment.after_directory_sync");
  if (!synced) {
    synced.error().code = Code::io;
    return synced;
  }
  spare_ = std::move(*file);
  return {};
}

// A segment that is not to be kept any more takes the name, or else a new one.
Result<std::unique_ptr<DiskFile>> BlockWriter::next_file(const std::string& path) {
  const bool may_go =
      settings_.keep_segments && first_segment_ + *settings_.keep_segments < needed_from_;
  if (may_go) {
    auto renamed = disk_->rename(path_of(first_segment_), path);
    if (!renamed) return fail(std::move(renamed.error()));
    ++first_segment_;
    return disk_->open(path, true);
  }
  auto removed = disk_->remove(path);  // of an attempt that failed half-way
  if (!removed) return fail(std::move(removed.error()));
  return disk_->create(path, settings_.segment_size);
}

Result<void> BlockWriter::snapshot(std::string state) {
  if (place_.segment == 0) return {};
  auto written = write_snapshot(*disk_, directory_, {place_, std::move(state)});
  if (!written) return written;
  return drop_old_snapshots();
}

// Two are kept: should the newer turn out damaged, the older serves.
Result<void> BlockWriter::drop_old_snapshots() {
  constexpr std::size_t kKept = 2;
  const auto names = list_snapshots(*disk_, directory_);
  if (!names) return fail(names.error());
  for (std::size_t i = kKept; i < names->size(); ++i) {
    auto removed = disk_->remove(directory_ + "/" + (*names)[i]);
    if (!removed) return removed;
  }
  if (!settings_.keep_segments || names->size() < kKept) return {};
  const auto oldest = read_snapshot(*disk_, directory_, (*names)[kKept - 1]);
  if (oldest) needed_from_ = oldest->place.segment;
  return {};
}

}  // namespace loa
