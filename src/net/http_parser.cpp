#include "net/http_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>

namespace loa {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

constexpr std::size_t kMethodMax = 16;
constexpr std::size_t kFieldsMax = 100;
constexpr int kChunkDigitsMax = 15;

std::string_view view(Text text) { return {text.data(), text.size()}; }

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = (c | 0x20) - 'a';
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

// Line ends are CRLF and nothing else, and no line goes on in the next.
bool has_odd_lines(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return true;
    if (head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n')) return true;
    if (head[i] == '\n' && i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t'))
      return true;
    if (head[i] == '\0') return true;
  }
  return false;
}

}  // namespace

class HttpParser::Reader final : public http::basic_parser<true> {
 public:
  explicit Reader(std::size_t head_max) : head_max_(head_max) {
    header_limit(static_cast<std::uint32_t>(head_max));
    body_limit(boost::none);
  }

  std::size_t feed(std::string_view bytes) {
    if (state == State::head) return feed_head(bytes);
    if (state == State::body) return feed_body(bytes);
    return 0;
  }

  void refuse(int status, std::string detail) {
    state = State::bad;
    fault = HttpFault{status, std::move(detail)};
  }

  std::optional<std::uint64_t> length() const {
    const auto stated = content_length();
    return stated ? std::optional<std::uint64_t>(*stated) : std::nullopt;
  }

  void limit_body(std::uint64_t bytes) { body_left_ = bytes; }

  State state = State::head;
  HttpFault fault;
  IncomingRequest request;
  std::string body;

 private:
  enum class Chunk { size, size_lf, data, data_cr, data_lf, end_cr, end_lf };

  std::size_t feed_head(std::string_view bytes) {
    if (bytes == "\r") return 0;
    if (searched_ == 0 && bytes.starts_with("\r\n") && !empty_line_) {
      empty_line_ = true;  // some clients end a body with a line end that its length does not count
      return 2;
    }

    const std::size_t from = searched_ < 3 ? 0 : searched_ - 3;
    const auto end = bytes.find("\r\n\r\n", from);
    if (end == std::string_view::npos && bytes.size() < head_max_) {
      searched_ = bytes.size();
      // Waiting for the end of a line that is wrong already would be patience for nothing.
      if (bytes.find('\n') != std::string_view::npos && bytes.back() == '\n' &&
          has_odd_lines(bytes))
        refuse(400, "line ends are not CRLF");
      return 0;
    }
    const std::size_t size = end + 4;
    if (end == std::string_view::npos || size > head_max_) {
      const bool first_line = bytes.substr(0, head_max_).find('\n') == std::string_view::npos;
      refuse(431, first_line ? "the request's first line is too long"
                             : "the request's header is larger than " + std::to_string(head_max_) +
                                   " bytes");
      return 0;
    }
    const auto head = bytes.substr(0, size);
    if (has_odd_lines(head)) {
      refuse(400, "the header has folded lines, or line ends that are not CRLF");
      return 0;
    }
    error_code ec;
    put(boost::asio::const_buffer(head.data(), head.size()), ec);  // stops behind the head
    if (state == State::bad) return 0;
    if (ec || !is_header_done()) {
      refuse(ec == http::error::bad_version ? 505 : 400,
             "the request cannot be read: " + ec.message());
      return 0;
    }
    check_head();
    if (state == State::bad) return 0;
    is_chunked_ = chunked();
    left_ = is_chunked_ ? 0 : length().value_or(0);
    state = is_chunked_ || left_ > 0 ? State::body : State::done;
    return size;
  }

  // What Beast lets pass and another reader on the way may take for something else.
  void check_head() {
    const auto& headers = request.headers;
    const std::size_t lengths = headers.count("Content-Length");
    const std::size_t encodings = headers.count("Transfer-Encoding");
    if (lengths > 1 || (lengths == 1 && !is_digits(*headers.find("Content-Length"))))
      return refuse(400, "Content-Length must be one number");
    if (encodings > 0 && lengths > 0)
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    if (encodings > 0 && !is_http11_) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    if (encodings > 1 ||
        (encodings == 1 && !equal_fold(*headers.find("Transfer-Encoding"), "chunked")))
      return refuse(501, "the only Transfer-Encoding taken is chunked");
    const std::size_t hosts = headers.count("Host");
    if (hosts > 1 || (is_http11_ && hosts == 0)) return refuse(400, "exactly one Host is needed");
    if (auto fault_of_target = read_target(target_, request)) {
      state = State::bad;
      fault = std::move(*fault_of_target);
    }
  }

  std::size_t feed_body(std::string_view bytes) {
    const std::size_t used = is_chunked_ ? feed_chunks(bytes) : feed_counted(bytes);
    if (state != State::bad && is_complete_) state = State::done;
    return used;
  }

