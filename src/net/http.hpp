// One HTTP exchange as the dispatcher sees it. What matters is whether the request can have reached
// the other side: only then is it in doubt when the answer does not come.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "base/time.hpp"

namespace loa {

struct HttpCall {
  std::string_view method;  // GET, POST, ...
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  bool allow_plain = false;  // http:// too, not only https://
  std::string_view ca_file;  // "" for the system's authorities
  Duration connect_limit = std::chrono::seconds(10);
  Duration total_limit = std::chrono::seconds(30);
};

enum class Transport {
  answered,  // a whole answer came: status and body
  not_sent,  // no byte of the request can have left
  in_doubt,  // it may have arrived
};

struct HttpReply {
  Transport transport = Transport::in_doubt;
  int status = 0;
  std::string body;
  std::string retry_after;  // header value; a date as the seconds from the answer's own date
  std::string failure;      // for people, when not answered; no URL, no credentials
  bool end_stated = true;   // false: the connection's end was the answer's, and may have cut it
};

class Http {
 public:
  virtual ~Http() = default;

  // Total: every way it can end is a reply. The call must outlive the wait.
  virtual Task<HttpReply> perform(const HttpCall& call) = 0;
};

constexpr std::size_t kHttpBodyMax = 1024 * 1024;

}  // namespace loa
