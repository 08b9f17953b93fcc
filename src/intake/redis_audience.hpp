// An audience that Redis holds as a set or a list of numbers, brought to a CSV file of one column,
// piece by piece.
#pragma once

#include <string>

#include "async/clock.hpp"
#include "async/workers.hpp"
#include "intake/redis_entry.hpp"
#include "intake/redis_staging.hpp"
#include "net/redis.hpp"

namespace loa {

struct RedisAudienceFile {
  std::string path;
  std::uint64_t rows = 0;
  std::string warning;  // the key changed meanwhile; "" when it did not
};

struct RedisAudienceError {
  bool passing = false;  // trying again later is right; else the campaign is wrong
  std::string text;
};

// A set's numbers are sorted, each once, so that the same set is the same file; a list's stay in
// their order. `limit` is for the whole; `stopping` is asked between the pieces.
constexpr std::size_t kRedisSetMax = 20'000'000;  // 8 bytes of memory each

Task<tl::expected<RedisAudienceFile, RedisAudienceError>> read_redis_audience(
    Redis& redis, Clock& clock, Workers& workers, Staging& staging, const QueuedCampaign& campaign,
    Duration limit, const bool& stopping);

}  // namespace loa
