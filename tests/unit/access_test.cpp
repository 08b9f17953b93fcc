// Who is let in, and who may do what.
#include "api/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "api/lockout.hpp"
#include "api/password.hpp"
#include "async/run.hpp"
#include "async/task_group.hpp"
#include "base/time.hpp"
#include "support/virtual_clock.hpp"

namespace loa {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr const char* kPassword = "một mật khẩu dài";

// Costs some 70 ms once.
const std::string& known_hash() {
  static const std::string hash = *hash_password(Secret(kPassword));
  return hash;
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "loa-users-XXXXXX") {
    std::string name = path_.string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& text, mode_t mode = 0600) const {
    const std::string path = (path_ / "users.yaml").string();
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

 private:
  std::filesystem::path path_;
};

std::string all_of(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults.all()) text += to_string(fault.place) + ": " + fault.text + "\n";
  return text;
}

std::string faults_of(const std::string& text, mode_t mode = 0600) {
  const Folder folder;
  Faults faults;
  const auto users = load_users(folder.file(text, mode), faults);
  EXPECT_EQ(users.has_value(), faults.ok());
  return all_of(faults);
}

std::string basic(const std::string& user, const std::string& password) {
  const std::string plain = user + ":" + password;
  std::string text(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(plain.data()),
                    plain.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return "Basic " + text;
}

// Users, and somebody at the door.
class Door : public ::testing::Test {
 protected:
  Door() {
    User lan;
    lan.id = "lan";
    lan.name = "Nguyễn Thị Lan";
    lan.roles = {Role::author, Role::approver};
    lan.password = known_hash();
    lan.unix_login = "root";  // the one login that exists everywhere
    User minh;
    minh.id = "minh";
    minh.roles = {Role::operating};
    User vina;
    vina.id = "vina-noc";
    vina.roles = {Role::carrier};
    vina.gateway = "vina";
    token_ = make_token("k1");
    vina.tokens.push_back({"k1", token_.sha256, "", std::nullopt});
    users_.all = {lan, minh, vina};
    access_ = std::make_unique<Access>(clock_, users_);
  }

  Identified come(Caller caller) {
    std::vector<Identified> got = come_together({std::move(caller)});
    return got.front();
  }

  // All at once.
  std::vector<Identified> come_together(const std::vector<Caller>& callers) {
    std::vector<Identified> got(callers.size(), tl::unexpected(Unidentified{}));
    TaskGroup group(context_.get_executor(), clock_);
    for (std::size_t i = 0; i < callers.size(); ++i) group.spawn(one(callers[i], got[i]));
    context_.restart();
    context_.run();
    return got;
  }

  Identified by_password(const std::string& user, const std::string& password,
                         const std::string& address = "10.0.0.1") {
    return come({basic(user, password), address, std::nullopt});
  }

  Identified by_token(const std::string& text, const std::string& address = "10.0.0.1") {
    return come({"Bearer " + text, address, std::nullopt});
  }

  void wait(Duration time) {
    const auto alarm = clock_.make_alarm();
    TaskGroup group(context_.get_executor(), clock_);
    group.spawn(alarm->wait_until(clock_.now() + time));
    clock_.run();
  }

  asio::io_context context_;
  VirtualClock clock_{context_, *parse_rfc3339("2026-11-24T01:00:00Z")};
  NewToken token_;
  Users users_;
  std::unique_ptr<Access> access_;

 private:
  Task<void> one(Caller caller, Identified& got) { got = co_await access_->identify(caller); }
};

TEST(Permissions, EachRoleMayWhatItIsFor) {
  const auto may = [](RoleSet roles) {
    std::string text;
    const Identity who{"x", "X", roles, "vina", "", ""};
    for (std::size_t i = 0; i < kPermissions; ++i) {
      const auto permission = static_cast<Permission>(i);
      if (allowed(who, permission))
        text += (text.empty() ? "" : ", ") + std::string(to_string(permission));
    }
    return text;
  };
  EXPECT_EQ(may({Role::author}),
            "read campaigns, read gateways, submit, revise, retry, clone, upload");
  EXPECT_EQ(may({Role::approver}), "read campaigns, read gateways, approve, return, reject");
  EXPECT_EQ(may({Role::operating}),
            "read campaigns, read gateways, schedule, pause, resume, stop, pause or resume a "
            "gateway");
  EXPECT_EQ(may({Role::auditor}), "read campaigns, read the record, read gateways, explain");
  EXPECT_EQ(may({Role::carrier}), "read gateways");
  EXPECT_EQ(may({}), "");
}

TEST(Permissions, ACarrierSeesItsOwnGatewayOnly) {
  const Identity vina{"vina-noc", "VNPT", {Role::carrier}, "vina", "", ""};
  EXPECT_TRUE(allowed(vina, Permission::read_gateways, "vina"));
  EXPECT_FALSE(allowed(vina, Permission::read_gateways, "mobi"));
  EXPECT_FALSE(allowed(vina, Permission::run_gateways, "vina"));
  EXPECT_THAT(refusal(vina, Permission::read_gateways), HasSubstr("'vina' and no other"));
  const Identity minh{"minh", "Minh", {Role::operating}, "", "", ""};
  EXPECT_TRUE(allowed(minh, Permission::read_gateways, "mobi"));
  EXPECT_TRUE(allowed(minh, Permission::run_gateways, "mobi"));
  EXPECT_EQ(refusal(minh, Permission::approve),
            "minh may not approve: that takes the role approver");
}

TEST(Permissions, EachActOfAPersonTakesOne) {
  for (std::size_t i = 0; i < kActs; ++i) {
    const auto act = static_cast<Act>(i);
    const auto permission = permission_for(act);
    ASSERT_EQ(permission.has_value(), act != Act::freeze && act != Act::begin);
    if (permission) {
      EXPECT_EQ(to_string(*permission), to_string(act));
    }
  }
}

TEST(UsersFile, IsReadAsItStands) {
  const std::string digest(64, 'a');
  const Folder folder;
  Faults faults;
  const auto users = load_users(
      folder.file(
          "users:\n"
          "  lan: {name: Nguyễn Thị Lan, roles: [author, approver], unix: lan, password: \"" +
          known_hash() +
          "\"}\n"
          "  vina-noc: {roles: [carrier], gateway: vina, tokens: [{id: k1, sha256: " +
          digest + ", note: NOC, expires: 2027-01-01}]}\n"),
      faults);
  ASSERT_TRUE(users) << all_of(faults);
  ASSERT_EQ(users->all.size(), 2U);
  const User& lan = users->all[0];
  EXPECT_EQ(lan.id, "lan");
  EXPECT_EQ(lan.name, "Nguyễn Thị Lan");
  EXPECT_EQ(lan.roles, (RoleSet{Role::author, Role::approver}));
  EXPECT_EQ(lan.unix_login, "lan");
  EXPECT_EQ(lan.password, known_hash());
  const User& vina = users->all[1];
  EXPECT_EQ(vina.gateway, "vina");
  ASSERT_EQ(vina.tokens.size(), 1U);
  EXPECT_EQ(to_hex(vina.tokens[0].sha256), digest);
  EXPECT_EQ(vina.tokens[0].expires, parse_rfc3339("2027-01-01T00:00:00Z"));
}

TEST(UsersFile, FaultsSayWhatIsWrongAndWhere) {
  const std::string digest(64, 'a');
  const std::pair<std::string, std::string> table[] = {
      {"users: [lan]", ":1:8: must be a map of users"},
      {"usrs: {}", "did you mean 'users'"},
      {"users: {lan: {name: Lan}}", "roles"},
      {"users: {lan: {roles: []}}", "must name one or more"},
      {"users: {lan: {roles: [autor]}}", "did you mean 'author'"},
      {"users: {Lan: {roles: [author]}}", "a-z, 0-9"},
      {"users: {lan: {roles: [author], pasword: x}}", "did you mean 'password'"},
      {"users: {lan: {roles: [carrier]}}", "needs the gateway"},
      {"users: {lan: {roles: [carrier, author], gateway: vina}}", "goes with no other"},
      {"users: {lan: {roles: [author], gateway: vina}}", "only a carrier"},
      {"users: {lan: {roles: [author], unix: x}, minh: {roles: [author], unix: x}}",
       "another user already"},
      {"users: {lan: {roles: [author], tokens: [{id: k, sha256: 00}]}}", "SHA-256"},
      {"users: {lan: {roles: [author], tokens: [{id: k_1, sha256: " + digest + "}]}}", "a-z, 0-9"},
      {"users: {lan: {roles: [author], tokens: [{id: k, sha256: " + digest +
           "}, {id: k, sha256: " + digest + "}]}}",
       "stands here twice"},
      {"users: {lan: {roles: [author], tokens: [{id: k, sha256: " + digest +
           ", expires: 2027-02-30}]}}",
       "2027-01-01"},
  };
  for (const auto& [text, words] : table) EXPECT_THAT(faults_of(text), HasSubstr(words)) << text;
}

TEST(UsersFile, APasswordWrittenOutIsRefusedAndNotRepeated) {
  for (const char* written : {"geheim-geheim", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$geheim",
                              "$2b$12$geheimgeheimgeheim"}) {
    const std::string told =
        faults_of(std::string("users: {lan: {roles: [author], password: '") + written + "'}}");
    EXPECT_THAT(told, AllOf(HasSubstr("loa user passwd lan"), Not(HasSubstr("geheim"))));
  }
}

TEST(UsersFile, OpenToOthersIsRefused) {
  const std::string good = "users: {lan: {roles: [author]}}";
  EXPECT_EQ(faults_of(good, 0600), "");
  EXPECT_EQ(faults_of(good, 0640), "");
  EXPECT_THAT(faults_of(good, 0644), HasSubstr("chmod 640"));
  EXPECT_THAT(faults_of(good, 0660), HasSubstr("open to others"));
  EXPECT_THAT(faults_of(good, 0602), HasSubstr("chmod 600"));
}

RC_GTEST_PROP(UsersFile, WhatIsSavedIsReadAgain, ()) {
  Users users;
  const auto count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    User user;
    user.id = "u" + std::to_string(9 - i);  // not in alphabetical order
    user.name = *rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~'));
    user.name = "Đỗ \"" + user.name + "\"";
    user.roles = {Role::author};
    if (*rc::gen::arbitrary<bool>()) user.roles = {Role::operating, Role::auditor};
    if (*rc::gen::arbitrary<bool>()) user.password = decoy_hash("");
    if (*rc::gen::arbitrary<bool>()) user.unix_login = "login" + std::to_string(i);
    if (*rc::gen::arbitrary<bool>())
      user.tokens.push_back({"t" + std::to_string(i), sha256(user.name), "a: #note", std::nullopt});
    if (*rc::gen::arbitrary<bool>())
      user.tokens.push_back(
          {"e" + std::to_string(i), sha256("e"), "", parse_rfc3339("2027-01-01T00:00:00Z")});
    users.all.push_back(user);
  }
  const Folder folder;
  const std::string path = folder.file("users: {}", 0640);
  RC_ASSERT(save_users(path, users).has_value());
  struct stat status = {};
  RC_ASSERT(::stat(path.c_str(), &status) == 0);
  RC_ASSERT((status.st_mode & 07777U) == 0640U);
  Faults faults;
  const auto again = load_users(path, faults);
  RC_ASSERT(again.has_value());
  RC_ASSERT(again->all.size() == users.all.size());
  for (std::size_t i = 0; i < users.all.size(); ++i) {
    const User& a = users.all[i];
    const User& b = again->all[i];
    RC_ASSERT(a.id == b.id);
    RC_ASSERT(a.name == b.name);
    RC_ASSERT(a.roles == b.roles);
    RC_ASSERT(a.password == b.password);
    RC_ASSERT(a.unix_login == b.unix_login);
    RC_ASSERT(a.tokens.size() == b.tokens.size());
    for (std::size_t k = 0; k < a.tokens.size(); ++k) {
      RC_ASSERT(a.tokens[k].id == b.tokens[k].id);
      RC_ASSERT(a.tokens[k].sha256 == b.tokens[k].sha256);
      RC_ASSERT(a.tokens[k].note == b.tokens[k].note);
      RC_ASSERT(a.tokens[k].expires == b.tokens[k].expires);
    }
  }
}

