#include "api/users.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "api/password.hpp"
#include "base/input_file.hpp"
#include "base/json.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

constexpr std::array<std::string_view, kRoles> kRoleWords = {"author", "approver", "operator",
                                                             "auditor", "carrier"};
constexpr std::size_t kFileMax = 256 * 1024;  // as documents are bounded
constexpr std::size_t kTokensMax = 32;        // of one user

std::vector<std::string> role_words() { return {kRoleWords.begin(), kRoleWords.end()}; }

std::string system_error() { return std::strerror(errno); }

std::optional<Digest> parse_digest(std::string_view hex) {
  Digest digest{};
  if (hex.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return std::nullopt;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    digest[i / 2] = static_cast<std::uint8_t>(digest[i / 2] * 16 + value);
  }
  return digest;
}

// A day, "2027-01-01"; nothing when it does not exist.
std::optional<Instant> parse_day(const std::string& text) {
  return text.size() == 10 ? parse_rfc3339(text + "T00:00:00Z") : std::nullopt;
}

class Reader {
 public:
  explicit Reader(Faults& faults) : faults_(faults) {}

  Users read(const Node& document) {
    Users users;
    MapReader map(document, "users file", faults_);
    if (const Node* node = map.required("users")) {
      if (node->is_map()) {
        for (const Node::Entry& entry : node->entries()) users.all.push_back(read_user(entry));
      } else if (node->kind() != Node::Kind::null) {
        map.fault("users", "must be a map of users: lan: {roles: [author], ...}");
      }
    }
    map.finish();
    return users;
  }

 private:
  User read_user(const Node::Entry& entry) {
    User user;
    user.id = entry.key;
    if (!is_user_id(user.id)) {
      faults_.error(entry.key_place,
                    "a user's id is made of a-z, 0-9 and '-', 32 at most, and begins with no '-'");
    }
    MapReader map(entry.value, "user '" + user.id + "'", faults_);
    user.name = map.text_or("name", "");
    read_roles(map, user);
    read_password(map, user);
    read_unix_login(map, user);
    read_tokens(map, user);
    map.finish();
    return user;
  }

  void read_roles(MapReader& map, User& user) {
    if (map.required("roles") == nullptr) return;
    const std::vector<std::string> words = map.texts_or_empty("roles");
    for (const std::string& word : words) {
      if (const auto role = parse_role(word)) {
        user.roles.add(*role);
        continue;
      }
      const std::string near = nearest(word, role_words());
      map.fault("roles", fmt::format("'{}' is no role: {}{}", word, fmt::join(role_words(), ", "),
                                     near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (words.empty())
      map.fault("roles", fmt::format("must name one or more of {}", fmt::join(role_words(), ", ")));
    user.gateway = map.text_or("gateway", "");
    const bool carrier = user.roles.has(Role::carrier);
    if (carrier && user.roles != RoleSet{Role::carrier})
      map.fault("roles", "a carrier is an outsider: the role goes with no other");
    if (carrier && user.gateway.empty())
      map.fault("gateway", "a carrier needs the gateway that it may see");
    if (!carrier && !user.gateway.empty())
      map.fault("gateway", "only a carrier is tied to a gateway");
  }

  void read_password(MapReader& map, User& user) {
    const Node* node = map.optional("password");
    if (node == nullptr) return;
    user.password = node->scalar();
    if (is_password_hash(user.password)) return;
    faults_.error(
        node->place(),
        "a password stands here as its Argon2id hash; set it with: loa user passwd " + user.id,
        kHiddenWidth);
  }

  void read_unix_login(MapReader& map, User& user) {
    const Node* node = map.optional("unix");
    if (node == nullptr) return;
    user.unix_login = map.text("unix");
    if (!user.unix_login.empty() && !logins_.insert(user.unix_login).second) {
      map.fault("unix",
                fmt::format("the login '{}' acts as another user already: it can be one only",
                            user.unix_login));
    }
  }

  void read_tokens(MapReader& map, User& user) {
    const Node* node = map.optional("tokens");
    if (node == nullptr) return;
    if (!node->is_list()) {
      map.fault("tokens", "must be a list; make one with: loa user token " + user.id);
      return;
    }
    if (node->items().size() > kTokensMax)
      map.fault("tokens", fmt::format("are more than {}: remove those not in use", kTokensMax));
    for (const Node& item : node->items()) user.tokens.push_back(read_token(item));
  }

  Token read_token(const Node& node) {
    Token token;
    MapReader map(node, "token", faults_);
    token.id = map.text("id");
    if (!is_user_id(token.id)) {
      map.fault("id", "a token's id is made of a-z, 0-9 and '-', 32 at most");
    } else if (!token_ids_.insert(token.id).second) {
      map.fault("id", fmt::format("the token '{}' stands here twice", token.id));
    }
    if (const Node* hash = map.required("sha256")) {
      if (const auto digest = parse_digest(hash->scalar())) {
        token.sha256 = *digest;
      } else {
        faults_.error(hash->place(), "a token stands here as its SHA-256, 64 of 0-9 and a-f",
                      kHiddenWidth);
      }
    }
    token.note = map.text_or("note", "");
    if (const Node* expires = map.optional("expires")) {
      token.expires = parse_day(expires->scalar());
      if (!token.expires)
        map.fault("expires", "must be the first day on which it does not work: 2027-01-01");
    }
    map.finish();
    return token;
  }

  Faults& faults_;
  std::set<std::string> logins_;
  std::set<std::string> token_ids_;
};

// The lines with a hash, or with what was written in its place, are not shown.
void pass_on(const Faults& found, std::string_view text, Faults& faults) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const Fault& fault : found.all()) {
    const auto line = static_cast<std::size_t>(std::max(1, fault.place.line)) - 1;
    const bool holds_secret =
        line < lines.size() && (lines[line].find("pass") != std::string_view::npos ||
                                lines[line].find("sha256") != std::string_view::npos ||
                                lines[line].find('$') != std::string_view::npos);
    const int width = holds_secret ? kHiddenLine : fault.width;
    if (fault.severity == Fault::Severity::error) {
      faults.error(fault.place, fault.text, width);
    } else {
      faults.warning(fault.place, fault.text, width);
    }
  }
}

// A string in double quotes is the same in JSON and in YAML.
std::string as_text(std::string_view text) { return JsonWriter().value(text).take(); }

std::string written(const Users& users) {
  std::string text =
      "# Who may do what; written by `loa user`, which keeps no comments below this line. After a\n"
      "# change by hand or by it, the daemon reads the file again when it is told to reload.\n"
      "users:\n";
  for (const User& user : users.all) {
    text += fmt::format("  {}:\n", user.id);
    if (!user.name.empty()) text += "    name: " + as_text(user.name) + "\n";
    text += "    roles: [" + to_string(user.roles) + "]\n";
    if (!user.gateway.empty()) text += "    gateway: " + as_text(user.gateway) + "\n";
    if (!user.unix_login.empty()) text += "    unix: " + as_text(user.unix_login) + "\n";
    if (!user.password.empty()) text += "    password: " + as_text(user.password) + "\n";
    if (user.tokens.empty()) continue;
    text += "    tokens:\n";
    for (const Token& token : user.tokens) {
      text += fmt::format("      - {{id: {}, sha256: \"{}\"", token.id, to_hex(token.sha256));
      if (!token.note.empty()) text += ", note: " + as_text(token.note);
      if (token.expires) text += ", expires: " + to_rfc3339(*token.expires).substr(0, 10);
      text += "}\n";
    }
  }
  if (users.all.empty()) text += "  {}\n";
  return text;
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// The owner, group and mode that the new file gets.
struct Owner {
  uid_t user;
  gid_t group;
  mode_t mode;
};

Owner owner_for(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0)
    return {status.st_uid, status.st_gid, (status.st_mode & 0640U) | 0600U};
  Owner owner{::geteuid(), ::getegid(), 0600};
  if (owner.user == 0 && ::stat(folder_of(path).c_str(), &status) == 0) {
    owner.group = status.st_gid;
    if (status.st_gid != 0) owner.mode = 0640;
  }
  return owner;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::string_view to_string(Role role) { return kRoleWords[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view word) {
  const auto* const found = std::find(kRoleWords.begin(), kRoleWords.end(), word);
  if (found == kRoleWords.end()) return std::nullopt;
  return static_cast<Role>(found - kRoleWords.begin());
}

std::string to_string(RoleSet roles) {
  std::string text;
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (!roles.has(static_cast<Role>(i))) continue;
    text += (text.empty() ? "" : ", ") + std::string(kRoleWords[i]);
  }
  return text;
}

const User* Users::find(std::string_view id) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const User& u) { return u.id == id; });
  return found == all.end() ? nullptr : &*found;
}

