// The journal's format on disk.
//
// A journal is a row of segments, NAME.seg with NAME = the segment's number in 8 digits, each of a
// reserved size. A segment is a row of commit blocks, each starting at a multiple of 4,096 bytes
// and padded with zeros to the next one, so that writing a block never touches a sector that holds
// an older one. All integers are little-endian:
//
//   offset  size
//        0     4  crc      CRC-32C over bytes 4.. to the end of the body
//        4     4  magic    "LOA1"
//        8     8  epoch    random, new each time the journal is opened for writing
//       16     8  sequence number of the block, from 1, without gaps over all segments
//       24     8  lsn      number of the block's first line, from 0
//       32     4  lines    number of lines
//       36     4  size     bytes of the body
//       40     4  previous crc of the block before, 0 for the first
//       44     4  version  2
//       48        body     JSON lines, each ended by "\n"
//
// A block counts only if its CRC is right and it follows the one before (sequence, lsn, previous):
// bytes left from an older use of the file can never be taken for a block. What cannot be read is
// the remains of a cut write when no block stands behind it, or only the one that is due next; a
// later block behind it means damage in the middle, and stops the start.
//
// Version 2: a process that opens the journal writes its last block once more, since only that one
// may not have reached the disk, whatever the page cache shows. Version 1 had no such copies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loa {

constexpr std::size_t kBlockAlign = 4096;
constexpr std::size_t kBlockHeader = 48;
constexpr std::size_t kBlockBodyMax = 4 * 1024 * 1024;
constexpr std::size_t kLineMax = 60'000;
constexpr std::uint32_t kFormatVersion = 2;

struct BlockHeader {
  std::uint32_t crc = 0;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t lsn = 0;
  std::uint32_t lines = 0;
  std::uint32_t size = 0;
  std::uint32_t previous = 0;
  std::uint32_t version = kFormatVersion;
};

// Header, body and padding. Sets header.crc and header.size.
std::string encode_block(BlockHeader& header, std::string_view body);

// The header at the front of `bytes` when its magic and size can be; the CRC is not looked at.
std::optional<BlockHeader> decode_header(std::string_view bytes);

// Whether `bytes` (header and body) hold what the header's CRC says.
bool crc_matches(const BlockHeader& header, std::string_view bytes);

// What a block of that body takes on disk.
constexpr std::size_t block_extent(std::size_t body) {
  return (kBlockHeader + body + kBlockAlign - 1) / kBlockAlign * kBlockAlign;
}

}  // namespace loa
