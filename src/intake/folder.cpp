#include "intake/folder.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "text/fault_text.hpp"

namespace loa {
namespace {

using std::chrono::seconds;

constexpr seconds kLookThrough{60};
constexpr seconds kNotYet{2};   // until a file that is being written is looked at again
constexpr seconds kNotNow{10};  // until a submission that could not be taken is made again

// Fit for a terminal, a log and the places of faults.
std::string shown(const std::string& name) {
  std::string text = printable(to_valid_utf8(name));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string text_of(const Refusal& refusal, const std::string& name, const std::string& document) {
  return refusal.words + "\n" + to_text(refusal.faults, name, document);
}

std::string first_line(const Refusal& refusal) {
  if (refusal.faults.errors() == 0) return refusal.words;
  for (const Fault& fault : refusal.faults.all())
    if (fault.severity == Fault::Severity::error) return to_string(fault.place) + ": " + fault.text;
  return refusal.words;
}

}  // namespace

// The kernel's word that a file was closed after writing, or moved here.
class FolderIntake::Watch {
 public:
  explicit Watch(const asio::any_io_executor& executor) : descriptor_(executor) {}

  // Says nothing when it works, else why it does not.
  std::string open(const std::string& folder) {
    close();
    const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) return std::strerror(errno);
    const int added = ::inotify_add_watch(
        descriptor, folder.c_str(),
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    if (added < 0) {
      std::string words = std::strerror(errno);
      ::close(descriptor);
      return words;
    }
    descriptor_.assign(descriptor);
    lost_ = false;
    return "";
  }

  bool is_open() const { return descriptor_.is_open() && !lost_; }
  void close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  // Fills `names` and wakes `alarm` until it is closed.
  Task<void> run(Alarm& alarm) {
    while (descriptor_.is_open()) {
      boost::system::error_code error;
      co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                                      asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      read();
      alarm.wake();
      if (lost_) break;
    }
  }

  std::set<std::string> names;
  bool missed = false;  // there was more than the kernel kept

 private:
  void read() {
    alignas(inotify_event) std::array<char, 64 * 1024> buffer;
    for (;;) {
      const ssize_t size = ::read(descriptor_.native_handle(), buffer.data(), buffer.size());
      if (size <= 0) return;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event = {};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        at += sizeof event + event.len;
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0)
          lost_ = true;
        if ((event.mask & IN_Q_OVERFLOW) != 0) missed = true;
        if (event.len == 0 || (event.mask & IN_ISDIR) != 0) continue;
        constexpr std::size_t kNamesMax = 10'000;
        if (names.size() >= kNamesMax) {
          missed = true;
        } else if (is_campaign_name(name)) {
          names.emplace(name);
        }
      }
    }
  }

  asio::posix::stream_descriptor descriptor_;
  bool lost_ = false;  // the folder is not there any more
};

FolderIntake::FolderIntake(World world, const std::string& folder)
    : world_(std::move(world)),
      incoming_(folder),
      tasks_(world_.executor, world_.clock),
      alarm_(world_.clock.make_alarm()),
      watch_(std::make_unique<Watch>(world_.executor)) {}

FolderIntake::~FolderIntake() = default;

void FolderIntake::stop() {
  stopping_ = true;
  watch_->close();
  alarm_->wake();
}

Task<void> FolderIntake::run() {
  Tick next = world_.clock.now();
  while (!stopping_) {
    if (world_.clock.now() >= next || watch_->missed || !watch_->is_open()) {
      const bool more = co_await look_through();
      next = world_.clock.now() + (more ? seconds(0) : kLookThrough);
    }
    if (world_.clock.now() >= again_) {
      again_ = Tick::max();
      std::vector<std::string> names;
      names.reserve(left_.size());
      for (const auto& [name, left] : left_) names.push_back(name);
      for (const std::string& name : names) co_await take(name, false);
    }
    const std::set<std::string> names = std::exchange(watch_->names, {});
    for (const std::string& name : names) co_await take(name, true);
    if (stopping_) break;
    if (watch_->names.empty()) co_await alarm_->wait_until(std::min(next, again_));
  }
  watch_->close();
  co_await tasks_.join();
}

