// The HTTP server against bytes on a socket: well-formed, malformed, slow, and too many.
#include "net/http_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/hash.hpp"
#include "net/carrier.hpp"
#include "support/http_world.hpp"
#include "support/raw_peer.hpp"

namespace loa {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::size_t kBigBody = 8 * 1024 * 1024;
constexpr std::uint64_t kUploadMax = 32 * 1024 * 1024;

// Answers with what it was asked, so that the test sees what the server made of the bytes.
class Desk final : public HttpHandler {
 public:
  explicit Desk(Clock& clock) : clock_(clock), gate_(clock.make_alarm()) {}

  HttpBodyTerms body_terms(const IncomingRequest& head) const override {
    if (head.path == "/upload" || head.path == "/ignore") return {kUploadMax, true};
    return {1024, false};
  }

  Task<HttpResponse> handle(IncomingRequest& request, HttpBody& body) override {
    ++handled;
    HttpResponse response;
    response.headers.set("Content-Type", "text/plain");
    if (request.path == "/upload") {
      Sha256 sum;
      for (;;) {
        const Result<std::string> piece = co_await body.next();
        if (!piece) co_return HttpResponse{.status = 500, .headers = {}, .body = "unused"};
        if (piece->empty()) break;
        largest_piece = std::max(largest_piece, piece->size());
        sum.add(*piece);
      }
      response.body = to_hex(sum.finish());
    } else if (request.path == "/events") {
      response.headers.set("Content-Type", "text/event-stream");
      response.stream = [this](std::shared_ptr<HttpStream> stream) {
        streams.push_back(std::move(stream));
      };
    } else if (request.path == "/slow") {
      co_await gate_->wait_until(clock_.now() + std::chrono::seconds(10));
      response.body = "done";
    } else if (request.path == "/big") {
      response.body.assign(kBigBody, 'x');
    } else if (request.path == "/who") {
      response.body = request.peer.address +
                      (request.peer.uid ? " " + std::to_string(*request.peer.uid) : "") +
                      (request.peer.local ? " local" : "");
    } else if (request.path == "/inject") {
      response.headers.set("X-Said", *request.parameter("say") + "\r\nX-Evil: 1");
    } else {
      response.body = request.method + " " + request.path;
      for (const auto& [name, value] : request.query)
        response.body += fmt::format(" {}={}", name, value);
      if (!request.body.empty()) response.body += " [" + request.body + "]";
    }
    co_return response;
  }

  HttpResponse refusal(const HttpFault& fault) const override {
    return {.status = fault.status, .headers = {}, .body = fault.detail};
  }

  void open_gate() { gate_->wake(); }

  std::vector<std::shared_ptr<HttpStream>> streams;
  int handled = 0;
  std::size_t largest_piece = 0;

