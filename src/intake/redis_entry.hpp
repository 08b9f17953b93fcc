// What stands in the stream of campaigns. An entry is one of:
//
//   campaign  the campaign, YAML or JSON, as in a file       XADD loa:campaigns * campaign "..." by
//   lan by        who queued it, a user's name; may be left out. Redis does not prove it.
//
// and, where its audience comes in pieces, as the campaign says with `audience: {chunks: N,
// sha256: HEX}`, for each of them, before or after it, in any order:
//
//   part      audience
//   campaign  the campaign's id
//   index     1 to N
//   count     N
//   sha256    of this piece, 64 hex digits
//   csv       the piece, at most 1 MiB
//
// The pieces one behind the other are the CSV file, whose first line is its head: only piece 1 has
// one, and a piece may end in the middle of a line. The campaign's sha256 is that of the whole.
// A piece that comes twice does no harm. Other fields are left alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/fault.hpp"
#include "net/redis.hpp"

namespace loa {

struct StreamEntry {
  std::string id;
  std::vector<std::pair<std::string, std::string>> fields;
  bool deleted = false;  // handed out once, and since deleted from the stream

  // "" when it is not there.
  const std::string& field(std::string_view name) const;
};

// Of [id, [name, value, ...]], as the server lists entries. Nothing when it is not that.
std::optional<StreamEntry> entry_of(const RedisReply& reply);

constexpr std::size_t kChunkBytesMax = 1024 * 1024;
constexpr std::uint32_t kChunksMax = 10'000;

struct ChunkNeed {
  std::uint32_t count = 0;
  std::string sha256;  // of the whole
  Place place;         // of `chunks`
};

struct RedisNeed {
  bool is_list = false;
  std::string key;
  Place place;
};

struct QueuedCampaign {
  std::string document;
  std::string by;
  std::string id;  // "" when it cannot be read; the desk then says what is wrong
  std::optional<ChunkNeed> chunks;
  std::optional<RedisNeed> redis;
  std::string phone_column = "so_dien_thoai";
};

struct QueuedChunk {
  std::string campaign;
  std::uint32_t index = 0;  // from 1
  std::uint32_t count = 0;
  std::string sha256;
  std::string csv;  // its SHA-256 has been compared
};

using QueuedEntry = std::variant<QueuedCampaign, QueuedChunk>;

// `name` stands for the entry in faults.
tl::expected<QueuedEntry, Faults> read_entry(const StreamEntry& entry, const std::string& name);

// An id as campaigns have them: safe as part of a file's or a key's name.
bool is_queue_id(std::string_view text);

}  // namespace loa
