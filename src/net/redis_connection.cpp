#include "net/redis_connection.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <vector>

namespace loa {
namespace {

using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Endpoint = asio::generic::stream_protocol::endpoint;
using TlsStream = asio::ssl::stream<Socket&>;

constexpr std::size_t kReadBytes = 64 * 1024;

class OpenSslClient final : public RedisTls {
 public:
  asio::ssl::context& context() { return context_; }

 private:
  asio::ssl::context context_{asio::ssl::context::tls_client};
};

// Closes the socket, and so ends every wait on it, when the time is up.
class Limit {
 public:
  Limit(Socket& socket, Duration limit)
      : timer_(socket.get_executor()), watch_(std::make_shared<Watch>()) {
    watch_->socket = &socket;
    timer_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(limit));
    timer_.async_wait([watch = watch_](error_code ec) {
      if (ec || watch->socket == nullptr) return;
      watch->passed = true;
      error_code ignored;
      watch->socket->close(ignored);
    });
  }
  ~Limit() { watch_->socket = nullptr; }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

  bool passed() const { return watch_->passed; }

 private:
  struct Watch {
    Socket* socket = nullptr;
    bool passed = false;
  };
  asio::steady_timer timer_;
  std::shared_ptr<Watch> watch_;
};

tl::unexpected<RedisError> failed(RedisFailure kind, std::string text) {
  return tl::unexpected(RedisError{kind, std::move(text)});
}

class AsioConnection final : public RedisConnection {
 public:
  explicit AsioConnection(const asio::any_io_executor& executor) : socket_(executor) {}

  Task<RedisResult<void>> open(const RedisAddress& address, RedisTls* tls,
                               Duration limit) override {
    const Limit watch(socket_, limit);
    error_code ec;
    const std::vector<Endpoint> ends = co_await endpoints(address, ec);
    if (ec)
      co_return failed(RedisFailure::not_connected, "no address for its name: " + ec.message());
    co_await connect(ends, watch, ec);
    if (!ec && tls != nullptr && address.transport == RedisAddress::Transport::tls) {
      auto& client = static_cast<OpenSslClient&>(*tls);
      tls_ = std::make_unique<TlsStream>(socket_, client.context());
      const std::string problem = co_await greet(address.host, ec);
      if (ec && !watch.passed())
        co_return failed(RedisFailure::not_connected, "no TLS connection: " + problem);
    }
    if (watch.passed()) co_return failed(RedisFailure::not_connected, "no connection in time");
    if (ec) co_return failed(RedisFailure::not_connected, ec.message());
    co_return RedisResult<void>{};
  }

  Task<RedisResult<RedisReply>> exchange(const std::vector<std::string>& words,
                                         Duration limit) override {
    if (!socket_.is_open()) co_return failed(RedisFailure::not_connected, "not connected");
    RedisResult<RedisReply> reply = co_await send_and_read(format_command(words), limit);
    if (!reply) {
      close();
    } else if (reply->kind == RedisReply::Kind::error) {
      const RedisFailure kind = failure_of(reply->text);  // before the text is moved
      co_return failed(kind, std::move(reply->text));
    }
    co_return reply;
  }

