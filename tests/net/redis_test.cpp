#include "net/redis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/task_group.hpp"
#include "net/redis_codec.hpp"
#include "support/redis_server.hpp"

namespace loa {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Kind = RedisReply::Kind;

// --- addresses

TEST(RedisUrl, AllForms) {
  const auto read = [](std::string_view url) { return *parse_redis_url(url); };
  EXPECT_EQ(to_string(read("redis://127.0.0.1:6379/0")), "127.0.0.1:6379");
  EXPECT_EQ(read("redis://queue.example").port, 6379);
  EXPECT_EQ(read("redis://loa@queue:7000/3").user, "loa");
  EXPECT_EQ(read("redis://loa@queue:7000/3").database, 3);
  EXPECT_EQ(read("rediss://[::1]:6380").transport, RedisAddress::Transport::tls);
  EXPECT_EQ(to_string(read("rediss://[::1]:6380")), "[::1]:6380");
  EXPECT_EQ(read("unix:///run/redis/s.sock?db=2").path, "/run/redis/s.sock");
  EXPECT_EQ(read("unix:///run/redis/s.sock?db=2").database, 2);
  EXPECT_EQ(read("unix:/run/s").path, "/run/s");
}

TEST(RedisUrl, WhatIsWrongIsRefusedAndAPasswordNotRepeated) {
  for (const std::string_view url :
       {"", "127.0.0.1", "http://127.0.0.1", "redis://", "redis://h:0", "redis://h:65536",
        "redis://h:x", "redis://h/x", "redis://h/-1", "redis://[::1", "redis://a b", "unix:run",
        "unix:///s?x=1"}) {
    EXPECT_FALSE(parse_redis_url(url)) << url;
  }
  const auto refused = parse_redis_url("redis://loa:s3cr3t@127.0.0.1");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("password"));
  EXPECT_EQ(refused.error().text.find("s3cr3t"), std::string::npos);
}

// --- the protocol

TEST(RedisParser, RepliesOfEveryKindInPiecesOfAnySize) {
  const std::string bytes =
      "+OK\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n-ERR "
      "no\r\n$0\r\n\r\n-LOADING wait\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    RedisParser parser;
    std::vector<RedisReply> replies;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      ASSERT_TRUE(parser.feed(std::string_view(bytes).substr(at, step)));
      for (auto reply = parser.next(); reply && *reply; reply = parser.next())
        replies.push_back(**reply);
    }
    ASSERT_EQ(replies.size(), 8u) << step;
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_EQ(replies[1].integer, -42);
    EXPECT_EQ(replies[2].text, "a\r\nbc");
    EXPECT_TRUE(replies[3].is_null() && replies[4].is_null());
    EXPECT_TRUE(replies[5].is_list() && replies[5].items.empty());
    ASSERT_EQ(replies[6].items.size(), 3u);
    EXPECT_EQ(replies[6].items[1].items[0].text, "x");
    EXPECT_EQ(replies[6].items[1].items[1].kind, Kind::error);
    EXPECT_EQ(replies[6].items[2].text, "");
    EXPECT_EQ(replies[7].kind, Kind::error);
    EXPECT_EQ(failure_of(replies[7].text), RedisFailure::loading);
  }
}

TEST(RedisParser, WhatIsBeyondTheBoundsIsRefusedBeforeItCostsMemory) {
  const auto failure = [](std::string_view bytes, std::size_t values = 1000) {
    RedisParser parser(4096, values);
    const auto fed = parser.feed(bytes);
    if (!fed) return fed.error().kind;
    const auto reply = parser.next();
    return reply ? RedisFailure::other : reply.error().kind;
  };
  EXPECT_EQ(failure("*2147483647\r\n:1\r\n"), RedisFailure::other);  // so far, so little
  EXPECT_EQ(failure("*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", 4), RedisFailure::too_large);
  EXPECT_EQ(failure("$100000\r\n" + std::string(5000, 'x')), RedisFailure::too_large);
  EXPECT_EQ(failure("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"),
            RedisFailure::protocol);
  EXPECT_EQ(failure("$-7\r\n"), RedisFailure::protocol);
  EXPECT_EQ(failure("HTTP/1.1 200 OK\r\n"), RedisFailure::protocol);
  // The bound is for each reply, not for all.
  RedisParser parser(64);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(parser.feed("$20\r\n01234567890123456789\r\n"));
    ASSERT_TRUE(parser.next().value());
  }
}

