#include "intake/redis_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/hash.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

constexpr std::size_t kHexDigest = 64;
constexpr std::size_t kByMax = 64;
constexpr std::size_t kKeyMax = 512;

std::uint32_t count_of(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size() && value <= max ? value : 0;
}

bool is_digest(std::string_view text) {
  return text.size() == kHexDigest &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_user_name(std::string_view text) {
  return text.size() <= kByMax && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

tl::expected<QueuedEntry, Faults> read_chunk(const StreamEntry& entry, const std::string& name) {
  Faults faults;
  const Place place{name};
  QueuedChunk chunk;
  chunk.campaign = entry.field("campaign");
  chunk.index = count_of(entry.field("index"), kChunksMax);
  chunk.count = count_of(entry.field("count"), kChunksMax);
  chunk.sha256 = lower(entry.field("sha256"));
  chunk.csv = entry.field("csv");
  if (entry.field("part") != "audience") faults.error(place, "'part' can only be 'audience'");
  if (!is_queue_id(chunk.campaign))
    faults.error(place, "'campaign' of a part is the campaign's id: a-z, 0-9 and '-'");
  if (chunk.count == 0)
    faults.error(place, fmt::format("'count' is the number of parts, 1 to {}", kChunksMax));
  if (chunk.index == 0 || (chunk.count > 0 && chunk.index > chunk.count))
    faults.error(place, "'index' counts the parts from 1 to 'count'");
  if (chunk.csv.empty() || chunk.csv.size() > kChunkBytesMax) {
    faults.error(place, fmt::format("'csv' is the part itself, 1 to {} bytes; this has {}",
                                    kChunkBytesMax, chunk.csv.size()));
  } else if (!is_digest(chunk.sha256)) {
    faults.error(place, "'sha256' is the part's SHA-256, 64 hex digits");
  } else if (to_hex(sha256(chunk.csv)) != chunk.sha256) {
    faults.error(
        place,
        "the part does not have the SHA-256 that is named: it was damaged on the way, or is "
        "another part; queue it again");
  }
  if (!faults.ok()) return tl::unexpected(std::move(faults));
  return QueuedEntry(std::move(chunk));
}

void read_chunk_need(const Node& node, const Node& audience, QueuedCampaign& campaign,
                     Faults& faults) {
  ChunkNeed need;
  need.place = node.place();
  need.count = count_of(node.scalar(), kChunksMax);
  if (need.count == 0)
    faults.error(need.place, fmt::format("audience: 'chunks' is a number from 1 to {}", kChunksMax),
                 node.width());
  const Node* hash = audience.find("sha256");
  if (hash != nullptr) need.sha256 = lower(hash->scalar());
  if (!is_digest(need.sha256)) {
    faults.error(hash == nullptr ? need.place : hash->place(),
                 "audience: 'sha256' is the SHA-256 of all chunks together, 64 hex digits");
  }
  campaign.chunks = std::move(need);
}

void read_redis_need(const Node& node, QueuedCampaign& campaign, Faults& faults) {
  const Node* set = node.find("set");
  const Node* list = node.find("list");
  const Node* key = set != nullptr ? set : list;
  if ((set == nullptr) == (list == nullptr) || key->scalar().empty() ||
      key->scalar().size() > kKeyMax) {
    faults.error(node.place(), "audience: write 'redis: {set: KEY}' or 'redis: {list: KEY}'",
                 node.width());
    return;
  }
  campaign.redis = RedisNeed{list != nullptr, key->scalar(), key->place()};
}

// Only what the intake itself has to know; the desk reads the whole and names every fault.
tl::expected<QueuedEntry, Faults> read_campaign(const StreamEntry& entry, const std::string& name) {
  QueuedCampaign campaign;
  campaign.document = entry.field("campaign");
  campaign.by = entry.field("by");
  Faults faults;
  if (!is_user_name(campaign.by)) {
    faults.error({name}, "'by' is a user's name: letters, digits, '.', '_' and '-', at most 64");
    return tl::unexpected(std::move(faults));
  }
  Faults unread;
  const std::optional<Node> document = parse_document(campaign.document, name, unread);
  if (!document || !unread.ok()) return QueuedEntry(std::move(campaign));
  if (const Node* id = document->find("campaign"); id != nullptr && is_queue_id(id->scalar()))
    campaign.id = id->scalar();
  const Node* audience = document->find("audience");
  if (campaign.id.empty() || audience == nullptr) return QueuedEntry(std::move(campaign));
  if (const Node* column = audience->find("phone_column");
      column != nullptr && !column->scalar().empty())
    campaign.phone_column = column->scalar();
  if (const Node* chunks = audience->find("chunks"))
    read_chunk_need(*chunks, *audience, campaign, faults);
  if (const Node* redis = audience->find("redis")) read_redis_need(*redis, campaign, faults);
  if (!faults.ok()) return tl::unexpected(std::move(faults));
  return QueuedEntry(std::move(campaign));
}

}  // namespace

const std::string& StreamEntry::field(std::string_view name) const {
  static const std::string none;
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == fields.end() ? none : found->second;
}

std::optional<StreamEntry> entry_of(const RedisReply& reply) {
  if (reply.items.size() != 2 || !reply.items[0].is_text()) return std::nullopt;
  StreamEntry entry;
  entry.id = reply.items[0].text;
  const RedisReply& fields = reply.items[1];
  entry.deleted = fields.is_null();
  if (!entry.deleted && (!fields.is_list() || fields.items.size() % 2 != 0)) return std::nullopt;
  for (std::size_t i = 0; i < fields.items.size(); i += 2)
    entry.fields.emplace_back(fields.items[i].text, fields.items[i + 1].text);
  return entry;
}

bool is_queue_id(std::string_view text) {
  constexpr std::size_t kIdMax = 64;
  return !text.empty() && text.size() <= kIdMax && text.front() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

tl::expected<QueuedEntry, Faults> read_entry(const StreamEntry& entry, const std::string& name) {
  if (!entry.field("part").empty()) return read_chunk(entry, name);
  if (!entry.field("campaign").empty()) return read_campaign(entry, name);
  Faults faults;
  std::vector<std::string> near;
  for (const auto& [field, value] : entry.fields)
    if (nearest(field, {"campaign", "part"}) == "campaign") near.push_back(field);
  faults.error({name}, near.empty()
                           ? "an entry needs the field 'campaign': the campaign, in YAML or JSON"
                           : fmt::format("an entry needs the field 'campaign'; is '{}' that?",
                                         near.front().substr(0, kByMax)));
  return tl::unexpected(std::move(faults));
}

}  // namespace loa
