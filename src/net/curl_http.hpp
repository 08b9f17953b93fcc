// Http by libcurl's multi interface on one Asio executor: keep-alive, deadlines, bodies of at most
// kHttpBodyMax, no redirects, no proxies from the environment, TLS 1.2 or newer with the peer
// verified.
//
// libcurl by itself repeats a request whose reused connection died before the first byte of the
// answer, and then reports success: the gateway would have it twice. A second start of the same
// transfer is stopped here, and the reply is in doubt. It also takes a kept connection again on
// which an answer waits that nobody asked for; here another connection is taken.
#pragma once

#include <memory>

#include "net/http.hpp"

namespace loa {

// Must outlive every perform() under way. `connections_max` is the number kept open.
std::unique_ptr<Http> create_curl_http(asio::any_io_executor executor, int connections_max);

}  // namespace loa
