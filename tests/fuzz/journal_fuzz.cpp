// Bytes as a segment, as a snapshot, as a record's image and as an event: no crash, no endless
// loop, and what is read as a record is written as the same bytes.
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "dispatch/image.hpp"
#include "journal/snapshot.hpp"
#include "support/model_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loa;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ModelDisk disk;
  switch (data[0] % 4) {
    case 0: {
      const auto file = disk.create("j/" + segment_name(1), 0);
      LOA_CHECK((*file)->write_at(0, bytes).has_value());
      std::uint64_t lines = 0;
      const auto end = read_journal(disk, "j", {}, [&](auto, auto) -> Result<void> {
        ++lines;
        return {};
      });
      LOA_CHECK(!end || end->place.lsn == lines);
      break;
    }
    case 1: {
      const auto file = disk.create("j/1.state", 0);
      LOA_CHECK((*file)->write_at(0, bytes).has_value());
      static_cast<void>(read_snapshot(disk, "j", "1.state"));
      break;
    }
    case 2: {
      const auto record = record_of(bytes, "Asia/Ho_Chi_Minh");
      if (record) LOA_CHECK(record_of(image_of(*record), "Asia/Ho_Chi_Minh").has_value());
      break;
    }
    default:
      if (const auto event = parse_event(bytes)) {
        const auto again = parse_event(to_line(*event));
        LOA_CHECK(again && to_line(*again) == to_line(*event));
      }
  }
  return 0;
}
