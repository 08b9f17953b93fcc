// The `api:` part of loa.yaml.
#pragma once

#include <string>

#include "config/document.hpp"
#include "net/http_server.hpp"

namespace loa {

// api: {listen: "127.0.0.1:8460" | "unix:/run/loa/api.sock" | [several], behind_proxy: false,
//       tls: {certificate: FILE, key: FILE}}
// `file` is the configuration's, for the paths in it.
HttpServerSettings read_api_settings(const Node& node, const std::string& file, Faults& faults);

}  // namespace loa
