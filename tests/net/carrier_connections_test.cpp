// What can happen on the way to a carrier and back, and what follows. Nothing is not_sent of which
// a byte can have left, and no request arrives twice.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "net/sending.hpp"

namespace loa {
namespace {

using End = Play::End;
using std::chrono::milliseconds;

constexpr Duration kShort = milliseconds(400);      // for a connect that ends by it
constexpr Duration kDeadline = milliseconds(1500);  // for an answer

// Carriers that take their time, all at once: each row ends by its deadline.
TEST(CarrierFaults, Silence) {
  constexpr std::size_t kMoreThanSocketsHold = 16 * 1024 * 1024;
  struct Row {
    const char* name;
    Play play;
    std::size_t text = 100;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::vector<Row> table = {
      {"the request is not read", {.end = End::hang, .read = 1}, kMoreThanSocketsHold},
      {"the request is read, no answer", {.end = End::hang}},
      {"the answer stops in its head", {.answer = head, .end = End::hang}},
      {"the answer stops in its body",
       {.answer = head + "Content-Length: 999\r\n\r\n" + kOk, .end = End::hang}},
      {"the answer does not close", {.answer = head + "\r\n" + kOk, .end = End::hang}},
      {"a byte now and then",
       {.answer = http("200 OK", kOk, "X: 1\r\n"), .each_byte = milliseconds(20)}},
  };
  struct Talking {
    explicit Talking(const Row& row)
        : carrier({row.play}),
          sending(kSpeedsms, row.text),
          call(sending.call(address(carrier, "http"))) {
      call.total_limit = kDeadline;
    }
    Carrier carrier;
    Sending sending;
    HttpCall call;
    HttpReply reply;
  };
  std::vector<std::unique_ptr<Talking>> talks;
  {
    Client client;
    for (const Row& row : table) {
      talks.push_back(std::make_unique<Talking>(row));
      client.start(talks.back()->call, talks.back()->reply);
    }
    client.run();
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    SCOPED_TRACE(table[i].name);
    EXPECT_EQ(talks[i]->sending.meaning(talks[i]->reply), kInDoubt);
    EXPECT_EQ(talks[i]->carrier.requests(), 1);
  }
}

TEST(CarrierFaults, ACarrierMayAnswerBeforeItHasReadAll) {
  constexpr std::size_t kMoreThanSocketsHold = 16 * 1024 * 1024;
  Carrier carrier({{.answer = busy("Retry-After: 7\r\n"), .end = End::hang, .read = 1}});
  Sending sending(kSpeedsms, kMoreThanSocketsHold);
  const HttpCall call = sending.call(address(carrier, "http"));
  EXPECT_EQ(sending.meaning(Client().perform(call)), kSlower + ", rests 7.0 s");
  EXPECT_EQ(carrier.requests(), 1);
}

// Answers without an end are left long before the deadline.
TEST(CarrierFaults, Endless) {
  struct Row {
    const char* name;
    std::string begin;
    std::string endless;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string filler(16 * 1024, 'x');
  const std::vector<Row> table = {
      {"body", head + "\r\n", filler},
      {"body of a stated length", head + "Content-Length: 999999999999\r\n\r\n", filler},
      {"chunks", chunked, "4000\r\n" + filler + "\r\n"},
      {"chunk size", chunked, std::string(1024, '0')},
      {"trailer", chunked + "0\r\nX: ", filler},
      {"trailers", chunked + "0\r\n", "X: " + filler + "\r\n"},
      {"status line", "HTTP/1.1 200 ", filler},
      {"header", head + "X: ", filler},
      {"headers", head, "X: " + filler + "\r\n"},
      {"folded header", head + "X: 1\r\n", " " + filler + "\r\n"},
      {"small headers", head, "X: 1\r\n"},
      {"going on", "", "HTTP/1.1 100 Go on\r\n\r\n"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.name);
    Carrier carrier({{.answer = row.begin, .endless = row.endless}});
    Sending sending(kSpeedsms);
    const HttpCall call = sending.call(address(carrier, "http"));
    const HttpReply reply = Client().perform(call);
    EXPECT_EQ(sending.meaning(reply), kInDoubt);
    EXPECT_NE(reply.failure, "Timeout was reached");
    EXPECT_EQ(carrier.requests(), 1);
  }
}

TEST(CarrierFaults, NoWayThere) {
  struct Row {
    const char* name;
    std::string url;
  };
  const std::vector<Row> table = {
      {"refused", "http://127.0.0.1:1"},
      {"a name that cannot be", "http://" + std::string(64, 'x')},
      {"a protocol that is not granted", "ftp://127.0.0.1:1"},
      {"no URL", "http://[::1"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.name);
    Sending sending(kSpeedsms);
    EXPECT_EQ(sending.meaning(Client().perform(sending.call(row.url))), kNotSent);
  }
}

// As behind a firewall that drops: a listener whose queue is full.
TEST(CarrierFaults, AConnectWithoutAnAnswerIsNotSent) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place = {};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  auto* const where = reinterpret_cast<sockaddr*>(&place);
  ASSERT_EQ(::bind(listener, where, size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ASSERT_EQ(::getsockname(listener, where, &size), 0);
  std::vector<int> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_TRUE(::connect(waiting.back(), where, size) == 0 || errno == EINPROGRESS);
  }
  Sending sending(kSpeedsms);
  HttpCall call = sending.call("http://127.0.0.1:" + std::to_string(ntohs(place.sin_port)));
  call.connect_limit = kShort;
  EXPECT_EQ(sending.meaning(Client().perform(call)), kNotSent);
  waiting.push_back(listener);
  for (const int socket : waiting) ::close(socket);
}

TEST(CarrierFaults, Tls) {
  using Protocol = Door::Protocol;
  struct Row {
    const char* name;
    Door door;
    std::string authority;  // that the caller trusts; "" for the system's
    std::string meaning;
    int requests;  // without TLS at the door, the caller's hello is taken for one
    Play play = {};
    std::string scheme = "https";
  };
  const std::string open_end = "HTTP/1.1 200 OK\r\n\r\n" + kOk;
  const Door tls = {Protocol::https};
  const Door none = {Protocol::http};
  const std::vector<Row> table = {
      {"all is well", tls, "good", kAccepted, 1, {.answer = http("200 OK", kOk)}},
      {"expired", {Protocol::https, "expired"}, "expired", kNotSent, 0},
      {"another's name", {Protocol::https, "elsewhere"}, "elsewhere", kNotSent, 0},
      {"signed by itself", tls, "", kNotSent, 0},
      {"authorities that cannot be read", tls, "missing", kNotSent, 0},
      {"TLS 1.1", {Protocol::tls_1_1}, "good", kNotSent, 0},
      {"no TLS", none, "good", kNotSent, 1, {.answer = open_end, .end = End::close, .read = 1}},
      {"closed in the handshake", none, "good", kNotSent, 1, {.end = End::close, .read = 1}},
      {"reset in the handshake", none, "good", kNotSent, 1, {.end = End::reset, .read = 1}},
      {"silent in the handshake", none, "good", kNotSent, 1, {.end = End::hang, .read = 1}},
      {"called without TLS", tls, "good", kInDoubt, 0, {}, "http"},
      {"ends politely", tls, "good", kAccepted, 1, {.answer = open_end, .end = End::close}},
      {"just ends, and JSON is whole",
       tls,
       "good",
       kAccepted,
       1,
       {.answer = open_end, .end = End::drop}},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.name);
    Carrier carrier({row.play}, row.door);
    Sending sending(kSpeedsms);
    HttpCall call = sending.call(address(carrier, row.scheme));
    const std::string ca = make_certificates() + "/" + row.authority + ".pem";
    if (!row.authority.empty()) call.ca_file = ca;
    if (row.play.end == End::hang) call.connect_limit = kShort;
    EXPECT_EQ(sending.meaning(Client().perform(call)), row.meaning);
    EXPECT_EQ(carrier.requests(), row.requests);
  }
}

// --- HTTP/2, frame by frame -----------------------------------------------------------------

std::string big_endian(std::size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string frame(int type, int flags, std::size_t stream, const std::string& payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         big_endian(stream, 4) + payload;
}

constexpr int kEndStream = 1;
constexpr int kEndHeaders = 4;

std::string settings() { return frame(4, 0, 0, ""); }
std::string data(const std::string& body, int flags) { return frame(0, flags, 1, body); }
std::string rst_stream(std::size_t code) { return frame(3, 0, 1, big_endian(code, 4)); }
std::string goaway(std::size_t last_stream, std::size_t code) {
  return frame(7, 0, 0, big_endian(last_stream, 4) + big_endian(code, 4));
}
// Of the table of RFC 7541, A: 8 is ":status: 200".
std::string ok_headers(int flags) { return frame(1, kEndHeaders | flags, 1, "\x88"); }

TEST(CarrierFaults, Http2) {
  constexpr std::size_t kNoError = 0;
  constexpr std::size_t kInternalError = 2;
  constexpr std::size_t kRefusedStream = 7;
  constexpr std::size_t kCancel = 8;
  constexpr std::size_t kCalm = 11;
  constexpr std::size_t kHttp11Required = 13;
  struct Row {
    const char* name;
    std::string frames;
    std::string meaning;
    End end = End::keep;
  };
  const std::string whole = ok_headers(0) + data(kOk, kEndStream);
  const std::vector<Row> table = {
      {"all is well", whole, kAccepted},
      {"GOAWAY that leaves the request out", goaway(0, kNoError), kInDoubt, End::close},
      {"the same, and open", goaway(0, kNoError), kInDoubt},
      {"GOAWAY that counts it, and closed", goaway(1, kNoError), kInDoubt, End::close},
      {"GOAWAY that counts it, and answered", goaway(1, kNoError) + whole, kAccepted},
      {"GOAWAY amid the answer", ok_headers(0) + goaway(1, kNoError) + data(kOk, kEndStream),
       kAccepted},
      {"GOAWAY amid the answer, and closed", ok_headers(0) + goaway(1, kNoError), kInDoubt,
       End::close},
      {"GOAWAY for an error", goaway(0, kCalm), kInDoubt, End::close},
      {"the stream refused", rst_stream(kRefusedStream), kInDoubt},
      {"HTTP/1.1 wanted", rst_stream(kHttp11Required), kInDoubt, End::close},
      {"the stream broken", rst_stream(kInternalError), kInDoubt},
      {"the stream cancelled", rst_stream(kCancel), kInDoubt},
      {"the stream ended without an answer", rst_stream(kNoError), kInDoubt},
      {"broken behind the head", ok_headers(0) + rst_stream(kInternalError), kInDoubt},
      {"broken in the body", ok_headers(0) + data(kOk, 0) + rst_stream(kInternalError), kInDoubt},
      {"ended in the body", ok_headers(0) + data(kOk, 0) + rst_stream(kNoError), kInDoubt},
      {"broken behind the end", whole + rst_stream(kNoError), kAccepted},
      {"no body", ok_headers(kEndStream), kUnreadable},
      {"a body without a head", data(kOk, kEndStream), kInDoubt, End::close},
      {"a head that cannot be", frame(1, kEndHeaders, 1, "\xFF\xFF\xFF\xFF\xFF\xFF"), kInDoubt,
       End::close},
      {"another's stream", frame(1, kEndHeaders | kEndStream, 3, "\x88"), kInDoubt, End::close},
      {"HTTP/1.1 after all", http("200 OK", kOk), kInDoubt, End::close},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.name);
    Carrier carrier({{.answer = settings() + row.frames, .end = row.end}}, {Door::Protocol::h2});
    Sending sending(kSpeedsms);
    HttpCall call = sending.call(address(carrier, "https"));
    const std::string ca = make_certificates() + "/good.pem";
    call.ca_file = ca;
    EXPECT_EQ(sending.meaning(Client().perform(call)), row.meaning);
    EXPECT_EQ(carrier.requests(), 1);
  }
}

// --- cut anywhere ---------------------------------------------------------------------------

// A caller, and what it says of a carrier's first and second answer over one connection.
struct Talk {
  explicit Talk(std::vector<Play> plays, Door::Protocol protocol = Door::Protocol::http)
      : carrier(std::move(plays), {protocol}),
        sending(kSpeedsms, 1),
        call(sending.call(address(carrier, protocol == Door::Protocol::http ? "http" : "https"))) {
    if (protocol != Door::Protocol::http) call.ca_file = ca;
  }
  std::string ask() { return sending.meaning(client->perform(call)); }
  // Comes back when the caller's side has what the carrier held back.
  void go_on() {
    carrier.go_on();
    pollfd kept = {.fd = -1, .events = POLLIN, .revents = 0};
    for (int fd = 0; fd < 1024 && kept.fd < 0; ++fd) {
      sockaddr_in peer = {};
      socklen_t size = sizeof peer;
      const int known = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size);
      if (known == 0 && ntohs(peer.sin_port) == carrier.port()) kept.fd = fd;
    }
    if (kept.fd >= 0) ::poll(&kept, 1, 10'000);  // one that was reset has no peer any more
  }
  int requests() {
    client.reset();
    return carrier.requests();
  }

  std::string ca = make_certificates() + "/good.pem";
  Carrier carrier;
  Sending sending;
  HttpCall call;
  std::optional<Client> client{std::in_place};
};

class CutAnywhere : public testing::TestWithParam<Door::Protocol> {
 protected:
  static std::string whole() { return http("200 OK", kOk, "X: 1\r\n"); }
  std::size_t request_size() const {
    Talk talk({{.answer = whole()}}, GetParam());
    EXPECT_EQ(talk.ask(), kAccepted);
    EXPECT_EQ(talk.requests(), 1);
    return talk.carrier.request_bytes();
  }
  // At each byte; with TLS, which takes longer and knows only records, at each seventh.
  static std::size_t step() { return GetParam() == Door::Protocol::http ? 1 : 7; }
};

TEST_P(CutAnywhere, TheFirstRequest) {
  const std::size_t size = request_size();
  for (std::size_t bytes = 0; bytes <= size; bytes += step()) {
    Talk talk({{.end = End::reset, .read = bytes}}, GetParam());
    EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
    EXPECT_EQ(talk.requests(), 1) << bytes;
  }
}

// Where libcurl would send it again by itself.
TEST_P(CutAnywhere, TheSecondRequest) {
  const auto ask_twice = [](const Play& second) {
    SCOPED_TRACE(second.read);
    Talk talk({{.answer = whole()}, second}, GetParam());
    EXPECT_EQ(talk.ask(), kAccepted);
    EXPECT_EQ(talk.ask(), kInDoubt);
    EXPECT_EQ(talk.requests(), 2);
  };
  const std::size_t size = request_size();
  for (std::size_t bytes = 0; bytes <= size; bytes += step())
    ask_twice({.end = End::reset, .read = bytes});
  ask_twice({.end = End::close});
  ask_twice({.end = End::drop});
}

TEST_P(CutAnywhere, TheAnswer) {
  const std::string answer = whole();
  for (const End end : {End::close, End::drop, End::reset}) {
    for (std::size_t bytes = 0; bytes < answer.size(); bytes += step()) {
      Talk talk({{.answer = answer.substr(0, bytes), .end = end}}, GetParam());
      EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
      EXPECT_EQ(talk.requests(), 1) << bytes;
    }
  }
}

const auto kHttp1 = testing::Values(Door::Protocol::http, Door::Protocol::https);
std::string protocol_name(const testing::TestParamInfo<Door::Protocol>& info) {
  return info.param == Door::Protocol::http ? "http" : "https";
}
INSTANTIATE_TEST_SUITE_P(Protocols, CutAnywhere, kHttp1, protocol_name);

TEST(CarrierFaults, ACutAnswerInChunksIsInDoubt) {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" + kOk + "\r\n0\r\n\r\n";
  // The last line feed says nothing more.
  for (std::size_t bytes = 0; bytes + 1 < whole.size(); ++bytes) {
    Talk talk({{.answer = whole.substr(0, bytes), .end = End::close}});
    EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
    EXPECT_EQ(talk.requests(), 1) << bytes;
  }
}

TEST(CarrierFaults, ACutAnswerInFramesIsInDoubt) {
  const std::string whole = settings() + ok_headers(0) + data(kOk, kEndStream);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    Talk talk({{.answer = whole.substr(0, bytes), .end = End::close}}, Door::Protocol::h2);
    EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
    EXPECT_EQ(talk.requests(), 1) << bytes;
  }
}

// --- what comes unasked ---------------------------------------------------------------------

TEST(CarrierFaults, BytesBehindAnAnswerAreNoAnswer) {
  Talk talk({{.answer = http("200 OK", kOk) + http("200 OK", kOk)}, {.answer = busy("")}});
  EXPECT_EQ(talk.ask(), kAccepted);
  EXPECT_EQ(talk.ask(), kSlower);
  EXPECT_EQ(talk.requests(), 2);
}

class KeptConnection : public CutAnywhere {};

TEST_P(KeptConnection, IsUsedAgain) {
  Talk talk({{.answer = whole()}}, GetParam());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(talk.ask(), kAccepted);
  EXPECT_EQ(talk.requests(), 5);
  EXPECT_EQ(talk.carrier.connections(), 1);
}

// A carrier's time for idle connections is over.
TEST_P(KeptConnection, IsNotUsedWhenItWasClosed) {
  for (const End end : {End::close, End::drop, End::reset}) {
    SCOPED_TRACE(static_cast<int>(end));
    Talk talk({{.answer = whole(), .end = end, .waits = true}, {.answer = whole()}}, GetParam());
    EXPECT_EQ(talk.ask(), kAccepted);
    talk.go_on();
    EXPECT_EQ(talk.ask(), kAccepted);
    EXPECT_EQ(talk.requests(), 2);
  }
}

TEST_P(KeptConnection, BringsNoAnswerBeforeItsRequest) {
  Talk talk({{.answer = whole(), .waits = true, .late = whole()}, {.answer = busy("")}},
            GetParam());
  EXPECT_EQ(talk.ask(), kAccepted);
  talk.go_on();
  EXPECT_EQ(talk.ask(), kSlower);
  EXPECT_EQ(talk.requests(), 2);
}

INSTANTIATE_TEST_SUITE_P(Protocols, KeptConnection, kHttp1, protocol_name);

TEST(CarrierFaults, AConnectionThatSaidGoawayIsNotUsedAgain) {
  const std::string whole = settings() + ok_headers(0) + data(kOk, kEndStream);
  Talk talk({{.answer = whole, .end = End::close, .waits = true, .late = goaway(1, 0)},
             {.answer = whole}},
            Door::Protocol::h2);
  EXPECT_EQ(talk.ask(), kAccepted);
  talk.go_on();
  EXPECT_EQ(talk.ask(), kAccepted);
  EXPECT_EQ(talk.requests(), 2);
}

}  // namespace
}  // namespace loa
