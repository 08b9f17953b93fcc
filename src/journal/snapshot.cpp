#include "journal/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/failpoint.hpp"
#include "base/hash.hpp"

namespace loa {
namespace {

constexpr std::uint32_t kMagic = 0x53414F4C;  // "LOAS"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHead = 64;
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 30;
constexpr std::string_view kSuffix = ".state";

std::string encode(const Snapshot& snapshot) {
  const JournalPlace& place = snapshot.place;
  std::string bytes(kHead, '\0');
  put_int(bytes, 4, kMagic);
  put_int(bytes, 8, kVersion);
  put_int(bytes, 12, place.previous);
  put_int(bytes, 16, place.segment);
  put_int(bytes, 24, place.offset);
  put_int(bytes, 32, place.sequence);
  put_int(bytes, 40, place.lsn);
  put_int(bytes, 48, place.last_offset);
  put_int(bytes, 56, std::uint64_t{snapshot.state.size()});
  bytes += snapshot.state;
  put_int(bytes, 0, crc32c(std::string_view(bytes).substr(4)));
  return bytes;
}

bool is_head(std::string_view bytes, std::uint64_t file_size) {
  return bytes.size() == kHead && get_int<std::uint32_t>(bytes, 4) == kMagic &&
         get_int<std::uint32_t>(bytes, 8) == kVersion &&
         get_int<std::uint64_t>(bytes, 56) == file_size - kHead;
}

std::optional<Snapshot> decode(std::string_view bytes) {
  if (get_int<std::uint32_t>(bytes, 0) != crc32c(bytes.substr(4))) return std::nullopt;
  return Snapshot{{.segment = get_int<std::uint64_t>(bytes, 16),
                   .offset = get_int<std::uint64_t>(bytes, 24),
                   .sequence = get_int<std::uint64_t>(bytes, 32),
                   .lsn = get_int<std::uint64_t>(bytes, 40),
                   .previous = get_int<std::uint32_t>(bytes, 12),
                   .last_offset = get_int<std::uint64_t>(bytes, 48)},
                  std::string(bytes.substr(kHead))};
}

Result<void> write_durably(Disk& disk, const std::string& directory, const std::string& draft,
                           const Snapshot& snapshot) {
  LOA_FAILPOINT("snapshot.before_create");
  auto file = disk.create(draft, 0);
  if (!file) return fail(std::move(file.error()));
  auto written = (*file)->write_at(0, encode(snapshot));
  if (!written) return written;
  LOA_FAILPOINT("snapshot.before_sync");
  auto synced = (*file)->sync();
  if (!synced) return synced;
  LOA_FAILPOINT("snapshot.before_rename");
  auto named =
      disk.rename(draft, fmt::format("{}/{:020}{}", directory, snapshot.place.lsn, kSuffix));
  if (!named) return named;
  LOA_FAILPOINT("snapshot.before_directory_sync");
  auto kept = disk.sync_directory(directory);
  LOA_FAILPOINT("snapshot.after_directory_sync");
  return kept;
}

}  // namespace

Result<std::vector<std::string>> list_snapshots(Disk& disk, const std::string& directory) {
  auto names = disk.list(directory);
  if (!names) return names;
  std::erase_if(*names, [](const std::string& name) { return !name.ends_with(kSuffix); });
  std::reverse(names->begin(), names->end());
  return names;
}

std::optional<Snapshot> read_snapshot(Disk& disk, const std::string& directory,
                                      const std::string& name) {
  const auto file = disk.open(directory + "/" + name, false);
  if (!file) return std::nullopt;
  const auto size = (*file)->size();
  if (!size || *size > kSizeMax) return std::nullopt;
  const auto head = (*file)->read_at(0, kHead);
  if (!head || !is_head(*head, *size)) return std::nullopt;
  const auto bytes = (*file)->read_at(0, *size);
  if (!bytes || bytes->size() != *size) return std::nullopt;
  return decode(*bytes);
}

Result<void> write_snapshot(Disk& disk, const std::string& directory, const Snapshot& snapshot) {
  const std::string draft = directory + "/snapshot.new";
  auto removed = disk.remove(draft);  // of a process that was cut short
  if (!removed) return removed;
  auto written = write_durably(disk, directory, draft, snapshot);
  if (!written) {
    removed = disk.remove(draft);
    if (!removed) written.error().text += "; and " + removed.error().text;
  }
  return written;
}

}  // namespace loa
