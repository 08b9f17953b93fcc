// A client that says exactly the bytes it is told, for servers under test.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace loa {

struct RawAnswer {
  int status = 0;  // 0: the connection ended before a whole answer
  std::string head;
  std::string body;

  std::string header(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const auto at = head.find(start);
    if (at == std::string::npos) return {};
    return head.substr(at + start.size(), head.find("\r\n", at + 2) - at - start.size());
  }
};

class RawPeer {
 public:
  static constexpr int kPatience = 10'000;  // milliseconds: only a failing test waits so long

  explicit RawPeer(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  explicit RawPeer(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  RawPeer(RawPeer&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), in_(std::move(other.in_)) {}
  RawPeer& operator=(RawPeer&&) = delete;
  ~RawPeer() { close(); }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  // How a machine ends that lost its power, as far as the kernel of the other side can tell.
  void reset() {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void end_writing() { ::shutdown(socket_, SHUT_WR); }

  // False when the other side takes no more.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The bytes up to and with `end`; what there was when the connection ended before.
  std::string hear_until(std::string_view end) {
    for (;;) {
      const auto at = in_.find(end);
      if (at != std::string::npos) return take(at + end.size());
      if (!read()) return take(in_.size());
    }
  }
  std::string hear(std::size_t size) {
    while (in_.size() < size && read()) continue;
    return take(std::min(size, in_.size()));
  }
  // Everything until the end. Fails the test when there is none.
  std::string hear_all() {
    while (read()) continue;
    return take(in_.size());
  }
  bool ended() { return !read() && in_.empty(); }
  bool silent_for(std::chrono::milliseconds time) {
    pollfd waiting = {.fd = socket_, .events = POLLIN, .revents = 0};
    return in_.empty() && ::poll(&waiting, 1, static_cast<int>(time.count())) == 0;
  }

  RawAnswer answer(bool has_body = true) {
    RawAnswer answer;
    answer.head = hear_until("\r\n\r\n");
    if (!answer.head.starts_with("HTTP/1.1 ") || !answer.head.ends_with("\r\n\r\n")) return {};
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.header("Content-Length");
    if (has_body && !length.empty())
      answer.body = hear(static_cast<std::size_t>(std::atoll(length.c_str())));
    return answer;
  }
  RawAnswer ask(std::string_view bytes) {
    say(bytes);
    return answer();
  }

 private:
  std::string take(std::size_t size) {
    std::string out = in_.substr(0, size);
    in_.erase(0, size);
    return out;
  }

  bool read() {
    pollfd waiting = {.fd = socket_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, kPatience);
    EXPECT_GT(ready, 0) << "neither an answer nor an end; so far: " << in_.substr(0, 400);
    if (ready <= 0) return false;
    char bytes[16 * 1024];
    const auto size = ::recv(socket_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    in_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  std::string in_;
};

}  // namespace loa
