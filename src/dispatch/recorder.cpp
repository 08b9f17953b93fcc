#include "dispatch/recorder.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "dispatch/image.hpp"

namespace loa {

Recorder::Recorder(Record& record, Journal& journal, std::uint64_t lines_per_snapshot)
    : record_(record),
      journal_(journal),
      lines_per_snapshot_(lines_per_snapshot),
      next_snapshot_(lines_per_snapshot) {}

Task<Result<void>> Recorder::commit(const Event& event) {
  const std::string line = to_line(event);
  const Result<void> applied = record_.apply(event);
  LOA_CHECK(applied.has_value());
  const std::uint64_t lsn = record_.lines() - 1;
  Result<void> outcome = co_await journal_.commit(line);
  if (outcome && observer_) observer_({lsn, event, line});
  if (outcome && ++lines_ >= next_snapshot_) snapshot();
  co_return outcome;
}

void Recorder::snapshot() {
  constexpr std::uint64_t kBytesPerLine =
      64;  // so that images stay a small part of what is written
  std::string image = image_of(record_);
  lines_ = 0;
  next_snapshot_ = std::max<std::uint64_t>(lines_per_snapshot_, image.size() / kBytesPerLine);
  journal_.snapshot(std::move(image));
}

}  // namespace loa
