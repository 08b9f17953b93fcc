#include "api/access.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <map>

#include "api/lockout.hpp"
#include "api/password.hpp"
#include "async/workers.hpp"

namespace loa {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kWaitingMax = 24;           // checks under way and in the queue
constexpr std::size_t kWaitingStrangersMax = 12;  // of them, for who has not signed in here before
constexpr Duration kBusyFor = std::chrono::seconds(1);
constexpr Duration kRememberedFor = std::chrono::seconds(60);
constexpr std::size_t kRememberedMax = 1024;
constexpr Duration kCheckMax = std::chrono::seconds(30);

struct Grant {
  std::string_view word;
  RoleSet roles;
};

using enum Role;
constexpr RoleSet kInsiders = {author, approver, operating, auditor};
constexpr std::array<Grant, kPermissions> kGrants = {{
    {"read campaigns", kInsiders},
    {"read the record", {auditor}},
    {"read gateways", {author, approver, operating, auditor, carrier}},
    {"explain", {auditor}},
    {"submit", {author}},
    {"revise", {author}},
    {"retry", {author}},
    {"clone", {author}},
    {"upload", {author}},
    {"approve", {approver}},
    {"return", {approver}},
    {"reject", {approver}},
    {"schedule", {operating}},
    {"pause", {operating}},
    {"resume", {operating}},
    {"stop", {operating}},
    {"pause or resume a gateway", {operating}},
}};

const Grant& grant(Permission permission) { return kGrants[static_cast<std::size_t>(permission)]; }

// A scheme's name in any case, then its parameter.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(header[i])) != scheme[i]) return std::nullopt;
  const std::size_t begin = header.find_first_not_of(' ', scheme.size());
  if (begin == std::string_view::npos) return std::nullopt;
  return header.substr(begin);
}

struct Credentials {
  std::string user;
  Secret password;
};

