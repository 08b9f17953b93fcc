// What comes in and goes out of the HTTP server, as plain values (RFC 9110, 9112). Everything in a
// request is a stranger's: bounded, and checked for form, but for nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace loa {

// Fields in the order they came; names are compared without regard to case.
class HttpHeaders {
 public:
  void add(std::string name, std::string value);
  void set(std::string name, std::string value);         // instead of all of that name
  const std::string* find(std::string_view name) const;  // the first, null when absent
  std::size_t count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

bool equal_fold(std::string_view a, std::string_view b);  // ASCII

struct HttpPeer {
  std::string address;               // "127.0.0.1", "::1"; "unix" over a Unix socket
  std::optional<std::uint32_t> uid;  // of the process at the other end of a Unix socket
  bool local = false;                // of this machine, and not by a proxy
};

struct HttpRequest {
  std::string method;  // "GET"; "HEAD" is answered like GET, the server leaves the body out
  std::string
      path;  // decoded UTF-8, begins with '/', no empty and no dot segments; "*" for OPTIONS *
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  HttpHeaders headers;
  std::string body;  // empty when the handler asked for a stream
  HttpPeer peer;

  const std::string* parameter(std::string_view name) const;  // the first, null when absent
};

// The other end of a response that goes on, as of an event stream. It is closed when the peer goes,
// takes nothing for too long, or has more than the limit waiting.
class HttpStream {
 public:
  virtual ~HttpStream() = default;

  virtual bool is_open() const = 0;
  virtual std::size_t backlog() const = 0;  // bytes sent and not yet taken
  virtual void send(std::shared_ptr<const std::string> bytes) = 0;
  virtual void close() = 0;  // after what was sent
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // the server adds length, date, connection and what protects browsers
  std::string body;
  // When set, the head goes out without a length, and then what is sent here; the body is not used.
  std::function<void(std::shared_ptr<HttpStream>)> stream = {};
};

// A fault in what the peer sent, as a status with words for people.
struct HttpFault {
  int status = 400;
  std::string detail;
};

// Takes the target of a request apart into path and query.
std::optional<HttpFault> read_target(std::string_view target, HttpRequest& request);

std::string_view reason_phrase(int status);

// "Tue, 24 Nov 2026 17:23:29 GMT"
std::string http_date(Instant instant);

// The head of a response up to the empty line, and including it.
std::string response_head(const HttpResponse& response, Instant now, bool keep_alive);

}  // namespace loa
