// The record and its journal as one: what is recorded is folded at once, and durable on return. So
// the record is at all times the fold of the lines that were given to the journal, in their order.
#pragma once

#include <functional>
#include <utility>

#include "dispatch/record.hpp"
#include "journal/journal.hpp"

namespace loa {

// A line of the journal that is on disk.
struct Recorded {
  std::uint64_t lsn = 0;
  const Event& event;
  const std::string& line;
};

class Recorder {
 public:
  // Both must outlive the recorder. A snapshot is made after so many lines, more when it is large.
  Recorder(Record& record, Journal& journal, std::uint64_t lines_per_snapshot = 50'000);

  // Fails when the journal does. An event that contradicts the record ends the process.
  Task<Result<void>> commit(const Event& event);

  // Keeps the state as it is now, so that the next start is quick.
  void snapshot();

  // Told of each line once it is durable, in order; one at most.
  void observe(std::function<void(const Recorded&)> observer) { observer_ = std::move(observer); }

  const Record& record() const { return record_; }
  const Journal& journal() const { return journal_; }

 private:
  Record& record_;
  Journal& journal_;
  std::uint64_t lines_per_snapshot_;
  std::uint64_t lines_ = 0;          // since the last snapshot
  std::uint64_t next_snapshot_ = 0;  // at so many
  std::function<void(const Recorded&)> observer_;
};

}  // namespace loa
