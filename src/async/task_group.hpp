// Structured concurrency on one executor: what is spawned here is joined here. An exception in a
// task is a bug or out of memory; join() rethrows the first one.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "async/clock.hpp"

namespace loa {

class TaskGroup {
 public:
  TaskGroup(asio::any_io_executor executor, Clock& clock)
      : executor_(std::move(executor)), idle_(clock.make_alarm()) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(Task<void> task) {
    ++running_;
    asio::co_spawn(executor_, std::move(task), [this](const std::exception_ptr& failure) {
      if (failure && !failure_) failure_ = failure;
      if (--running_ == 0) idle_->wake();
    });
  }

  Task<void> join() {
    while (running_ > 0) co_await idle_->wait_until(Tick::max());
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  asio::any_io_executor executor_;
  std::unique_ptr<Alarm> idle_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace loa
