// Who asks, and whether he may.
//
// People sign in by HTTP Basic, machines by `Authorization: Bearer loa_<id>_<secret>`; whoever
// comes over the Unix socket without either is the user whose `unix` login he runs as.
//
// Guessing is slowed down as api/lockout.hpp says. A name that nobody has costs the time that one
// with a password costs. Secrets are compared in constant time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/users.hpp"
#include "async/clock.hpp"
#include "campaign/lifecycle.hpp"

namespace loa {

enum class Permission {
  read_campaigns,  // list, show, plan, forecast, events
  read_record,     // history, acts
  read_gateways,   // a carrier: its own only
  explain,
  submit,
  revise,
  retry,
  clone,
  upload,
  approve,
  give_back,  // "return"
  reject,
  schedule,
  pause,
  resume,
  stop,
  run_gateways,  // pause and resume them
};
constexpr std::size_t kPermissions = 17;

std::string_view to_string(Permission permission);
// What an act by a person takes; none for those that the desk does by itself (freeze, begin).
std::optional<Permission> permission_for(Act act);

// Which roles give it, one is enough.
RoleSet roles_for(Permission permission);

// Whoever asks, for the time of one request.
struct Identity {
  std::string user;
  std::string display;  // the name, else the id
  RoleSet roles;
  std::string gateway;  // of a carrier, "" for others
  std::string from;     // the address, or "unix:1000"
  std::string token;    // the id of the token that was shown, "" when it was none
};

bool allowed(const Identity& who, Permission permission);
// About one gateway: a carrier may read its own.
bool allowed(const Identity& who, Permission permission, std::string_view gateway);
// Why not, for people: "lan may not approve: that takes the role approver".
std::string refusal(const Identity& who, Permission permission);

// What a request says of its sender.
struct Caller {
  std::string authorization;  // the header's value, "" when absent
  std::string address;        // the peer's, or as the proxy in front tells it; "" on a Unix socket
  std::optional<std::uint32_t> uid;  // of the peer on a Unix socket
};

// Why nobody was recognised.
struct Unidentified {
  enum class Kind {
    unknown,  // 401: no credentials, or not right ones
    slowed,   // 429: too many wrong ones before; Retry-After
    busy,     // 503: more people sign in than can be checked; Retry-After
  };
  Kind kind = Kind::unknown;
  std::string words;  // for people; the same for a wrong name and a wrong password
  Duration retry_after{};
};

using Identified = tl::expected<Identity, Unidentified>;

class Access {
 public:
  // Hashes passwords on two threads of its own, 64 MiB each while one is checked.
  Access(Clock& clock, Users users);
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  ~Access();

  Task<Identified> identify(Caller caller);

  // After the file was read again. Nobody stays signed in by what is not in it any more.
  void replace(Users users);

  // Whether this user still is what he was when he was identified: for streams that last.
  bool still(const Identity& who) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace loa