TEST(RedisParser, CommandsCarryAnyByte) {
  EXPECT_EQ(format_command({"SET", "k", std::string("a\r\n\0b", 5)}),
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\n" + std::string("\0b", 2) + "\r\n");
}

// --- the client against a server

class RedisClientTest : public testing::Test {
 protected:
  RedisAccess access(const std::string& url) {
    RedisAccess access;
    access.address = *parse_redis_url(url);
    access.connect_limit = 2s;
    access.pause_first = 20ms;
    access.pause_max = 100ms;
    return access;
  }
  std::unique_ptr<Redis> client(RedisAccess access) {
    return *create_redis(context_.get_executor(), *clock_, *random_, std::move(access), "loa-test");
  }
  RedisResult<RedisReply> say(Redis& redis, std::vector<std::string> words, Duration limit = 5s) {
    std::optional<RedisResult<RedisReply>> reply;
    asio::co_spawn(context_, redis.command(std::move(words), limit),
                   [&](const std::exception_ptr& failure, RedisResult<RedisReply> result) {
                     if (failure) std::rethrow_exception(failure);
                     reply = std::move(result);
                   });
    context_.restart();
    context_.run();
    return std::move(*reply);
  }
  RedisFailure failure(Redis& redis, std::vector<std::string> words, Duration limit = 5s) {
    const auto reply = say(redis, std::move(words), limit);
    return reply ? RedisFailure::other : reply.error().kind;
  }
  // Asks until the answer comes: how long reconnecting takes is the client's business.
  bool answers(Redis& redis) {
    return wait_until([&] { return say(redis, {"PING"}).has_value(); });
  }

  asio::io_context context_{1};
  std::unique_ptr<Clock> clock_ = create_system_clock(context_.get_executor());
  std::unique_ptr<Random> random_ = create_seeded_random(1);
};

TEST_F(RedisClientTest, ConnectsAtTheFirstCommandAndKnowsTheServer) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  const auto redis = client(access(server.url() + "?db=3"));
  EXPECT_FALSE(redis->state().connected);
  EXPECT_EQ(say(*redis, {"SET", "k", "v"})->text, "OK");
  EXPECT_EQ(say(*redis, {"GET", "k"})->text, "v");
  EXPECT_EQ(say(*redis, {"CLIENT", "GETNAME"})->text, "loa-test");
  EXPECT_EQ(server.ask({"GET", "k"}), "");  // that was another database
  const RedisState& state = redis->state();
  EXPECT_TRUE(state.connected);
  EXPECT_EQ(state.connections, 1u);
  EXPECT_THAT(state.version, testing::StartsWith("7."));
  EXPECT_EQ(state.appendonly, "yes");
  EXPECT_EQ(state.appendfsync, "always");
  EXPECT_EQ(state.server, server.socket());
}

TEST_F(RedisClientTest, FailuresAreToldByKind) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  say(*redis, {"SET", "text", "x"});
  EXPECT_EQ(failure(*redis, {"LPUSH", "text", "x"}), RedisFailure::wrong_type);
  EXPECT_EQ(failure(*redis, {"XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"}),
            RedisFailure::no_group);
  say(*redis, {"XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"});
  EXPECT_EQ(failure(*redis, {"XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"}),
            RedisFailure::group_exists);
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(failure(*redis, {"SET", "k", "v"}), RedisFailure::out_of_memory);
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  server.ask({"CONFIG", "SET", "min-replicas-to-write", "1"});
  EXPECT_EQ(failure(*redis, {"SET", "k", "v"}), RedisFailure::few_replicas);
  server.ask({"CONFIG", "SET", "min-replicas-to-write", "0"});
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_EQ(failure(*redis, {"SET", "k", "v"}), RedisFailure::read_only);
  server.ask({"CONFIG", "SET", "replica-serve-stale-data", "no"});
  EXPECT_EQ(failure(*redis, {"GET", "k"}), RedisFailure::master_down);
  server.ask({"REPLICAOF", "NO", "ONE"});
  // None of these costs the connection.
  EXPECT_EQ(say(*redis, {"GET", "text"})->text, "x");
  EXPECT_EQ(redis->state().connections, 1u);
}