std::optional<Credentials> parse_basic(std::string_view encoded) {
  constexpr std::size_t kEncodedMax = 2048;
  if (encoded.size() > kEncodedMax) return std::nullopt;
  std::string text(encoded.size(), '\0');
  std::size_t size = 0;
  if (::sodium_base642bin(reinterpret_cast<unsigned char*>(text.data()), text.size(),
                          encoded.data(), encoded.size(), nullptr, &size, nullptr,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
    return std::nullopt;
  text.resize(size);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text.substr(0, colon), Secret(text.substr(colon + 1))};
}

// Where a guess comes from, as Lockout counts: an IPv6 host can take any of 2^64 addresses.
std::string place_of(const Caller& caller) {
  if (caller.uid) return fmt::format("unix:{}", *caller.uid);
  boost::system::error_code ec;
  const asio::ip::address address = asio::ip::make_address(caller.address, ec);
  if (ec || address.is_v4()) return caller.address;
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  const auto bytes = v6.to_bytes();
  return to_hex(std::span(bytes).first(8));
}

std::optional<std::uint32_t> uid_of(const std::string& login) {
  std::array<char, 16 * 1024> room{};
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (::getpwnam_r(login.c_str(), &entry, room.data(), room.size(), &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

Identity identity_of(const User& user, const Caller& caller) {
  Identity who;
  who.user = user.id;
  who.display = user.name.empty() ? user.id : user.name;
  who.roles = user.roles;
  who.gateway = user.gateway;
  who.from = caller.uid ? fmt::format("unix:{}", *caller.uid) : caller.address;
  return who;
}

tl::unexpected<Unidentified> unknown(std::string words) {
  return tl::unexpected(Unidentified{Unidentified::Kind::unknown, std::move(words), {}});
}

tl::unexpected<Unidentified> slowed(Duration wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
  return tl::unexpected(Unidentified{
      Unidentified::Kind::slowed,
      fmt::format("there were too many wrong tries to sign in; try again in {}", to_words(seconds)),
      seconds});
}

tl::unexpected<Unidentified> busy() {
  return tl::unexpected(Unidentified{Unidentified::Kind::busy,
                                     "too many people sign in at once; try again in a moment",
                                     kBusyFor});
}

constexpr std::string_view kWrong = "the name or the password is not right";

}  // namespace

std::string_view to_string(Permission permission) { return grant(permission).word; }

std::optional<Permission> permission_for(Act act) {
  switch (act) {
    case Act::submit: return Permission::submit;
    case Act::approve: return Permission::approve;
    case Act::give_back: return Permission::give_back;
    case Act::reject: return Permission::reject;
    case Act::schedule: return Permission::schedule;
    case Act::pause: return Permission::pause;
    case Act::resume: return Permission::resume;
    case Act::stop: return Permission::stop;
    case Act::retry: return Permission::retry;
    case Act::clone: return Permission::clone;
    case Act::freeze:
    case Act::begin: return std::nullopt;
  }
  return std::nullopt;
}

RoleSet roles_for(Permission permission) { return grant(permission).roles; }

bool allowed(const Identity& who, Permission permission) {
  return who.roles.meets(grant(permission).roles);
}

bool allowed(const Identity& who, Permission permission, std::string_view gateway) {
  return allowed(who, permission) && (!who.roles.has(Role::carrier) || who.gateway == gateway);
}

std::string refusal(const Identity& who, Permission permission) {
  if (allowed(who, permission))
    return fmt::format("{} sees the gateway '{}' and no other", who.user, who.gateway);
  std::vector<std::string_view> roles;
  for (std::size_t i = 0; i < kRoles; ++i)
    if (roles_for(permission).has(static_cast<Role>(i)))
      roles.push_back(to_string(static_cast<Role>(i)));
  return fmt::format("{} may not {}: that takes the role {}", who.user, to_string(permission),
                     fmt::join(roles, " or "));
}

// A password that is being checked, for all who bring the same at once.
struct Check {
  std::optional<bool> right;
  std::vector<Alarm*> waiting;
};

struct Access::State {
  explicit State(Clock& time)
      : clock(time), key(random_bytes(32)), lockout(random_bytes(32)), workers(kThreads) {}

  void take(Users fresh);
  Identified by_login(const Caller& caller) const;
  Identified by_token(const Caller& caller, std::string_view text);
  Task<Identified> by_password(Caller caller, std::string_view encoded);
  Task<bool> check(Digest proof, std::string hash, Secret password);
  void remember(const Digest& proof);

  Clock& clock;
  std::string key;  // of the proofs
  Users users;
  std::string decoy;                            // what a name without a password is checked against
  std::map<std::uint32_t, std::string> logins;  // uid to user
  Lockout lockout;
  // Proofs (an HMAC over hash, place, user and password) of those who signed in lately, and until
  // when that is good enough.
  std::map<Digest, Tick> remembered;
  std::map<Digest, std::shared_ptr<Check>> checks;
  std::size_t waiting = 0;  // for a worker
  Workers workers;          // last: its threads end first
};

void Access::State::take(Users fresh) {
  users = std::move(fresh);
  remembered.clear();
  logins.clear();
  // As costly as the costliest of the file.
  std::string_view like;
  for (const User& user : users.all) {
    if (user.password.size() > like.size() ||
        (user.password.size() == like.size() && user.password > like))
      like = user.password;
    if (user.unix_login.empty()) continue;
    if (const auto uid = uid_of(user.unix_login)) logins.emplace(*uid, user.id);
  }
  decoy = decoy_hash(like);
}

Identified Access::State::by_login(const Caller& caller) const {
  if (!caller.uid) return unknown("sign in with a name and a password, or with a token");
  const auto found = logins.find(*caller.uid);
  const User* user = found == logins.end() ? nullptr : users.find(found->second);
  if (user != nullptr) return identity_of(*user, caller);
  return unknown(
      fmt::format("nobody in the users file is the local login with uid {}: give a user "
                  "`unix: LOGIN`, or bring a token",
                  *caller.uid));
}

Identified Access::State::by_token(const Caller& caller, std::string_view text) {
  const auto parsed = parse_token(text);
  const Digest shown = sha256(parsed ? parsed->secret : "");
  const User* owner = nullptr;
  const Token* token = nullptr;
  for (const User& user : users.all)
    for (const Token& one : user.tokens)
      if (parsed && one.id == parsed->id) {
        owner = &user;
        token = &one;
      }
  const bool right = equal_in_constant_time(shown, token != nullptr ? token->sha256 : Digest{}) &&
                     token != nullptr;
  if (!right) {
    const Tick now = clock.now();
    const std::string place = place_of(caller);
    const Duration wait = lockout.wait(now, "", place);
    if (wait > Duration{}) return slowed(wait);
    lockout.begin(now, "", place);
    return unknown("the token is not right; make another with: loa user token NAME");
  }
  if (token->expires && clock.wall() >= *token->expires) {
    return unknown(
        fmt::format("the token {} was good until {}; make another with: loa user token {}",
                    token->id, to_rfc3339(*token->expires).substr(0, 10), owner->id));
  }
  Identity who = identity_of(*owner, caller);
  who.token = token->id;
  return who;
}

Task<Identified> Access::State::by_password(Caller caller, std::string_view encoded) {
  std::optional<Credentials> credentials = parse_basic(encoded);
  if (!credentials) co_return unknown("the Authorization header is not `Basic` of name:password");
  constexpr std::size_t kNameMax = 64;
  std::string& name = credentials->user;
  if (name.size() > kNameMax) name.resize(kNameMax);
  const std::string place = place_of(caller);

  const Duration wait = lockout.wait(clock.now(), name, place);
  if (wait > Duration{}) co_return slowed(wait);

  const User* user = users.find(name);
  const bool has_password = user != nullptr && !user->password.empty();
  const std::string hash = has_password ? user->password : decoy;
  // With the hash, since a password that was changed is good for nothing.
  const Digest proof = hmac_sha256(
      key, fmt::format("{}\n{}\n{}\n{}", hash, place, name, credentials->password.reveal()));
  const auto known = remembered.find(proof);
  if (known != remembered.end() && known->second > clock.now() && has_password)
    co_return identity_of(*user, caller);

  const bool first = !checks.contains(proof);
  if (first) {
    const std::size_t most = lockout.knows(name, place) ? kWaitingMax : kWaitingStrangersMax;
    if (waiting >= most) co_return busy();
    lockout.begin(clock.now(), name, place);
  }
  const bool right = co_await check(proof, hash, credentials->password);
  // Meanwhile the file may be another.
  user = users.find(name);
  if (!right || !has_password || user == nullptr || user->password != hash)
    co_return unknown(std::string(kWrong));
  if (first) {
    lockout.succeeded(clock.now(), name, place);
    remember(proof);
  }
  co_return identity_of(*user, caller);
}

// One check at a time for the same proof; who comes meanwhile waits for it.
Task<bool> Access::State::check(Digest proof, std::string hash, Secret password) {
  const auto running = checks.find(proof);
  if (running != checks.end()) {
    const std::shared_ptr<Check> other = running->second;
    const std::unique_ptr<Alarm> alarm = clock.make_alarm();
    other->waiting.push_back(alarm.get());
    co_await alarm->wait_until(clock.now() + kCheckMax);
    std::erase(other->waiting, alarm.get());
    co_return other->right.value_or(false);
  }
  const auto mine = std::make_shared<Check>();
  checks.emplace(proof, mine);
  ++waiting;
  auto work = [&hash, &password] { return check_password(hash, password); };
  mine->right = co_await workers.run(work);
  --waiting;
  checks.erase(proof);
  for (Alarm* alarm : mine->waiting) alarm->wake();
  co_return *mine->right;
}

void Access::State::remember(const Digest& proof) {
  const Tick now = clock.now();
  if (remembered.size() >= kRememberedMax)
    std::erase_if(remembered, [&](const auto& entry) { return entry.second <= now; });
  if (remembered.size() < kRememberedMax) remembered[proof] = now + kRememberedFor;
}

Access::Access(Clock& clock, Users users) : state_(std::make_unique<State>(clock)) {
  state_->take(std::move(users));
}

Access::~Access() = default;

Task<Identified> Access::identify(Caller caller) {
  const std::string_view header = caller.authorization;
  if (header.empty()) co_return state_->by_login(caller);
  if (const auto token = after_scheme(header, "bearer")) co_return state_->by_token(caller, *token);
  if (const auto encoded = after_scheme(header, "basic")) {
    const std::string own(*encoded);
    const Identified who = co_await state_->by_password(caller, own);
    co_return who;
  }
  co_return unknown("the Authorization header must be `Basic` or `Bearer`");
}

void Access::replace(Users users) { state_->take(std::move(users)); }

bool Access::still(const Identity& who) const {
  const User* user = state_->users.find(who.user);
  if (user == nullptr || user->roles != who.roles || user->gateway != who.gateway) return false;
  if (who.token.empty()) return true;
  const auto token = std::find_if(user->tokens.begin(), user->tokens.end(),
                                  [&](const Token& one) { return one.id == who.token; });
  return token != user->tokens.end() && (!token->expires || state_->clock.wall() < *token->expires);
}

}  // namespace loa
