// One accepted connection as a stream of bytes, with TLS or without. For the HTTP server only.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "base/result.hpp"

namespace loa {

using Socket = asio::generic::stream_protocol::socket;
using ErrorCode = boost::system::error_code;

class Wire {
 public:
  virtual ~Wire() = default;

  virtual Task<ErrorCode> greet() = 0;  // TLS's handshake
  // At least one byte, or why not; the end of the stream is asio::error::eof.
  virtual Task<std::size_t> read(asio::mutable_buffer into, ErrorCode& ec) = 0;
  virtual Task<std::size_t> write(const std::vector<asio::const_buffer>& bytes, ErrorCode& ec) = 0;
  virtual Task<void> say_goodbye() = 0;  // nothing more will be written
  virtual Socket& socket() = 0;

  // Ends what waits; the connection stays.
  void interrupt();
  void close();
};

// What TLS needs, made once; null where it is not used.
class TlsServer {
 public:
  // TLS 1.2 or newer. Files are PEM, the certificate first, then its chain.
  static Result<std::shared_ptr<TlsServer>> create(const std::string& certificate,
                                                   const std::string& key);
  virtual ~TlsServer() = default;
  virtual std::unique_ptr<Wire> wire(Socket socket) = 0;
};

std::unique_ptr<Wire> create_plain_wire(Socket socket);

}  // namespace loa
