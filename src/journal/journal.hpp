// The journal: the durable sequence of events, with group commit: lines that are given while a
// block is being written go together into the next one. What has not come back from commit() may be
// lost in a crash; what has, is on stable storage.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "journal/disk.hpp"
#include "journal/writer.hpp"

namespace loa {

class Journal {
 public:
  virtual ~Journal() = default;

  // Appends one line (no line end in it, at most kLineMax bytes) and returns when it is durable.
  // Lines become durable in the order of the calls. While the disk is full it waits, and tries
  // again each second. After any other failure the journal is dead and every further call fails
  // with the same error: stop sending. Call from the journal's executor only.
  virtual Task<Result<void>> commit(std::string_view line) = 0;

  // Keeps, behind the lines given so far, what they add up to. Not waited for; a failure is told to
  // JournalSettings::note.
  virtual void snapshot(std::string state) = 0;

  // Why nothing new should be begun: the disk is full, and the room that is left is for the
  // outcomes of what is under way. Nothing when there is room.
  virtual const std::optional<Error>& shortage() const = 0;
};

// Runs jobs away from the executor, one after the other, each after a wait.
using Background = std::function<void(Duration wait, std::function<void()> job)>;

struct JournalSettings {
  WriterSettings writer;
  Background background;                         // nothing: a thread of its own
  std::function<void(const std::string&)> note;  // for people
};

// Continues the journal in `directory` at `end` (from read_journal).
Result<std::unique_ptr<Journal>> open_journal(asio::any_io_executor executor, Disk& disk,
                                              const std::string& directory, const JournalEnd& end,
                                              JournalSettings settings);

}  // namespace loa
