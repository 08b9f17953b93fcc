// Bytes as what a Redis server says, in pieces: no crash, nothing beyond the bounds, and what is
// read in one piece is read the same in many.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "net/redis_codec.hpp"

namespace {

using namespace loa;

constexpr std::size_t kBytesMax = 4096;
constexpr std::size_t kValuesMax = 256;

std::size_t count(const RedisReply& reply) {
  std::size_t values = 1;
  for (const RedisReply& item : reply.items) values += count(item);
  return values;
}

bool same(const RedisReply& a, const RedisReply& b) {
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer ||
      a.items.size() != b.items.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  return true;
}

std::vector<RedisReply> read(std::string_view bytes, std::size_t piece) {
  RedisParser parser(kBytesMax, kValuesMax);
  std::vector<RedisReply> replies;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!parser.feed(bytes.substr(0, piece))) break;
    for (auto reply = parser.next();; reply = parser.next()) {
      if (!reply) return replies;
      if (!*reply) break;
      LOA_CHECK(count(**reply) <= kValuesMax);
      static_cast<void>(failure_of((*reply)->text));
      replies.push_back(std::move(**reply));
    }
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0];
  const std::vector<RedisReply> one_by_one = read(bytes, 1);
  const std::vector<RedisReply> in_pieces = read(bytes, piece);
  // Larger pieces reach the bound of bytes earlier, at a reply's end.
  LOA_CHECK(in_pieces.size() <= one_by_one.size());
  for (std::size_t i = 0; i < in_pieces.size(); ++i) LOA_CHECK(same(one_by_one[i], in_pieces[i]));
  static_cast<void>(parse_redis_url(bytes));
  return 0;
}