TEST_F(RedisClientTest, LogsInAndSaysWhenItCannot) {
  RedisServer server;
  server.ask({"ACL", "SETUSER", "loa", "on", ">s3cr3t", "~*", "+@all", "-config"});
  server.ask({"ACL", "SETUSER", "default", "off"});
  RedisAccess with = access(server.url());
  with.address.user = "loa";
  with.password = Secret("s3cr3t");
  const auto redis = client(with);
  EXPECT_EQ(say(*redis, {"PING"})->text, "PONG");
  EXPECT_EQ(redis->state().appendfsync, "");  // we may not ask
  EXPECT_EQ(failure(*redis, {"CONFIG", "GET", "save"}), RedisFailure::not_permitted);

  with.password = Secret("wrong");
  const auto stranger = client(with);
  EXPECT_EQ(failure(*stranger, {"PING"}), RedisFailure::not_connected);
  EXPECT_EQ(stranger->state().failure, RedisFailure::no_auth);
  EXPECT_THAT(stranger->state().error, HasSubstr("WRONGPASS"));
  const auto nobody = client(access(server.url()));
  EXPECT_EQ(failure(*nobody, {"PING"}), RedisFailure::not_connected);
  EXPECT_EQ(nobody->state().failure, RedisFailure::no_auth);
}

TEST_F(RedisClientTest, AStoppedServerCostsItsDeadlineAndNoLateAnswerIsTaken) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  say(*redis, {"SET", "k", "v"});
  server.pause();
  EXPECT_EQ(failure(*redis, {"GET", "k"}, 50ms), RedisFailure::timeout);
  EXPECT_FALSE(redis->state().connected);
  server.resume();
  ASSERT_TRUE(answers(*redis));
  EXPECT_EQ(say(*redis, {"ECHO", "mine"})->text, "mine");
  EXPECT_EQ(redis->state().connections, 2u);
}

TEST_F(RedisClientTest, ReconnectsByItselfAfterARestart) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  say(*redis, {"PING"});
  server.kill();
  EXPECT_FALSE(say(*redis, {"PING"}));
  EXPECT_FALSE(redis->state().connected);
  EXPECT_THAT(redis->state().error, testing::Not(testing::IsEmpty()));
  server.start();
  ASSERT_TRUE(answers(*redis));
  EXPECT_EQ(redis->state().attempts, 0);
  // An ended connection that nobody used meanwhile costs no command.
  server.kill();
  server.start();
  ASSERT_TRUE(wait_until([&] {
    const auto reply = say(*redis, {"PING"});
    EXPECT_TRUE(reply || reply.error().kind == RedisFailure::not_connected);
    return reply.has_value();
  }));
}

TEST_F(RedisClientTest, AttemptsAreSpacedAndWaitsDoNotTry) {
  TempFolder nowhere;
  RedisAccess away = access("unix://" + nowhere.path + "/s");
  away.pause_first = 10s;
  away.pause_max = 30s;
  const auto redis = client(away);
  const Tick before = clock_->now();
  EXPECT_EQ(failure(*redis, {"PING"}), RedisFailure::not_connected);
  EXPECT_EQ(redis->state().attempts, 1);
  EXPECT_GE(redis->state().next_attempt, before + 5s);
  EXPECT_LE(redis->state().next_attempt, clock_->now() + 10s);
  EXPECT_EQ(failure(*redis, {"PING"}), RedisFailure::not_connected);
  EXPECT_EQ(redis->state().attempts, 1);  // it was not its time
}

