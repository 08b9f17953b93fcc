#include "api/problem.hpp"

#include <chrono>

#include "api/pointer.hpp"
#include "base/printable.hpp"

namespace loa {
namespace {

constexpr Duration kSoon = std::chrono::seconds(5);

// What RFC 9457 calls the title: the same for every problem of a kind.
std::string_view title_of(std::string_view code) {
  struct Title {
    std::string_view code;
    std::string_view title;
  };
  static constexpr Title kTitles[] = {
      {"bad-request", "The request is not well formed"},
      {"unauthenticated", "Nobody is signed in"},
      {"slowed", "There were too many wrong tries to sign in"},
      {"forbidden", "This user may not do that"},
      {"not-found", "There is no such thing"},
      {"method-not-allowed", "That cannot be done with this"},
      {"too-slow", "The request took too long"},
      {"conflict", "The state of things does not allow it"},
      {"changed", "It is not any more what was looked at"},
      {"too-large", "The request is too large"},
      {"unsupported-media-type", "That kind of body is not taken here"},
      {"invalid", "What was brought is wrong"},
      {"confirmation-required", "This cannot be undone and must be confirmed"},
      {"precondition-required", "If-Match must say which version was looked at"},
      {"idempotency-key-missing", "Every POST needs an Idempotency-Key"},
      {"idempotency-key-in-flight", "The first request of this Idempotency-Key is under way"},
      {"idempotency-key-reused", "The Idempotency-Key belongs to another request"},
      {"too-many-requests", "Too many requests"},
      {"not-now", "Not now"},
      {"no-room", "There is no room left"},
  };
  for (const Title& one : kTitles)
    if (one.code == code) return one.title;
  return "Something went wrong inside";
}

}  // namespace

void put_faults(JsonWriter& out, const Faults& faults, Fault::Severity severity,
                std::string_view document) {
  const Pointers pointers(document);
  out.open_array();
  for (const Fault& fault : faults.all()) {
    if (fault.severity != severity) continue;
    out.open_object();
    out.field("pointer", pointers.at(fault.place));
    out.field("line", fault.place.line).field("column", fault.place.column);
    out.field("width", fault.width);
    out.field("code", severity == Fault::Severity::error ? "error" : "warning");
    out.field("detail", printable(fault.text)).close_object();
  }
  out.close_array();
}

HttpResponse to_response(const Problem& problem, std::string_view path, std::string_view document) {
  JsonWriter out;
  out.open_object();
  out.field("type", "urn:loa:problem:" + std::string(problem.code));
  out.field("title", title_of(problem.code)).field("status", problem.status);
  out.field("detail", printable(problem.detail)).field("instance", printable(path));
  out.field("code", problem.code).key("errors");
  put_faults(out, problem.faults, Fault::Severity::error, document);
  out.close_object();

  HttpResponse response;
  response.status = problem.status;
  response.headers.set("Content-Type", "application/problem+json");
  response.headers.set("Content-Language", "en");
  if (problem.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*problem.retry_after).count();
    response.headers.set("Retry-After", std::to_string(seconds));
  }
  response.body = out.take();
  return response;
}

Problem problem_of(const Refusal& refusal) {
  switch (refusal.kind) {
    case Refusal::Kind::unknown: return {404, "not-found", refusal.words};
    case Refusal::Kind::conflict: return {409, "conflict", refusal.words};
    case Refusal::Kind::changed: return {412, "changed", refusal.words};
    case Refusal::Kind::forbidden: return {403, "forbidden", refusal.words};
    case Refusal::Kind::wrong: return {422, "invalid", refusal.words, refusal.faults};
    case Refusal::Kind::not_now: return {503, "not-now", refusal.words, {}, kSoon};
  }
  return {};
}

Problem problem_of(const HttpFault& fault) {
  switch (fault.status) {
    case 408: return {408, "too-slow", fault.detail};
    case 413:
    case 431: return {fault.status, "too-large", fault.detail};
    case 503: return {503, "not-now", fault.detail, {}, std::chrono::seconds(1)};
    default: return {fault.status, "bad-request", fault.detail};
  }
}

}  // namespace loa
