#include "journal/block.hpp"

#include <bit>
#include <cstring>

#include "base/check.hpp"
#include "base/hash.hpp"

namespace loa {
namespace {

static_assert(std::endian::native == std::endian::little, "the journal is written little-endian");

constexpr std::uint32_t kMagic = 0x31414F4C;  // "LOA1"

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <class T>
T get(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::string encode_block(BlockHeader& header, std::string_view body) {
  LOA_CHECK(!body.empty() && body.size() <= kBlockBodyMax && body.back() == '\n');
  header.size = static_cast<std::uint32_t>(body.size());
  std::string bytes(block_extent(body.size()), '\0');
  put(bytes, 4, kMagic);
  put(bytes, 8, header.epoch);
  put(bytes, 16, header.sequence);
  put(bytes, 24, header.lsn);
  put(bytes, 32, header.lines);
  put(bytes, 36, header.size);
  put(bytes, 40, header.previous);
  put(bytes, 44, header.version);
  std::memcpy(bytes.data() + kBlockHeader, body.data(), body.size());
  header.crc = crc32c(std::string_view(bytes).substr(4, kBlockHeader - 4 + body.size()));
  put(bytes, 0, header.crc);
  return bytes;
}

std::optional<BlockHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < kBlockHeader || get<std::uint32_t>(bytes, 4) != kMagic) return std::nullopt;
  const BlockHeader header{
      .crc = get<std::uint32_t>(bytes, 0),
      .epoch = get<std::uint64_t>(bytes, 8),
      .sequence = get<std::uint64_t>(bytes, 16),
      .lsn = get<std::uint64_t>(bytes, 24),
      .lines = get<std::uint32_t>(bytes, 32),
      .size = get<std::uint32_t>(bytes, 36),
      .previous = get<std::uint32_t>(bytes, 40),
      .version = get<std::uint32_t>(bytes, 44),
  };
  if (header.size == 0 || header.size > kBlockBodyMax) return std::nullopt;
  return header;
}

bool crc_matches(const BlockHeader& header, std::string_view bytes) {
  const std::size_t end = kBlockHeader + header.size;
  return bytes.size() >= end && crc32c(bytes.substr(4, end - 4)) == header.crc;
}

}  // namespace loa
