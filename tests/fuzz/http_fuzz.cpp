// The way of a request from bytes to a struct. The first byte says how the rest is cut into pieces:
// what comes out must not depend on it, and must keep what http_message.hpp promises.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/utf8.hpp"
#include "net/http_parser.hpp"

namespace {

using namespace loa;

constexpr std::size_t kHeadMax = 16 * 1024;
constexpr std::uint64_t kBodyMax = 64 * 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  HttpParser::State state = HttpParser::State::head;
  IncomingRequest request;
  std::string body;
  std::size_t used = 0;
};

// As a connection does it: what is not taken stays, and comes again with more behind it.
Outcome read(std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  HttpParser parser(kHeadMax);
  std::string waiting;
  bool has_head = false;
  while (parser.state() == HttpParser::State::head || parser.state() == HttpParser::State::body) {
    const std::size_t used = parser.feed(waiting);
    waiting.erase(0, used);
    outcome.used += used;
    if (parser.state() == HttpParser::State::bad) break;
    if (!has_head && parser.state() != HttpParser::State::head) {
      has_head = true;
      outcome.request = parser.take_request();
      if (parser.content_length().value_or(0) > kBodyMax) break;
      parser.limit_body(kBodyMax);
    }
    if (has_head) outcome.body += parser.take_body();
    if (used > 0) continue;
    if (parser.state() == HttpParser::State::done || bytes.empty()) break;
    waiting += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    require(waiting.size() <= kHeadMax + piece);
  }
  outcome.state = parser.state();
  return outcome;
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return is_utf8(text);
}

void check(const Outcome& outcome) {
  const IncomingRequest& request = outcome.request;
  require(outcome.body.size() <= kBodyMax);
  require(request.method.size() <= 16 && request.query.size() <= 64);
  require(request.headers.all().size() <= 100);
  require(is_plain(request.path));
  for (const auto& [name, value] : request.query) require(is_plain(name) && is_plain(value));
  for (const auto& [name, value] : request.headers.all())
    require(name.find_first_of("\r\n\0 :", 0, 5) == std::string::npos &&
            value.find_first_of("\r\n\0", 0, 3) == std::string::npos);
  if (request.path.empty() || request.path == "*") return;
  require(request.path.front() == '/');
  const std::string framed = request.path + "/";
  require(framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos);
  require(request.path == "/" || framed.find("//") == std::string::npos);
  require(request.headers.count("Content-Length") + request.headers.count("Transfer-Encoding") <=
          1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = read(bytes, kHeadMax);
  const Outcome pieces = read(bytes, 1 + data[0]);
  if (whole.state == HttpParser::State::done || pieces.state == HttpParser::State::done) {
    check(whole);
    require(whole.state == pieces.state && whole.used == pieces.used);
    require(whole.request.method == pieces.request.method);
    require(whole.request.path == pieces.request.path && whole.body == pieces.body);
  }
  // A response that quotes what came must not end its own fields.
  HttpResponse response;
  response.headers.add("X-Quoted", std::string(bytes));
  const std::string head = response_head(response, {}, true);
  require(head.find("\r\n\r\n") == head.size() - 4);
  return 0;
}
