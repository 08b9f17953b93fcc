// Redis as Loa uses it: one command, one answer, each in bounded time. What failed is told by kind,
// so that callers decide by what it means and never by words.
//
// The real client takes hiredis for the protocol only; connections, TLS and deadlines are Asio's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace loa {

struct RedisReply {
  enum class Kind { null, text, integer, list, error };  // a status is a text

  Kind kind = Kind::null;
  std::string text;  // of a text or an error
  std::int64_t integer = 0;
  std::vector<RedisReply> items;  // of a list

  bool is_null() const { return kind == Kind::null; }
  bool is_text() const { return kind == Kind::text; }
  bool is_integer() const { return kind == Kind::integer; }
  bool is_list() const { return kind == Kind::list; }
};

// Bounds of one reply; hiredis itself refuses more than seven lists inside one another.
constexpr std::size_t kRedisReplyBytesMax = 32 * 1024 * 1024;
constexpr std::size_t kRedisReplyValuesMax = 200'000;

enum class RedisFailure {
  not_connected,  // nothing was sent
  lost,           // the connection ended before the answer: it may have been done
  timeout,        // no answer in time: it may have been done
  too_large,      // the answer is beyond the bounds above: it was done
  protocol,       // the other side does not speak Redis
  // The server's answers, by their first word. It does nothing now, and may later:
  loading,        // LOADING: it reads its data
  read_only,      // READONLY: a replica, or a master that was set aside
  out_of_memory,  // OOM: at its maxmemory
  not_saving,     // MISCONF: it cannot write its snapshots
  master_down,    // MASTERDOWN
  few_replicas,   // NOREPLICAS
  busy,           // BUSY: a script runs
  no_group,       // NOGROUP: stream or group is not there
  group_exists,   // BUSYGROUP
  wrong_type,     // WRONGTYPE: the key holds something else
  no_auth,        // NOAUTH, WRONGPASS, or no user of that name
  not_permitted,  // NOPERM: the user may not
  other,
};

std::string_view to_string(RedisFailure kind);  // stable word for logs and status: "read_only"
RedisFailure failure_of(std::string_view server_error);

struct RedisError {
  RedisFailure kind = RedisFailure::other;
  std::string text;  // for people; no password, no payload
};

template <class T>
using RedisResult = tl::expected<T, RedisError>;

// What is known of the server and the way to it.
struct RedisState {
  bool connected = false;
  Instant since{};     // it is so
  std::string server;  // "127.0.0.1:6379", "/run/redis.sock": the one in use, or tried last
  std::string error;   // why not connected, or why it was not before; "" when never lost
  RedisFailure failure = RedisFailure::not_connected;  // kind of that error
  int attempts = 0;                                    // to connect, since it was lost
  Tick next_attempt{};                                 // not before
  std::uint64_t connections = 0;                       // made so far: grows with each new one
  std::string version;                                 // of the server, "" when it does not say
  // CONFIG GET; "" when the server does not let us ask.
  std::string appendonly;
  std::string appendfsync;
  std::string maxmemory_policy;
};

class Redis {
 public:
  virtual ~Redis() = default;

  // Sends one command and waits for its answer; connects first if there is no connection and the
  // next attempt is due. One command is under way at a time, others wait their turn. `limit` is for
  // the answer. An error of the server is a failure, except inside a list.
  virtual Task<RedisResult<RedisReply>> command(std::vector<std::string> words,
                                                Duration limit = std::chrono::seconds(5)) = 0;
  virtual const RedisState& state() const = 0;
  // Ends the connection; the command under way fails. With `for_good`, so do all later ones.
  virtual void close(bool for_good) = 0;
};

// How to reach a server.
struct RedisAddress {
  enum class Transport { tcp, tls, unix_socket };

  Transport transport = Transport::tcp;
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string path;  // of a Unix socket
  int database = 0;
  std::string user;  // "" for the default one

  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

// redis://[user@]host[:port][/db], rediss:// (TLS), unix:///path[?db=N]. A password in it is
// refused: the error does not repeat it.
Result<RedisAddress> parse_redis_url(std::string_view url);

std::string to_string(const RedisAddress& address);  // "127.0.0.1:6379", "[::1]:6379", "/path"

struct RedisSentinel {
  struct Host {
    std::string host;
    std::uint16_t port = 26379;

    friend bool operator==(const Host&, const Host&) = default;
  };
  std::vector<Host> hosts;  // asked in turn; with none, the address is the server
  std::string master;       // its name
  std::string user;
  std::optional<Secret> password;
};

struct RedisAccess {
  RedisAddress address;  // with sentinels, its host and port are not used
  std::optional<Secret> password;
  RedisSentinel sentinel;
  std::string ca_file;           // "" for the system's authorities
  std::string certificate_file;  // of this client, where the server asks for one
  std::string key_file;
  Duration connect_limit = std::chrono::seconds(5);  // for connection and log-in
  // Between attempts: doubled each time, and shortened at random by up to a half.
  Duration pause_first = std::chrono::seconds(1);
  Duration pause_max = std::chrono::seconds(30);
};

// `name` is what CLIENT LIST shows. Fails with Code::config when the TLS files cannot be used. Name
// resolution is the system's and keeps its own time.
Result<std::unique_ptr<Redis>> create_redis(asio::any_io_executor executor, Clock& clock,
                                            Random& random, RedisAccess access, std::string name);

}  // namespace loa
