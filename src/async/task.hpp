// The coroutine type of the network core. One io_context, one thread, no locks.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace loa {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<T>;

}  // namespace loa
