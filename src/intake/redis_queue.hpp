// The stream of campaigns as one consumer of its group sees it: what the intake does with it, in
// Redis' words. Holds no state of its own.
#pragma once

#include <string>
#include <vector>

#include "intake/redis_entry.hpp"
#include "net/redis.hpp"

namespace loa {

struct RefusedEntry {
  std::string entry;
  std::string campaign;  // "" when it is not known
  std::string by;
  Instant at{};
  std::string faults;   // JSON
  std::string payload;  // "" when it was too large to be read
};

class RedisQueue {
 public:
  RedisQueue(Redis& redis, std::string stream, std::string group, std::string node, Duration limit);

  // True when it was not there: it then begins with the stream's first entry.
  Task<RedisResult<bool>> create_group();
  Task<RedisResult<std::string>> last_id();

  // Makes what nobody finished for so long ours. Then it is among what is pending.
  struct TakenOver {
    std::size_t entries = 0;
    std::vector<std::string> deleted;  // from the stream before anybody finished them
  };
  Task<RedisResult<TakenOver>> take_over(Duration min_idle);

  struct Pending {
    std::string entry;
    std::int64_t deliveries = 0;
  };
  // What was handed to us and is not acknowledged, in order: up to 100 entries after that one.
  Task<RedisResult<std::vector<Pending>>> pending(std::string after);
  // One of these, once more; counts as a delivery. Nothing when it was deleted from the stream.
  Task<RedisResult<std::optional<StreamEntry>>> claim(std::string entry);
  // The same without counting.
  Task<RedisResult<std::optional<StreamEntry>>> fetch(std::string entry);
  // Waits so long for new ones.
  Task<RedisResult<std::vector<StreamEntry>>> read_new(Duration block);
  // Shows the others that these are being worked on.
  Task<RedisResult<void>> keep(std::vector<std::string> entries);
  // All, or none: one command.
  Task<RedisResult<void>> acknowledge(std::vector<std::string> entries);
  Task<RedisResult<void>> refuse(RefusedEntry refused);

  const std::string& stream() const { return stream_; }

 private:
  Task<RedisResult<RedisReply>> say(std::vector<std::string> words);

  Redis& redis_;
  std::string stream_;
  std::string group_;
  std::string node_;
  Duration limit_;
};

// By time and number, as the server orders them.
bool is_earlier(std::string_view entry, std::string_view other);

}  // namespace loa
