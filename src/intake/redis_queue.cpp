#include "intake/redis_queue.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/utf8.hpp"

namespace loa {
namespace {

constexpr std::string_view kPage = "100";
constexpr std::string_view kNewAtOnce = "8";  // of a mebibyte at most each
constexpr std::size_t kPayloadMax = 64 * 1024;

std::pair<std::uint64_t, std::uint64_t> parts_of(std::string_view entry) {
  std::uint64_t time = 0;
  std::uint64_t number = 0;
  const char* end = entry.data() + entry.size();
  const auto [dash, ec] = std::from_chars(entry.data(), end, time);
  if (ec == std::errc() && dash != end) std::from_chars(dash + 1, end, number);
  return {time, number};
}

tl::unexpected<RedisError> strange(const char* command) {
  return tl::unexpected(
      RedisError{RedisFailure::protocol, std::string("not what Redis answers to ") + command});
}

// The only entry of a list of at most one.
std::optional<StreamEntry> only_entry(const RedisReply& list) {
  if (list.items.empty()) return std::nullopt;
  std::optional<StreamEntry> entry = entry_of(list.items.front());
  if (entry && entry->deleted) return std::nullopt;
  return entry;
}

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

bool is_earlier(std::string_view entry, std::string_view other) {
  return parts_of(entry) < parts_of(other);
}

RedisQueue::RedisQueue(Redis& redis, std::string stream, std::string group, std::string node,
                       Duration limit)
    : redis_(redis),
      stream_(std::move(stream)),
      group_(std::move(group)),
      node_(std::move(node)),
      limit_(limit) {}

Task<RedisResult<RedisReply>> RedisQueue::say(std::vector<std::string> words) {
  RedisResult<RedisReply> reply = co_await redis_.command(std::move(words), limit_);
  co_return reply;
}

Task<RedisResult<bool>> RedisQueue::create_group() {
  std::vector<std::string> words{"XGROUP", "CREATE", stream_, group_, "0", "MKSTREAM"};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (reply) co_return true;
  switch (reply.error().kind) {
    case RedisFailure::group_exists:
    // Not asked whether it is there; if it is not, reading says so.
    case RedisFailure::out_of_memory:
    case RedisFailure::not_permitted: co_return false;
    default: break;
  }
  co_return tl::unexpected(reply.error());
}

Task<RedisResult<std::string>> RedisQueue::last_id() {
  std::vector<std::string> words{"XINFO", "STREAM", stream_};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  for (std::size_t i = 0; i + 1 < reply->items.size(); i += 2)
    if (reply->items[i].text == "last-generated-id") co_return reply->items[i + 1].text;
  co_return strange("XINFO STREAM");
}

Task<RedisResult<RedisQueue::TakenOver>> RedisQueue::take_over(Duration min_idle) {
  TakenOver taken;
  std::string cursor = "0-0";
  do {
    std::vector<std::string> words{
        "XAUTOCLAIM",       stream_, group_, node_, milliseconds(min_idle), cursor, "COUNT",
        std::string(kPage), "JUSTID"};
    const RedisResult<RedisReply> reply = co_await say(std::move(words));
    if (!reply) co_return tl::unexpected(reply.error());
    if (reply->items.size() < 3 || !reply->items[0].is_text()) co_return strange("XAUTOCLAIM");
    cursor = reply->items[0].text;
    taken.entries += reply->items[1].items.size();
    for (const RedisReply& id : reply->items[2].items) taken.deleted.push_back(id.text);
  } while (cursor != "0-0");
  co_return taken;
}

Task<RedisResult<std::vector<RedisQueue::Pending>>> RedisQueue::pending(std::string after) {
  std::vector<std::string> words{
      "XPENDING",         stream_, group_, after.empty() ? "-" : "(" + after, "+",
      std::string(kPage), node_};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  std::vector<Pending> all;
  for (const RedisReply& one : reply->items) {
    if (one.items.size() != 4 || !one.items[0].is_text()) co_return strange("XPENDING");
    Pending pending;
    pending.entry = one.items[0].text;
    pending.deliveries = one.items[3].integer;
    all.push_back(std::move(pending));
  }
  co_return all;
}

Task<RedisResult<std::optional<StreamEntry>>> RedisQueue::claim(std::string entry) {
  std::vector<std::string> words{"XCLAIM", stream_, group_, node_, "0", std::move(entry)};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return only_entry(*reply);
}

Task<RedisResult<std::optional<StreamEntry>>> RedisQueue::fetch(std::string entry) {
  std::vector<std::string> words{"XRANGE", stream_, entry, entry};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return only_entry(*reply);
}

Task<RedisResult<std::vector<StreamEntry>>> RedisQueue::read_new(Duration block) {
  // BLOCK 0 would be for ever.
  const Duration wait = std::max<Duration>(block, std::chrono::milliseconds(1));
  std::vector<std::string> words{
      "XREADGROUP",       "GROUP",   group_,  node_, "COUNT", std::string(kNewAtOnce), "BLOCK",
      milliseconds(wait), "STREAMS", stream_, ">"};
  const RedisResult<RedisReply> reply = co_await redis_.command(std::move(words), wait + limit_);
  if (!reply) co_return tl::unexpected(reply.error());
  std::vector<StreamEntry> entries;
  if (reply->is_null()) co_return entries;
  if (reply->items.size() != 1 || reply->items[0].items.size() != 2)
    co_return strange("XREADGROUP");
  for (const RedisReply& one : reply->items[0].items[1].items) {
    std::optional<StreamEntry> entry = entry_of(one);
    if (!entry) co_return strange("XREADGROUP");
    entries.push_back(std::move(*entry));
  }
  co_return entries;
}

Task<RedisResult<void>> RedisQueue::keep(std::vector<std::string> entries) {
  if (entries.empty()) co_return RedisResult<void>{};
  std::vector<std::string> words{"XCLAIM", stream_, group_, node_, "0"};
  words.insert(words.end(), std::make_move_iterator(entries.begin()),
               std::make_move_iterator(entries.end()));
  words.emplace_back("JUSTID");
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return RedisResult<void>{};
}

Task<RedisResult<void>> RedisQueue::acknowledge(std::vector<std::string> entries) {
  std::vector<std::string> words{"XACK", stream_, group_};
  words.insert(words.end(), std::make_move_iterator(entries.begin()),
               std::make_move_iterator(entries.end()));
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return RedisResult<void>{};
}

Task<RedisResult<void>> RedisQueue::refuse(RefusedEntry refused) {
  const std::string size = std::to_string(refused.payload.size());
  refused.payload.resize(std::min(refused.payload.size(), kPayloadMax));
  std::vector<std::string> words{"XADD",
                                 stream_ + ":refused",
                                 "*",
                                 "id",
                                 refused.entry,
                                 "stream",
                                 stream_,
                                 "campaign",
                                 refused.campaign,
                                 "by",
                                 refused.by,
                                 "at",
                                 to_rfc3339(refused.at),
                                 "faults",
                                 refused.faults,
                                 "payload",
                                 std::move(refused.payload),
                                 "payload_bytes",
                                 size};
  const RedisResult<RedisReply> reply = co_await say(std::move(words));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return RedisResult<void>{};
}

}  // namespace loa
