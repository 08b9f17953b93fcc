#include "journal/block.hpp"

#include <cstring>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/hash.hpp"

namespace loa {
namespace {

constexpr std::uint32_t kMagic = 0x31414F4C;  // "LOA1"

}  // namespace

std::string encode_block(BlockHeader& header, std::string_view body) {
  LOA_CHECK(!body.empty() && body.size() <= kBlockBodyMax && body.back() == '\n');
  header.size = static_cast<std::uint32_t>(body.size());
  std::string bytes(block_extent(body.size()), '\0');
  put_int(bytes, 4, kMagic);
  put_int(bytes, 8, header.epoch);
  put_int(bytes, 16, header.sequence);
  put_int(bytes, 24, header.lsn);
  put_int(bytes, 32, header.lines);
  put_int(bytes, 36, header.size);
  put_int(bytes, 40, header.previous);
  put_int(bytes, 44, header.version);
  std::memcpy(bytes.data() + kBlockHeader, body.data(), body.size());
  header.crc = crc32c(std::string_view(bytes).substr(4, kBlockHeader - 4 + body.size()));
  put_int(bytes, 0, header.crc);
  return bytes;
}

std::optional<BlockHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < kBlockHeader || get_int<std::uint32_t>(bytes, 4) != kMagic)
    return std::nullopt;
  const BlockHeader header{
      .crc = get_int<std::uint32_t>(bytes, 0),
      .epoch = get_int<std::uint64_t>(bytes, 8),
      .sequence = get_int<std::uint64_t>(bytes, 16),
      .lsn = get_int<std::uint64_t>(bytes, 24),
      .lines = get_int<std::uint32_t>(bytes, 32),
      .size = get_int<std::uint32_t>(bytes, 36),
      .previous = get_int<std::uint32_t>(bytes, 40),
      .version = get_int<std::uint32_t>(bytes, 44),
  };
  if (header.size == 0 || header.size > kBlockBodyMax) return std::nullopt;
  return header;
}

bool crc_matches(const BlockHeader& header, std::string_view bytes) {
  const std::size_t end = kBlockHeader + header.size;
  return bytes.size() >= end && crc32c(bytes.substr(4, end - 4)) == header.crc;
}

}  // namespace loa
