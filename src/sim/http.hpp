// A minimal HTTP/1.1 request reader for the simulator only: Content-Length bodies, keep-alive, no
// chunks. It reads from one contiguous buffer and copies nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace loa::sim {

inline constexpr std::size_t kHeadMax = 65'536;
inline constexpr std::size_t kBodyMax = 16'777'216;

struct Request {  // views into the buffer that was read
  std::string_view method;
  std::string_view path;   // without the query
  std::string_view query;  // without the '?'
  std::string_view body;
  bool keep_alive = true;
};

struct Reading {
  enum class State { incomplete, complete, bad };

  State state = State::incomplete;
  bool wants_continue = false;  // the client waits for "100 Continue" before its body
  std::size_t size = 0;         // bytes of the request, when complete
  Request request;
};

Reading read_request(std::string_view bytes);

// A whole response. `headers` is "" or complete lines, each ended by CRLF.
std::string response(int status, std::string_view type, std::string_view body,
                     std::string_view headers = "");

// The value of a query's field with %XX and '+' decoded; "" when it is not there.
std::string query_field(std::string_view query, std::string_view name);

}  // namespace loa::sim
