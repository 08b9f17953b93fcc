// From bytes to requests, without a socket. Strict where leniency is how one request is smuggled
// inside another: exactly one way to state the length of a body, no folded lines, no bare CR or LF,
// no chunk extensions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.hpp"

namespace loa {

class HttpParser {  // one request
 public:
  enum class State { head, body, done, bad };

  explicit HttpParser(std::size_t head_max);
  ~HttpParser();
  HttpParser(HttpParser&&) noexcept;
  HttpParser& operator=(HttpParser&&) noexcept;

  // Takes what it can from the front and says how many bytes: nothing before the head is whole, and
  // nothing behind the request. What was not taken must come again, with more behind it.
  std::size_t feed(std::string_view bytes);

  State state() const;
  const HttpFault& fault() const;  // when bad

  // From the end of the head on:
  IncomingRequest take_request();  // without body and peer; once
  bool keep_alive() const;
  bool has_body() const;
  std::optional<std::uint64_t> content_length() const;
  void limit_body(std::uint64_t bytes);
  std::string take_body();  // what was decoded since the last call
  bool body_waits() const;  // there is something to take

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace loa
