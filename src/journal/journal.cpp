#include "journal/journal.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <thread>

#include "base/check.hpp"

namespace loa {
namespace {

constexpr Duration kRetryEvery = std::chrono::seconds(1);  // while the disk is full

// A thread for the blocking calls. Its end waits for the job at hand and drops the others.
class WriterThread {
 public:
  WriterThread() : timer_(context_), thread_([this] { context_.run(); }) {}
  ~WriterThread() {
    context_.stop();
    thread_.join();
  }
  WriterThread(const WriterThread&) = delete;
  WriterThread& operator=(const WriterThread&) = delete;

  void run(Duration wait, std::function<void()> job) {
    if (wait <= Duration::zero()) {
      asio::post(context_, std::move(job));
      return;
    }
    asio::post(context_, [this, wait, job = std::move(job)] {
      timer_.expires_after(wait);
      timer_.async_wait([job](const boost::system::error_code& ec) {
        if (!ec) job();
      });
    });
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  asio::steady_timer timer_;
  std::thread thread_;  // last: it uses the rest
};

// What a job works on. The executor's thread leaves it alone while a job runs.
class Work {
 public:
  explicit Work(BlockWriter writer) : writer_(std::move(writer)) {}

  void run() {
    outcome = write_lines();
    if (outcome) outcome = writer_.make_spare();
    std::optional<std::string> kept = std::exchange(image, std::nullopt);
    if (outcome && kept) image_outcome = writer_.snapshot(std::move(*kept));
  }

  std::string lines;                 // to be written
  std::optional<std::string> image;  // what all lines up to these add up to, to be kept
  std::uint64_t written = 0;         // lines, from the start on
  Result<void> outcome;              // of the lines and of the spare segment
  Result<void> image_outcome;

  bool has_spare() const { return writer_.has_spare(); }

 private:
  // Almost always one block; more only when more has gathered than a block holds.
  Result<void> write_lines() {
    while (!lines.empty()) {
      const std::size_t end =
          lines.size() <= kBlockBodyMax ? lines.size() : lines.rfind('\n', kBlockBodyMax - 1) + 1;
      const std::string_view body = std::string_view(lines).substr(0, end);
      const auto count = static_cast<std::uint32_t>(std::count(body.begin(), body.end(), '\n'));
      auto done = writer_.write(body, count);
      if (!done) return done;
      written += count;
      lines.erase(0, end);
    }
    return {};
  }

  BlockWriter writer_;
};

class GroupJournal final : public Journal {
 public:
  GroupJournal(asio::any_io_executor executor, BlockWriter writer, JournalSettings settings)
      : executor_(std::move(executor)), settings_(std::move(settings)), work_(std::move(writer)) {
    if (!settings_.background) {
      thread_ = std::make_unique<WriterThread>();
      settings_.background = [this](Duration wait, std::function<void()> job) {
        thread_->run(wait, std::move(job));
      };
    }
    if (work_.has_spare()) return;
    shortage_ = Error{Code::cannot_write, "the disk is full"};
    start();
  }

  // Writes what was given and is not written yet.
  ~GroupJournal() override {
    *alive_ = false;
    thread_.reset();
    while (!failure_ && work_.outcome && take()) work_.run();
  }
  GroupJournal(const GroupJournal&) = delete;
  GroupJournal& operator=(const GroupJournal&) = delete;

  Task<Result<void>> commit(std::string_view line) override {
    LOA_CHECK(line.size() <= kLineMax && line.find('\n') == std::string_view::npos);
    if (failure_) co_return fail(*failure_);
    Waiter waiter(executor_, ++appended_);
    pending_ += line;
    pending_ += '\n';
    waiters_.push_back(&waiter);
    start();
    co_await waiter.done.async_receive(asio::as_tuple(asio::use_awaitable));
    if (failure_) co_return fail(*failure_);
    co_return Result<void>{};
  }