  std::size_t feed_counted(std::string_view bytes) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    body.append(bytes.substr(0, size));
    left_ -= size;
    is_complete_ = left_ == 0;
    return size;
  }

  std::size_t feed_chunks(std::string_view bytes) {
    const std::string_view all = bytes;
    while (!bytes.empty() && state != State::bad && !is_complete_) {
      if (chunk_ == Chunk::data) {
        const std::size_t size = feed_counted(bytes);
        bytes.remove_prefix(size);
        is_complete_ = false;
        if (left_ == 0) chunk_ = Chunk::data_cr;
      } else {
        step(bytes.front());
        bytes.remove_prefix(1);
      }
    }
    return all.size() - bytes.size();
  }

  // Between the data of two chunks there is one way only: CR LF 1*HEXDIG CR LF.
  void step(char c) {
    switch (chunk_) {
      case Chunk::size: {
        const int digit = hex_value(c);
        if (c == '\r' && digits_ > 0) {
          chunk_ = Chunk::size_lf;
        } else if (digit < 0 || digits_ == kChunkDigitsMax) {
          refuse(400, "a chunk begins with its size in hexadecimal digits, and with nothing else");
        } else {
          ++digits_;
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        }
        return;
      }
      case Chunk::size_lf:
        if (c != '\n') return refuse(400, "the line of a chunk's size has no end");
        if (left_ > body_left_) return refuse(413, "the body is larger than is taken here");
        body_left_ -= left_;
        chunk_ = left_ == 0 ? Chunk::end_cr : Chunk::data;
        return;
      case Chunk::data: return;
      case Chunk::data_cr:
      case Chunk::end_cr:
        if (c != '\r') {
          return refuse(400, chunk_ == Chunk::end_cr ? "trailers are not taken"
                                                     : "a chunk is longer than its size");
        }
        chunk_ = chunk_ == Chunk::end_cr ? Chunk::end_lf : Chunk::data_lf;
        return;
      case Chunk::data_lf:
      case Chunk::end_lf:
        if (c != '\n') return refuse(400, "the line behind a chunk has no end");
        is_complete_ = chunk_ == Chunk::end_lf;
        chunk_ = Chunk::size;
        digits_ = 0;
        left_ = 0;
        return;
    }
  }

  void on_request_impl(http::verb, Text method, Text target, int version, error_code& ec) override {
    if (method.size() > kMethodMax) {
      refuse(501, "there is no such method");
      ec = http::error::bad_method;
      return;
    }
    request.method = view(method);
    target_ = view(target);
    is_http11_ = version == 11;
  }

  void on_field_impl(http::field, Text name, Text value, error_code& ec) override {
    if (request.headers.all().size() == kFieldsMax) {
      refuse(431, "the request has more than 100 header fields");
      ec = http::error::header_limit;
      return;
    }
    request.headers.add(std::string(view(name)), std::string(view(value)));
  }

  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}

  // Beast reads heads only: its reader of chunks trips over an assertion when a body that consists
  // of the last chunk comes in pieces, and takes extensions.
  std::size_t on_body_impl(Text, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  // A parser of requests is never asked this.
  void on_response_impl(int, Text, int, error_code& ec) override { ec = http::error::bad_version; }

  std::size_t head_max_;
  bool empty_line_ = false;
  std::size_t searched_ = 0;  // bytes in which the end of the head is not
  std::string target_;
  bool is_http11_ = false;

  bool is_chunked_ = false;
  bool is_complete_ = false;
  Chunk chunk_ = Chunk::size;
  int digits_ = 0;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  std::uint64_t body_left_ = std::numeric_limits<std::uint64_t>::max();  // of the limit
};

HttpParser::HttpParser(std::size_t head_max) : reader_(std::make_unique<Reader>(head_max)) {}
HttpParser::~HttpParser() = default;
HttpParser::HttpParser(HttpParser&&) noexcept = default;
HttpParser& HttpParser::operator=(HttpParser&&) noexcept = default;

std::size_t HttpParser::feed(std::string_view bytes) { return reader_->feed(bytes); }
HttpParser::State HttpParser::state() const { return reader_->state; }
const HttpFault& HttpParser::fault() const { return reader_->fault; }
IncomingRequest HttpParser::take_request() { return std::move(reader_->request); }
bool HttpParser::keep_alive() const { return reader_->keep_alive(); }
bool HttpParser::has_body() const { return reader_->state == State::body; }
std::optional<std::uint64_t> HttpParser::content_length() const { return reader_->length(); }
void HttpParser::limit_body(std::uint64_t bytes) { reader_->limit_body(bytes); }
std::string HttpParser::take_body() { return std::exchange(reader_->body, {}); }
bool HttpParser::body_waits() const { return !reader_->body.empty(); }

}  // namespace loa