 private:
  Clock& clock_;
  std::unique_ptr<Alarm> gate_;
};

// A server in a thread of its own.
class Served {
 public:
  explicit Served(HttpLimits limits = {}, const std::vector<std::string>& listen = {"127.0.0.1:0"},
                  bool behind_proxy = false, std::optional<HttpServerSettings::Tls> tls = {})
      : clock_(create_system_clock(thread_.context.get_executor())), desk(*clock_) {
    HttpServerSettings settings;
    for (const std::string& address : listen)
      settings.listen.push_back(*read_http_address(address));
    settings.behind_proxy = behind_proxy;
    settings.tls = std::move(tls);
    settings.limits = limits;
    auto started =
        start_http_server(thread_.context.get_executor(), *clock_, std::move(settings), desk);
    if (!started) {
      failure = started.error();
      return;
    }
    server_ = std::move(*started);
    port = server_->addresses().front().port;
    thread_.start();
  }
  ~Served() {
    if (thread_.is_running()) stop(std::chrono::seconds(0));
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  RawPeer connect() const { return RawPeer(port); }

  template <class F>
  auto inside(F work) {
    return thread_.inside(std::move(work));
  }
  bool becomes(const std::function<bool()>& true_inside) { return thread_.becomes(true_inside); }
  HttpServerCounts counts() {
    return inside([this] { return server_->counts(); });
  }
  bool is_closed_to(std::size_t connections) {
    return becomes([&] { return server_->counts().connections == connections; });
  }

  void begin_stop(Duration patience) {
    thread_.spawn(server_->stop(patience), [this] { stopped = true; });
  }
  void join() { thread_.join(); }
  void stop(Duration patience) {
    begin_stop(patience);
    join();
  }

 private:
  ServerThread thread_;
  std::unique_ptr<Clock> clock_;

 public:
  Desk desk;
  std::uint16_t port = 0;
  std::optional<Error> failure;
  bool stopped = false;

 private:
  std::unique_ptr<HttpServer> server_;
};

HttpLimits short_limits() {
  HttpLimits limits;
  limits.header_time = milliseconds(150);
  limits.body_time = milliseconds(150);
  limits.idle_time = milliseconds(150);
  limits.write_time = milliseconds(150);
  limits.linger_time = milliseconds(150);
  return limits;
}

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST(HttpServer, AnswersAndProtectsBrowsers) {
  Served served;
  RawPeer peer = served.connect();
  const RawAnswer answer = peer.ask(get("/hello?a=1&b=x%20y+z"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /hello a=1 b=x y z");
  EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
  EXPECT_THAT(answer.header("Content-Security-Policy"), StartsWith("default-src 'none'"));
  EXPECT_THAT(answer.header("Date"), testing::EndsWith(" GMT"));
  EXPECT_EQ(answer.header("Connection"), "keep-alive");
  EXPECT_EQ(peer.ask(post("/echo", "body")).body, "POST /echo [body]");
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  Served served;
  RawPeer peer = served.connect();
  peer.say("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawAnswer answer = peer.answer(false);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "11");
  EXPECT_EQ(peer.ask(get("/next")).body, "GET /next");
}

TEST(HttpServer, ReadsByteByByte) {
  Served served;
  RawPeer peer = served.connect();
  for (const char c : post("/echo", "slow") + get("/second")) peer.say({&c, 1});
  EXPECT_EQ(peer.answer().body, "POST /echo [slow]");
  EXPECT_EQ(peer.answer().body, "GET /second");
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
  for (const char c : chunked) peer.say({&c, 1});
  EXPECT_EQ(peer.answer().body, "POST /echo [abc0123456789]");
  for (const char c :
       std::string("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
    peer.say({&c, 1});
  EXPECT_EQ(peer.answer().body, "POST /echo");
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  Served served;
  RawPeer peer = served.connect();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += get("/r" + std::to_string(i));
    all += post("/p", std::to_string(i));
  }
  peer.say(all);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(peer.answer().body, "GET /r" + std::to_string(i));
    ASSERT_EQ(peer.answer().body, "POST /p [" + std::to_string(i) + "]");
  }
}

TEST(HttpServer, ClosesWhereTheClientAsksForIt) {
  Served served;
  RawPeer peer = served.connect();
  EXPECT_EQ(peer.ask(get("/a", "Connection: close\r\n")).header("Connection"), "close");
  EXPECT_TRUE(peer.ended());
  RawPeer old = served.connect();
  EXPECT_EQ(old.ask("GET /b HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.ended());
}

struct Refused {
  const char* what;
  std::string bytes;
  int status;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.what; }

class Refusal : public testing::TestWithParam<Refused> {};

// What another reader on the way could understand otherwise, and what is no HTTP at all. Each ends
// the connection, so that nothing behind it is taken for a request.
TEST_P(Refusal, EndsTheConnection) {
  Served served;
  RawPeer peer = served.connect();
  const RawAnswer answer = peer.ask(GetParam().bytes + get("/smuggled"));
  EXPECT_EQ(answer.status, GetParam().status) << answer.body;
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(peer.ended()) << "something was taken for a second request";
  EXPECT_EQ(served.inside([&] { return served.desk.handled; }), 0);
}

std::string line(std::string_view first, std::string_view fields = "Host: x\r\n") {
  return std::string(first) + "\r\n" + std::string(fields) + "\r\n";
}

std::string chunked(std::string_view body) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string with(std::string_view fields) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Smuggling, Refusal,
    testing::Values(
        Refused{"both", with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc", 400},
        Refused{"both, other order",
                with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "abc", 400},
        Refused{"two lengths", with("Content-Length: 3\r\nContent-Length: 4\r\n") + "abc", 400},
        Refused{"one length twice", with("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc",
                400},
        Refused{"list of lengths", with("Content-Length: 3, 3\r\n") + "abc", 400},
        Refused{"signed length", with("Content-Length: +3\r\n") + "abc", 400},
        Refused{"negative length", with("Content-Length: -1\r\n"), 400},
        Refused{"hex length", with("Content-Length: 0x3\r\n") + "abc", 400},
        Refused{"huge length", with("Content-Length: 18446744073709551617\r\n"), 400},
        Refused{"empty length", with("Content-Length:\r\n"), 400},
        Refused{"other encoding", with("Transfer-Encoding: gzip\r\n"), 501},
        Refused{"encoding list", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
        Refused{"chunked and more", with("Transfer-Encoding: chunked, identity\r\n"), 501},
        Refused{"almost chunked", with("Transfer-Encoding: xchunked\r\n"), 501},
        Refused{"quoted chunked", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
        Refused{"encoding twice",
                with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
        Refused{"vertical tab",
                with("Transfer-Encoding: \x0b"
                     "chunked\r\n"),
                400},
        Refused{"space before colon", with("Content-Length : 3\r\n") + "abc", 400},
        Refused{"space before name", with("X: y\r\n Content-Length: 3\r\n"), 400},
        Refused{"folded line", with("X: y\r\n\tz\r\n"), 400},
        Refused{"folded first", "POST /echo HTTP/1.1\r\n Host: x\r\n\r\n", 400},
        Refused{"bare LF", "POST /echo HTTP/1.1\nHost: x\n\n", 400},
        Refused{"bare LF in the middle", with("X: y\nContent-Length: 3\r\n"), 400},
        Refused{"bare CR", with("X: y\rContent-Length: 3\r\n"), 400},
        Refused{"NUL", with(std::string_view("X: a\0b\r\n", 8)), 400},
        Refused{"no colon", with("Nonsense\r\n"), 400},
        Refused{"old with chunks",
                "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400}));

INSTANTIATE_TEST_SUITE_P(
    Chunks, Refusal,
    testing::Values(Refused{"no number", chunked("x\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"hex prefix", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"space", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"space behind", chunked("3 \r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"overflow", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"too long", chunked("FFFFFFFF\r\nabc"), 413},
                    Refused{"in pieces too long",
                            chunked("200\r\n" + std::string(512, 'x') + "\r\n201\r\n" +
                                    std::string(513, 'x') + "\r\n0\r\n\r\n"),
                            413},
                    Refused{"no line end", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
                    Refused{"bare LF", chunked("3\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"extension", chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), 400},
                    Refused{"extension at the end", chunked("3\r\nabc\r\n0;x\r\n\r\n"), 400},
                    Refused{"endless head", chunked(std::string(9000, '0')), 400},
                    Refused{"trailer", chunked("3\r\nabc\r\n0\r\nX: y\r\n\r\n"), 400},
                    Refused{"endless trailer", chunked("0\r\n" + std::string(9000, 'a')), 400},
                    Refused{"length in the trailer",
                            chunked("3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"), 400}));

INSTANTIATE_TEST_SUITE_P(
    FirstLine, Refusal,
    testing::Values(Refused{"no HTTP", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", 400},
                    Refused{"HTTP/0.9", "GET /a\r\n\r\n", 400},
                    Refused{"HTTP/2", line("GET /a HTTP/2.0"), 505},
                    Refused{"HTTP/1.2", line("GET /a HTTP/1.2"), 505},
                    Refused{"two spaces", line("GET  /a HTTP/1.1"), 400},
                    Refused{"tab", line("GET\t/a HTTP/1.1"), 400},
                    Refused{"long method", line("ABCDEFGHIJKLMNOPQRST /a HTTP/1.1"), 501},
                    Refused{"no host", line("GET /a HTTP/1.1", ""), 400},
                    Refused{"two hosts", line("GET /a HTTP/1.1", "Host: a\r\nHost: b\r\n"), 400},
                    Refused{"authority", line("CONNECT other:443 HTTP/1.1"), 400},
                    Refused{"star", line("GET * HTTP/1.1"), 400},
                    Refused{"dots", line("GET /a/../b HTTP/1.1"), 400},
                    Refused{"escaped dots", line("GET /a/%2e%2E/b HTTP/1.1"), 400},
                    Refused{"one dot", line("GET /./a HTTP/1.1"), 400},
                    Refused{"escaped slash", line("GET /a%2fb HTTP/1.1"), 400},
                    Refused{"backslash", line("GET /a%5c..%5cb HTTP/1.1"), 400},
                    Refused{"NUL in the path", line("GET /a%00b HTTP/1.1"), 400},
                    Refused{"line end in the path", line("GET /a%0d%0aX:%201 HTTP/1.1"), 400},
                    Refused{"bad escape", line("GET /a%2 HTTP/1.1"), 400},
                    Refused{"bad escape in the query", line("GET /a?b=%zz HTTP/1.1"), 400},
                    Refused{"no UTF-8", line("GET /a%ff HTTP/1.1"), 400},
                    Refused{"overlong UTF-8", line("GET /%c0%ae%c0%ae/a HTTP/1.1"), 400},
                    Refused{"empty segment", line("GET //a HTTP/1.1"), 400},
                    Refused{"other expectation",
                            with("Expect: a-miracle\r\nContent-Length: 1\r\n") + "a", 417}));

INSTANTIATE_TEST_SUITE_P(
    Size, Refusal,
    testing::Values(
        Refused{"long path", line("GET /" + std::string(20'000, 'a') + " HTTP/1.1"), 431},
        Refused{"long field", with("X: " + std::string(20'000, 'a') + "\r\n"), 431},
        Refused{"many fields",
                [] {
                  std::string fields;
                  for (int i = 0; i < 101; ++i) fields += "X: y\r\n";
                  return with(fields);
                }(),
                431},
        Refused{"many parameters",
                [] {
                  std::string target = "GET /a?";
                  for (int i = 0; i < 65; ++i) target += "a=b&";
                  return line(target + " HTTP/1.1");
                }(),
                400},
        Refused{"long body", with("Content-Length: 1025\r\n") + std::string(1025, 'x'), 413}));

TEST(HttpServer, TakesWhatIsJustWithinTheLimits) {
  Served served;
  RawPeer peer = served.connect();
  EXPECT_EQ(peer.ask(post("/echo", std::string(1024, 'x'))).status, 200);
  const std::string first = "GET /a HTTP/1.1\r\nHost: x\r\nX: ";
  const std::string header = first + std::string(16 * 1024 - first.size() - 4, 'y') + "\r\n\r\n";
  ASSERT_EQ(header.size(), 16U * 1024);
  EXPECT_EQ(peer.ask(header).status, 200);
  EXPECT_EQ(peer.ask("GET http://other/path?a=b HTTP/1.1\r\nHost: x\r\n\r\n").body,
            "GET /path a=b");
  EXPECT_EQ(peer.ask(get("/a/")).body, "GET /a");
  EXPECT_EQ(peer.ask(get("/")).body, "GET /");
  EXPECT_EQ(peer.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").body, "OPTIONS *");
  EXPECT_EQ(peer.ask("\r\n" + get("/after-a-line-end")).status, 200);
}

TEST(HttpServer, AFieldOfAnAnswerCannotBeEndedFromOutside) {
  Served served;
  RawPeer peer = served.connect();
  const RawAnswer answer = peer.ask(get("/inject?say=x"));
  EXPECT_EQ(answer.header("X-Evil"), "");
  EXPECT_THAT(answer.header("X-Said"), StartsWith("x"));
}

TEST(HttpServer, DropsWhoTakesTooLongForAHeader) {
  Served served(short_limits());
  RawPeer peer = served.connect();
  peer.say("GET /a HTTP/1.1\r\nHost: x\r\n");
  const RawAnswer answer = peer.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(peer.ended());
}

// One byte now and then keeps nothing alive.
TEST(HttpServer, DropsSlowloris) {
  Served served(short_limits());
  RawPeer peer = served.connect();
  bool taken = peer.say("GET /a HTTP/1.1\r\nHost: x\r\n");
  for (int i = 0; i < 200 && taken && peer.silent_for(milliseconds(10)); ++i)
    taken = peer.say("a: b\r\n");
  EXPECT_EQ(peer.answer().status, 408);
  EXPECT_TRUE(served.is_closed_to(0));
  EXPECT_EQ(served.counts().timed_out, 1U);
}

TEST(HttpServer, DropsWhoTakesTooLongForABody) {
  HttpLimits limits = short_limits();
  limits.body_rate = 10'000;
  Served served(limits);
  RawPeer peer = served.connect();
  bool taken = peer.say("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 200 && taken && peer.silent_for(milliseconds(10)); ++i) taken = peer.say("a");
  EXPECT_EQ(peer.answer().status, 408);
  EXPECT_TRUE(served.is_closed_to(0));
}

TEST(HttpServer, ABodyMayTakeItsTimeWhereItKeepsComing) {
  HttpLimits limits;
  limits.body_time = milliseconds(400);
  limits.body_rate = 10'000;
  Served served(limits);
  RawPeer peer = served.connect();
  std::string body;
  peer.say("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
  for (int i = 0; i < 60; ++i) {  // 600 ms and more, while 400 ms are allowed for nothing
    EXPECT_TRUE(peer.silent_for(milliseconds(10)));
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    body += piece;
    peer.say(piece);
  }
  const RawAnswer answer = peer.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, to_hex(sha256(body)));
}

TEST(HttpServer, ClosesIdleAndHalfOpenConnections) {
  Served served(short_limits());
  RawPeer silent = served.connect();
  RawPeer kept = served.connect();
  EXPECT_EQ(kept.ask(get("/a")).status, 200);
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(kept.ended());
  EXPECT_TRUE(served.is_closed_to(0));
}

TEST(HttpServer, DropsWhoDoesNotTakeTheAnswer) {
  Served served(short_limits());
  RawPeer peer(served.port, 4096);
  peer.say(get("/big"));
  EXPECT_TRUE(served.is_closed_to(1));
  EXPECT_TRUE(served.is_closed_to(0));
  EXPECT_LT(peer.hear_all().size(), kBigBody);
}

TEST(HttpServer, GivesALargeAnswerWhole) {
  Served served;
  RawPeer peer = served.connect();
  EXPECT_EQ(peer.ask(get("/big")).body.size(), kBigBody);
  EXPECT_EQ(peer.ask(get("/next")).status, 200);
}

TEST(HttpServer, TakesAnUploadInPieces) {
  Served served;
  RawPeer peer = served.connect();
  std::string body;
  for (int i = 0; body.size() < 16 * 1024 * 1024; ++i) body += std::to_string(i) + "\r\n";
  EXPECT_EQ(peer.ask(post("/upload", body)).body, to_hex(sha256(body)));
  EXPECT_LE(served.inside([&] { return served.desk.largest_piece; }), 128U * 1024);
  peer.say(chunked("").replace(0, 10, "POST /upload"));
  for (std::size_t at = 0; at < body.size(); at += 100'000) {
    const std::string piece = body.substr(at, 100'000);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    peer.say(size + piece + "\r\n");
  }
  peer.say("0\r\n\r\n");
  EXPECT_EQ(peer.answer().body, to_hex(sha256(body)));
  EXPECT_EQ(peer.ask(get("/next")).body, "GET /next");
}

TEST(HttpServer, RefusesAnUploadAboveItsLimit) {
  Served served;
  RawPeer peer = served.connect();
  EXPECT_EQ(peer.ask("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 33554433\r\n\r\n").status,
            413);
  EXPECT_EQ(served.inside([&] { return served.desk.handled; }), 0);
}

TEST(HttpServer, TheClientThatAsksFirstIsToldToGoOn) {
  Served served;
  RawPeer peer = served.connect();
  const std::string head =
      "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  peer.say(head);
  EXPECT_EQ(peer.hear_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(peer.ask("body").body, to_hex(sha256("body")));
  peer.say("POST /ignore" + head.substr(12));
  EXPECT_EQ(peer.answer().status, 200) << "who does not want the body does not ask for it";
  EXPECT_TRUE(peer.ended());
}

TEST(HttpServer, ABodyThatNobodyReadEndsTheConnection) {
  Served served;
  RawPeer peer = served.connect();
  const RawAnswer answer = peer.ask(post("/ignore", get("/smuggled")));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(peer.ended());
}

TEST(HttpServer, AnUploadThatBreaksOffLeavesNothingBehind) {
  Served served;
  RawPeer peer = served.connect();
  peer.say("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_TRUE(served.becomes([&] { return served.desk.handled == 1; }));
  peer.reset();
  EXPECT_TRUE(served.is_closed_to(0));
}

TEST(HttpServer, LimitsConnectionsInAllAndByAddress) {
  HttpLimits limits;
  limits.connections_per_local = 3;
  Served served(limits);
  std::vector<RawPeer> peers;
  peers.reserve(3);
  for (int i = 0; i < 3; ++i) peers.push_back(served.connect());
  for (RawPeer& peer : peers) EXPECT_EQ(peer.ask(get("/a")).status, 200);
  RawPeer fourth = served.connect();
  const RawAnswer answer = fourth.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_TRUE(fourth.ended());
  EXPECT_EQ(served.counts().refused_connections, 1U);
  peers.pop_back();
  EXPECT_TRUE(served.is_closed_to(2));
  EXPECT_EQ(served.connect().ask(get("/a")).status, 200);
}

TEST(HttpServer, StreamsAndNoticesWhenTheReaderGoes) {
  HttpLimits limits;
  limits.heartbeat = milliseconds(50);
  Served served(limits);
  RawPeer peer = served.connect();
  const RawAnswer head = peer.ask(get("/events"));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "");
  ASSERT_TRUE(served.becomes([&] { return served.desk.streams.size() == 1; }));
  served.inside([&] {
    for (int i = 0; i < 100; ++i)
      served.desk.streams[0]->send(
          std::make_shared<const std::string>("data: " + std::to_string(i) + "\n\n"));
  });
  EXPECT_THAT(peer.hear_until("data: 99\n\n"), StartsWith("data: 0\n\ndata: 1\n\n"));
  EXPECT_EQ(peer.hear(3), ":\n\n") << "a heartbeat";
  EXPECT_EQ(served.counts().streams, 1U);
  peer.close();
  EXPECT_TRUE(served.becomes([&] { return !served.desk.streams[0]->is_open(); }));
  EXPECT_TRUE(served.is_closed_to(0));
  EXPECT_EQ(served.counts().streams, 0U);
}

TEST(HttpServer, AStreamEndsBehindItsLastEvent) {
  Served served;
  RawPeer peer = served.connect();
  peer.ask(get("/events"));
  ASSERT_TRUE(served.becomes([&] { return served.desk.streams.size() == 1; }));
  served.inside([&] {
    served.desk.streams[0]->send(std::make_shared<const std::string>(100'000, 'x'));
    served.desk.streams[0]->close();
    served.desk.streams[0]->send(std::make_shared<const std::string>("late"));
  });
  EXPECT_EQ(peer.hear_all(), std::string(100'000, 'x'));
}

TEST(HttpServer, DropsAReaderWhoIsTooFarBehind) {
  HttpLimits limits;
  limits.stream_backlog = 64 * 1024;
  Served served(limits);
  RawPeer peer(served.port, 4096);
  peer.ask(get("/events"));
  ASSERT_TRUE(served.becomes([&] { return served.desk.streams.size() == 1; }));
  // The kernel takes some megabytes for him; then it is our own queue that grows, up to its bound.
  const auto event = std::make_shared<const std::string>(16 * 1024, 'x');
  EXPECT_TRUE(served.becomes([&] {
    served.desk.streams[0]->send(event);
    EXPECT_LE(served.desk.streams[0]->backlog(), limits.stream_backlog);
    return !served.desk.streams[0]->is_open();
  }));
  EXPECT_TRUE(served.is_closed_to(0));
}

TEST(HttpServer, DropsAReaderWhoTakesNothing) {
  HttpLimits limits = short_limits();
  limits.stream_backlog = 32 * 1024 * 1024;
  Served served(limits);
  RawPeer peer(served.port, 4096);
  peer.ask(get("/events"));
  ASSERT_TRUE(served.becomes([&] { return served.desk.streams.size() == 1; }));
  served.inside(
      [&] { served.desk.streams[0]->send(std::make_shared<const std::string>(kBigBody, 'x')); });
  EXPECT_TRUE(served.becomes([&] { return !served.desk.streams[0]->is_open(); }));
  EXPECT_TRUE(served.is_closed_to(0));
}

TEST(HttpServer, ManyIdleReadersHearTheSameEvent) {
  Served served;
  constexpr std::size_t kReaders = 500;
  std::vector<RawPeer> peers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    peers.push_back(served.connect());
    peers.back().say(get("/events"));
  }
  ASSERT_TRUE(served.becomes([&] { return served.desk.streams.size() == kReaders; }));
  served.inside([&] {
    const auto event = std::make_shared<const std::string>("data: all\n\n");
    for (const auto& stream : served.desk.streams) stream->send(event);
  });
  for (RawPeer& peer : peers) ASSERT_THAT(peer.hear_until("data: all\n\n"), HasSubstr("data: all"));
}

TEST(HttpServer, StopsInOrder) {
  Served served;
  RawPeer idle = served.connect();
  EXPECT_EQ(idle.ask(get("/a")).status, 200);
  RawPeer reader = served.connect();
  reader.ask(get("/events"));
  RawPeer busy = served.connect();
  busy.say(get("/slow") + get("/too-late"));
  ASSERT_TRUE(served.becomes([&] { return served.desk.handled == 3; }));
  served.begin_stop(std::chrono::seconds(10));
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(reader.ended());
  served.inside([&] { served.desk.open_gate(); });
  const RawAnswer answer = busy.answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(busy.ended());
  served.join();
  EXPECT_TRUE(served.stopped);
}

TEST(HttpServer, StopDoesNotWaitForStrangers) {
  Served served;
  RawPeer half = served.connect();
  half.say("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
  RawPeer deaf(served.port, 4096);
  deaf.say(get("/big"));
  ASSERT_TRUE(served.becomes([&] { return served.desk.handled == 2; }));
  const auto begun = std::chrono::steady_clock::now();
  served.stop(milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(HttpServer, StopsUnderLoad) {
  Served served;
  std::vector<std::thread> clients;
  clients.reserve(8);
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawPeer peer = served.connect();
      while (peer.say(get("/a")) && peer.answer().status == 200) ++answered;
    });
  }
  while (answered < 1000) std::this_thread::yield();
  served.stop(std::chrono::seconds(5));
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(served.stopped);
}

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() { std::filesystem::create_directories(folder_); }
  ~UnixSocket() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_ = testing::TempDir() + "loa-http-" + std::to_string(::getpid());
};

TEST_F(UnixSocket, KnowsWhoIsThere) {
  const std::string file = path("api.sock");
  {
    Served served({}, {"unix:" + file});
    ASSERT_FALSE(served.failure) << served.failure->text;
    struct stat found{};
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0660U);
    RawPeer peer(file);
    EXPECT_EQ(peer.ask(get("/who")).body, "unix " + std::to_string(::getuid()) + " local");
    Served second({}, {"unix:" + file});
    ASSERT_TRUE(second.failure);
    EXPECT_THAT(second.failure->text, HasSubstr("another server listens there"));
    EXPECT_EQ(RawPeer(file).ask(get("/a")).status, 200);
  }
  EXPECT_FALSE(std::filesystem::exists(file)) << "a server that ends takes its socket with it";
}

TEST_F(UnixSocket, TheSocketOfADeadServerIsReplacedAndNothingElse) {
  const std::string file = path("api.sock");
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, file.c_str(), file.size() + 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ::close(dead);
  {
    Served served({}, {"unix:" + file});
    ASSERT_FALSE(served.failure) << served.failure->text;
    EXPECT_EQ(RawPeer(file).ask(get("/a")).status, 200);
  }
  std::ofstream(file) << "precious";
  Served served({}, {"unix:" + file});
  ASSERT_TRUE(served.failure);
  EXPECT_THAT(served.failure->text, HasSubstr("not a socket"));
  EXPECT_EQ(std::filesystem::file_size(file), 8U);
}

TEST(HttpServer, ListensToOthersOnlyWithShelter) {
  Served open({}, {"0.0.0.0:0"});
  ASSERT_TRUE(open.failure);
  EXPECT_EQ(open.failure->code, Code::config);
  EXPECT_THAT(open.failure->text, AllOf(HasSubstr("TLS"), HasSubstr("behind_proxy")));
  Served proxied({}, {"0.0.0.0:0"}, true);
  ASSERT_FALSE(proxied.failure) << proxied.failure->text;
  RawPeer peer = proxied.connect();
  EXPECT_EQ(peer.ask(get("/who", "X-Forwarded-For: 10.6.6.6, 192.0.2.7\r\n")).body, "192.0.2.7");
  Served direct;
  RawPeer liar = direct.connect();
  EXPECT_EQ(liar.ask(get("/who", "X-Forwarded-For: 10.6.6.6\r\n")).body, "127.0.0.1 local");
}

TEST(HttpServer, SpeaksTlsAndRefusesTheOldOnes) {
  const std::string& folder = make_certificates();
  const HttpServerSettings::Tls tls{.certificate = folder + "/good.pem",
                                    .key = folder + "/key.pem"};
  Served served(short_limits(), {"0.0.0.0:0"}, false, tls);
  ASSERT_FALSE(served.failure) << served.failure->text;
  const auto curl = [&](const std::string& options) {
    const std::string out = folder + "/curl.out";
    const std::string command = "curl -sS -o " + out + " --cacert " + folder + "/good.pem " +
                                options + " https://127.0.0.1:" + std::to_string(served.port) +
                                "/who 2>/dev/null";
    const int status = std::system(command.c_str());
    std::ifstream in(out);
    return std::pair(status, std::string(std::istreambuf_iterator<char>(in), {}));
  };
  const auto [status, body] = curl("");
  EXPECT_EQ(status, 0);
  EXPECT_EQ(body, "127.0.0.1 local");
  EXPECT_NE(curl("--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0").first, 0);
  RawPeer plain = served.connect();
  plain.say(get("/a"));
  EXPECT_THAT(plain.hear_all(), Not(HasSubstr("HTTP/1.1 200")));
  RawPeer silent = served.connect();
  EXPECT_TRUE(silent.ended()) << "a handshake has its time too";

  const HttpServerSettings::Tls wrong{.certificate = folder + "/good.pem",
                                      .key = folder + "/none.pem"};
  Served broken({}, {"127.0.0.1:0"}, false, wrong);
  ASSERT_TRUE(broken.failure);
  EXPECT_EQ(broken.failure->place.file, folder + "/none.pem");
}

TEST(HttpAddress, IsReadStrictly) {
  for (const char* good : {"127.0.0.1:8460", "[::1]:8460", "0.0.0.0:0", "unix:/run/loa/api.sock"}) {
    const auto address = read_http_address(good);
    ASSERT_TRUE(address) << good;
    EXPECT_EQ(to_string(*address), good);
  }
  for (const char* bad :
       {"", "8460", ":8460", "localhost:8460", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:1x", "::1:8460", "[127.0.0.1]:1", "unix:", "unix:api.sock"}) {
    const auto address = read_http_address(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_EQ(address.error().code, Code::config);
  }
  EXPECT_FALSE(read_http_address("unix:/" + std::string(200, 'x')));
  EXPECT_TRUE(is_local(*read_http_address("127.0.0.2:1")));
  EXPECT_TRUE(is_local(*read_http_address("[::1]:1")));
  EXPECT_FALSE(is_local(*read_http_address("[::]:1")));
  EXPECT_FALSE(is_local(*read_http_address("192.0.2.1:1")));
}

}  // namespace
}  // namespace loa
