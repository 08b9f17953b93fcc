#include "api/api.hpp"

#include <map>

#include "api/events.hpp"
#include "api/handlers.hpp"
#include "api/idempotency.hpp"

namespace loa {
namespace {

// Of refused acts, which are put on record: so many at once, and one more each 200 ms.
constexpr double kDeniedBurst = 10;
constexpr Duration kDeniedEach = std::chrono::milliseconds(200);

HttpResponse unidentified(const ApiCall& call, const Unidentified& why) {
  switch (why.kind) {
    case Unidentified::Kind::unknown: {
      HttpResponse response = api::problem(call, {401, "unauthenticated", why.words});
      response.headers.add("WWW-Authenticate", "Bearer realm=\"loa\"");
      response.headers.add("WWW-Authenticate", "Basic realm=\"loa\", charset=\"UTF-8\"");
      return response;
    }
    case Unidentified::Kind::slowed:
      return api::problem(call, {429, "slowed", why.words, {}, why.retry_after});
    case Unidentified::Kind::busy:
      return api::problem(call, {503, "not-now", why.words, {}, why.retry_after});
  }
  return {};
}

Caller caller_of(const HttpRequest& request) {
  Caller caller;
  if (const std::string* header = request.headers.find("Authorization"))
    caller.authorization = *header;
  caller.uid = request.peer.uid;
  if (!caller.uid) caller.address = request.peer.address;
  return caller;
}

}  // namespace

struct Api::Parts {
  Parts(const asio::any_io_executor& executor, Clock& clock, Desk& desk, Access& access,
        std::unique_ptr<Uploads> store, std::string version, std::vector<ReadyCheck> ready)
      : uploads(std::move(store)),
        events(executor, clock, desk, access),
        metrics(desk, version),
        keys(desk),
        all{clock, desk, access, events, metrics, *uploads, std::move(version), std::move(ready)} {}

  Task<HttpResponse> call_route(ApiCall& call, const Route& route);
  Task<HttpResponse> call_once(ApiCall& call, const Route& route);
  bool may_be_denied_again(const std::string& user);

  std::unique_ptr<Uploads> uploads;
  EventHub events;
  Metrics metrics;
  Idempotency keys;
  ApiParts all;
  std::map<std::string, Tick> denied;  // when each user's refusals are all forgotten
};

Api::Api(asio::any_io_executor executor, Clock& clock, Desk& desk, Access& access,
         std::unique_ptr<Uploads> uploads, std::string version, std::vector<ReadyCheck> ready)
    : parts_(std::make_unique<Parts>(executor, clock, desk, access, std::move(uploads),
                                     std::move(version), std::move(ready))) {}

Api::~Api() = default;

Metrics& Api::metrics() { return parts_->metrics; }

Task<void> Api::stop() { return parts_->events.stop(); }

HttpBodyTerms Api::body_terms(const HttpRequest& head) const {
  constexpr std::uint64_t kBodyMax = 1024 * 1024;
  const Match match = find_route(head.method, head.path);
  if (match.route != nullptr && match.route->body == Route::Body::stream)
    return {parts_->uploads->limits().file_bytes, true};
  return {kBodyMax, false};
}

HttpResponse Api::refusal(const HttpFault& fault) const {
  return to_response(problem_of(fault), "");
}

Task<HttpResponse> Api::handle(HttpRequest& request, HttpBody& body) {
  Match match = find_route(request.method, request.path);
  ApiCall call{request, body, parts_->all, std::move(match.names)};
  if (request.method == "OPTIONS" && (!match.allowed.empty() || request.path == "*")) {
    HttpResponse response;
    response.status = 204;
    response.headers.set("Allow", match.allowed.empty() ? "GET, HEAD, POST, PUT, DELETE, OPTIONS"
                                                        : match.allowed + ", OPTIONS");
    co_return response;
  }
  if (match.route == nullptr) {
    if (match.allowed.empty())
      co_return api::problem(call, {404, "not-found", "there is nothing under this path"});
    HttpResponse response = api::problem(
        call, {405, "method-not-allowed", "here is " + match.allowed + " and nothing else"});
    response.headers.set("Allow", match.allowed + ", OPTIONS");
    co_return response;
  }
  const bool has_credentials = request.headers.find("Authorization") != nullptr;
  if (!match.route->is_public || (has_credentials && request.path == "/metrics")) {
    auto who = co_await parts_->all.access.identify(caller_of(request));
    if (!who) co_return unidentified(call, who.error());
    call.who = std::move(*who);
  }
  co_return co_await parts_->call_route(call, *match.route);
}

bool Api::Parts::may_be_denied_again(const std::string& user) {
  const Tick now = all.clock.now();
  std::erase_if(denied, [&](const auto& one) { return one.second <= now; });
  Tick& until = denied[user];
  until = std::max(until, now) + kDeniedEach;
  if (until - now <= kDeniedBurst * kDeniedEach) return true;
  until -= kDeniedEach;
  return false;
}

Task<HttpResponse> Api::Parts::call_route(ApiCall& call, const Route& route) {
  const bool is_act = call.request.method != "GET" && call.request.method != "HEAD";
  if (route.permission && !allowed(call.who, *route.permission)) {
    // A carrier may read gateways, its own; which those are is for the handler.
    const bool of_its_own = *route.permission == Permission::read_gateways &&
                            allowed(call.who, *route.permission, call.who.gateway);
    if (!of_its_own) {
      if (is_act && !may_be_denied_again(call.who.user)) {
        co_return api::problem(call, {429,
                                      "too-many-requests",
                                      "too many requests were refused",
                                      {},
                                      std::chrono::seconds(1)});
      }
      co_return co_await api::deny(call, *route.permission,
                                   call.names.empty() ? "" : call.names[0]);
    }
  }
  if (call.request.method == "POST") co_return co_await call_once(call, route);
  co_return co_await route.handler(call);
}

Task<HttpResponse> Api::Parts::call_once(ApiCall& call, const Route& route) {
  auto turn = keys.begin(call);
  if (!turn) co_return api::problem(call, turn.error());
  if ((*turn)->before()) co_return api::replay(call, *(*turn)->before());
  HttpResponse response = co_await route.handler(call);
  constexpr int kDone = 300;
  if (response.status < kDone && !call.subject.empty())
    co_await (*turn)->remember(call.subject, response.status);
  co_return response;
}

}  // namespace loa
