// Where the recipients of a campaign come from. Exactly one of these, and further exclusions:
//   audience: {files: [a.csv, b.csv], exclude: [], phone_column: so_dien_thoai}
//   audience: {numbers: ["0912 345 678", ...]}       written here, at most 1,000
//   audience: {upload: NAME}                         a CSV that was uploaded before
//   audience: {redis: {set: KEY}}                    or {list: KEY}: numbers that Redis holds
//   audience: {chunks: N, sha256: HEX}               a CSV that comes in N pieces; the hash of the
//   whole
// Only files and numbers written here can be read as they are; whoever takes the campaign in brings
// the others to files first (with_files).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"

namespace loa {

class Node;

constexpr std::size_t kAudienceFilesMax = 255;
constexpr std::size_t kInlineNumbersMax = 1'000;
constexpr std::uint32_t kAudienceChunksMax = 100'000;

enum class AudienceKind { files, numbers, upload, redis, chunks };
std::string_view to_string(AudienceKind kind);

struct RedisAudience {
  enum class Type { set, list };
  Type type = Type::set;
  std::string key;

  friend bool operator==(const RedisAudience&, const RedisAudience&) = default;
};

struct ChunkedAudience {
  std::uint32_t chunks = 0;
  std::string sha256;  // of the whole CSV, hex

  friend bool operator==(const ChunkedAudience&, const ChunkedAudience&) = default;
};

// Numbers that stood in a campaign, once they have been taken out of it.
struct NumbersDigest {
  std::uint64_t count = 0;
  std::string sha256;  // hex; of the numbers as written, each with a line break behind it

  friend bool operator==(const NumbersDigest&, const NumbersDigest&) = default;
};

struct AudienceSource {
  std::vector<std::string> files;    // paths, at most 255
  std::vector<std::string> exclude;  // paths of lists of opted-out numbers: a CSV with the same
                                     // column, or with one column and no header
  std::string phone_column = "so_dien_thoai";
  std::vector<std::string> numbers = {};     // as written
  std::optional<NumbersDigest> digest = {};  // what is left of numbers that were taken out
  std::string upload = {};                   // its name: 1 to 64 of a-z, 0-9 and '-'
  std::optional<RedisAudience> redis = {};
  std::optional<ChunkedAudience> chunked = {};

  AudienceKind kind() const;  // files when there is nothing yet
  friend bool operator==(const AudienceSource&, const AudienceSource&) = default;
};

// Paths are resolved against `folder`. No fault quotes a number.
AudienceSource read_audience_source(const Node& node, const std::string& folder, Faults& faults);

bool is_upload_name(std::string_view name);

NumbersDigest digest_of(const std::vector<std::string>& numbers);

// The numbers as a CSV file of one column, for a source of that kind.
std::string to_csv(const AudienceSource& source);

// The same audience, its recipients now in `files`.
AudienceSource with_files(AudienceSource source, std::vector<std::string> files);

}  // namespace loa
