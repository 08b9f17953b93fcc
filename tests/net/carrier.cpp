#include "net/carrier.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

namespace loa {
namespace {

constexpr std::chrono::seconds kPatience{20};  // no wait is longer; a caller's own limits end it
constexpr std::size_t kChunk = 16 * 1024;

// The end of the first whole request in what a connection has brought, 0 when it is not whole yet.
std::size_t end_of_http1(std::string_view bytes) {
  constexpr std::string_view kBlank = "\r\n\r\n";
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t head = bytes.find(kBlank);
  if (head == std::string_view::npos) return 0;
  std::size_t length = 0;
  const std::size_t field = bytes.substr(0, head).find(kLength);
  if (field != std::string_view::npos)
    std::from_chars(bytes.data() + field + kLength.size(), bytes.data() + head, length);
  const std::size_t end = head + kBlank.size() + length;
  return bytes.size() >= end ? end : 0;
}

// The same for HTTP/2: a request is whole with the frame that ends its stream.
std::size_t end_of_h2(std::string_view bytes) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  constexpr std::size_t kFrameHead = 9;
  constexpr unsigned kHeaders = 1;  // and 0 is data
  constexpr unsigned kEndStream = 1;
  std::size_t at = bytes.starts_with(kPreface) ? kPreface.size() : 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  while (at + kFrameHead <= bytes.size()) {
    const std::size_t size = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2);
    if (at + kFrameHead + size > bytes.size()) return 0;
    const bool ends = byte(3) <= kHeaders && (byte(4) & kEndStream) != 0;
    at += kFrameHead + size;
    if (ends) return at;
  }
  return 0;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int choose_h2(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size,
              const unsigned char* /*offered*/, unsigned /*offered_size*/, void* /*context*/) {
  static const std::array<unsigned char, 2> name = {'h', '2'};
  *chosen = name.data();
  *size = name.size();
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

const std::string& make_certificates() {
  struct Folder {
    Folder() {
      const std::string command =
          "(mkdir -p " + path + " && cd " + path +
          " && openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
          " && make() { openssl req -x509 -key key.pem -days 2 -subj /CN=carrier"
          " -addext subjectAltName=$2 -out $1.pem; }"
          " && make good DNS:localhost,IP:127.0.0.1"
          " && make elsewhere DNS:carrier.example,IP:127.0.0.2"
          " && openssl x509 -in good.pem -signkey key.pem -days -1 -out expired.pem) 2>&1";
      EXPECT_EQ(std::system(command.c_str()), 0);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path = testing::TempDir() + "loa-carrier-" + std::to_string(::getpid());
  };
  static const Folder folder;
  return folder.path;
}

// One caller, with or without TLS.
class Carrier::Connection {
 public:
  Connection(int socket, SSL_CTX* tls, bool h2) : socket_(socket), h2_(h2) {
    const timeval patience = {.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int at_once = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
  }
  ~Connection() {
    SSL_free(ssl_);
    if (socket_ >= 0) ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool shake_hands() { return ssl_ == nullptr || SSL_accept(ssl_) == 1; }

  // Waits until the next request has begun. On HTTP/2 that is told from other frames by its end.
  bool wait_for_request() {
    if (h2_) return read(Play::kWhole);
    char byte = 0;
    return ssl_ != nullptr ? SSL_peek(ssl_, &byte, 1) == 1
                           : ::recv(socket_, &byte, 1, MSG_PEEK) == 1;
  }

  // Takes so many bytes of the request, or all of it.
  bool take_request(std::size_t count) {
    if (!read(count)) return false;
    received_.erase(0, std::min(count, end_of_request()));
    return true;
  }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kChunk);
      const long sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(size))
                                        : ::send(socket_, bytes.data(), size, 0);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // True when the caller has hung up before the time is over.
  bool gone_within(std::chrono::milliseconds time) const {
    pollfd events = {.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&events, 1, static_cast<int>(time.count())) != 0;
  }

  std::size_t bytes() const { return bytes_; }

  void finish(Play::End end) {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (end == Play::End::reset) {
      ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      ::close(std::exchange(socket_, -1));
    }
    if (end == Play::End::close && ssl_ != nullptr) SSL_shutdown(ssl_);
    if (end == Play::End::close || end == Play::End::drop) ::shutdown(socket_, SHUT_WR);
  }

 private:
  std::size_t end_of_request() const {
    return h2_ ? end_of_h2(received_) : end_of_http1(received_);
  }

  bool read(std::size_t count) {
    std::array<char, kChunk> buffer;
    while (received_.size() < count && (count != Play::kWhole || end_of_request() == 0)) {
      const std::size_t wanted = std::min(buffer.size(), count - received_.size());
      const long got = ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), static_cast<int>(wanted))
                                       : ::recv(socket_, buffer.data(), wanted, 0);
      if (got <= 0) return false;
      received_.append(buffer.data(), static_cast<std::size_t>(got));
      bytes_ += static_cast<std::size_t>(got);
    }
    return true;
  }

  int socket_;
  bool h2_;
  SSL* ssl_ = nullptr;
  std::string received_;
  std::size_t bytes_ = 0;
};

Carrier::Carrier(std::vector<Play> plays, Door door)
    : plays_(std::move(plays)), door_(std::move(door)) {
  std::signal(SIGPIPE, SIG_IGN);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_, plain, size), 0);
  EXPECT_EQ(::listen(listener_, SOMAXCONN), 0);
  EXPECT_EQ(::getsockname(listener_, plain, &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Carrier::~Carrier() {
  requests();
  ::close(listener_);
}

void Carrier::go_on() {
  go_on_.release();
  EXPECT_TRUE(gone_on_.try_acquire_for(kPatience));
}

int Carrier::requests() {
  if (thread_.joinable()) {
    // A caller that says nothing: it is the last in the queue, so all others are served before.
    ending_ = true;
    ending_.notify_all();
    const int last = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    EXPECT_EQ(::connect(last, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(last);
    thread_.join();
  }
  return requests_;
}

void Carrier::run() {
  SSL_CTX* tls = nullptr;
  if (door_.protocol != Door::Protocol::http) {
    const std::string& folder = make_certificates();
    tls = SSL_CTX_new(TLS_server_method());
    const std::string certificate = folder + "/" + door_.certificate + ".pem";
    SSL_CTX_use_certificate_file(tls, certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(tls, (folder + "/key.pem").c_str(), SSL_FILETYPE_PEM);
    if (door_.protocol == Door::Protocol::h2) SSL_CTX_set_alpn_select_cb(tls, choose_h2, nullptr);
    if (door_.protocol == Door::Protocol::tls_1_1) {
      SSL_CTX_set_security_level(tls, 0);  // where OpenSSL still speaks it
      SSL_CTX_set_min_proto_version(tls, TLS1_1_VERSION);
      SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
    }
  }
  pollfd waiting = {.fd = listener_, .events = POLLIN, .revents = 0};
  while (!ending_ || ::poll(&waiting, 1, 0) > 0) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    Connection connection(socket, tls, door_.protocol == Door::Protocol::h2);
    if (!connection.shake_hands()) continue;
    const int before = requests_;
    serve(connection);
    if (requests_ > before) ++connections_;
    request_bytes_ += connection.bytes();
  }
  SSL_CTX_free(tls);
}

void Carrier::serve(Connection& connection) {
  while (connection.wait_for_request()) {
    const auto turn = static_cast<std::size_t>(requests_++);
    const Play& play = plays_[std::min(turn, plays_.size() - 1)];
    bool there = connection.take_request(play.read);
    if (play.each_byte.count() == 0) there = there && connection.write(play.answer);
    for (std::size_t i = 0; i < play.answer.size() && there && play.each_byte.count() > 0; ++i)
      there = connection.write(play.answer.substr(i, 1)) && !connection.gone_within(play.each_byte);
    while (there && !play.endless.empty()) there = connection.write(play.endless);
    if (play.waits) there = go_on_.try_acquire_for(kPatience) && there;
    there = there && connection.write(play.late);
    if (there && play.end == Play::End::hang) ending_.wait(false);
    connection.finish(play.end);
    if (play.waits) gone_on_.release();
    if (!there || play.end != Play::End::keep) return;
  }
}

}  // namespace loa
