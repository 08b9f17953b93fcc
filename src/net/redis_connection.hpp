// One connection to a Redis server: TCP, TLS or a Unix socket. Every wait has its limit; when one
// passes, the connection is closed, since a late answer would be taken for the next command's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "net/redis.hpp"
#include "net/redis_codec.hpp"

namespace loa {

// What TLS needs besides the address; made once.
class RedisTls {
 public:
  virtual ~RedisTls() = default;
};
Result<std::unique_ptr<RedisTls>> create_redis_tls(const RedisAccess& access);

class RedisConnection {
 public:
  virtual ~RedisConnection() = default;

  // `tls` is for addresses of that transport.
  virtual Task<RedisResult<void>> open(const RedisAddress& address, RedisTls* tls,
                                       Duration limit) = 0;
  virtual Task<RedisResult<RedisReply>> exchange(const std::vector<std::string>& words,
                                                 Duration limit) = 0;
  // Connected, and nothing waits to be read: no answer that nobody asked for, no end.
  virtual bool is_quiet() = 0;
  virtual void close() = 0;
};

std::unique_ptr<RedisConnection> create_redis_connection(const asio::any_io_executor& executor);

}  // namespace loa