  void snapshot(std::string state) override {
    if (failure_) return;
    image_ = std::move(state);
    image_behind_ = pending_.size();
    start();
  }

  const std::optional<Error>& shortage() const override { return shortage_; }

 private:
  struct Waiter {
    Waiter(const asio::any_io_executor& executor, std::uint64_t line)
        : done(executor, 1), number(line) {}
    asio::experimental::channel<void(boost::system::error_code)> done;
    std::uint64_t number;  // the count of lines that must be durable
  };

  // Starts a job when none is under way, after everybody who is ready has given his lines.
  void start() {
    if (std::exchange(busy_, true)) return;
    asio::post(executor_, [this, alive = alive_] {
      if (*alive) begin();
    });
  }

  void begin() {
    take();
    settings_.background(Duration::zero(), [this] {
      work_.run();
      asio::post(executor_, [this, alive = alive_] {
        if (*alive) finish();
      });
    });
  }

  // Moves what has gathered into the work, up to where an image belongs. Whether there was any.
  bool take() {
    // Left over: the disk was full, or the job was never run.
    if (!work_.lines.empty() || work_.image) return true;
    if (pending_.empty() && !image_) return false;
    if (!image_) {
      work_.lines = std::exchange(pending_, {});
      return true;
    }
    work_.lines = pending_.substr(0, image_behind_);
    pending_.erase(0, image_behind_);
    work_.image = std::exchange(image_, std::nullopt);
    return true;
  }

  void finish() {
    busy_ = false;
    while (!waiters_.empty() && waiters_.front()->number <= work_.written) {
      waiters_.front()->done.try_send(boost::system::error_code{});
      waiters_.pop_front();
    }
    if (!work_.image_outcome) {
      note("the state could not be kept for the next start: " + work_.image_outcome.error().text);
      work_.image_outcome = {};
    }
    if (work_.outcome) {
      if (shortage_) note("there is room on the disk again: sending goes on");
      shortage_.reset();
      if (!pending_.empty() || image_) start();
    } else if (work_.outcome.error().code == Code::cannot_write) {
      starve(work_.outcome.error());
    } else {
      die(work_.outcome.error());
    }
  }

  void starve(const Error& error) {
    if (!shortage_ || shortage_->text != error.text)
      note(error.text + ". Nothing new is sent until there is room; outcomes are still recorded");
    shortage_ = error;
    if (!pending_.empty() && work_.lines.empty()) start();  // these have room yet
    if (std::exchange(retry_due_, true)) return;
    settings_.background(kRetryEvery, [this] {
      asio::post(executor_, [this, alive = alive_] {
        if (!*alive) return;
        retry_due_ = false;
        start();
      });
    });
  }

  void die(const Error& error) {
    failure_ = error;
    busy_ = true;  // for good
    for (Waiter* waiter : waiters_) waiter->done.try_send(boost::system::error_code{});
    waiters_.clear();
  }

  void note(const std::string& text) const {
    if (settings_.note) settings_.note(text);
  }

  asio::any_io_executor executor_;
  JournalSettings settings_;
  Work work_;
  std::unique_ptr<WriterThread> thread_;

  std::uint64_t appended_ = 0;
  std::string pending_;               // lines that no job has taken yet
  std::optional<std::string> image_;  // belongs behind the first image_behind_ bytes of these
  std::size_t image_behind_ = 0;
  std::deque<Waiter*> waiters_;
  bool busy_ = false;
  bool retry_due_ = false;
  std::optional<Error> shortage_;
  std::optional<Error> failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(asio::any_io_executor executor, Disk& disk,
                                              const std::string& directory, const JournalEnd& end,
                                              JournalSettings settings) {
  auto writer = BlockWriter::open(disk, directory, end, settings.writer);
  if (!writer) return fail(std::move(writer.error()));
  return std::make_unique<GroupJournal>(std::move(executor), std::move(*writer),
                                        std::move(settings));
}

}  // namespace loa