TEST(Passwords, AreRightHoweverTheAccentsAreTyped) {
  const std::string composed = "phê duyệt của Lan";
  const std::string decomposed = "phe\u0302 duye\u0323\u0302t cu\u0309a Lan";
  const auto hash = hash_password(Secret(composed));
  ASSERT_TRUE(hash);
  EXPECT_TRUE(is_password_hash(*hash));
  EXPECT_TRUE(check_password(*hash, Secret(decomposed)));
  EXPECT_FALSE(check_password(*hash, Secret("phê duyệt của Lam")));
  EXPECT_FALSE(check_password(*hash, Secret("")));
  EXPECT_FALSE(check_password(*hash, Secret("\xff\xfe")));
  EXPECT_FALSE(check_password(*hash, Secret(std::string(100'000, 'x'))));
}

TEST(Passwords, ShortOrUnusableOnesAreNotTaken) {
  EXPECT_THAT(hash_password(Secret("mười một ch")).error().text, HasSubstr("12 characters"));
  EXPECT_THAT(hash_password(Secret(std::string(1025, 'x'))).error().text, HasSubstr("1024 bytes"));
  EXPECT_THAT(
      hash_password(Secret("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")).error().text,
      HasSubstr("UTF-8"));
}

TEST(Passwords, HashesThatCostTooLittleOrTooMuchAreRefused) {
  const std::string tail = known_hash().substr(known_hash().find(",p=1"));
  EXPECT_TRUE(is_password_hash("$argon2id$v=19$m=65536,t=2" + tail));
  EXPECT_TRUE(is_password_hash("$argon2id$v=19$m=262144,t=3" + tail));
  EXPECT_FALSE(is_password_hash("$argon2id$v=19$m=65535,t=2" + tail));
  EXPECT_FALSE(is_password_hash("$argon2id$v=19$m=65536,t=1" + tail));
  EXPECT_FALSE(is_password_hash("$argon2id$v=19$m=4194304,t=2" + tail));
  EXPECT_FALSE(is_password_hash("$argon2id$v=19$m=65536,t=1000" + tail));
  EXPECT_FALSE(is_password_hash("$argon2i$v=19$m=65536,t=2" + tail));
}

TEST_F(Door, ARightPasswordIsLetIn) {
  const Identified who = by_password("lan", kPassword);
  ASSERT_TRUE(who) << who.error().words;
  EXPECT_EQ(who->user, "lan");
  EXPECT_EQ(who->display, "Nguyễn Thị Lan");
  EXPECT_EQ(who->from, "10.0.0.1");
  EXPECT_TRUE(allowed(*who, Permission::approve));
}

TEST_F(Door, WhyNobodyIsLetInDoesNotTellWhoThereIs) {
  const Identified wrong = by_password("lan", "một mật khẩu khác");
  const Identified nobody = by_password("nobody", kPassword);
  const Identified without = by_password("minh", kPassword);
  ASSERT_FALSE(wrong || nobody || without);
  EXPECT_EQ(wrong.error().kind, Unidentified::Kind::unknown);
  EXPECT_EQ(wrong.error().words, nobody.error().words);
  EXPECT_EQ(wrong.error().words, without.error().words);
}

TEST_F(Door, ANameThatNobodyHasCostsTheSame) {
  const auto cost = [&](const std::string& name) {
    const std::clock_t begin = std::clock();  // of all threads of the process
    EXPECT_FALSE(by_password(name, "một mật khẩu khác"));
    return static_cast<double>(std::clock() - begin);
  };
  const double known = std::min(cost("lan"), cost("lan"));
  const double without = std::min(cost("minh"), cost("minh"));
  const double unknown = std::min(cost("nobody"), cost("nobody"));
  EXPECT_GT(unknown, known / 2);
  EXPECT_LT(unknown, known * 2);
  EXPECT_GT(without, known / 2);
  EXPECT_LT(without, known * 2);
}

TEST_F(Door, HeadersThatAreNoCredentials) {
  for (const char* header :
       {"Basic", "Basic ", "Basic !!!", "Basic bGFu", "Digest x", "Bearer", "Bearer loa_",
        "Bearer loa_k1", "Bearer loa_k1_", "Bearer k1_x", "x"}) {
    const Identified who = come({header, "10.0.0.1", std::nullopt});
    ASSERT_FALSE(who) << header;
    EXPECT_EQ(who.error().kind, Unidentified::Kind::unknown) << header;
  }
  EXPECT_FALSE(come({"", "10.0.0.1", std::nullopt}));
}

TEST_F(Door, ATokenIsItsUsers) {
  const Identified who = by_token(std::string(token_.text.reveal()));
  ASSERT_TRUE(who) << who.error().words;
  EXPECT_EQ(who->user, "vina-noc");
  EXPECT_EQ(who->gateway, "vina");
  EXPECT_EQ(who->token, "k1");
  EXPECT_TRUE(come({"bearer  " + std::string(token_.text.reveal()), "::1", std::nullopt}));
  EXPECT_FALSE(by_token(std::string(token_.text.reveal()) + "x"));
  EXPECT_FALSE(by_token(std::string(make_token("k1").text.reveal())));
  EXPECT_FALSE(by_token(std::string(make_token("k2").text.reveal())));
}

TEST_F(Door, ATokenEndsWithItsDay) {
  users_.all[2].tokens[0].expires = parse_rfc3339("2026-11-25T00:00:00Z");
  access_->replace(users_);
  const std::string text(token_.text.reveal());
  const Identified before = by_token(text);
  ASSERT_TRUE(before);
  EXPECT_TRUE(access_->still(*before));
  wait(23h);
  const Identified after = by_token(text);
  ASSERT_FALSE(after);
  EXPECT_THAT(after.error().words, HasSubstr("was good until 2026-11-25"));
  EXPECT_FALSE(access_->still(*before));
}

TEST_F(Door, TheUnixSocketKnowsItsPeer) {
  const Identified root = come({"", "", 0U});
  ASSERT_TRUE(root) << root.error().words;
  EXPECT_EQ(root->user, "lan");
  EXPECT_EQ(root->from, "unix:0");
  const Identified other = come({"", "", 4'000'000'000U});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().words, HasSubstr("uid 4000000000"));
  // Credentials say more than the login.
  const Identified token = come({"Bearer " + std::string(token_.text.reveal()), "", 0U});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->user, "vina-noc");
}

TEST_F(Door, TheTenthWrongTryClosesTheDoorForAWhile) {
  for (int i = 0; i < 10; ++i) {
    const Identified who = by_password("lan", "wrong-" + std::to_string(i));
    ASSERT_FALSE(who);
    ASSERT_EQ(who.error().kind, Unidentified::Kind::unknown) << i;
  }
  // Not even the right one, or a guess at a closed door would tell.
  const Identified closed = by_password("lan", kPassword);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, Unidentified::Kind::slowed);
  EXPECT_EQ(closed.error().retry_after, Duration(1s));
  EXPECT_THAT(closed.error().words, HasSubstr("try again in"));
  EXPECT_EQ(by_password("nobody", "x").error().kind, Unidentified::Kind::slowed)
      << "from that address";
  EXPECT_TRUE(by_password("lan", kPassword, "10.0.0.2")) << "from another";
  EXPECT_TRUE(by_token(std::string(token_.text.reveal()))) << "a right token is not slowed";
  wait(1s);
  EXPECT_TRUE(by_password("lan", kPassword));
}

TEST_F(Door, WrongTokensCloseTheDoorOfTheirAddress) {
  const std::string wrong(make_token("k1").text.reveal());
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(by_token(wrong).error().kind, Unidentified::Kind::unknown) << i;
  EXPECT_EQ(by_token(wrong).error().kind, Unidentified::Kind::slowed);
  EXPECT_EQ(by_token(wrong, "10.0.0.2").error().kind, Unidentified::Kind::unknown);
}

TEST_F(Door, AnIpv6HostIsOneAddress) {
  for (int i = 0; i < 10; ++i)
    ASSERT_FALSE(by_token("loa_k1_x", "2001:db8::" + std::to_string(i + 1)));
  EXPECT_EQ(by_token("loa_k1_x", "2001:db8::ffff").error().kind, Unidentified::Kind::slowed);
  EXPECT_EQ(by_token("loa_k1_x", "2001:db8:0:1::1").error().kind, Unidentified::Kind::unknown);
}

TEST_F(Door, ManyRequestsAtOnceWithOnePasswordAreOneCheck) {
  std::vector<Caller> callers(200, {basic("lan", kPassword), "10.0.0.1", std::nullopt});
  for (const Identified& who : come_together(callers)) EXPECT_TRUE(who);
  const std::clock_t begin = std::clock();
  for (const Identified& who : come_together(callers)) EXPECT_TRUE(who);
  const double each = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / 200;
  EXPECT_LT(each, 0.005) << "who signed in a moment ago is remembered";
}

TEST_F(Door, WrongTriesAtOnceAreNoWayAround) {
  std::vector<Caller> callers;
  callers.reserve(12);
  for (int i = 0; i < 12; ++i)
    callers.push_back({basic("lan", "wrong-" + std::to_string(i)), "10.0.0.1", std::nullopt});
  int tried = 0;
  for (const Identified& who : come_together(callers))
    tried += who.error().kind == Unidentified::Kind::unknown ? 1 : 0;
  EXPECT_EQ(tried, 10);
}

TEST_F(Door, AFloodOfStrangersIsToldToWaitAndThoseKnownAreNot) {
  ASSERT_TRUE(by_password("lan", kPassword));
  wait(2min);  // no longer remembered, but known
  std::vector<Caller> callers;
  callers.reserve(41);
  for (int i = 0; i < 40; ++i)
    callers.push_back(
        {basic("user" + std::to_string(i), "wrong"), "10.1.0." + std::to_string(i), std::nullopt});
  callers.push_back({basic("lan", kPassword), "10.0.0.1", std::nullopt});
  const std::vector<Identified> got = come_together(callers);
  int busy = 0;
  for (std::size_t i = 0; i < 40; ++i)
    busy += got[i].error().kind == Unidentified::Kind::busy ? 1 : 0;
  EXPECT_EQ(busy, 28);
  EXPECT_TRUE(got.back());
}

TEST_F(Door, ANewFileCountsAtOnce) {
  const Identified before = by_password("lan", kPassword);
  ASSERT_TRUE(before);
  ASSERT_TRUE(access_->still(*before));
  users_.all[0].password = *hash_password(Secret("một mật khẩu mới"));
  users_.all[0].roles = {Role::auditor};
  access_->replace(users_);
  EXPECT_FALSE(access_->still(*before));
  EXPECT_FALSE(by_password("lan", kPassword));
  const Identified after = by_password("lan", "một mật khẩu mới");
  ASSERT_TRUE(after);
  EXPECT_FALSE(allowed(*after, Permission::approve));
}

// An attacker who tries whenever he is let, from `places` addresses at `users` names, for a day.
struct Attack {
  int guesses = 0;
  Duration longest{};
};

Attack attack(Lockout& lockout, int users, int places, Duration time) {
  Attack done;
  const Tick end = Tick{} + time;
  for (Tick now{}; now < end;) {
    Duration next = time;
    for (int u = 0; u < users; ++u) {
      for (int p = 0; p < places; ++p) {
        const std::string user = "user" + std::to_string(u);
        const std::string place = "attacker" + std::to_string(p);
        const Duration wait = lockout.wait(now, user, place);
        done.longest = std::max(done.longest, wait);
        if (wait > Duration{}) {
          next = std::min(next, wait);
          continue;
        }
        lockout.begin(now, user, place);
        ++done.guesses;
        next = Duration{};
      }
    }
    now += next;
  }
  return done;
}

TEST(Guessing, OneAddressGetsFourGuessesAnHour) {
  for (const int users : {1, 50}) {
    Lockout lockout("key");
    const Attack done = attack(lockout, users, 1, 24h);
    EXPECT_LE(done.guesses, 10 + 11 + 4 * 24) << users;
    EXPECT_EQ(done.longest, Duration(15min));
    EXPECT_EQ(lockout.wait(Tick{} + 24h, "user0", "elsewhere"), Duration{});
  }
}

TEST(Guessing, ACrowdGetsFortyAnHourAtOnePerson) {
  Lockout lockout("key");
  const Attack done = attack(lockout, 1, 100, 12h);
  EXPECT_LE(done.guesses, 100 + 11 + 40 * 12);
}

TEST(Guessing, ACrowdDoesNotLockAPersonOutOfWhereSheWorks) {
  Lockout lockout("key");
  lockout.begin(Tick{}, "user0", "office");
  lockout.succeeded(Tick{}, "user0", "office");
  attack(lockout, 1, 100, 6h);
  EXPECT_EQ(lockout.wait(Tick{} + 6h, "user0", "office"), Duration{});
  EXPECT_GT(lockout.wait(Tick{} + 6h, "user0", "a new place"), Duration{});
}

TEST(Guessing, AStrangerBehindTheSameAddressDoesNotEither) {
  Lockout lockout("key");
  lockout.begin(Tick{}, "lan", "office");
  lockout.succeeded(Tick{}, "lan", "office");
  for (int i = 0; i < 10; ++i) lockout.begin(Tick{}, "minh", "office");
  EXPECT_EQ(lockout.wait(Tick{}, "minh", "office"), Duration(1s));
  EXPECT_EQ(lockout.wait(Tick{}, "lan", "office"), Duration{});
}

RC_GTEST_PROP(Guessing, NobodyGuessesInTheShadowOfSuccesses, ()) {
  Lockout lockout("key");
  Tick now{};
  int wrong = 0;
  for (const bool right : *rc::gen::container<std::vector<bool>>(60, rc::gen::arbitrary<bool>())) {
    const Duration wait = lockout.wait(now, "lan", "here");
    RC_ASSERT(wait <= Lockout::kWaitMax);
    now += wait;
    lockout.begin(now, "lan", "here");
    if (right) {
      lockout.succeeded(now, "lan", "here");
      continue;
    }
    ++wrong;
    RC_ASSERT(wrong <= 10 + 11 + (now - Tick{}) / Duration(15min));
    if (wrong < 10) RC_ASSERT(lockout.wait(now, "lan", "here") == Duration{});
    if (now == Tick{} && wrong == 10) RC_ASSERT(lockout.wait(now, "lan", "here") == Duration(1s));
  }
  // All is forgiven in the end.
  RC_ASSERT(lockout.wait(now + 24h, "lan", "here") == Duration{});
}

RC_GTEST_PROP(Guessing, TheTableIsBoundedAndForgetsTheLeastFirst, ()) {
  constexpr std::size_t kMax = 200;
  Lockout lockout("key", kMax);
  for (int i = 0; i < 30; ++i) lockout.begin(Tick{}, "lan", "attacker");
  const auto strangers = *rc::gen::inRange(0, 2000);
  for (int i = 0; i < strangers; ++i) {
    lockout.begin(Tick{} + std::chrono::milliseconds(i), "name" + std::to_string(i),
                  "place" + std::to_string(i));
    RC_ASSERT(lockout.entries() <= kMax);
  }
  RC_ASSERT(lockout.wait(Tick{} + 2s, "lan", "attacker") > Duration{});
}

}  // namespace
}  // namespace loa
