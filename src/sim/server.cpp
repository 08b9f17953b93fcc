#include "sim/server.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

namespace loa::sim {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kHold = std::chrono::seconds(60);
constexpr std::size_t kFirstBuffer = 4096;

Tick now() { return std::chrono::steady_clock::now(); }

}  // namespace

struct Server::Port {
  Port(asio::io_context& io, GatewayOptions options) : gateway(std::move(options)), acceptor(io) {}

  Gateway gateway;
  tcp::acceptor acceptor;
};

// One connection. It lives as long as an operation on it is under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, Server::Port& port, tcp::socket socket)
      : server_(server),
        port_(port),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        buffer_(kFirstBuffer, '\0') {
    server_.sessions_.push_back(this);
  }
  ~Session() { std::erase(server_.sessions_, this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    read();
  }

  void close() {
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
  }

 private:
  void read() {
    if (filled_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    socket_.async_read_some(asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_),
                            [self = shared_from_this()](error_code ec, std::size_t size) {
                              if (ec) return self->close();
                              self->filled_ += size;
                              self->take_requests();
                            });
  }

  // Answers what is there in order. A loop and no recursion: a client may send many at once.
  void take_requests() {
    while (true) {
      const auto reading = read_request({buffer_.data(), filled_});
      if (reading.state == Reading::State::bad) {
        keep_alive_ = false;
        out_ = response(400, "text/plain", "bad request", "Connection: close\r\n");
        return write_rest(0);
      }
      if (reading.state == Reading::State::incomplete) {
        if (reading.wants_continue) say_continue();
        return read();
      }
      keep_alive_ = reading.request.keep_alive;
      auto reply = server_.handle(port_, reading.request);
      buffer_.erase(0, reading.size);
      buffer_.resize(std::max(buffer_.size(), kFirstBuffer));
      filled_ -= reading.size;
      out_ = std::move(reply.bytes);
      if (reply.action == Reply::Action::hold) return hold();
      if (reply.action == Reply::Action::reset || reply.delay.count() > 0) {
        return wait(reply.action, reply.delay);
      }
      if (!write_now()) return;
    }
  }

  void wait(Reply::Action action, Duration delay) {
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this(), action](error_code ec) {
      if (ec) return;
      if (action == Reply::Action::reset) return self->reset();
      if (self->write_now()) self->take_requests();
    });
  }

  // True when all went out at once and the connection goes on, which is nearly always.
  bool write_now() {
    error_code ec;
    const auto sent = socket_.write_some(asio::buffer(out_), ec);
    if (ec && ec != asio::error::would_block) {
      close();
      return false;
    }
    if (!ec && sent == out_.size() && keep_alive_) return true;
    write_rest(ec ? 0 : sent);
    return false;
  }

  void write_rest(std::size_t sent) {
    asio::async_write(socket_, asio::buffer(out_.data() + sent, out_.size() - sent),
                      [self = shared_from_this()](error_code ec, std::size_t) {
                        if (ec || !self->keep_alive_) return self->close();
                        self->take_requests();
                      });
  }

  void say_continue() {
    error_code ignored;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    socket_.write_some(asio::buffer(kContinue), ignored);
  }

  // Without lingering, closing sends RST: the client cannot know what became of its request.
  void reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

  // No answer at all, until the client gives up or a minute has passed.
  void hold() {
    timer_.expires_after(kHold);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->close();
    });
    wait_for_end();
  }

  void wait_for_end() {
    filled_ = 0;
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](error_code ec, std::size_t) {
                              if (ec) return self->close();
                              self->wait_for_end();
                            });
  }

  Server& server_;
  Server::Port& port_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::string buffer_;  // the first filled_ bytes are unread requests
  std::size_t filled_ = 0;
  std::string out_;
  bool keep_alive_ = true;
};

Server::Server(asio::io_context& io, std::vector<GatewayOptions> gateways) : start_(now()) {
  for (auto& options : gateways) ports_.push_back(std::make_unique<Port>(io, std::move(options)));
}

Server::~Server() = default;

Result<void> Server::listen() {
  for (const auto& port : ports_) {
    const auto& options = port->gateway.options();
    error_code ec;
    const auto address = asio::ip::make_address(options.host, ec);
    const tcp::endpoint endpoint(address, options.port);
    if (!ec) port->acceptor.open(endpoint.protocol(), ec);
    if (!ec) port->acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) port->acceptor.bind(endpoint, ec);
    if (!ec) port->acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
      return fail(Code::unavailable, options.name + ": cannot listen on " + options.host + ":" +
                                         std::to_string(options.port) + ": " + ec.message());
    }
    accept(*port);
  }
  return {};
}

void Server::accept(Port& port) {
  port.acceptor.async_accept([this, &port](error_code ec, tcp::socket socket) {
    if (closed_) return;
    if (!ec) std::make_shared<Session>(*this, port, std::move(socket))->start();
    accept(port);
  });
}

Reply Server::handle(Port& port, const Request& request) {
  if (request.path == "/_sim/truth") {
    return {Reply::Action::answer, {}, response(200, "application/json", truth())};
  }
  if (request.path == "/_sim/counts") {
    return {Reply::Action::answer, {}, response(200, "text/plain", counts())};
  }
  const auto time = now();
  auto reply = port.gateway.handle(request, time);
  arrivals_.add(time, port.gateway.last_size());
  return reply;
}

std::string Server::ready() const {
  JsonWriter json;
  json.open_object().field("ready", true).key("gateways").open_array();
  for (const auto& port : ports_) {
    json.open_object().field("name", std::string_view(port->gateway.options().name));
    json.field("port", int{port->acceptor.local_endpoint().port()}).close_object();
  }
  return json.close_array().close_object().take();
}

std::string Server::truth() const {
  Truth total;
  JsonWriter json;
  json.open_object().key("gateways").open_array();
  for (const auto& port : ports_) {
    const auto& options = port->gateway.options();
    json.open_object().field("name", std::string_view(options.name));
    json.field("shape", to_string(options.shape));
    port->gateway.truth().write(json, start_);
    json.close_object();
    total.merge(port->gateway.truth());
  }
  total.arrivals = arrivals_;
  json.close_array().key("total").open_object();
  total.write(json, start_);
  return json.close_object().close_object().take();
}

std::string Server::counts() const {
  Truth total;
  for (const auto& port : ports_) total.merge(port->gateway.truth());
  return to_lines(total.counts);
}

void Server::close() {
  closed_ = true;
  error_code ignored;
  for (const auto& port : ports_) port->acceptor.close(ignored);
  for (auto* const session : sessions_) session->close();
}

}  // namespace loa::sim
