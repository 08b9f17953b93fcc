#include "audience/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "base/printable.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

constexpr auto kKinds =
    std::to_array<std::string_view>({"files", "numbers", "upload", "redis", "chunks"});
constexpr std::size_t kNumberBytesMax = 40;
constexpr std::size_t kRedisKeyMax = 512;

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string read_sha256(MapReader& reader, std::string_view key) {
  std::string hex = reader.text(key);
  if (!hex.empty() && !is_sha256(hex))
    reader.fault(key,
                 fmt::format("audience: '{}' must be 64 hexadecimal digits in small letters", key));
  return hex;
}

void resolve_all(MapReader& reader, std::string_view key, const std::string& folder,
                 std::vector<std::string>& paths) {
  if (paths.size() > kAudienceFilesMax)
    reader.fault(key, fmt::format("audience: at most {} files: join some", kAudienceFilesMax));
  std::vector<std::string> seen;
  for (std::string& path : paths) {
    path = (fs::path(folder) / path).lexically_normal().string();
    if (std::find(seen.begin(), seen.end(), path) != seen.end()) {
      reader.fault(key, fmt::format("audience: '{}' names {} twice: keep one", key, path));
    }
    seen.push_back(path);
  }
}

// A list of numbers, or the map that stands for one in what is kept of a campaign.
void read_numbers(const Node& node, AudienceSource& source, Faults& faults) {
  if (node.is_map()) {
    MapReader reader(node, "audience, numbers", faults);
    NumbersDigest digest;
    reader.required("count");
    digest.count = static_cast<std::uint64_t>(
        reader.integer_or("count", 0, 1, std::int64_t{kInlineNumbersMax}));
    digest.sha256 = read_sha256(reader, "sha256");
    reader.finish();
    source.digest = std::move(digest);
    return;
  }
  const auto refuse = [&](const Node& at, std::string text) {
    faults.error(at.place(), "audience: " + std::move(text), at.width());
  };
  if (!node.is_list() || node.items().empty()) {
    refuse(node, "'numbers' must be a list with at least one phone number");
    return;
  }
  if (node.items().size() > kInlineNumbersMax) {
    refuse(node, fmt::format("'numbers' holds {} numbers, at most {} are taken here: write them "
                             "into a CSV file",
                             node.items().size(), kInlineNumbersMax));
    return;
  }
  for (const Node& item : node.items()) {
    const std::string& number = item.scalar();
    if (number.empty() || number.size() > kNumberBytesMax || has_harmful(number)) {
      refuse(item, fmt::format("a phone number has 1 to {} plain characters", kNumberBytesMax));
      return;
    }
    source.numbers.push_back(number);
  }
}

void read_redis(const Node& node, AudienceSource& source, Faults& faults) {
  MapReader reader(node, "audience, redis", faults);
  const bool set = reader.optional("set") != nullptr;
  const bool list = reader.optional("list") != nullptr;
  RedisAudience redis;
  redis.type = list ? RedisAudience::Type::list : RedisAudience::Type::set;
  const std::string_view key = list ? "list" : "set";
  if (set != list) {
    redis.key = reader.text(key);
    if (redis.key.size() > kRedisKeyMax || has_harmful(redis.key))
      reader.fault(
          key, fmt::format("audience, redis: the key has 1 to {} plain characters", kRedisKeyMax));
  } else if (node.is_map()) {
    faults.error(node.place(), "audience, redis: name either a 'set' or a 'list' by its key",
                 node.width());
  }
  reader.finish();
  source.redis = std::move(redis);
}

}  // namespace

std::string_view to_string(AudienceKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

AudienceKind AudienceSource::kind() const {
  if (!files.empty()) return AudienceKind::files;
  if (!numbers.empty() || digest) return AudienceKind::numbers;
  if (!upload.empty()) return AudienceKind::upload;
  if (redis) return AudienceKind::redis;
  if (chunked) return AudienceKind::chunks;
  return AudienceKind::files;
}

bool is_upload_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

AudienceSource read_audience_source(const Node& node, const std::string& folder, Faults& faults) {
  AudienceSource source;
  const std::size_t errors = faults.errors();
  MapReader reader(node, "audience", faults);
  source.files = reader.texts_or_empty("files");
  source.exclude = reader.texts_or_empty("exclude");
  source.phone_column = reader.text_or("phone_column", source.phone_column);
  if (const Node* numbers = reader.optional("numbers")) read_numbers(*numbers, source, faults);
  if (reader.optional("upload") != nullptr) {
    source.upload = reader.text("upload");
    if (!source.upload.empty() && !is_upload_name(source.upload))
      reader.fault("upload", "audience: the name of an upload has 1 to 64 of a-z, 0-9 and '-'");
  }
  if (const Node* redis = reader.optional("redis")) read_redis(*redis, source, faults);
  if (reader.optional("chunks") != nullptr) {
    ChunkedAudience chunked;
    chunked.chunks =
        static_cast<std::uint32_t>(reader.integer_or("chunks", 1, 1, kAudienceChunksMax));
    chunked.sha256 = read_sha256(reader, "sha256");
    source.chunked = std::move(chunked);
  } else if (reader.optional("sha256") != nullptr) {
    reader.fault("sha256", "audience: 'sha256' belongs to 'chunks', which is missing");
  }
  reader.finish();

  std::vector<std::string_view> kinds;
  for (const std::string_view kind : kKinds)
    if (node.find(kind) != nullptr) kinds.push_back(kind);
  if (kinds.size() > 1) {
    reader.fault(kinds[1], fmt::format("audience: '{}' cannot stand beside '{}': an audience comes "
                                       "from one of them",
                                       kinds[1], kinds[0]));
  } else if (faults.errors() == errors &&
             (kinds.empty() || (kinds[0] == "files" && source.files.empty()))) {
    reader.fault("files",
                 "audience: 'files' must name at least one CSV file; or name 'numbers', "
                 "'upload', 'redis' or 'chunks'");
  }
  resolve_all(reader, "files", folder, source.files);
  resolve_all(reader, "exclude", folder, source.exclude);
  return source;
}

NumbersDigest digest_of(const std::vector<std::string>& numbers) {
  Sha256 hash;
  for (const std::string& number : numbers) {
    hash.add(number);
    hash.add("\n");
  }
  return {numbers.size(), to_hex(hash.finish())};
}

std::string to_csv(const AudienceSource& source) {
  LOA_CHECK(source.kind() == AudienceKind::numbers);
  const auto quoted = [](const std::string& field) {
    std::string text = "\"";
    for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + "\"\n";
  };
  std::string csv = quoted(source.phone_column);
  for (const std::string& number : source.numbers) csv += quoted(number);
  return csv;
}

AudienceSource with_files(AudienceSource source, std::vector<std::string> files) {
  AudienceSource resolved;
  resolved.files = std::move(files);
  resolved.exclude = std::move(source.exclude);
  resolved.phone_column = std::move(source.phone_column);
  return resolved;
}

}  // namespace loa