Task<bool> FolderIntake::look_through() {
  watch_->missed = false;
  stuck_.reset();
  using Names = Result<std::vector<std::string>>;
  const auto prepare = [this]() -> Result<void> { return incoming_.prepare(); };
  const Result<void> prepared = co_await world_.workers.run(prepare);
  std::string blind;
  if (prepared && !watch_->is_open()) {
    blind = watch_->open(incoming_.folder());
    if (blind.empty()) tasks_.spawn(watch_->run(*alarm_));
  }
  // Only now, so that nothing comes between the look and the watch.
  const auto list = [this]() -> Names { return incoming_.list(); };
  const Names names = co_await world_.workers.run(list);
  if (!prepared || !names) {
    set_trouble(!prepared ? prepared.error().text : names.error().text);
    co_return false;
  }
  std::erase_if(left_, [&](const auto& one) {
    return !std::binary_search(names->begin(), names->end(), one.first);
  });
  for (const std::string& name : *names) {
    if (stopping_) co_return false;
    co_await take(name, false);
  }
  if (!blind.empty())
    stuck_ = fmt::format("cannot watch {} ({}): files are found once a minute", incoming_.folder(),
                         blind);
  set_trouble(stuck_);
  co_return names->size() == Incoming::kNamesMax&& left_.size() < names->size();
}

Task<void> FolderIntake::take(std::string name, bool closed) {
  const Instant now = world_.clock.wall();
  const auto look = [&]() -> IncomingFile { return incoming_.look(name, now, closed); };
  IncomingFile file = co_await world_.workers.run(look);
  const auto known = left_.find(name);
  if (known != left_.end() && known->second.answered && known->second.identity == file.identity) {
    const Left left = known->second;
    co_await move(std::move(name), left);
    co_return;
  }
  if (file.state != IncomingFile::State::not_yet) left_.erase(name);
  switch (file.state) {
    case IncomingFile::State::gone: break;
    case IncomingFile::State::not_yet: wait_for(name, file.identity); break;
    case IncomingFile::State::odd: {
      const Left left{.identity = file.identity,
                      .answered = true,
                      .faults = shown(name) + ": " + file.words + "\n"};
      say(FolderNotice::Kind::refused, name, file.words);
      co_await move(std::move(name), left);
      break;
    }
    case IncomingFile::State::ready: co_await submit(std::move(name), std::move(file)); break;
  }
}

Task<void> FolderIntake::submit(std::string name, IncomingFile file) {
  const std::string seen = shown(name);
  Actor actor{file.owner, "folder:" + seen};
  Submission submission{file.document, seen, incoming_.folder(), {}};
  const Answer<Submitted> answer = co_await world_.submit(std::move(actor), std::move(submission));
  Left left{.identity = file.identity, .answered = true};
  if (answer) {
    say(answer->is_new ? FolderNotice::Kind::taken : FolderNotice::Kind::known, name,
        answer->is_new ? "was taken in" : "is here already", answer->campaign);
  } else if (answer.error().kind == Refusal::Kind::not_now) {
    say(FolderNotice::Kind::trouble, name, answer.error().words);
    left.answered = false;
    left_[name] = std::move(left);
    again_ = std::min(again_, world_.clock.now() + kNotNow);
    co_return;
  } else {
    left.faults = text_of(answer.error(), seen, file.document);
    say(FolderNotice::Kind::refused, name, first_line(answer.error()));
  }
  co_await move(std::move(name), std::move(left));
}

// When it cannot be moved, it stays with its answer, and is moved when the folder is looked through
// again.
Task<void> FolderIntake::move(std::string name, Left left) {
  using Moved = Result<std::string>;
  const Instant now = world_.clock.wall();
  const auto job = [&]() -> Moved {
    return left.faults ? incoming_.refuse(name, left.identity, now, *left.faults)
                       : incoming_.take(name, left.identity, now);
  };
  const Moved moved = co_await world_.workers.run(job);
  if (moved && !moved->empty()) {
    left_.erase(name);
    co_return;
  }
  if (moved) {  // another file of that name has come
    left_.erase(name);
    wait_for(name, {});
    co_return;
  }
  stuck_ = moved.error().text;
  set_trouble(stuck_);
  left_[name] = std::move(left);
}

void FolderIntake::wait_for(const std::string& name, const FileIdentity& identity) {
  const Tick now = world_.clock.now();
  Left& left = left_.try_emplace(name, Left{.identity = identity, .since = now}).first->second;
  if (left.answered) left = Left{.identity = identity, .since = now};
  if (!left.told && now - left.since > kLookThrough) {
    left.told = true;
    say(FolderNotice::Kind::trouble, name,
        "waits: it, or an audience that it names, is still being written");
  }
  again_ = std::min(again_, now + kNotYet);
}

void FolderIntake::set_trouble(std::optional<std::string> words) {
  if (words == trouble_) return;
  trouble_ = std::move(words);
  say(trouble_ ? FolderNotice::Kind::trouble : FolderNotice::Kind::mended, "",
      trouble_.value_or("the folder " + incoming_.folder() + " is watched again"));
}

void FolderIntake::say(FolderNotice::Kind kind, const std::string& name, const std::string& words,
                       std::string campaign) const {
  if (!world_.notice) return;
  std::string line = printable(words);
  std::replace(line.begin(), line.end(), '\n', ' ');
  world_.notice({kind, shown(name), std::move(campaign), std::move(line)});
}

}  // namespace loa
