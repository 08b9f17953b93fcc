// One connection of the HTTP server, from its first byte to its last.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "async/task_group.hpp"
#include "net/http_parser.hpp"
#include "net/http_server.hpp"
#include "net/wire.hpp"

namespace loa {

class HttpConnection;

// What all connections share.
struct HttpHost {
  Clock& clock;
  HttpHandler& handler;
  HttpLimits limits;
  bool behind_proxy = false;
  bool stopping = false;
  HttpServerCounts counts = {};
  TaskGroup tasks;
};

// How long a peer may keep us waiting: a time to begin with, and more for each byte it moves.
class Patience {
 public:
  Patience(Duration most, std::uint64_t rate) : left_(most), most_(most), rate_(rate) {}

  Tick deadline(Tick now) const { return now + left_; }
  void moved(Duration waited, std::size_t bytes);

 private:
  Duration left_;
  Duration most_;
  std::uint64_t rate_;
};

class HttpConnection final : public HttpBody,
                             public HttpStream,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpHost& host, std::unique_ptr<Wire> wire, HttpPeer peer);

  // Returns when the connection is closed.
  Task<void> run();

  // By the server's watch, several times a second: ends a wait that is over, sends heartbeats.
  void look_at(Tick now);
  // The server stops: an idle connection is closed, a stream ended.
  void wind_up();
  // No more patience.
  void abort();

  const HttpPeer& peer() const { return peer_; }

  Task<Result<std::string>> next() override;

  bool is_open() const override { return stream_open_; }
  std::size_t backlog() const override { return backlog_; }
  void send(std::shared_ptr<const std::string> bytes) override;
  void close() override;

 private:
  enum class Wait { nothing, first_byte, header, body, writing, lingering };

  Task<bool> serve_one();
  Task<bool> read_head(HttpParser& parser);
  Task<bool> read_whole_body(IncomingRequest& request);
  Task<bool> answer(HttpResponse response, bool is_head, bool keep_alive);
  Task<bool> refuse(HttpFault fault);
  Task<void> stream_events(HttpResponse response);
  Task<void> watch_for_end();
  Task<void> linger();

  Task<Result<std::size_t>> advance_body();
  Task<std::size_t> read_more(Wait wait, Tick deadline, std::size_t room);
  Task<bool> write_all(std::string_view head, std::string_view body);
  bool expects_continue(const IncomingRequest& request);
  void identify(IncomingRequest& request) const;
  void drop_stream();

  HttpHost& host_;
  std::unique_ptr<Wire> wire_;
  HttpPeer peer_;

  std::string in_;                      // read and not yet parsed
  std::unique_ptr<HttpParser> parser_;  // of the request under way
  Patience body_patience_;
  bool continue_due_ = false;
  std::optional<HttpFault> body_fault_;

  Wait wait_ = Wait::nothing;
  Tick deadline_ = Tick::max();
  bool overdue_ = false;
  bool aborted_ = false;

  bool stream_open_ = false;
  bool stream_ending_ = false;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t backlog_ = 0;
  Tick last_sent_ = {};
  std::unique_ptr<Alarm> stream_alarm_;
};

}  // namespace loa
