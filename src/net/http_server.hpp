// An HTTP/1.1 server (RFC 9112) on one executor and one thread. It bounds whatever a stranger can
// do in size and time, and answers no question of its own: a handler does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "base/result.hpp"
#include "net/http_address.hpp"
#include "net/http_message.hpp"

namespace loa {

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;    // the first line included
  std::uint64_t body_bytes = 1024 * 1024;  // where the handler says nothing else
  std::size_t connections = 1500;
  std::size_t connections_per_address = 200;
  std::size_t connections_per_local = 1200;  // of 127.0.0.1, ::1, or one user of a Unix socket
  std::size_t stream_backlog = 256 * 1024;   // bytes that a reader of a stream may be behind

  Duration header_time = std::chrono::seconds(10);  // from its first byte to its last
  Duration body_time =
      std::chrono::seconds(30);  // of waiting; what comes gives more, see body_rate
  Duration idle_time = std::chrono::seconds(60);   // between two requests
  Duration write_time = std::chrono::seconds(10);  // of waiting; what is taken gives more
  Duration linger_time = std::chrono::seconds(1);  // for a peer to read why it is cut off
  Duration heartbeat = std::chrono::seconds(15);   // a comment, where a stream says nothing
  std::uint64_t body_rate = 4096;  // bytes a second, below which the times above run out
  std::uint64_t write_rate = 4096;
};

struct HttpServerSettings {
  struct Tls {
    std::string certificate;  // PEM, with its chain
    std::string key;
  };

  std::vector<HttpAddress> listen;
  // A proxy in front speaks TLS. It is believed when it says, as the last of X-Forwarded-For, who
  // asks.
  bool behind_proxy = false;
  std::optional<Tls> tls;  // for the TCP addresses
  HttpLimits limits = {};
};

// How the body of a request is taken.
struct HttpBodyTerms {
  std::uint64_t limit = 0;
  bool stream = false;  // by HttpBody; else the request comes with its whole body
};

// The body of a request whose handler asked for a stream.
class HttpBody {
 public:
  virtual ~HttpBody() = default;

  // The next piece, "" at the end. After a failure the server answers by itself, with what was
  // wrong with the body; what the handler returns is not used.
  virtual Task<Result<std::string>> next() = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // Asked when the head is there and before the body is.
  virtual HttpBodyTerms body_terms(const IncomingRequest& head) const = 0;
  // Both stay until the answer is there. What the task waits for must have a deadline of its own.
  virtual Task<HttpResponse> handle(IncomingRequest& request, HttpBody& body) = 0;
  // The words for what the server refuses by itself: 400, 408, 413, 417, 431, 501, 503, 505.
  virtual HttpResponse refusal(const HttpFault& fault) const = 0;
};

struct HttpServerCounts {
  std::size_t connections = 0;  // open now
  std::size_t streams = 0;      // of these
  std::uint64_t requests = 0;
  std::uint64_t refused_connections = 0;  // there were too many
  std::uint64_t timed_out = 0;            // slow, or half-open
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;

  virtual const std::vector<HttpAddress>& addresses() const = 0;  // with the ports that were chosen
  virtual HttpServerCounts counts() const = 0;

  // Takes nothing new, lets what is under way end within `patience`, ends streams, and returns when
  // all has ended. Must have returned before the server goes, unless its executor went first.
  virtual Task<void> stop(Duration patience) = 0;
};

// Listens and serves from now on. Refuses (Code::config) an address that others can reach where
// neither TLS nor `behind_proxy` is set. Clock and handler must outlive it.
Result<std::unique_ptr<HttpServer>> start_http_server(asio::any_io_executor executor, Clock& clock,
                                                      HttpServerSettings settings,
                                                      HttpHandler& handler);

}  // namespace loa