TEST_F(RedisClientTest, CommandsOfManyWaitTheirTurn) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  constexpr int kCallers = 50;
  int right = 0;
  TaskGroup group(context_.get_executor(), *clock_);
  const auto one = [](Redis& to, int number, int& count) -> Task<void> {
    std::vector<std::string> words{"ECHO", std::to_string(number)};
    const auto reply = co_await to.command(std::move(words), 5s);
    if (reply && reply->text == std::to_string(number)) ++count;
  };
  for (int i = 0; i < kCallers; ++i) group.spawn(one(*redis, i, right));
  context_.run();
  EXPECT_EQ(right, kCallers);
}

TEST_F(RedisClientTest, AHugeAnswerIsGivenUp) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  server.ask({"SETRANGE", "huge", "40000000", "x"});
  EXPECT_EQ(failure(*redis, {"GET", "huge"}), RedisFailure::too_large);
  EXPECT_TRUE(answers(*redis));
}

TEST_F(RedisClientTest, CloseEndsAWaitAndForGoodAllLaterOnes) {
  RedisServer server;
  const auto redis = client(access(server.url()));
  say(*redis, {"PING"});
  std::optional<RedisFailure> ended;
  const auto wait = [](Redis& to, std::optional<RedisFailure>& outcome) -> Task<void> {
    std::vector<std::string> words{"BLPOP", "nothing", "0"};
    const auto reply = co_await to.command(std::move(words), 600s);
    outcome = reply ? RedisFailure::other : reply.error().kind;
  };
  TaskGroup group(context_.get_executor(), *clock_);
  group.spawn(wait(*redis, ended));
  context_.restart();
  while (server.ask({"CLIENT", "LIST"}).find("cmd=blpop") == std::string::npos) context_.poll();
  redis->close(true);
  context_.run();
  EXPECT_EQ(ended, RedisFailure::lost);
  EXPECT_EQ(failure(*redis, {"PING"}), RedisFailure::not_connected);
}

// --- TCP and TLS

