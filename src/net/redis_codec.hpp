// The Redis protocol (RESP 2) by hiredis: words to bytes, bytes to replies, within bounds.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/redis.hpp"

namespace loa {

std::string format_command(const std::vector<std::string>& words);

class RedisParser {
 public:
  // Bounds in bytes and values for each reply.
  explicit RedisParser(std::size_t bytes_max = kRedisReplyBytesMax,
                       std::size_t values_max = kRedisReplyValuesMax);
  ~RedisParser();
  RedisParser(const RedisParser&) = delete;
  RedisParser& operator=(const RedisParser&) = delete;

  // Fails with too_large or protocol; after that the parser is of no more use.
  RedisResult<void> feed(std::string_view bytes);
  // The next whole reply, if there is one.
  RedisResult<std::optional<RedisReply>> next();

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace loa
