// Something that is served, in a thread of its own, with the test as its client.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <thread>

#include "async/task.hpp"

namespace loa {

class ServerThread {
 public:
  asio::io_context context{1};

  void start() {
    thread_ = std::thread([this] { context.run(); });
  }
  bool is_running() const { return thread_.joinable(); }
  void join() { thread_.join(); }

  // In the server's thread.
  template <class F>
  auto inside(F work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    asio::post(context, [&task] { task(); });
    return result.get();
  }
  bool becomes(const std::function<bool()>& true_inside) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
      if (inside(true_inside)) return true;
      std::this_thread::yield();
    }
    return false;
  }
  void spawn(Task<void> task, const std::function<void()>& then = {}) {
    asio::post(context, [this, task = std::make_shared<Task<void>>(std::move(task)), then] {
      asio::co_spawn(context, std::move(*task), [then](const std::exception_ptr& thrown) {
        EXPECT_FALSE(thrown);
        if (then) then();
      });
    });
  }

 private:
  std::thread thread_;
};

}  // namespace loa
