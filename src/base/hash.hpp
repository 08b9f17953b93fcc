// SHA-256 (FIPS 180-4, by OpenSSL), HMAC-SHA-256 (RFC 2104), and CRC-32C (Castagnoli, RFC 3720
// B.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace loa {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view bytes);
  void add(const void* data, std::size_t size);
  Digest finish();  // once

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// `seed` is the CRC of what went before, 0 at the start.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

std::string to_hex(std::span<const std::uint8_t> bytes);

// RFC 4648 base 32, lower case, without padding.
std::string to_base32(std::span<const std::uint8_t> bytes);

}  // namespace loa
