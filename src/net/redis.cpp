#include "net/redis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace loa {
namespace {

constexpr std::array<std::string_view, 18> kFailureWords = {
    "not_connected", "lost",          "timeout",    "too_large",   "protocol",      "loading",
    "read_only",     "out_of_memory", "not_saving", "master_down", "few_replicas",  "busy",
    "no_group",      "group_exists",  "wrong_type", "no_auth",     "not_permitted", "other"};

constexpr std::array<std::pair<std::string_view, RedisFailure>, 13> kServerErrors = {{
    {"LOADING", RedisFailure::loading},
    {"READONLY", RedisFailure::read_only},
    {"OOM", RedisFailure::out_of_memory},
    {"MISCONF", RedisFailure::not_saving},
    {"MASTERDOWN", RedisFailure::master_down},
    {"NOREPLICAS", RedisFailure::few_replicas},
    {"BUSY", RedisFailure::busy},
    {"NOGROUP", RedisFailure::no_group},
    {"BUSYGROUP", RedisFailure::group_exists},
    {"WRONGTYPE", RedisFailure::wrong_type},
    {"NOAUTH", RedisFailure::no_auth},
    {"WRONGPASS", RedisFailure::no_auth},
    {"NOPERM", RedisFailure::not_permitted},
}};

constexpr int kDatabaseMax = 65'535;

template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

tl::unexpected<Error> wrong(std::string text) {
  return fail(Code::config, "Redis address: " + std::move(text));
}

Result<int> database_of(std::string_view text) {
  const auto database = number_of<int>(text);
  if (!database || *database < 0 || *database > kDatabaseMax)
    return wrong("the database is a number from 0, as in redis://127.0.0.1:6379/0");
  return *database;
}

Result<RedisAddress> parse_unix(std::string_view rest) {
  RedisAddress address;
  address.transport = RedisAddress::Transport::unix_socket;
  const std::size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    const std::string_view query = rest.substr(question + 1);
    if (!query.starts_with("db=")) return wrong("after '?' only db=N may stand");
    const Result<int> database = database_of(query.substr(3));
    if (!database) return tl::unexpected(database.error());
    address.database = *database;
    rest = rest.substr(0, question);
  }
  if (rest.starts_with("//")) rest.remove_prefix(2);
  if (!rest.starts_with('/'))
    return wrong("a socket's path begins with '/': unix:///run/redis.sock");
  constexpr std::size_t kSocketPathMax = 107;
  if (rest.size() > kSocketPathMax) return wrong("a socket's path has at most 107 bytes");
  address.path = rest;
  return address;
}

// "host", "host:port", "[::1]:port"
Result<void> parse_host(std::string_view text, RedisAddress& address) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong("the ']' of the address is missing");
    address.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  const auto plain = [](unsigned char c) { return c > ' ' && c != 0x7F && c != '[' && c != ']'; };
  if (address.host.empty() || !std::all_of(address.host.begin(), address.host.end(), plain))
    return wrong("a host's name is missing: write redis://HOST:PORT/DB");
  if (port.empty()) return {};
  const auto number =
      port.starts_with(':') ? number_of<std::uint16_t>(port.substr(1)) : std::nullopt;
  if (!number || *number == 0) return wrong("the port is a number from 1 to 65535");
  address.port = *number;
  return {};
}

}  // namespace

std::string_view to_string(RedisFailure kind) {
  return kFailureWords[static_cast<std::size_t>(kind)];
}

RedisFailure failure_of(std::string_view server_error) {
  const std::string_view word = server_error.substr(0, server_error.find(' '));
  const auto* found = std::find_if(kServerErrors.begin(), kServerErrors.end(),
                                   [&](const auto& one) { return one.first == word; });
  if (found != kServerErrors.end()) return found->second;
  // Without a password of its own, a server answers AUTH so.
  if (server_error.starts_with("ERR Client sent AUTH") || server_error.starts_with("ERR AUTH"))
    return RedisFailure::no_auth;
  return RedisFailure::other;
}

Result<RedisAddress> parse_redis_url(std::string_view url) {
  if (url.starts_with("unix:")) return parse_unix(url.substr(5));
  RedisAddress address;
  if (url.starts_with("rediss://")) {
    address.transport = RedisAddress::Transport::tls;
  } else if (!url.starts_with("redis://")) {
    return wrong("it begins with redis://, rediss:// (TLS) or unix://");
  }
  std::string_view rest = url.substr(url.find("//") + 2);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    address.user = rest.substr(0, at);
    if (address.user.find(':') != std::string::npos) {
      return wrong(
          "a password does not stand in an address: write "
          "'password: {file: PATH}', {env: NAME} or {credential: NAME} beside it");
    }
    rest = rest.substr(at + 1);
  }
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (const std::string_view name = rest.substr(slash + 1); !name.empty()) {
      const Result<int> database = database_of(name);
      if (!database) return tl::unexpected(database.error());
      address.database = *database;
    }
    rest = rest.substr(0, slash);
  }
  const Result<void> host = parse_host(rest, address);
  if (!host) return tl::unexpected(host.error());
  return address;
}

std::string to_string(const RedisAddress& address) {
  if (address.transport == RedisAddress::Transport::unix_socket) return address.path;
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port)
            : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace loa
