#include "net/http_address.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace loa {
namespace {

namespace ip = boost::asio::ip;

constexpr int kBacklog = 1024;
constexpr mode_t kSocketMode = 0660;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

std::string why() { return std::generic_category().message(errno); }

tl::unexpected<Error> cannot(const HttpAddress& address, const std::string& reason) {
  return fail(Code::unavailable, "cannot listen on " + to_string(address) + ": " + reason);
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  return name;
}

bool answers(const sockaddr_un& name) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int refused = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  return refused == 0 || errno == EAGAIN;  // EAGAIN: alive, and its queue is full
}

Result<void> remove_stale(const HttpAddress& address, const sockaddr_un& name) {
  struct stat found{};
  if (::lstat(address.path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return cannot(address, why());
  }
  if (!S_ISSOCK(found.st_mode)) return cannot(address, "there is a file that is not a socket");
  if (answers(name)) return cannot(address, "another server listens there");
  if (::unlink(address.path.c_str()) != 0) return cannot(address, why());
  return {};
}

Result<int> listen_on_unix(const HttpAddress& address) {
  const sockaddr_un name = unix_name(address.path);
  auto removed = remove_stale(address, name);
  if (!removed) return fail(std::move(removed.error()));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return cannot(address, why());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return cannot(address, why());
  // Nobody can connect before listen(), so that nobody comes in by the first mode.
  if (::chmod(address.path.c_str(), kSocketMode) != 0) return cannot(address, why());
  if (::listen(socket.get(), kBacklog) != 0) return cannot(address, why());
  return socket.release();
}

Result<int> listen_on_tcp(HttpAddress& address) {
  const ip::tcp::endpoint endpoint(ip::make_address(address.host), address.port);
  Descriptor socket(
      ::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return cannot(address, why());
  const int on = 1;
  // A restart must not wait for the connections of the run before.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return cannot(address, why());
  }
  ip::tcp::endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(socket.get(), bound.data(), &size) != 0) return cannot(address, why());
  address.port = bound.port();
  return socket.release();
}

}  // namespace

Result<HttpAddress> read_http_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  HttpAddress address;
  if (text.starts_with(kUnix)) {
    address.path = text.substr(kUnix.size());
    if (address.path.empty() || address.path.front() != '/')
      return fail(Code::config, "a Unix socket needs its whole path: unix:/run/loa/api.sock");
    if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(Code::config, "the path of a Unix socket may have " +
                                    std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
    }
    return address;
  }
  const auto colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  boost::system::error_code bad;
  const auto parsed = ip::make_address(host, bad);
  if (port.empty() || ec != std::errc{} || end != port.data() + port.size() || bad ||
      parsed.is_v6() != brackets) {
    return fail(Code::config,
                "an address to listen on is 127.0.0.1:PORT, [::1]:PORT or unix:/PATH, "
                "not '" +
                    std::string(text) + "'");
  }
  address.host = parsed.to_string();
  return address;
}

std::string to_string(const HttpAddress& address) {
  if (address.is_unix()) return "unix:" + address.path;
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_local(const HttpAddress& address) {
  return address.is_unix() || ip::make_address(address.host).is_loopback();
}

Result<int> listen_on(HttpAddress& address) {
  return address.is_unix() ? listen_on_unix(address) : listen_on_tcp(address);
}

}  // namespace loa
