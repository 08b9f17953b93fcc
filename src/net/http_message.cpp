#include "net/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace loa {
namespace {

constexpr std::size_t kParametersMax = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Percent-decoding to UTF-8 without control characters.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (is_control(c)) return std::nullopt;
    out += c;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

// Each segment is decoded by itself, so that an escaped slash cannot make another path.
std::optional<std::string> read_path(std::string_view raw) {
  std::string path;
  while (!raw.empty()) {
    raw.remove_prefix(1);  // the slash
    const auto end = std::min(raw.find('/'), raw.size());
    const auto segment = decode(raw.substr(0, end), false);
    raw.remove_prefix(end);
    if (!segment || *segment == "." || *segment == ".." ||
        segment->find_first_of("/\\") != std::string::npos) {
      return std::nullopt;
    }
    if (segment->empty() && !raw.empty()) return std::nullopt;
    if (segment->empty() && !path.empty()) break;  // one slash at the end says nothing
    path.append("/").append(*segment);
  }
  return path;
}

bool read_query(std::string_view raw, IncomingRequest& request) {
  while (!raw.empty()) {
    const auto end = std::min(raw.find('&'), raw.size());
    const auto pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || request.query.size() == kParametersMax) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

// What a handler puts into a field may have come from outside: it must not end the field.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out += is_control(c) ? ' ' : c;
  out.append("\r\n");
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kProtection{{
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
}};

}  // namespace

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

void HttpHeaders::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void HttpHeaders::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return equal_fold(field.first, name); });
  add(std::move(name), std::move(value));
}

const std::string* HttpHeaders::find(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (equal_fold(key, name)) return &value;
  return nullptr;
}

std::size_t HttpHeaders::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(),
                    [&](const auto& field) { return equal_fold(field.first, name); }));
}

const std::string* IncomingRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

std::optional<HttpFault> read_target(std::string_view target, IncomingRequest& request) {
  if (target == "*" && request.method == "OPTIONS") {
    request.path = "*";
    return std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    // A request as to a proxy: who is asked has been decided already, by the connection.
    if (target.size() < scheme.size() || !equal_fold(target.substr(0, scheme.size()), scheme))
      continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (target.empty()) target = "/";
  }
  if (target.empty() || target.front() != '/')
    return HttpFault{400, "the request's target is not a path"};
  const auto mark = std::min(target.find('?'), target.size());
  auto path = read_path(target.substr(0, mark));
  if (!path) {
    return HttpFault{
        400, "the path has a bad escape, an empty or dot segment, or bytes that are no text"};
  }
  request.path = std::move(*path);
  if (!read_query(target.substr(std::min(mark + 1, target.size())), request)) {
    return HttpFault{400,
                     "the query has a bad escape, bytes that are no text, or more than 64 "
                     "parameters"};
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

std::string http_date(Instant instant) {
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(instant - day));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays[std::chrono::weekday(day).c_encoding()], unsigned{date.day()},
                     kMonths[unsigned{date.month()} - 1], int{date.year()}, time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string response_head(const HttpResponse& response, Instant now, bool keep_alive) {
  std::string out;
  constexpr std::size_t kUsual = 512;
  out.reserve(kUsual);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  append_field(out, "Date", http_date(now));
  for (const auto& [name, value] : response.headers.all()) append_field(out, name, value);
  for (const auto& [name, value] : kProtection)
    if (response.headers.find(name) == nullptr) append_field(out, name, value);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!response.stream && !bodiless)
    append_field(out, "Content-Length", std::to_string(response.body.size()));
  append_field(out, "Connection", keep_alive ? "keep-alive" : "close");
  return out.append("\r\n");
}

}  // namespace loa
