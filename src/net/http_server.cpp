#include "net/http_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "net/http_connection.hpp"

namespace loa {
namespace {

constexpr Duration kLookMost = std::chrono::milliseconds(250);
constexpr Duration kLookLeast = std::chrono::milliseconds(5);
constexpr Duration kNoDescriptor = std::chrono::milliseconds(100);
constexpr std::size_t kAcceptedAtOnce = 64;

// Often enough for the shortest limit, within an eighth of it.
Duration look_interval(const HttpLimits& limits) {
  const Duration shortest = std::min({limits.header_time, limits.body_time, limits.idle_time,
                                      limits.write_time, limits.linger_time, limits.heartbeat});
  return std::clamp(shortest / 8, kLookLeast, kLookMost);
}

struct Listener {
  Listener(const asio::any_io_executor& executor, int descriptor, HttpAddress where,
           std::unique_ptr<Alarm> alarm)
      : readable(executor, descriptor), address(std::move(where)), pause(std::move(alarm)) {
    struct stat found{};
    if (address.is_unix() && ::stat(address.path.c_str(), &found) == 0) inode = found.st_ino;
  }
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The file of the socket goes too, when it is still ours.
  void close() {
    if (!readable.is_open()) return;
    ErrorCode ignored;
    readable.close(ignored);
    struct stat found{};
    if (address.is_unix() && ::lstat(address.path.c_str(), &found) == 0 && found.st_ino == inode)
      ::unlink(address.path.c_str());
  }

  asio::posix::stream_descriptor readable;
  HttpAddress address;
  std::unique_ptr<Alarm> pause;
  ino_t inode = 0;
};

HttpPeer peer_of(int descriptor, const Listener& listener, const sockaddr_storage& from,
                 socklen_t size) {
  HttpPeer peer;
  if (listener.address.is_unix()) {
    ucred owner{};
    socklen_t length = sizeof owner;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &owner, &length) == 0)
      peer.uid = owner.uid;
    peer.address = "unix";
    return peer;
  }
  asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), &from, std::min<std::size_t>(size, endpoint.capacity()));
  peer.address = endpoint.address().to_string();
  return peer;
}

