#include "journal/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

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
  return bytes.empty() ||
         (bytes.front() == '\0' && bytes.substr(1) == bytes.substr(0, bytes.size() - 1));
}

class JournalReader {
 public:
  JournalReader(Disk& disk, std::string directory, const JournalPlace& start, const OnLine& on_line)
      : disk_(disk),
        directory_(std::move(directory)),
        on_line_(on_line),
        place_(start),
        anchored_(start.segment != 0) {}

  Result<JournalEnd> run() {
    auto numbers = list_segments();
    if (!numbers) return fail(std::move(numbers.error()));
    if (!anchored_ && !numbers->empty() && numbers->front() == 1) anchored_ = true;
    const std::uint64_t first = place_.segment;
    for (const std::uint64_t number : *numbers) {
      if (number < first) continue;
      auto read = read_segment(number);
      if (!read) return fail(std::move(read.error()));
    }
    end_.place = place_;
    return end_;
  }

 private:
  Result<std::vector<std::uint64_t>> list_segments() {
    const auto names = disk_.list(directory_);
    if (!names) return fail(names.error());
    std::vector<std::uint64_t> numbers;
    for (const std::string& name : *names) {
      if (!name.ends_with(".seg")) continue;
      const std::uint64_t number =
          numbers.empty() ? std::strtoull(name.c_str(), nullptr, 10) : numbers.back() + 1;
      if (name != segment_name(number))
        return fail(Code::data,
                    fmt::format("{}/{} is missing: the journal has a gap; nothing was changed",
                                directory_, segment_name(number)));
      numbers.push_back(number);
    }
    const bool starts_there = place_.segment == 0 || std::find(numbers.begin(), numbers.end(),
                                                               place_.segment) != numbers.end();
    if (!starts_there)
      return fail(Code::data, fmt::format("{}/{} is missing, and reading should start there",
                                          directory_, segment_name(place_.segment)));
    return numbers;
  }

  Result<void> read_segment(std::uint64_t number) {
    const std::string path = directory_ + "/" + segment_name(number);
    const auto file = disk_.open(path, false);
    if (!file) return fail(file.error());
    const auto size = (*file)->size();
    if (!size) return fail(size.error());
    if (*size > kSegmentSize)
      return fail(Code::data, path +
                                  ": larger than a segment can be: this is not one, or it is "
                                  "damaged; nothing was changed");
    SegmentWindow window(**file);
    const bool starts_here = number == place_.segment;
    if (starts_here) {
      auto known = check_start(window, path);
      if (!known) return known;
    }
    std::uint64_t offset = starts_here ? place_.offset : 0;
    for (std::optional<std::uint64_t> stuck_at;;) {
      auto read = read_blocks(window, path, number, *size, offset);
      if (!read) return read;
      const auto next = look_behind(window, number, offset, *size);
      if (!next) return fail(next.error());
      if (!*next) return {};
      if ((*next)->follows) {
        offset = (*next)->offset;
        continue;
      }
      // A process that is sending may have written it meanwhile: look once more.
      if (stuck_at == offset)
        return fail(damaged(path, offset, "a block cannot be read although good ones follow it"));
      stuck_at = offset;
      window.forget();
    }
  }

  // The last block before a start that is not the beginning is the one the start says.
  Result<void> check_start(SegmentWindow& window, const std::string& path) {
    const auto header = read_block(window, place_.last_offset);
    if (!header) return fail(header.error());
    const bool same = *header && (*header)->sequence == place_.sequence &&
                      (*header)->crc == place_.previous &&
                      place_.last_offset + block_extent((*header)->size) == place_.offset;
    if (!same)
      return fail(damaged(path, place_.last_offset, "the block before the snapshot is not there"));
    return {};
  }

