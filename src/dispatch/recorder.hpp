// The record and its journal as one: what is recorded is folded at once, and durable on return. So
// the record is at all times the fold of the lines that were given to the journal, in their order.
#pragma once

#include "dispatch/record.hpp"
#include "journal/journal.hpp"

namespace loa {

class Recorder {
 public:
  // Both must outlive the recorder. A snapshot is made after so many lines, more when it is large.
  Recorder(Record& record, Journal& journal, std::uint64_t lines_per_snapshot = 50'000);

  // Fails when the journal does. An event that contradicts the record ends the process.
  Task<Result<void>> commit(const Event& event);

  // Keeps the state as it is now, so that the next start is quick.
  void snapshot();

  const Record& record() const { return record_; }
  const Journal& journal() const { return journal_; }

 private:
  Record& record_;
  Journal& journal_;
  std::uint64_t lines_per_snapshot_;
  std::uint64_t lines_ = 0;          // since the last snapshot
  std::uint64_t next_snapshot_ = 0;  // at so many
};

}  // namespace loa
