#include "sim/http.hpp"

#include <algorithm>
#include <charconv>

namespace loa::sim {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool read_first_line(std::string_view line, Request& request) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  request.method = line.substr(0, first);
  auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  request.keep_alive = version == "HTTP/1.1";
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  return true;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                        hex_value(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

}  // namespace

Reading read_request(std::string_view bytes) {
  Reading reading;
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    if (bytes.size() > kHeadMax) reading.state = Reading::State::bad;
    return reading;
  }
  reading.state = Reading::State::bad;  // until shown otherwise
  auto head = bytes.substr(0, head_end + 2);
  auto line_end = head.find("\r\n");
  if (!read_first_line(head.substr(0, line_end), reading.request)) return reading;
  head.remove_prefix(line_end + 2);

  std::size_t length = 0;
  bool expects = false;
  while (!head.empty()) {
    line_end = head.find("\r\n");
    const auto line = head.substr(0, line_end);
    head.remove_prefix(line_end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return reading;
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (equal_fold(name, "content-length")) {
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (ec != std::errc{} || end != value.data() + value.size()) return reading;
    } else if (equal_fold(name, "transfer-encoding")) {
      return reading;
    } else if (equal_fold(name, "connection")) {
      if (equal_fold(value, "close")) reading.request.keep_alive = false;
    } else if (equal_fold(name, "expect")) {
      expects = equal_fold(value, "100-continue");
    }
  }
  if (length > kBodyMax) return reading;
  const std::size_t size = head_end + 4 + length;
  if (bytes.size() < size) {
    reading.state = Reading::State::incomplete;
    reading.wants_continue = expects && bytes.size() == head_end + 4;
    return reading;
  }
  reading.state = Reading::State::complete;
  reading.size = size;
  reading.request.body = bytes.substr(head_end + 4, length);
  return reading;
}

std::string response(int status, std::string_view type, std::string_view body,
                     std::string_view headers) {
  std::string out;
  out.reserve(128 + headers.size() + body.size());
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason(status));
  out.append("\r\nContent-Type: ").append(type);
  out.append("\r\nContent-Length: ").append(std::to_string(body.size())).append("\r\n");
  out.append(headers).append("\r\n").append(body);
  return out;
}

std::string query_field(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
  }
  return {};
}

}  // namespace loa::sim
