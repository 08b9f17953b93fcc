#include "net/wire.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace loa {
namespace {

auto token(ErrorCode& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

class PlainWire final : public Wire {
 public:
  explicit PlainWire(Socket socket) : socket_(std::move(socket)) {}

  Task<ErrorCode> greet() override { co_return ErrorCode{}; }

  Task<std::size_t> read(asio::mutable_buffer into, ErrorCode& ec) override {
    return socket_.async_read_some(into, token(ec));
  }
  Task<std::size_t> write(const std::vector<asio::const_buffer>& bytes, ErrorCode& ec) override {
    return socket_.async_write_some(bytes, token(ec));
  }
  Task<void> say_goodbye() override {
    ErrorCode ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    co_return;
  }
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  Task<ErrorCode> greet() override {
    ErrorCode ec;
    co_await stream_.async_handshake(asio::ssl::stream_base::server, token(ec));
    co_return ec;
  }
  Task<std::size_t> read(asio::mutable_buffer into, ErrorCode& ec) override {
    return stream_.async_read_some(into, token(ec));
  }
  Task<std::size_t> write(const std::vector<asio::const_buffer>& bytes, ErrorCode& ec) override {
    return stream_.async_write_some(bytes, token(ec));
  }
  Task<void> say_goodbye() override { return stream_.async_shutdown(token(ignored_)); }
  Socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<Socket> stream_;
  ErrorCode ignored_;
};

class OpenSslServer final : public TlsServer {
 public:
  OpenSslServer() : context_(asio::ssl::context::tls_server) {}

  Result<void> load(const std::string& certificate, const std::string& key) {
    ErrorCode ec;
    if (SSL_CTX_set_min_proto_version(context_.native_handle(), TLS1_2_VERSION) != 1)
      return fail(Code::internal, "OpenSSL does not speak TLS 1.2");
    SSL_CTX_set_options(context_.native_handle(), SSL_OP_NO_RENEGOTIATION);
    context_.use_certificate_chain_file(certificate, ec);
    if (ec)
      return fail(Code::config, "the certificate cannot be used: " + ec.message(), {certificate});
    context_.use_private_key_file(key, asio::ssl::context::pem, ec);
    if (ec) {
      return fail(Code::config,
                  "the key cannot be used, or does not belong to the certificate: " + ec.message(),
                  {key});
    }
    return {};
  }
  std::unique_ptr<Wire> wire(Socket socket) override {
    return std::make_unique<TlsWire>(std::move(socket), context_);
  }

 private:
  asio::ssl::context context_;
};

}  // namespace

void Wire::interrupt() {
  ErrorCode ignored;
  socket().cancel(ignored);
}

void Wire::close() {
  ErrorCode ignored;
  socket().close(ignored);
}

Result<std::shared_ptr<TlsServer>> TlsServer::create(const std::string& certificate,
                                                     const std::string& key) {
  auto server = std::make_shared<OpenSslServer>();
  auto loaded = server->load(certificate, key);
  if (!loaded) return fail(std::move(loaded.error()));
  return server;
}

std::unique_ptr<Wire> create_plain_wire(Socket socket) {
  return std::make_unique<PlainWire>(std::move(socket));
}

}  // namespace loa
