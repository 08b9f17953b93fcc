// `loa user`: the users file. It works on the file alone; the daemon reads it when told to reload.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "api/password.hpp"
#include "api/users.hpp"
#include "async/clock.hpp"
#include "base/input_file.hpp"
#include "base/printable.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"

namespace loa {
namespace {

constexpr const char* kReload =
    "A daemon that runs reads it when told to reload: systemctl reload loa\n";

// From the file named, from stdin when that is no terminal, else by asking twice.
Result<Secret> read_password(const std::string& name, const std::string& file) {
  if (!file.empty() && file != "-") {
    auto text = read_start(file, kPasswordMax + 2);
    if (!text) return fail(Code::no_input, text.error().text, {.file = file});
    if (text->ends_with('\n')) text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
    return Secret(std::move(*text));
  }
  if (file == "-" || ::isatty(STDIN_FILENO) == 0) {
    auto line = read_input_line(kPasswordMax + 1);
    if (!line) return fail(line.error());
    return Secret(std::move(*line));
  }
  auto first =
      ask_secret(fmt::format("New password for {} ({} characters or more): ", name, kPasswordMin));
  if (!first) return fail(first.error());
  const auto second = ask_secret("The same again: ");
  if (!second) return fail(second.error());
  if (*first != *second) return fail(Code::data, "the two are not the same; nothing was changed");
  return Secret(std::move(*first));
}

Result<RoleSet> read_roles(const std::vector<std::string>& words) {
  RoleSet roles;
  for (const std::string& word : words) {
    const auto role = parse_role(word);
    if (!role)
      return fail(
          Code::usage,
          fmt::format("'{}' is no role: author, approver, operator, auditor or carrier", word));
    roles.add(*role);
  }
  return roles;
}

// The file to work on, and its lock.
class Book {
 public:
  static Result<Book> open(const CommonOptions& common, const std::string& asked, bool change) {
    Book book;
    book.path_ = asked;
    if (asked.empty()) {
      const std::string settings = settings_path(common.config);
      const std::string named = peek_setting(settings, {"users"});
      if (named.empty())
        return fail(Code::config, "names no users file: add `users: users.yaml`, or use --users",
                    {.file = settings});
      book.path_ = resolved_beside(settings, named);
    }
    if (change) {
      auto lock = UsersLock::take(book.path_);
      if (!lock) return fail(lock.error());
      book.lock_ = std::make_unique<UsersLock>(std::move(*lock));
    }
    std::error_code ec;
    if (change && !std::filesystem::exists(book.path_, ec)) return book;
    Faults faults;
    auto users = load_users(book.path_, faults);
    if (!users) {
      print_faults(faults);
      return fail(Code::config, "the users file is wrong", {.file = book.path_});
    }
    book.users = std::move(*users);
    return book;
  }

  Result<User*> find(const std::string& id) {
    if (User* user = users.find(id)) return user;
    std::vector<std::string> ids;
    ids.reserve(users.all.size());
    for (const User& user : users.all) ids.push_back(user.id);
    const std::string near = nearest(id, ids);
    return fail(Code::data,
                fmt::format("there is no user '{}'{}", printable(id),
                            near.empty() ? "" : "; did you mean '" + near + "'?"),
                {.file = path_});
  }

  Result<void> save() const { return save_users(path_, users); }
  const std::string& path() const { return path_; }

  Users users;

