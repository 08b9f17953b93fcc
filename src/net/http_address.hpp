// Where the HTTP server listens: "127.0.0.1:8460", "[::1]:8460", "unix:/run/loa/api.sock".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace loa {

struct HttpAddress {
  std::string host;        // an IP address; "" for a Unix socket
  std::uint16_t port = 0;  // 0: the system chooses
  std::string path;        // of the Unix socket

  bool is_unix() const { return !path.empty(); }
};

// Fails with Code::config. Names are not resolved: what is listened on must be plain to see.
Result<HttpAddress> read_http_address(std::string_view text);
std::string to_string(const HttpAddress& address);

// A Unix socket or loopback: only this machine can reach it.
bool is_local(const HttpAddress& address);

// Bound and listening; the descriptor is the caller's. A Unix socket gets mode 0660; the file of a
// server that is gone is replaced, that of a living one is not. Sets the port that was chosen.
Result<int> listen_on(HttpAddress& address);

}  // namespace loa
