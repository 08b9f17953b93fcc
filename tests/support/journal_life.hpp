// A process with the journal open, whose background is the same thread.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <vector>

#include "journal/journal.hpp"
#include "support/context.hpp"

namespace loa {

// A process with the journal open.
class JournalLife {
 public:
  JournalLife(Disk& disk, const JournalEnd& end, const WriterSettings& settings) {
    auto opened = open_journal(
        context_.get_executor(), disk, "j", end,
        {.writer = settings,
         .background = [this](Duration wait,
                              std::function<void()> job) { background(wait, std::move(job)); },
         .note = [this](const std::string& text) { notes.push_back(text); }});
    if (opened) {
      journal_ = std::move(*opened);
    } else {
      failure = opened.error();
    }
  }

  ~JournalLife() { context_.abandon(); }
  JournalLife(const JournalLife&) = delete;
  JournalLife& operator=(const JournalLife&) = delete;

  bool is_open() const { return journal_ != nullptr; }

  void commit(const std::string& line) {
    asio::co_spawn(context_, commit_one(*this, line),
                   [](const std::exception_ptr& thrown) { EXPECT_FALSE(thrown); });
  }
  bool shortage() const { return journal_->shortage().has_value(); }
  // Of the lines given so far.
  void snapshot(const std::string& state) {
    asio::post(context_, [this, state] { journal_->snapshot(state); });
  }
  void run() {
    context_.restart();
    context_.poll();  // a commit may wait for room
  }
  // The waits of the background end.
  void pass_time() {
    for (auto& job : std::exchange(later_, {})) asio::post(context_, std::move(job));
    run();
  }

  std::uint64_t confirmed = 0;
  std::optional<Error> failure;
  std::vector<std::string> notes;

 private:
  static Task<void> commit_one(JournalLife& life, std::string line) {
    const Result<void> outcome = co_await life.journal_->commit(line);
    if (outcome) {
      ++life.confirmed;
    } else {
      life.failure = outcome.error();
    }
  }

  void background(Duration wait, std::function<void()> job) {
    if (wait > Duration::zero()) {
      later_.push_back(std::move(job));
    } else {
      asio::post(context_, std::move(job));
    }
  }

  MortalContext context_;
  std::vector<std::function<void()>> later_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace loa
