#include "journal/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "journal/block.hpp"

namespace loa {
namespace {

constexpr std::size_t kReadSize = 1024 * 1024;

// A window on a segment, read in large pieces.
class SegmentWindow {
 public:
  explicit SegmentWindow(DiskFile& file) : file_(file) {}

  // At least `size` bytes from `offset` on, fewer only at the end of the file.
  Result<std::string_view> at(std::uint64_t offset, std::size_t size) {
    if (offset < start_ || offset + size > start_ + bytes_.size()) {
      auto bytes = file_.read_at(offset, std::max(size, kReadSize));
      if (!bytes) return fail(std::move(bytes.error()));
      bytes_ = std::move(*bytes);
      start_ = offset;
    }
    return std::string_view(bytes_).substr(offset - start_);
  }

  void forget() { bytes_.clear(); }

 private:
  DiskFile& file_;
  std::uint64_t start_ = 0;
  std::string bytes_;
};

// Reads the block at `offset`: nothing when there is none whose CRC is right.
Result<std::optional<BlockHeader>> read_block(SegmentWindow& window, std::uint64_t offset) {
  const auto head = window.at(offset, kBlockHeader);
  if (!head) return fail(head.error());
  const auto header = decode_header(*head);
  if (!header) return std::nullopt;
  const auto whole = window.at(offset, kBlockHeader + header->size);
  if (!whole) return fail(whole.error());
  if (!crc_matches(*header, *whole)) return std::nullopt;
  return header;
}

Error damaged(const std::string& path, std::uint64_t offset, const std::string& what) {
  return {Code::data,
          fmt::format(
              "{}: {} at offset {}. The journal is damaged in the middle, not merely cut short; "
              "nothing was changed. Restore the data directory from a copy, or ask for help "
              "before anything is sent",
              path, what, offset)};
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

struct Behind {
  std::uint64_t torn_bytes = 0;
  bool blocks_follow = false;
};

// What stands behind the end of the journal: zeros, the remains of a cut write, or blocks that
// should have been read.
Result<Behind> look_behind(SegmentWindow& window, std::uint64_t offset, std::uint64_t size,
                           std::uint64_t sequence) {
  Behind behind;
  for (std::uint64_t at = offset; at < size; at += kBlockAlign) {
    const auto bytes = window.at(at, kBlockAlign);
    if (!bytes) return fail(bytes.error());
    if (all_zero(bytes->substr(0, kBlockAlign))) continue;
    behind.torn_bytes += kBlockAlign;
    const auto header = read_block(window, at);
    if (!header) return fail(header.error());
    behind.blocks_follow = behind.blocks_follow || (*header && (*header)->sequence > sequence);
  }
  return behind;
}

using OnLine = std::function<Result<void>(std::uint64_t, std::string_view)>;

// Reads blocks from end.offset on, as far as they follow each other.
Result<void> read_blocks(SegmentWindow& window, const std::string& path, std::uint64_t size,
                         JournalEnd& end, const OnLine& on_line) {
  while (end.offset < size) {
    const auto header = read_block(window, end.offset);
    if (!header) return fail(header.error());
    if (!*header) return {};
    const BlockHeader& block = **header;
    if (block.version > kFormatVersion)
      return fail(Code::config,
                  fmt::format("{}: the journal has format {}, and this program knows up to {}: use "
                              "the newer program",
                              path, block.version, kFormatVersion));
    if (block.sequence != end.sequence + 1 || block.lsn != end.lsn ||
        block.previous != end.previous)
      return {};
    const auto bytes = window.at(end.offset, kBlockHeader + block.size);
    if (!bytes) return fail(bytes.error());
    std::string_view body = bytes->substr(kBlockHeader, block.size);
    for (std::uint32_t i = 0; i < block.lines; ++i) {
      const std::size_t length = body.find('\n');
      if (length == std::string_view::npos)
        return fail(damaged(path, end.offset, "a block holds fewer lines than it says"));
      auto taken = on_line(end.lsn + i, body.substr(0, length));
      if (!taken) return taken;
      body.remove_prefix(length + 1);
    }
    end.sequence = block.sequence;
    end.lsn += block.lines;
    end.previous = block.crc;
    end.offset += block_extent(block.size);
  }
  return {};
}

Result<void> read_segment(SegmentWindow& window, const std::string& path, std::uint64_t size,
                          JournalEnd& end, const OnLine& on_line) {
  end.offset = 0;
  for (;;) {
    auto read = read_blocks(window, path, size, end, on_line);
    if (!read) return read;
    const std::uint64_t sequence = end.sequence;
    const auto behind = look_behind(window, end.offset, size, end.sequence);
    if (!behind) return fail(behind.error());
    end.torn_bytes = behind->torn_bytes;
    if (!behind->blocks_follow) return {};
    // A process that is sending may have written them meanwhile: look once more.
    window.forget();
    read = read_blocks(window, path, size, end, on_line);
    if (!read) return read;
    if (end.sequence == sequence)
      return fail(damaged(path, end.offset, "a block cannot be read although good ones follow it"));
  }
}

}  // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:08}.seg", number); }

Result<JournalEnd> read_journal(
    Disk& disk, const std::string& directory,
    const std::function<Result<void>(std::uint64_t, std::string_view)>& on_line) {
  const auto names = disk.list(directory);
  if (!names) return fail(names.error());
  std::uint64_t segments = 0;
  for (const std::string& name : *names) {
    if (!name.ends_with(".seg")) continue;
    ++segments;
    if (name != segment_name(segments))
      return fail(Code::data,
                  fmt::format("{}/{} is missing: the journal has a gap; nothing was changed",
                              directory, segment_name(segments)));
  }

  JournalEnd end;
  for (std::uint64_t segment = 1; segment <= segments; ++segment) {
    const std::string path = directory + "/" + segment_name(segment);
    const auto file = disk.open(path, false);
    if (!file) return fail(file.error());
    const auto size = (*file)->size();
    if (!size) return fail(size.error());
    if (*size > kSegmentSize)
      return fail(Code::data, path +
                                  ": larger than a segment can be: this is not one, or it is "
                                  "damaged; nothing was changed");
    SegmentWindow window(**file);
    auto read = read_segment(window, path, *size, end, on_line);
    if (!read) return fail(std::move(read.error()));
    end.segments = segment;
  }
  return end;
}

}  // namespace loa
