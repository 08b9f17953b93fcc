#include "intake/redis_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace loa {
namespace {

constexpr std::size_t kNameMax = 200;
constexpr std::size_t kSentinelsMax = 32;

std::string resolved(const Node& node, const std::string& path) {
  const auto folder = std::filesystem::path(node.place().file).parent_path();
  return (folder / path).lexically_normal().string();
}

// A stream's or a group's name.
void read_name(MapReader& map, std::string_view key, std::string& name) {
  name = map.text_or(key, name);
  const auto plain = [](unsigned char c) { return c > ' ' && c < 0x7F; };
  if (name.empty() || name.size() > kNameMax || !std::all_of(name.begin(), name.end(), plain))
    map.fault(key, fmt::format("redis: '{}' is a name of 1 to {} visible ASCII characters", key,
                               kNameMax));
}

std::optional<SecretRef> read_secret(MapReader& map, Faults& faults) {
  const Node* node = map.optional("password");
  return node == nullptr ? std::nullopt : read_secret_ref(*node, faults);
}

void read_url(MapReader& map, RedisAddress& address) {
  const Node* node = map.optional("url");
  if (node == nullptr) return;
  const Result<RedisAddress> read = parse_redis_url(node->scalar());
  if (!read) {
    // A password may stand in it: nothing of it is shown.
    map.faults().error(node->place(), read.error().text, kHiddenWidth);
    return;
  }
  address = *read;
}

RedisSentinel read_sentinel(const Node& node, RedisSettings& settings, Faults& faults) {
  RedisSentinel sentinel;
  MapReader map(node, "sentinel", faults);
  sentinel.master = map.text("master");
  sentinel.user = map.text_or("user", "");
  settings.sentinel_password = read_secret(map, faults);
  for (const std::string& text : map.texts_or_empty("hosts")) {
    const Result<RedisAddress> address = parse_redis_url("redis://" + text);
    const bool bare = text.find_first_of("/@") == std::string::npos;
    if (!address || !bare) {
      map.fault("hosts",
                fmt::format("sentinel: '{}' is not HOST or HOST:PORT", text.substr(0, 64)));
      continue;
    }
    const bool has_port = to_string(*address) == text;
    RedisSentinel::Host host;
    host.host = address->host;
    if (has_port) host.port = address->port;
    sentinel.hosts.push_back(std::move(host));
  }
  if (sentinel.hosts.empty() || sentinel.hosts.size() > kSentinelsMax)
    map.fault("hosts", fmt::format("sentinel: 'hosts' names 1 to {} sentinels", kSentinelsMax));
  map.finish();
  return sentinel;
}

}  // namespace

RedisSettings read_redis_settings(const Node& node, Faults& faults) {
  RedisSettings settings;
  MapReader map(node, "redis", faults);
  RedisAccess& access = settings.access;
  read_url(map, access.address);
  const std::string user = map.text_or("user", access.address.user);
  if (!access.address.user.empty() && user != access.address.user)
    map.fault("user", "redis: 'user' is another than the one in 'url': keep one of them");
  access.address.user = user;
  settings.password = read_secret(map, faults);
  if (!access.address.user.empty() && !settings.password)
    map.fault("user", "redis: a user needs a 'password' beside it");
  if (const std::string file = map.text_or("ca_file", ""); !file.empty())
    access.ca_file = resolved(node, file);
  if (const Node* certificate = map.optional("certificate")) {
    MapReader files(*certificate, "redis certificate", faults);
    access.certificate_file = resolved(node, files.text("file"));
    access.key_file = resolved(node, files.text("key"));
    files.finish();
  }
  read_name(map, "stream", settings.stream);
  read_name(map, "group", settings.group);
  if (const Node* sentinel = map.optional("sentinel")) {
    access.sentinel = read_sentinel(*sentinel, settings, faults);
    if (access.address.transport == RedisAddress::Transport::unix_socket)
      map.fault("url", "redis: sentinels name servers by host: 'url' is redis:// or rediss://");
  }
  map.finish();
  return settings;
}

Result<RedisAccess> fetch_access(const RedisSettings& settings) {
  RedisAccess access = settings.access;
  if (settings.password) {
    Result<Secret> secret = fetch(*settings.password);
    if (!secret) return tl::unexpected(std::move(secret.error()).wrap("redis"));
    access.password = std::move(*secret);
  }
  if (settings.sentinel_password) {
    Result<Secret> secret = fetch(*settings.sentinel_password);
    if (!secret) return tl::unexpected(std::move(secret.error()).wrap("sentinel"));
    access.sentinel.password = std::move(*secret);
  }
  return access;
}

Durability durability_of(const RedisState& state) {
  Durability durability;
  if (state.appendonly.empty() || state.appendfsync.empty()) {
    durability = {
        true,
        "Redis does not let Loa read its settings (CONFIG GET), so how safe a queued campaign is "
        "cannot be told. Keep what was queued until its status says that Loa has it."};
  } else if (state.appendonly != "yes") {
    durability = {true,
                  "Redis writes no append-only file: when it stops, campaigns that were queued "
                  "since its last "
                  "snapshot are lost. Set 'appendonly yes' and 'appendfsync always', and keep what "
                  "was queued "
                  "until its status says that Loa has it."};
  } else if (state.appendfsync == "always") {
    durability = {
        false,
        "Redis makes each queued campaign durable before it answers (appendfsync always). A torn "
        "end "
        "of its file or a fail-over can still lose the last ones: keep what was queued until its "
        "status says that Loa has it."};
  } else if (state.appendfsync == "everysec") {
    durability = {
        true,
        "Redis makes queued campaigns durable once a second (appendfsync everysec): a crash of its "
        "machine loses up to two seconds of them. Set 'appendfsync always', or queue again "
        "whatever "
        "has no status."};
  } else {
    durability = {true,
                  "Redis leaves it to the system when queued campaigns become durable (appendfsync "
                  "no): a crash "
                  "of its machine can lose the last half minute. Set 'appendfsync always'."};
  }
  if (!state.maxmemory_policy.empty() && state.maxmemory_policy.starts_with("allkeys")) {
    durability.warning = true;
    durability.words += fmt::format(
        " With 'maxmemory-policy {}' a Redis that is full throws the queue away: set 'noeviction'.",
        state.maxmemory_policy);
  }
  return durability;
}

}  // namespace loa
