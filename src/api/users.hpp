// The users file: who there is, and what each may do.
//
//   users:
//     lan:      {name: Nguyễn Thị Lan, roles: [author, approver], password: "$argon2id$...", unix:
//     lan} vina-noc: {roles: [carrier], gateway: vina, tokens: [{id: k1, sha256: HEX, expires:
//     2027-01-01}]}
//
// Only hashes stand in it: Argon2id of passwords (libsodium), SHA-256 of tokens, which are 256
// random bits. Still, nobody but its owner and group may read it, and only its owner may write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "base/hash.hpp"
#include "base/time.hpp"

namespace loa {

enum class Role {
  author,     // brings campaigns: submit, revise, clone, retry, upload of audiences
  approver,   // approve, return, reject
  operating,  // "operator": schedule, pause, resume, stop, gateways
  auditor,    // reads everything: history, acts, explain
  carrier,    // sees its own gateway and nothing else; goes with no other role
};
constexpr std::size_t kRoles = 5;

std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view word);

class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) add(role);
  }
  constexpr void add(Role role) { bits_ |= 1U << static_cast<unsigned>(role); }
  constexpr bool has(Role role) const { return (bits_ >> static_cast<unsigned>(role) & 1U) != 0; }
  constexpr bool meets(RoleSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(RoleSet, RoleSet) = default;

 private:
  unsigned bits_ = 0;
};

// "author, approver"
std::string to_string(RoleSet roles);

struct Token {
  std::string id;   // unique in the file: it finds the user
  Digest sha256{};  // of the secret
  std::string note;
  std::optional<Instant> expires;  // midnight UTC at which the named day begins
};

struct User {
  std::string id;  // [a-z0-9][a-z0-9-]*, at most 32
  std::string name;
  RoleSet roles;
  std::string gateway;     // of a carrier, "" for others
  std::string password;    // "$argon2id$...", "" for none
  std::string unix_login;  // may act as this user over the Unix socket, "" for nobody
  std::vector<Token> tokens;
};

struct Users {
  std::vector<User> all;  // in the order of the file

  const User* find(std::string_view id) const;
  User* find(std::string_view id);
};

constexpr std::size_t kUserIdMax = 32;
bool is_user_id(std::string_view text);  // also a token's id

// Reads the file. Faults say what is wrong with it, never quoting a hash; the result is then empty.
std::optional<Users> load_users(const std::string& path, Faults& faults);

// Replaces the file in one step. Comments in it are lost; owner, group and mode stay. A new file is
// its owner's alone (0600); made by root in a folder of another group, that group reads it (0640).
Result<void> save_users(const std::string& path, const Users& users);

// Keeps another `loa user` from changing the file until the value is gone.
class UsersLock {
 public:
  static Result<UsersLock> take(const std::string& path);
  UsersLock(UsersLock&& other) noexcept;
  UsersLock& operator=(UsersLock&&) = delete;
  ~UsersLock();

 private:
  explicit UsersLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace loa