  bool follows(const BlockHeader& block) const {
    return !anchored_ || (block.sequence == place_.sequence + 1 && block.lsn == place_.lsn &&
                          block.previous == place_.previous);
  }
  bool is_copy(const BlockHeader& block) const {
    return place_.segment != 0 && block.sequence == place_.sequence && block.crc == place_.previous;
  }

  // Reads blocks from `offset` on, as far as they follow each other; leaves `offset` behind them.
  Result<void> read_blocks(SegmentWindow& window, const std::string& path, std::uint64_t number,
                           std::uint64_t size, std::uint64_t& offset) {
    while (offset < size) {
      const auto header = read_block(window, offset);
      if (!header) return fail(header.error());
      if (!*header) return {};
      const BlockHeader& block = **header;
      if (block.version > kFormatVersion)
        return fail(
            Code::config,
            fmt::format("{}: the journal has format {}, and this program knows up to {}: use "
                        "the newer program",
                        path, block.version, kFormatVersion));
      const bool copy = is_copy(block);
      if (!copy && !follows(block)) return {};
      if (!copy) {
        auto taken = take(window, path, block, offset);
        if (!taken) return taken;
      }
      anchored_ = true;
      place_.segment = number;
      place_.sequence = block.sequence;
      place_.lsn = block.lsn + block.lines;
      place_.previous = block.crc;
      place_.last_offset = offset;
      offset += block_extent(block.size);
      place_.offset = offset;
    }
    return {};
  }

  Result<void> take(SegmentWindow& window, const std::string& path, const BlockHeader& block,
                    std::uint64_t offset) {
    const auto bytes = window.at(offset, kBlockHeader + block.size);
    if (!bytes) return fail(bytes.error());
    std::string_view body = bytes->substr(kBlockHeader, block.size);
    for (std::uint32_t i = 0; i < block.lines; ++i) {
      const std::size_t length = body.find('\n');
      if (length == std::string_view::npos)
        return fail(damaged(path, offset, "a block holds fewer lines than it says"));
      auto taken = on_line_(block.lsn + i, body.substr(0, length));
      if (!taken) return taken;
      body.remove_prefix(length + 1);
    }
    return {};
  }

  struct Found {
    std::uint64_t offset;
    bool follows;  // the next block of the journal; if not, one further on
  };

  // What stands behind the last block that was read: zeros, the remains of a cut write or of an
  // older use of the file, or blocks that belong to the journal.
  Result<std::optional<Found>> look_behind(SegmentWindow& window, std::uint64_t number,
                                           std::uint64_t offset, std::uint64_t size) {
    constexpr std::uint64_t kTailGap = 1024 * 1024;  // so many zeros end a torn tail
    const bool is_tail = number == place_.segment;
    std::uint64_t torn_bytes = 0;
    std::uint64_t torn_end = offset;
    for (std::uint64_t at = offset; at < size; at += kBlockAlign) {
      const auto bytes = window.at(at, kBlockAlign);
      if (!bytes) return fail(bytes.error());
      if (all_zero(bytes->substr(0, kBlockAlign))) continue;
      if (at - torn_end < kTailGap) {
        torn_bytes += kBlockAlign;
        torn_end = at + kBlockAlign;
      }
      const auto header = read_block(window, at);
      if (!header) return fail(header.error());
      if (*header && (*header)->sequence > place_.sequence)
        return Found{at, follows(**header) || is_copy(**header)};
    }
    if (is_tail) {
      end_.torn_bytes = torn_bytes;
      end_.torn_end = torn_end;
    }
    return std::nullopt;
  }

  Disk& disk_;
  std::string directory_;
  const OnLine& on_line_;
  JournalPlace place_;
  bool anchored_;  // false until the first block of a journal whose beginning was recycled
  JournalEnd end_;
};

}  // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:08}.seg", number); }

Result<JournalEnd> read_journal(Disk& disk, const std::string& directory, const JournalPlace& start,
                                const OnLine& on_line) {
  return JournalReader(disk, directory, start, on_line).run();
}

}  // namespace loa
