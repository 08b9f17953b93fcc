// One message to a Unix datagram socket, as journald and the service manager take them.
#pragma once

#include <string>
#include <string_view>

namespace loa {

class Datagram {
 public:
  // `address`: a path, or "@name" in the abstract namespace. Nothing is connected: the reader may
  // be restarted meanwhile. An empty or impossible address takes no messages.
  explicit Datagram(std::string_view address);
  ~Datagram();
  Datagram(const Datagram&) = delete;
  Datagram& operator=(const Datagram&) = delete;

  // Whether the reader's queue took it. A full queue is waited for one second at most, or not at
  // all.
  enum class Patience { none, a_second };
  bool send(std::string_view message, Patience patience) const;

 private:
  int socket_ = -1;
  std::string address_;  // the bytes of a sockaddr_un
};

}  // namespace loa
