#include "api/password.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <charconv>

#include "api/users.hpp"
#include "base/check.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

constexpr std::string_view kTokenPrefix = "loa_";
constexpr std::size_t kTokenBytes = 32;
constexpr std::uint64_t kMemoryMin = crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024;  // KiB
constexpr std::uint64_t kMemoryMax = 256 * 1024;
constexpr std::uint64_t kRoundsMin = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr std::uint64_t kRoundsMax = 10;

void start_sodium() { LOA_CHECK(::sodium_init() >= 0); }

// "$argon2id$v=19$m=65536,t=2,p=1$SALT$HASH" taken apart.
struct Parameters {
  std::uint64_t memory = 0;  // KiB
  std::uint64_t rounds = 0;
};

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::string base64(std::string_view bytes, int variant) {
  std::string text(::sodium_base64_encoded_len(bytes.size(), variant), '\0');
  ::sodium_bin2base64(text.data(), text.size(),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), variant);
  text.pop_back();  // the NUL
  return text;
}

bool is_base64_of(std::string_view text, std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t size = 0;
  return ::sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                             text.size(), nullptr, &size, nullptr,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == bytes;
}

constexpr std::size_t kSaltBytes = crypto_pwhash_SALTBYTES;
constexpr std::size_t kHashBytes = 32;

std::optional<Parameters> parse(std::string_view text) {
  Parameters found;
  if (text.size() >= crypto_pwhash_STRBYTES) return std::nullopt;
  if (!take(text, "$argon2id$v=19$m=") || !take(text, found.memory)) return std::nullopt;
  if (!take(text, ",t=") || !take(text, found.rounds)) return std::nullopt;
  if (!take(text, ",p=1$")) return std::nullopt;
  const std::size_t border = text.find('$');
  if (border == std::string_view::npos) return std::nullopt;
  if (!is_base64_of(text.substr(0, border), kSaltBytes)) return std::nullopt;
  if (!is_base64_of(text.substr(border + 1), kHashBytes)) return std::nullopt;
  return found;
}

}  // namespace

bool is_password_hash(std::string_view text) {
  const auto found = parse(text);
  return found && found->memory >= kMemoryMin && found->memory <= kMemoryMax &&
         found->rounds >= kRoundsMin && found->rounds <= kRoundsMax;
}

Result<std::string> hash_password(const Secret& password) {
  start_sodium();
  const std::string_view raw = password.reveal();
  if (raw.size() > kPasswordMax)
    return fail(Code::data, fmt::format("a password must be {} bytes or less", kPasswordMax));
  const auto text = to_nfc(raw);
  if (!text) return fail(Code::data, "a password must be text (UTF-8)");
  const auto characters = decode_utf8(*text);
  if (!characters || characters->size() < kPasswordMin)
    return fail(Code::data, fmt::format("a password must be {} characters or more", kPasswordMin));
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  if (::crypto_pwhash_str(hash.data(), text->data(), text->size(),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    return fail(Code::temporary, "there is not enough memory to hash a password (64 MiB)");
  hash.resize(hash.find('\0'));
  return hash;
}

bool check_password(const std::string& hash, const Secret& password) {
  start_sodium();
  const std::string_view raw = password.reveal();
  // Too long is wrong, and costs the same.
  const bool usable = raw.size() <= kPasswordMax;
  const auto text = to_nfc(usable ? raw : "");
  const std::string tried = text ? *text : std::string();
  const bool right = ::crypto_pwhash_str_verify(hash.c_str(), tried.data(), tried.size()) == 0;
  return right && usable && text.has_value();
}

std::string decoy_hash(std::string_view like) {
  Parameters parameters{kMemoryMin, kRoundsMin};
  if (const auto found = parse(like)) parameters = *found;
  return fmt::format("$argon2id$v=19$m={},t={},p=1${}${}", parameters.memory, parameters.rounds,
                     base64(random_bytes(kSaltBytes), sodium_base64_VARIANT_ORIGINAL_NO_PADDING),
                     base64(random_bytes(kHashBytes), sodium_base64_VARIANT_ORIGINAL_NO_PADDING));
}

NewToken make_token(std::string_view id) {
  const std::string secret =
      base64(random_bytes(kTokenBytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return {Secret(fmt::format("{}{}_{}", kTokenPrefix, id, secret)), sha256(secret)};
}

std::string random_token_id() {
  const std::string bytes = random_bytes(5);
  return to_base32({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::optional<TokenText> parse_token(std::string_view text) {
  constexpr std::size_t kSecretMax = 128;
  if (!take(text, kTokenPrefix)) return std::nullopt;
  const std::size_t border = text.find('_');  // an id holds none
  if (border == std::string_view::npos) return std::nullopt;
  const TokenText token{text.substr(0, border), text.substr(border + 1)};
  if (!is_user_id(token.id) || token.secret.empty() || token.secret.size() > kSecretMax)
    return std::nullopt;
  return token;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  start_sodium();
  std::string bytes(count, '\0');
  ::randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace loa
