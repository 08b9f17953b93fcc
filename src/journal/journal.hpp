// The journal: the durable sequence of events, written by one thread with group commit. What has
// not come back from commit() may be lost in a crash; what has, is on stable storage.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/task.hpp"
#include "base/result.hpp"
#include "journal/disk.hpp"
#include "journal/reader.hpp"

namespace loa {

class Journal {
 public:
  virtual ~Journal() = default;

  // Appends one line (no line end in it, at most kLineMax bytes) and returns when it is durable.
  // Lines become durable in the order of the calls. After a failure the journal is dead and every
  // further call fails with the same error: stop sending. Call from the journal's executor only.
  virtual Task<Result<void>> commit(std::string_view line) = 0;

  // Ends the writer thread; lines given before are written. Called once, by the destructor if not
  // before.
  virtual void close() = 0;
};

// Continues the journal in `directory` at `end` (from read_journal), under a new epoch.
Result<std::unique_ptr<Journal>> open_journal(asio::any_io_executor executor, Disk& disk,
                                              const std::string& directory, const JournalEnd& end,
                                              std::uint64_t epoch);

}  // namespace loa
