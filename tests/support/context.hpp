// An io_context whose coroutines can be given up, as those of a process that was killed.
#pragma once

#include <boost/asio/io_context.hpp>

#include "async/task.hpp"

namespace loa {

class MortalContext : public asio::io_context {
 public:
  MortalContext() : asio::io_context(1) {}
  // Destroys all that waits, while what it refers to is still there.
  void abandon() { shutdown(); }
};

}  // namespace loa
