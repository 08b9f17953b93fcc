// Passwords by Argon2id (RFC 9106, by libsodium), tokens by SHA-256.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace loa {

constexpr std::size_t kPasswordMin = 12;    // characters, as NIST SP 800-63B asks for and more
constexpr std::size_t kPasswordMax = 1024;  // bytes

// A string that libsodium writes, at least as costly as its "interactive" limits (64 MiB, 2
// rounds), and not above 256 MiB and 10 rounds, since strangers make us compute it.
bool is_password_hash(std::string_view text);

// Fails with Code::data when the password is too short, too long, or no text.
Result<std::string> hash_password(const Secret& password);

// Whether it is the one. Composed and decomposed accents are the same: a keyboard decides which.
bool check_password(const std::string& hash, const Secret& password);

// A hash that costs what `like` costs ("" for what hash_password makes), and is of no password.
std::string decoy_hash(std::string_view like);

struct NewToken {
  Secret text;    // loa_<id>_<secret>: shown once
  Digest sha256;  // of the secret
};
NewToken make_token(std::string_view id);
std::string random_token_id();

// The id and the secret in "loa_<id>_<secret>"; nothing when it is not of that form.
struct TokenText {
  std::string_view id;
  std::string_view secret;
};
std::optional<TokenText> parse_token(std::string_view text);

bool equal_in_constant_time(const Digest& a, const Digest& b);

// From the system, for secrets.
std::string random_bytes(std::size_t count);

}  // namespace loa
