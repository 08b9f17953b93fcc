// Threads for what blocks or burns: planning, hashing passwords. The caller waits without holding
// up the network core; what waits for a thread is bounded by who calls.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

#include "async/task.hpp"

namespace loa {

class Workers {
 public:
  explicit Workers(std::size_t threads) : pool_(threads) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { pool_.join(); }

  // Jobs whose results the waiting coroutines have not been given yet.
  std::size_t pending() const { return pending_; }

  // Runs `job` on one of the threads and gives its result to the waiting coroutine, on the
  // coroutine's own executor, which must be the same for all callers. What `job` refers to must
  // outlive the wait; it must not throw.
  template <class Job>
  auto run(Job job) {
    using Value = std::invoke_result_t<Job>;
    return asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(
        [this](auto handler, Job work) {
          ++pending_;
          auto home = asio::make_work_guard(handler);
          asio::post(pool_, [this, work = std::move(work), handler = std::move(handler),
                             home = std::move(home)]() mutable {
            auto give = [this, handler = std::move(handler), value = work()]() mutable {
              --pending_;
              std::move(handler)(std::move(value));
            };
            asio::post(home.get_executor(), std::move(give));
          });
        },
        asio::use_awaitable, std::move(job));
  }

 private:
  std::size_t pending_ = 0;  // of the callers' thread
  asio::thread_pool pool_;
};

}  // namespace loa
