#include "journal/journal.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "journal/block.hpp"

namespace loa {
namespace {

// Owned by the writer thread: the open segment and the chain.
class BlockWriter {
 public:
  BlockWriter(Disk& disk, std::string directory, const JournalEnd& end, std::uint64_t epoch)
      : disk_(disk), directory_(std::move(directory)), segment_(end.segments), offset_(end.offset) {
    header_.epoch = epoch;
    header_.sequence = end.sequence;
    header_.lsn = end.lsn;
    header_.previous = end.previous;
  }

  // Opens the last segment, or makes the first.
  Result<void> open() {
    if (segment_ == 0) return next_segment();
    auto file = disk_.open(directory_ + "/" + segment_name(segment_), true);
    if (!file) return fail(std::move(file.error()));
    file_ = std::move(*file);
    return {};
  }

  Result<void> write(std::string_view body, std::uint32_t lines) {
    if (offset_ + block_extent(body.size()) > kSegmentSize) {
      auto made = next_segment();
      if (!made) return made;
    }
    ++header_.sequence;
    header_.lines = lines;
    const std::string bytes = encode_block(header_, body);
    auto ready = zero_ahead(offset_ + bytes.size());
    if (!ready) return ready;
    LOA_FAILPOINT("block.before_write");
    auto written = file_->write_at(offset_, bytes);
    if (!written) return written;
    LOA_FAILPOINT("block.before_sync");
    auto synced = file_->sync();
    if (!synced) return synced;
    LOA_FAILPOINT("block.after_sync");
    header_.previous = header_.crc;
    header_.lsn += lines;
    offset_ += bytes.size();
    return {};
  }

 private:
  // Reserved space is not yet written space: the first write to it changes the file's metadata,
  // which fdatasync then has to write too. Zeros put down a mebibyte at a time make that rare
  // (measured: a third more commits a second).
  Result<void> zero_ahead(std::uint64_t end) {
    constexpr std::uint64_t kAhead = 1024 * 1024;
    if (end <= zeroed_) return {};
    const std::uint64_t begin = std::max(zeroed_, offset_);
    zeroed_ = std::min(end + kAhead, kSegmentSize);
    return file_->write_at(begin, std::string(zeroed_ - begin, '\0'));
  }

  // A segment is whole on disk, and its name too, before the first block goes into it.
  Result<void> next_segment() {
    const std::string path = directory_ + "/" + segment_name(segment_ + 1);
    LOA_FAILPOINT("segment.before_create");
    auto file = disk_.create(path, kSegmentSize);
    if (!file) return fail(std::move(file.error()));
    LOA_FAILPOINT("segment.before_sync");
    auto synced = (*file)->sync();
    if (!synced) return synced;
    LOA_FAILPOINT("segment.before_directory_sync");
    auto named = disk_.sync_directory(directory_);
    if (!named) return named;
    LOA_FAILPOINT("segment.after_directory_sync");
    file_ = std::move(*file);
    ++segment_;
    offset_ = 0;
    zeroed_ = 0;
    return {};
  }

  Disk& disk_;
  std::string directory_;
  std::uint64_t segment_;
  std::uint64_t offset_;
  std::uint64_t zeroed_ = 0;  // up to here the segment's space has been written
  BlockHeader header_;
  std::unique_ptr<DiskFile> file_;
};

class ThreadedJournal final : public Journal {
 public:
  ThreadedJournal(asio::any_io_executor executor, BlockWriter writer)
      : executor_(std::move(executor)), writer_(std::move(writer)), thread_([this] { run(); }) {}

  ~ThreadedJournal() override { close(); }

  Task<Result<void>> commit(std::string_view line) override {
    LOA_CHECK(line.size() <= kLineMax && line.find('\n') == std::string_view::npos);
    if (failure_) co_return fail(*failure_);
    Waiter waiter(executor_, ++appended_);
    {
      const std::lock_guard lock(mutex_);
      LOA_CHECK(!closing_);
      pending_ += line;
      pending_ += '\n';
      ++pending_lines_;
    }
    wake_.notify_one();
    waiters_.push_back(&waiter);
    co_await waiter.done.async_receive(asio::as_tuple(asio::use_awaitable));
    if (failure_) co_return fail(*failure_);
    co_return Result<void>{};
  }

  void close() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Waiter {
    Waiter(const asio::any_io_executor& executor, std::uint64_t line)
        : done(executor, 1), number(line) {}
    asio::experimental::channel<void(boost::system::error_code)> done;
    std::uint64_t number;  // the count of lines that must be durable
  };

  // The writer thread: takes what has gathered, writes it as one block, tells the executor.
  void run() {
    std::uint64_t written = 0;
    for (;;) {
      std::string body;
      std::uint32_t lines = 0;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closing_ || pending_lines_ > 0; });
        if (pending_lines_ == 0) return;
        body.swap(pending_);
        lines = std::exchange(pending_lines_, 0);
      }
      auto outcome = write_all(body, lines);
      if (!outcome) {
        asio::post(executor_, [this, error = std::move(outcome.error())] { died(error); });
        return;
      }
      written += lines;
      asio::post(executor_, [this, written] { durable(written); });
    }
  }

  // Almost always one block; more only when more has gathered than a block holds.
  Result<void> write_all(std::string_view body, std::uint32_t lines) {
    while (body.size() > kBlockBodyMax) {
      const std::size_t end = body.rfind('\n', kBlockBodyMax - 1) + 1;
      const std::string_view part = body.substr(0, end);
      const auto count = static_cast<std::uint32_t>(std::count(part.begin(), part.end(), '\n'));
      auto written = writer_.write(part, count);
      if (!written) return written;
      body.remove_prefix(end);
      lines -= count;
    }
    return writer_.write(body, lines);
  }

  void durable(std::uint64_t written) {
    while (!waiters_.empty() && waiters_.front()->number <= written) {
      waiters_.front()->done.try_send(boost::system::error_code{});
      waiters_.pop_front();
    }
  }

  void died(const Error& error) {
    failure_ = error;
    for (Waiter* waiter : waiters_) waiter->done.try_send(boost::system::error_code{});
    waiters_.clear();
  }

  asio::any_io_executor executor_;
  BlockWriter writer_;

  // Of the executor's thread.
  std::uint64_t appended_ = 0;
  std::deque<Waiter*> waiters_;
  std::optional<Error> failure_;

  // Between the two.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint32_t pending_lines_ = 0;
  bool closing_ = false;

  std::thread thread_;  // last: it uses the rest
};

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(asio::any_io_executor executor, Disk& disk,
                                              const std::string& directory, const JournalEnd& end,
                                              std::uint64_t epoch) {
  BlockWriter writer(disk, directory, end, epoch);
  auto opened = writer.open();
  if (!opened) return fail(std::move(opened.error()));
  return std::make_unique<ThreadedJournal>(std::move(executor), std::move(writer));
}

}  // namespace loa
