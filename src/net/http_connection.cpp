#include "net/http_connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>

namespace loa {
namespace {

constexpr std::size_t kReadStep = 4096;
constexpr std::size_t kBodyStep = 64 * 1024;
// After a refusal so much is read and thrown away, so that the peer can read why: closing with
// bytes unread would reset the connection under our answer.
constexpr std::size_t kLingerMax = 256 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

const std::shared_ptr<const std::string>& heartbeat() {
  static const auto comment = std::make_shared<const std::string>(":\n\n");
  return comment;
}

// The last entry is the one that the proxy wrote; those before it are hearsay.
std::string_view last_forwarded(std::string_view list) {
  const auto comma = list.rfind(',');
  if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
  while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  while (!list.empty() && list.back() == ' ') list.remove_suffix(1);
  return list;
}

}  // namespace

void Patience::moved(Duration waited, std::size_t bytes) {
  const auto earned = std::chrono::nanoseconds(std::chrono::seconds(1)) *
                      static_cast<std::int64_t>(bytes) / static_cast<std::int64_t>(rate_);
  left_ = std::min(most_, left_ - waited + earned);
}

HttpConnection::HttpConnection(HttpHost& host, std::unique_ptr<Wire> wire, HttpPeer peer)
    : host_(host),
      wire_(std::move(wire)),
      peer_(std::move(peer)),
      body_patience_(host.limits.body_time, host.limits.body_rate) {}

Task<void> HttpConnection::run() {
  wait_ = Wait::header;
  deadline_ = host_.clock.now() + host_.limits.header_time;
  const ErrorCode refused = co_await wire_->greet();
  wait_ = Wait::nothing;
  bool goes_on = !refused && !overdue_;
  while (goes_on && !aborted_) goes_on = co_await serve_one();
  wire_->close();
}

void HttpConnection::look_at(Tick now) {
  if (stream_open_ && !stream_ending_ && now >= last_sent_ + host_.limits.heartbeat &&
      queue_.empty())
    send(heartbeat());
  if (wait_ == Wait::nothing || now < deadline_ || overdue_) return;
  overdue_ = true;
  if (wait_ != Wait::first_byte && wait_ != Wait::lingering) ++host_.counts.timed_out;
  // What is half written cannot be explained any more.
  if (wait_ == Wait::writing) {
    abort();
  } else {
    wire_->interrupt();
  }
}

void HttpConnection::wind_up() {
  if (wait_ == Wait::first_byte) abort();
  close();
}

void HttpConnection::abort() {
  aborted_ = true;
  stream_open_ = false;
  if (stream_alarm_) stream_alarm_->wake();
  wire_->close();
}

// Zero when the wait is over, the peer has gone, or the server wants to end.
Task<std::size_t> HttpConnection::read_more(Wait wait, Tick deadline, std::size_t room) {
  if (aborted_) co_return 0;
  wait_ = wait;
  deadline_ = deadline;
  overdue_ = false;
  const std::size_t filled = in_.size();
  in_.resize(filled + room);
  ErrorCode ec;
  const asio::mutable_buffer into(in_.data() + filled, room);
  const std::size_t size = co_await wire_->read(into, ec);
  wait_ = Wait::nothing;
  in_.resize(filled + (ec ? 0 : size));
  co_return ec ? 0 : size;
}

// False when the connection is at its end.
Task<bool> HttpConnection::serve_one() {
  parser_ = std::make_unique<HttpParser>(host_.limits.header_bytes);
  body_fault_.reset();
  const bool complete = co_await read_head(*parser_);
  if (!complete) co_return false;
  ++host_.counts.requests;

  IncomingRequest request = parser_->take_request();
  identify(request);
  const bool is_head = request.method == "HEAD";
  const HttpBodyTerms terms = host_.handler.body_terms(request);
  const std::string* expectation = request.headers.find("Expect");
  if (expectation != nullptr && !equal_fold(*expectation, "100-continue")) {
    HttpFault fault{417, "the only expectation met is 100-continue"};
    co_return co_await refuse(std::move(fault));
  }
  if (parser_->content_length().value_or(0) > terms.limit) {
    HttpFault fault{413, "the body is larger than the " + std::to_string(terms.limit) +
                             " bytes that are taken here"};
    co_return co_await refuse(std::move(fault));
  }
  parser_->limit_body(terms.limit);
  continue_due_ = expectation != nullptr && parser_->has_body() && in_.empty();
  body_patience_ = Patience(host_.limits.body_time, host_.limits.body_rate);
  if (!terms.stream) {
    const bool whole = co_await read_whole_body(request);
    if (!whole) co_return false;
  }

  HttpResponse response = co_await host_.handler.handle(request, *this);
  if (body_fault_) co_return co_await refuse(std::move(*body_fault_));
  if (aborted_) co_return false;
  // A body that the handler did not want stands in the way of the next request.
  const bool taken = parser_->state() == HttpParser::State::done;
  const bool keep_alive = parser_->keep_alive() && taken && !host_.stopping;
  if (response.stream && !is_head) {
    co_await stream_events(std::move(response));
    co_return false;
  }
  const bool written = co_await answer(std::move(response), is_head, keep_alive);
  if (written && !keep_alive) co_await linger();
  co_return written&& keep_alive;
}

Task<bool> HttpConnection::read_head(HttpParser& parser) {
  Tick begun = host_.clock.now();
  for (;;) {
    const std::size_t used = parser.feed(in_);
    in_.erase(0, used);
    if (parser.state() == HttpParser::State::bad) co_return co_await refuse(parser.fault());
    if (parser.state() != HttpParser::State::head) co_return true;
    if (used > 0) continue;
    const bool idle = in_.empty();
    if (idle && host_.stopping) co_return false;
    if (idle) {
      if (in_.capacity() > 2 * kReadStep) in_.shrink_to_fit();
      const Tick deadline = host_.clock.now() + host_.limits.idle_time;
      const std::size_t size = co_await read_more(Wait::first_byte, deadline, kReadStep);
      if (size == 0) co_return false;
      begun = host_.clock.now();
      continue;
    }
    const Tick deadline = begun + host_.limits.header_time;
    const std::size_t size = co_await read_more(Wait::header, deadline, kReadStep);
    if (size > 0) continue;
    if (!overdue_ || aborted_) co_return false;
    HttpFault fault{408, "the request's header took too long"};
    co_return co_await refuse(std::move(fault));
  }
}

void HttpConnection::identify(IncomingRequest& request) const {
  request.peer = peer_;
  if (!host_.behind_proxy || peer_.uid) return;
  if (const std::string* forwarded = request.headers.find("X-Forwarded-For")) {
    constexpr std::size_t kAddressMax = 45;
    const std::string_view last = last_forwarded(*forwarded);
    if (!last.empty() && last.size() <= kAddressMax) request.peer.address = last;
  }
}

// Reads and decodes once. The number of bytes that came; 0 when the body is complete.
Task<Result<std::size_t>> HttpConnection::advance_body() {
  if (parser_->state() == HttpParser::State::body && continue_due_) {
    continue_due_ = false;
    const bool written = co_await write_all(kContinue, {});
    if (!written) co_return fail(Code::io, "the connection ended");
  }
  while (parser_->state() == HttpParser::State::body) {
    const std::size_t used = parser_->feed(in_);
    in_.erase(0, used);
    if (parser_->state() == HttpParser::State::bad) {
      body_fault_ = parser_->fault();
      co_return fail(Code::data, body_fault_->detail);
    }
    if (parser_->body_waits() || parser_->state() == HttpParser::State::done) break;
    const Tick asked = host_.clock.now();
    const std::size_t size =
        co_await read_more(Wait::body, body_patience_.deadline(asked), kBodyStep);
    if (size == 0) {
      if (overdue_ && !aborted_) body_fault_ = HttpFault{408, "the request's body took too long"};
      co_return fail(Code::io, "the connection ended within the body");
    }
    body_patience_.moved(host_.clock.now() - asked, size);
  }
  co_return std::size_t{parser_->body_waits() ? 1U : 0U};
}

Task<bool> HttpConnection::read_whole_body(IncomingRequest& request) {
  for (;;) {
    const Result<std::size_t> advanced = co_await advance_body();
    if (!advanced) {
      if (!body_fault_) co_return false;
      co_return co_await refuse(std::move(*body_fault_));
    }
    if (*advanced == 0) co_return true;
    request.body += parser_->take_body();
  }
}

Task<Result<std::string>> HttpConnection::next() {
  if (body_fault_ || aborted_) co_return fail(Code::io, "the body ended before");
  const Result<std::size_t> advanced = co_await advance_body();
  if (!advanced) {
    aborted_ = aborted_ || !body_fault_;  // nobody is there to be answered
    co_return fail(advanced.error());
  }
  co_return parser_->take_body();
}

Task<bool> HttpConnection::write_all(std::string_view head, std::string_view body) {
  Patience patience(host_.limits.write_time, host_.limits.write_rate);
  std::vector<asio::const_buffer> buffers;
  while (!head.empty() || !body.empty()) {
    if (aborted_) co_return false;
    buffers.clear();
    if (!head.empty()) buffers.emplace_back(head.data(), head.size());
    if (!body.empty()) buffers.emplace_back(body.data(), body.size());
    const Tick asked = host_.clock.now();
    wait_ = Wait::writing;
    deadline_ = patience.deadline(asked);
    overdue_ = false;
    ErrorCode ec;
    const std::size_t size = co_await wire_->write(buffers, ec);
    wait_ = Wait::nothing;
    if (ec) co_return false;
    patience.moved(host_.clock.now() - asked, size);
    const std::size_t of_head = std::min(size, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(size - of_head);
  }
  co_return !aborted_;
}

Task<bool> HttpConnection::answer(HttpResponse response, bool is_head, bool keep_alive) {
  const std::string head = response_head(response, host_.clock.wall(), keep_alive);
  const bool bodiless = is_head || response.status == 204 || response.status == 304;
  const std::string_view body = bodiless ? std::string_view{} : std::string_view(response.body);
  co_return co_await write_all(head, body);
}

// Always false: the connection ends.
Task<bool> HttpConnection::refuse(HttpFault fault) {
  HttpResponse response = host_.handler.refusal(fault);
  const bool written = co_await answer(std::move(response), false, false);
  if (written) co_await linger();
  co_return false;
}

Task<void> HttpConnection::linger() {
  const Tick deadline = host_.clock.now() + host_.limits.linger_time;
  wait_ = Wait::lingering;
  deadline_ = deadline;
  overdue_ = false;
  co_await wire_->say_goodbye();
  wait_ = Wait::nothing;
  std::size_t discarded = 0;
  while (discarded < kLingerMax && !overdue_ && host_.clock.now() < deadline) {
    in_.clear();
    const std::size_t size = co_await read_more(Wait::lingering, deadline, kReadStep);
    if (size == 0) break;
    discarded += size;
  }
}

Task<void> HttpConnection::stream_events(HttpResponse response) {
  const std::string head = response_head(response, host_.clock.wall(), false);
  parser_.reset();
  std::string().swap(in_);
  const bool begun = co_await write_all(head, {});
  if (!begun || host_.stopping) co_return;
  stream_alarm_ = host_.clock.make_alarm();
  stream_open_ = true;
  last_sent_ = host_.clock.now();
  ++host_.counts.streams;
  response.stream(shared_from_this());
  response.stream = nullptr;
  // Whoever reads a stream says nothing more; but it is noticed at once when he goes.
  host_.tasks.spawn(watch_for_end());
  while (stream_open_) {
    if (queue_.empty()) {
      if (stream_ending_) break;
      co_await stream_alarm_->wait_until(Tick::max());
      continue;
    }
    const std::shared_ptr<const std::string> bytes = queue_.front();
    queue_.pop_front();
    const bool taken = co_await write_all(*bytes, {});
    backlog_ -= std::min(backlog_, bytes->size());
    last_sent_ = host_.clock.now();
    if (!taken) break;
  }
  const bool in_order = stream_open_ && queue_.empty();
  --host_.counts.streams;
  drop_stream();
  if (in_order) {
    wait_ = Wait::lingering;
    deadline_ = host_.clock.now() + host_.limits.linger_time;
    overdue_ = false;
    co_await wire_->say_goodbye();
    wait_ = Wait::nothing;
  }
}

Task<void> HttpConnection::watch_for_end() {
  const auto self = shared_from_this();
  std::array<char, 256> bytes{};
  std::size_t said = 0;
  const asio::mutable_buffer into(bytes.data(), bytes.size());
  while (said < kLingerMax) {
    ErrorCode ec;
    said += co_await wire_->read(into, ec);
    if (ec) break;
  }
  abort();
}

void HttpConnection::send(std::shared_ptr<const std::string> bytes) {
  if (!stream_open_ || stream_ending_) return;
  if (backlog_ + bytes->size() > host_.limits.stream_backlog) {
    ++host_.counts.timed_out;
    return abort();
  }
  backlog_ += bytes->size();
  queue_.push_back(std::move(bytes));
  stream_alarm_->wake();
}

void HttpConnection::close() {
  if (!stream_open_) return;
  stream_ending_ = true;
  stream_alarm_->wake();
}

void HttpConnection::drop_stream() {
  stream_open_ = false;
  queue_.clear();
  backlog_ = 0;
  stream_alarm_->wake();
}

}  // namespace loa
