#include "net/redis_codec.hpp"

#include <hiredis/hiredis.h>

#include <new>

#include "base/check.hpp"

namespace loa {

// hiredis builds its replies by these functions. Its own ones would reserve what a header promises;
// these grow with what has come, and count.
struct RedisParser::Reader {
  redisReader* codec = nullptr;
  redisReplyObjectFunctions functions{};
  std::size_t bytes_max;
  std::size_t values_max;
  std::size_t bytes = 0;   // fed since the last whole reply
  std::size_t values = 0;  // made since then
  bool too_many = false;

  Reader(std::size_t bytes_limit, std::size_t values_limit)
      : bytes_max(bytes_limit), values_max(values_limit) {
    functions.createString = [](const redisReadTask* task, char* text, std::size_t size) -> void* {
      RedisReply* reply = place(task);
      if (reply == nullptr) return nullptr;
      reply->kind =
          task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::error : RedisReply::Kind::text;
      reply->text.assign(text, size);
      return reply;
    };
    functions.createArray = [](const redisReadTask* task, int /*elements*/) -> void* {
      RedisReply* reply = place(task);
      if (reply != nullptr) reply->kind = RedisReply::Kind::list;
      return reply;
    };
    functions.createInteger = [](const redisReadTask* task, long long value) -> void* {
      RedisReply* reply = place(task);
      if (reply == nullptr) return nullptr;
      reply->kind = RedisReply::Kind::integer;
      reply->integer = value;
      return reply;
    };
    functions.createNil = [](const redisReadTask* task) -> void* { return place(task); };
    functions.freeObject = [](void* reply) {
      const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(reply));
    };
    codec = redisReaderCreateWithFunctions(&functions);
    if (codec == nullptr) throw std::bad_alloc();
    codec->privdata = this;
  }
  ~Reader() { redisReaderFree(codec); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The root is hiredis' to hold; what is inside a list stands in the list. A list grows only when
  // everything inside its last item is complete, so no pointer that hiredis still follows moves.
  static RedisReply* place(const redisReadTask* task) {
    auto& self = *static_cast<Reader*>(task->privdata);
    if (++self.values > self.values_max) {
      self.too_many = true;
      return nullptr;
    }
    if (task->parent == nullptr) return std::make_unique<RedisReply>().release();
    auto& list = *static_cast<RedisReply*>(task->parent->obj);
    return &list.items.emplace_back();
  }

  RedisError error() const {
    if (too_many) return {RedisFailure::too_large, "the answer has too many values"};
    return {RedisFailure::protocol,
            std::string("the answer is not in Redis' protocol: ") + codec->errstr};
  }
};

std::string format_command(const std::vector<std::string>& words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), starts.data(),
                                          sizes.data());
  LOA_CHECK(size > 0);
  std::string bytes(formatted, static_cast<std::size_t>(size));
  redisFreeCommand(formatted);
  return bytes;
}

RedisParser::RedisParser(std::size_t bytes_max, std::size_t values_max)
    : reader_(std::make_unique<Reader>(bytes_max, values_max)) {}
RedisParser::~RedisParser() = default;

RedisResult<void> RedisParser::feed(std::string_view bytes) {
  if (bytes.size() > reader_->bytes_max - reader_->bytes) {
    return tl::unexpected(RedisError{
        RedisFailure::too_large,
        "the answer is larger than " + std::to_string(reader_->bytes_max / 1024) + " KiB"});
  }
  reader_->bytes += bytes.size();
  if (redisReaderFeed(reader_->codec, bytes.data(), bytes.size()) != REDIS_OK)
    return tl::unexpected(reader_->error());
  return {};
}

RedisResult<std::optional<RedisReply>> RedisParser::next() {
  void* whole = nullptr;
  if (redisReaderGetReply(reader_->codec, &whole) != REDIS_OK)
    return tl::unexpected(reader_->error());
  if (whole == nullptr) return std::optional<RedisReply>();
  reader_->bytes = 0;
  reader_->values = 0;
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(whole));
  return std::optional<RedisReply>(std::move(*reply));
}

}  // namespace loa
