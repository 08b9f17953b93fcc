// Which request goes where. The table itself is in routes.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.hpp"
#include "async/task.hpp"
#include "net/http_server.hpp"

namespace loa {

class Denials;
class EventHub;
class Metrics;
class Uploads;

// What a part of the daemon says of itself: nothing when it is ready.
struct ReadyCheck {
  std::string name;
  std::function<std::optional<std::string>()> trouble;
};

// What handlers work with.
struct ApiParts {
  Clock& clock;
  Desk& desk;
  Access& access;
  Denials& denials;
  EventHub& events;
  Metrics& metrics;
  Uploads& uploads;
  std::string version;
  std::vector<ReadyCheck> ready;
};

// One request on its way.
struct ApiCall {
  IncomingRequest& request;
  HttpBody& body;
  const ApiParts& api;
  std::vector<std::string> names;  // what stands for {} in the pattern, in order
  Identity who = {};
  // What the request was about, for its Idempotency-Key: a campaign's id, or "gateway/" and a name.
  std::string subject = {};

  Actor actor() const { return {who.user, who.from}; }
};

struct Route {
  using Handler = Task<HttpResponse> (*)(ApiCall&);
  enum class Body { none, whole, stream };

  std::string_view method;
  std::string_view pattern;  // "/api/v1/campaigns/{}": a {} is one segment
  // What it takes; none where everybody who is signed in may, or where the handler asks by itself.
  std::optional<Permission> permission;
  bool is_public = false;  // nobody needs to sign in
  Body body = Body::none;
  Handler handler = nullptr;
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> names;
  std::string allowed;  // the methods that the path knows: "GET, HEAD, PUT"; "" for an unknown path
};

// HEAD finds what GET finds.
Match find_route(std::string_view method, std::string_view path);

}  // namespace loa
