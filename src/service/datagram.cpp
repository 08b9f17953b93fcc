#include "service/datagram.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace loa {

Datagram::Datagram(std::string_view address) {
  sockaddr_un name{};
  if (address.size() < 2 || address.size() >= sizeof(name.sun_path)) return;
  if (address.front() != '/' && address.front() != '@') return;
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.data(), address.size());
  const bool abstract = address.front() == '@';
  if (abstract) name.sun_path[0] = '\0';
  // An abstract name ends where the address does, a path at its NUL.
  const std::size_t size =
      offsetof(sockaddr_un, sun_path) + address.size() + (abstract ? std::size_t{0} : 1);
  address_.assign(reinterpret_cast<const char*>(&name), size);
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  if (socket_ >= 0)
    static_cast<void>(::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second));
}

Datagram::~Datagram() {
  if (socket_ >= 0) ::close(socket_);
}

bool Datagram::send(std::string_view message, Patience patience) const {
  if (socket_ < 0) return false;
  const int flags = MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0);
  for (;;) {
    const ssize_t sent = ::sendto(socket_, message.data(), message.size(), flags,
                                  reinterpret_cast<const sockaddr*>(address_.data()),
                                  static_cast<socklen_t>(address_.size()));
    if (sent >= 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace loa
