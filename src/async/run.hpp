// From the world of functions into that of tasks.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "async/task.hpp"
#include "base/result.hpp"

namespace loa {

// Runs a task to its end, with all that it starts.
template <class T>
Result<T> run_task(asio::io_context& context, Task<Result<T>> task) {
  std::optional<Result<T>> outcome;
  std::exception_ptr thrown;
  asio::co_spawn(context, std::move(task),
                 [&](const std::exception_ptr& failure, Result<T> result) {
                   thrown = failure;
                   outcome = std::move(result);
                 });
  context.restart();
  context.run();
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*outcome);
}

}  // namespace loa