bool is_loopback(const HttpPeer& peer) {
  return !peer.uid && asio::ip::make_address(peer.address).is_loopback();
}

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(asio::any_io_executor executor, Clock& clock, HttpServerSettings settings,
                 HttpHandler& handler)
      : executor_(executor),
        settings_(std::move(settings)),
        host_{.clock = clock,
              .handler = handler,
              .limits = settings_.limits,
              .behind_proxy = settings_.behind_proxy,
              .tasks = TaskGroup(executor, clock)},
        look_(clock.make_alarm()) {}

  Result<void> start() {
    if (settings_.tls) {
      auto tls = TlsServer::create(settings_.tls->certificate, settings_.tls->key);
      if (!tls) return fail(std::move(tls.error()));
      tls_ = std::move(*tls);
    }
    for (HttpAddress address : settings_.listen) {
      if (!is_local(address) && !tls_ && !settings_.behind_proxy) {
        return fail(Code::config, to_string(address) +
                                      ": others can reach this address, so that it needs TLS "
                                      "(certificate and key), or a proxy in front that speaks it "
                                      "(behind_proxy: true)");
      }
      auto descriptor = listen_on(address);
      if (!descriptor) return fail(std::move(descriptor.error()));
      addresses_.push_back(address);
      listeners_.push_back(std::make_unique<Listener>(executor_, *descriptor, std::move(address),
                                                      host_.clock.make_alarm()));
    }
    for (const auto& listener : listeners_) host_.tasks.spawn(accept(*listener));
    host_.tasks.spawn(watch());
    return {};
  }

  const std::vector<HttpAddress>& addresses() const override { return addresses_; }

  HttpServerCounts counts() const override {
    HttpServerCounts counts = host_.counts;
    counts.connections = connections_.size();
    return counts;
  }

  Task<void> stop(Duration patience) override {
    host_.stopping = true;
    give_up_ = host_.clock.now() + patience;
    for (const auto& listener : listeners_) {
      listener->close();
      listener->pause->wake();
    }
    for (HttpConnection* connection : connections_) connection->wind_up();
    look_->wake();
    co_await host_.tasks.join();
  }

 private:
  // The listener is watched for being readable and accept4 called by ourselves: so one kind of code
  // serves TCP and Unix sockets, and a burst costs one turn.
  Task<void> accept(Listener& listener) {
    while (!host_.stopping) {
      ErrorCode ec;
      co_await listener.readable.async_wait(asio::posix::stream_descriptor::wait_read,
                                            asio::redirect_error(asio::use_awaitable, ec));
      if (ec || host_.stopping) co_return;
      const bool goes_on = accept_some(listener);
      // No descriptor is left: those who wait can wait a little more.
      if (!goes_on) co_await listener.pause->wait_until(host_.clock.now() + kNoDescriptor);
    }
  }

  bool accept_some(Listener& listener) {
    for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int descriptor =
          ::accept4(listener.readable.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                    SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (descriptor < 0) {
        const bool short_of =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        return !short_of;
      }
      HttpPeer peer = peer_of(descriptor, listener, from, size);
      peer.local = peer.uid || (is_loopback(peer) && !settings_.behind_proxy);
      begin(descriptor, listener, std::move(peer));
    }
    return true;
  }

  void begin(int descriptor, const Listener& listener, HttpPeer peer) {
    const bool is_unix = listener.address.is_unix();
    const int family = is_unix                                                ? AF_UNIX
                       : listener.address.host.find(':') != std::string::npos ? AF_INET6
                                                                              : AF_INET;
    const asio::generic::stream_protocol protocol(family, is_unix ? 0 : IPPROTO_TCP);
    Socket socket(executor_, protocol, descriptor);
    if (!is_unix) {
      ErrorCode ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    const bool encrypted = tls_ && !is_unix;
    if (!has_room(peer)) {
      ++host_.counts.refused_connections;
      if (!encrypted) say_full(socket);
      return;
    }
    auto wire = encrypted ? tls_->wire(std::move(socket)) : create_plain_wire(std::move(socket));
    const auto connection =
        std::make_shared<HttpConnection>(host_, std::move(wire), std::move(peer));
    host_.tasks.spawn(serve(connection));
  }

  static std::string origin(const HttpPeer& peer) {
    return peer.uid ? "unix:" + std::to_string(*peer.uid) : peer.address;
  }

  bool has_room(const HttpPeer& peer) const {
    if (connections_.size() >= settings_.limits.connections) return false;
    const auto found = by_origin_.find(origin(peer));
    if (found == by_origin_.end()) return true;
    // Behind a proxy all come from one address.
    const bool local = peer.uid || settings_.behind_proxy || is_loopback(peer);
    return found->second < (local ? settings_.limits.connections_per_local
                                  : settings_.limits.connections_per_address);
  }

  void say_full(Socket& socket) const {
    HttpResponse response = host_.handler.refusal({503, "too many connections are open"});
    response.headers.set("Retry-After", "1");
    const std::string bytes = response_head(response, host_.clock.wall(), false) + response.body;
    ErrorCode ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(bytes), ignored);
    socket.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  // Counted as long as its coroutine lives, however that ends.
  class Registration {
   public:
    Registration(AsioHttpServer& server, HttpConnection& connection)
        : server_(server), connection_(connection), origin_(origin(connection.peer())) {
      server_.connections_.insert(&connection_);
      ++server_.by_origin_[origin_];
    }
    ~Registration() {
      server_.connections_.erase(&connection_);
      if (--server_.by_origin_[origin_] == 0) server_.by_origin_.erase(origin_);
      if (server_.host_.stopping) server_.look_->wake();
    }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    AsioHttpServer& server_;
    HttpConnection& connection_;
    std::string origin_;
  };

  Task<void> serve(std::shared_ptr<HttpConnection> connection) {
    const Registration registration(*this, *connection);
    co_await connection->run();
  }

  // One alarm for all deadlines: a timer for each wait would cost more than all the rest.
  Task<void> watch() {
    const Duration interval = look_interval(settings_.limits);
    while (!host_.stopping || !connections_.empty()) {
      co_await look_->wait_until(host_.clock.now() + interval);
      const Tick now = host_.clock.now();
      for (HttpConnection* connection : connections_) {
        if (host_.stopping && now >= give_up_) {
          connection->abort();
        } else {
          connection->look_at(now);
        }
      }
    }
  }

  asio::any_io_executor executor_;
  HttpServerSettings settings_;
  HttpHost host_;
  std::shared_ptr<TlsServer> tls_;
  std::vector<HttpAddress> addresses_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_set<HttpConnection*> connections_;
  std::unordered_map<std::string, std::size_t> by_origin_;
  std::unique_ptr<Alarm> look_;
  Tick give_up_ = Tick::max();
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(asio::any_io_executor executor, Clock& clock,
                                                      HttpServerSettings settings,
                                                      HttpHandler& handler) {
  auto server =
      std::make_unique<AsioHttpServer>(std::move(executor), clock, std::move(settings), handler);
  auto started = server->start();
  if (!started) return fail(std::move(started.error()));
  return server;
}

}  // namespace loa