TEST_F(RedisClientTest, TlsIsVerified) {
  TempFolder keys;
  const std::string quiet = " >/dev/null 2>&1";
  const std::string at = keys.path + "/";
  const auto certificate = [&](const std::string& name, const std::string& subject) {
    return "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
           "/CN=" +
           name + " -addext subjectAltName=" + subject + " -keyout " + at + name + ".key -out " +
           at + name + ".crt" + quiet;
  };
  ASSERT_EQ(std::system(certificate("localhost", "DNS:localhost").c_str()), 0);
  ASSERT_EQ(std::system(certificate("other", "DNS:other").c_str()), 0);
  const std::string port = std::to_string(free_port());
  RedisServer server({"--tls-port", port, "--tls-cert-file", at + "localhost.crt", "--tls-key-file",
                      at + "localhost.key", "--tls-ca-cert-file", at + "localhost.crt", "--bind",
                      "127.0.0.1", "--tls-auth-clients", "optional"});
  RedisAccess with = access("rediss://localhost:" + port);
  with.ca_file = at + "localhost.crt";
  const auto redis = client(with);
  const auto reply = say(*redis, {"ECHO", std::string(200'000, 'x')});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->text.size(), 200'000u);
  EXPECT_TRUE(say(*redis, {"PING"}));
  EXPECT_EQ(redis->state().connections, 1u);

  with.address.host = "127.0.0.1";  // not what the certificate says
  const auto by_number = client(with);
  EXPECT_EQ(failure(*by_number, {"PING"}), RedisFailure::not_connected);
  with.address.host = "localhost";
  with.ca_file = at + "other.crt";
  const auto by_other = client(with);
  EXPECT_EQ(failure(*by_other, {"PING"}), RedisFailure::not_connected);
  EXPECT_THAT(by_other->state().error, HasSubstr("certificate"));
  with.ca_file = at + "nothing.crt";
  const auto without = create_redis(context_.get_executor(), *clock_, *random_, with, "x");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, Code::config);
}

TEST_F(RedisClientTest, FollowsAFailOver) {
  const auto on_port = [](const std::string& port) -> std::vector<std::string> {
    return {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"};
  };
  const std::string first_port = std::to_string(free_port());
  const std::string second_port = std::to_string(free_port());
  RedisServer first(on_port(first_port));
  RedisServer second(on_port(second_port));
  second.ask({"REPLICAOF", "127.0.0.1", first_port});
  ASSERT_TRUE(wait_until([&] {
    return second.ask({"INFO", "replication"}).find("master_link_status:up") != std::string::npos;
  }));
  RedisSentinelServer sentinel(std::to_string(free_port()), first_port);
  ASSERT_TRUE(wait_until([&] { return sentinel.knows_a_replica(); }));

  RedisAccess by = access("redis://unused");
  by.sentinel.master = "loa";
  by.sentinel.hosts = {{"127.0.0.1", 1}, {"127.0.0.1", sentinel.port()}};  // the first is dead
  const auto redis = client(by);
  ASSERT_TRUE(say(*redis, {"SET", "k", "v"}));
  EXPECT_EQ(redis->state().server, "127.0.0.1:" + first_port);
  ASSERT_TRUE(wait_until([&] { return second.ask({"GET", "k"}) == "v"; }));

  first.kill();
  ASSERT_TRUE(wait_until([&] { return say(*redis, {"SET", "k", "w"}).has_value(); }));
  EXPECT_EQ(redis->state().server, "127.0.0.1:" + second_port);
  EXPECT_EQ(second.ask({"GET", "k"}), "w");

  by.sentinel.master = "nobody";
  const auto lost = client(by);
  EXPECT_EQ(failure(*lost, {"PING"}), RedisFailure::not_connected);
  EXPECT_THAT(lost->state().error, HasSubstr("knows no 'nobody'"));
}

// A server that says what a test wants, to all who come.
class Scripted {
 public:
  Scripted(asio::io_context& context, std::string words)
      : acceptor_(context, {asio::ip::address_v4::loopback(), 0}), words_(std::move(words)) {
    asio::co_spawn(context, serve(), [](const std::exception_ptr&) {});
  }
  std::string url() const {
    return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  void close() { acceptor_.close(); }
  int accepted = 0;

 private:
  Task<void> serve() {
    boost::system::error_code ec;
    for (;;) {
      auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      ++accepted;
      co_await asio::async_write(socket, asio::buffer(words_),
                                 asio::redirect_error(asio::use_awaitable, ec));
      kept_.push_back(std::move(socket));
    }
  }
  asio::ip::tcp::acceptor acceptor_;
  std::string words_;
  std::vector<asio::ip::tcp::socket> kept_;
};

TEST_F(RedisClientTest, WhatIsNoRedisIsFoundOutInTime) {
  for (const std::string words :
       {"SSH-2.0-OpenSSH_9.2\r\n", "*99999999\r\n", "$5\r\nab",
        "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$8\r\nloa-test\r\n", ""}) {
    Scripted other(context_, words);
    RedisAccess to = access(other.url());
    to.connect_limit = 100ms;
    const auto redis = client(to);
    std::optional<RedisFailure> kind;
    const auto ask = [](Redis& server, Scripted& there,
                        std::optional<RedisFailure>& outcome) -> Task<void> {
      std::vector<std::string> ping{"PING"};
      const auto reply = co_await server.command(std::move(ping), 100ms);
      outcome = reply ? RedisFailure::other : reply.error().kind;
      there.close();
    };
    TaskGroup group(context_.get_executor(), *clock_);
    group.spawn(ask(*redis, other, kind));
    context_.restart();
    context_.run();
    EXPECT_EQ(kind, RedisFailure::not_connected) << words;
    EXPECT_FALSE(redis->state().connected);
  }
}

}  // namespace
}  // namespace loa