User* Users::find(std::string_view id) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const User& u) { return u.id == id; });
  return found == all.end() ? nullptr : &*found;
}

bool is_user_id(std::string_view text) {
  if (text.empty() || text.size() > kUserIdMax || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<Users> load_users(const std::string& path, Faults& faults) {
  const auto text = read_private(path, kFileMax);
  if (!text) {
    faults.error({.file = path}, text.error().text);
    return std::nullopt;
  }
  Faults found;
  const std::optional<Node> document = parse_document(*text, path, found);
  Users users;
  if (document) users = Reader(found).read(*document);
  pass_on(found, *text, faults);
  if (!document || !found.ok()) return std::nullopt;
  return users;
}

Result<void> save_users(const std::string& path, const Users& users) {
  const std::string text = written(users);
  if (text.size() > kFileMax)
    return fail(Code::data, "the users file would grow above 256 KiB", {.file = path});
  const auto failed = [&](const std::string& what) {
    return fail(Code::cannot_write, fmt::format("{}: {}", what, system_error()), {.file = path});
  };
  const Owner owner = owner_for(path);
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());  // of one that was killed; the lock keeps others away
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return failed("cannot be written anew");
  const bool same_owner = owner.user == ::geteuid() && owner.group == ::getegid();
  const bool good = (same_owner || ::fchown(file, owner.user, owner.group) == 0) &&
                    ::fchmod(file, owner.mode) == 0 && write_all(file, text) && ::fsync(file) == 0;
  const bool moved = good && ::rename(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::close(file);
  if (!moved) {
    ::unlink(temporary.c_str());
    errno = error;
    return failed("cannot be written anew");
  }
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::fsync(folder) != 0) return failed("may not have reached the disk");
  ::close(folder);
  return {};
}

Result<UsersLock> UsersLock::take(const std::string& path) {
  const std::string folder = folder_of(path);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(Code::cannot_write, "the folder cannot be opened: " + system_error(),
                {.file = folder});
  UsersLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::temporary, "another `loa user` is changing it", {.file = path});
  return lock;
}

UsersLock::UsersLock(UsersLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

UsersLock::~UsersLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace loa