  bool is_quiet() override {
    if (!socket_.is_open()) return false;
    char byte = 0;
    // Of TLS, this sees what belongs to no answer too, such as a new session ticket; such records
    // come with the first answer and are read with it.
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  Task<std::vector<Endpoint>> endpoints(const RedisAddress& address, error_code& ec) {
    std::vector<Endpoint> found;
    if (address.transport == RedisAddress::Transport::unix_socket) {
      found.emplace_back(asio::local::stream_protocol::endpoint(address.path));
      co_return found;
    }
    error_code no_number;
    const asio::ip::address number = asio::ip::make_address(address.host, no_number);
    if (!no_number) {
      found.emplace_back(asio::ip::tcp::endpoint(number, address.port));
      co_return found;
    }
    asio::ip::tcp::resolver resolver(socket_.get_executor());
    const std::string port = std::to_string(address.port);
    const auto results = co_await resolver.async_resolve(
        address.host, port, asio::redirect_error(asio::use_awaitable, ec));
    for (const auto& result : results) found.emplace_back(result.endpoint());
    co_return found;
  }

  Task<void> connect(const std::vector<Endpoint>& ends, const Limit& watch, error_code& ec) {
    ec = asio::error::host_not_found;
    for (const Endpoint& end : ends) {
      if (watch.passed()) co_return;
      error_code ignored;
      socket_.close(ignored);
      co_await socket_.async_connect(end, asio::redirect_error(asio::use_awaitable, ec));
      if (!ec) break;
    }
    if (ec) co_return;
    // Where the peer's machine is gone, only keep-alive tells a connection on which nobody writes.
    error_code ignored;
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  }

  // Why it failed, for people.
  Task<std::string> greet(const std::string& host, error_code& ec) {
    error_code no_number;
    asio::ip::make_address(host, no_number);
    // What SSL_set_tlsext_host_name does, without its C cast.
    if (no_number)
      SSL_ctrl(tls_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(host.c_str()));  // NOLINT(*-const-cast): it is only read
    tls_->set_verify_callback(asio::ssl::host_name_verification(host), ec);
    if (ec) co_return ec.message();
    co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                   asio::redirect_error(asio::use_awaitable, ec));
    const long verdict = SSL_get_verify_result(tls_->native_handle());
    if (verdict != X509_V_OK)
      co_return std::string("its certificate: ") + X509_verify_cert_error_string(verdict);
    co_return ec.message();
  }

  Task<RedisResult<RedisReply>> send_and_read(std::string bytes, Duration limit) {
    const Limit watch(socket_, limit);
    const auto ended = [&](const error_code& ec) {
      if (watch.passed())
        return failed(RedisFailure::timeout, "no answer within " + to_words(limit));
      return failed(RedisFailure::lost, "the connection ended: " + ec.message());
    };
    error_code ec;
    const auto token = [&] { return asio::redirect_error(asio::use_awaitable, ec); };
    if (tls_) {
      co_await asio::async_write(*tls_, asio::buffer(bytes), token());
    } else {
      co_await asio::async_write(socket_, asio::buffer(bytes), token());
    }
    if (ec) co_return ended(ec);
    for (;;) {
      std::size_t size = 0;
      if (tls_) {
        size = co_await tls_->async_read_some(asio::buffer(read_), token());
      } else {
        size = co_await socket_.async_read_some(asio::buffer(read_), token());
      }
      if (ec) co_return ended(ec);
      const RedisResult<void> fed = parser_.feed({read_.data(), size});
      if (!fed) co_return tl::unexpected(fed.error());
      RedisResult<std::optional<RedisReply>> reply = parser_.next();
      if (!reply) co_return tl::unexpected(reply.error());
      if (*reply) co_return std::move(**reply);
    }
  }

  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  RedisParser parser_;
  std::vector<char> read_ = std::vector<char>(kReadBytes);
};

}  // namespace

Result<std::unique_ptr<RedisTls>> create_redis_tls(const RedisAccess& access) {
  auto client = std::make_unique<OpenSslClient>();
  asio::ssl::context& context = client->context();
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  error_code ec;
  context.set_verify_mode(asio::ssl::verify_peer, ec);
  if (access.ca_file.empty()) {
    context.set_default_verify_paths(ec);
  } else {
    context.load_verify_file(access.ca_file, ec);
  }
  if (ec) {
    return fail(Code::config, "Redis: the authorities cannot be read: " + ec.message(),
                {.file = access.ca_file});
  }
  if (!access.certificate_file.empty()) {
    context.use_certificate_chain_file(access.certificate_file, ec);
    if (!ec) context.use_private_key_file(access.key_file, asio::ssl::context::pem, ec);
    if (ec) {
      return fail(Code::config,
                  "Redis: certificate and key of this client cannot be used: " + ec.message(),
                  {.file = access.certificate_file});
    }
  }
  return client;
}

std::unique_ptr<RedisConnection> create_redis_connection(const asio::any_io_executor& executor) {
  return std::make_unique<AsioConnection>(executor);
}

}  // namespace loa