 private:
  std::string path_;
  std::unique_ptr<UsersLock> lock_;
};

bool carrier_is_right(const User& user, std::string& words) {
  if (user.roles.empty()) {
    words = "give at least one --role: author, approver, operator, auditor or carrier";
  } else if (user.roles.has(Role::carrier) && user.roles != RoleSet{Role::carrier}) {
    words = "a carrier is an outsider: the role goes with no other";
  } else if (user.roles.has(Role::carrier) && user.gateway.empty()) {
    words = "a carrier needs the gateway that it may see: --gateway NAME";
  } else if (!user.roles.has(Role::carrier) && !user.gateway.empty()) {
    words = "only a carrier is tied to a gateway";
  }
  return words.empty();
}

Result<void> add(const CommonOptions& common, const UserOptions& options) {
  const auto roles = read_roles(options.roles);
  if (!roles) return fail(roles.error());
  if (!is_user_id(options.user))
    return fail(Code::usage,
                "a user's id is made of a-z, 0-9 and '-', 32 at most, and begins with no '-'");
  User user;
  user.id = options.user;
  user.name = options.name;
  user.roles = *roles;
  user.gateway = options.gateway;
  user.unix_login = options.unix_login;
  std::string words;
  if (!carrier_is_right(user, words)) return fail(Code::usage, words);
  auto book = Book::open(common, options.file, true);
  if (!book) return fail(book.error());
  for (const User& other : book->users.all) {
    if (other.id == user.id)
      return fail(Code::data, fmt::format("the user '{}' is there already", user.id),
                  {.file = book->path()});
    if (!user.unix_login.empty() && other.unix_login == user.unix_login)
      return fail(Code::data,
                  fmt::format("the login '{}' acts as '{}' already", user.unix_login, other.id),
                  {.file = book->path()});
  }
  book->users.all.push_back(user);
  if (const auto saved = book->save(); !saved) return fail(saved.error());
  say("{}: added {}, {}.\n", book->path(), user.id, to_string(user.roles));
  if (user.unix_login.empty())
    say("Next: loa user passwd {}, or for a machine: loa user token {}\n", user.id, user.id);
  say("{}", kReload);
  return {};
}

Result<void> set_password(const CommonOptions& common, const UserOptions& options) {
  auto book = Book::open(common, options.file, true);
  if (!book) return fail(book.error());
  const auto user = book->find(options.user);
  if (!user) return fail(user.error());
  const auto password = read_password(options.user, options.password_file);
  if (!password) return fail(password.error());
  const auto hash = hash_password(*password);
  if (!hash) return fail(hash.error());
  (*user)->password = *hash;
  if (const auto saved = book->save(); !saved) return fail(saved.error());
  say("{}: {} has a new password.\n{}", book->path(), options.user, kReload);
  return {};
}

Result<void> make(const CommonOptions& common, const UserOptions& options) {
  Token token;
  token.note = options.note;
  if (!options.expires.empty()) {
    token.expires = parse_rfc3339(options.expires + "T00:00:00Z");
    if (!token.expires || options.expires.size() != 10)
      return fail(Code::usage,
                  "--expires takes the first day on which it does not work: 2027-01-01");
    if (*token.expires <= system_wall())
      return fail(Code::usage, "--expires is in the past: the token would never work");
  }
  auto book = Book::open(common, options.file, true);
  if (!book) return fail(book.error());
  const auto user = book->find(options.user);
  if (!user) return fail(user.error());
  token.id = random_token_id();
  const NewToken fresh = make_token(token.id);
  token.sha256 = fresh.sha256;
  (*user)->tokens.push_back(token);
  if (const auto saved = book->save(); !saved) return fail(saved.error());
  if (common.json) {
    JsonWriter out;
    out.open_object()
        .field("user", options.user)
        .field("id", token.id)
        .field("token", fresh.text.reveal())
        .close_object();
    fmt::print("{}\n", out.text());
  } else {
    fmt::print("{}\n", fresh.text.reveal());
  }
  say("This is shown once; keep it in a file that only its user reads, and name that with\n"
      "--token-file, or hand it over in LOA_TOKEN.\n{}",
      kReload);
  return {};
}

Result<void> remove(const CommonOptions& common, const UserOptions& options) {
  auto book = Book::open(common, options.file, true);
  if (!book) return fail(book.error());
  const auto user = book->find(options.user);
  if (!user) return fail(user.error());
  if (options.token.empty()) {
    std::erase_if(book->users.all, [&](const User& one) { return one.id == options.user; });
  } else if (std::erase_if((*user)->tokens,
                           [&](const Token& one) { return one.id == options.token; }) == 0) {
    return fail(Code::data,
                fmt::format("{} has no token '{}'", options.user, printable(options.token)),
                {.file = book->path()});
  }
  if (const auto saved = book->save(); !saved) return fail(saved.error());
  say("{}: {} is removed.\n{}", book->path(),
      options.token.empty() ? options.user : "the token " + options.token, kReload);
  return {};
}

std::string day(const std::optional<Instant>& instant) {
  return instant ? to_rfc3339(*instant).substr(0, 10) : "";
}

void put_user(JsonWriter& out, const User& user) {
  out.open_object().field("user", user.id).field("name", user.name);
  out.key("roles").open_array();
  for (std::size_t i = 0; i < kRoles; ++i)
    if (user.roles.has(static_cast<Role>(i))) out.value(to_string(static_cast<Role>(i)));
  out.close_array();
  out.field("gateway", user.gateway)
      .field("unix", user.unix_login)
      .field("password", !user.password.empty());
  out.key("tokens").open_array();
  for (const Token& token : user.tokens)
    out.open_object()
        .field("id", token.id)
        .field("note", token.note)
        .field("expires", day(token.expires))
        .close_object();
  out.close_array().close_object();
}

// How somebody signs in, for people: "password, login lan, 2 tokens".
std::string ways_in(const User& user) {
  std::vector<std::string> ways;
  if (!user.password.empty()) ways.emplace_back("password");
  if (!user.unix_login.empty()) ways.push_back("login " + user.unix_login);
  for (const Token& token : user.tokens)
    ways.push_back(
        fmt::format("token {}{}", token.id, token.expires ? " until " + day(token.expires) : ""));
  return ways.empty() ? "none yet" : fmt::format("{}", fmt::join(ways, ", "));
}

Result<void> list(const CommonOptions& common, const UserOptions& options) {
  const auto book = Book::open(common, options.file, false);
  if (!book) return fail(book.error());
  if (common.json) {
    JsonWriter out;
    out.open_object().key("users").open_array();
    for (const User& user : book->users.all) put_user(out, user);
    out.close_array().close_object();
    fmt::print("{}\n", out.text());
    return {};
  }
  Table table({"user", "name", "roles", "gateway", "signs in by"},
              {false, false, false, false, false});
  for (const User& user : book->users.all)
    table.add({user.id, printable(user.name), to_string(user.roles), user.gateway,
               printable(ways_in(user))});
  fmt::print("{}", table.text());
  return {};
}

}  // namespace

int run_user(const CommonOptions& common, UserVerb verb, const UserOptions& options) {
  const auto done = [&] {
    switch (verb) {
      case UserVerb::add: return add(common, options);
      case UserVerb::passwd: return set_password(common, options);
      case UserVerb::token: return make(common, options);
      case UserVerb::remove: return remove(common, options);
      case UserVerb::list: return list(common, options);
    }
    return Result<void>();
  }();
  return done ? 0 : report(done.error());
}

}  // namespace loa
