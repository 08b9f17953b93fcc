// The part of loa.yaml about Redis:
//   redis:
//     url: "redis://127.0.0.1:6379/0"   # rediss:// (TLS) and unix:///path?db=0 too; [user@]host
//     user: loa                         # or in the url
//     password: {file: secrets/redis}   # {env: NAME}, {credential: NAME}; never in the url
//     ca_file: ca.crt                   # absent: the system's authorities
//     certificate: {file: loa.crt, key: loa.key}   # where the server asks for one
//     stream: "loa:campaigns"
//     group: loa
//     sentinel: {hosts: ["10.0.0.1:26379", ...], master: NAME, user: NAME, password: {...}}
// Refused entries go to STREAM:refused. With sentinels, host and port of the url are not used.
#pragma once

#include <optional>
#include <string>

#include "config/document.hpp"
#include "config/secret.hpp"
#include "net/redis.hpp"

namespace loa {

struct RedisSettings {
  RedisAccess access;  // without the passwords
  std::optional<SecretRef> password;
  std::optional<SecretRef> sentinel_password;
  std::string stream = "loa:campaigns";
  std::string group = "loa";
};

// Relative paths are against the document's folder.
RedisSettings read_redis_settings(const Node& node, Faults& faults);

// The access with its passwords fetched. Fails with Code::config.
Result<RedisAccess> fetch_access(const RedisSettings& settings);

// What the server's persistence means for whoever queues, in one or two sentences; "warning" when
// a campaign that was queued can be lost.
struct Durability {
  bool warning = false;
  std::string words;
};
Durability durability_of(const RedisState& state);

}  // namespace loa
