#include <algorithm>
#include <charconv>

#include "api/events.hpp"
#include "api/handlers.hpp"
#include "api/metrics.hpp"
#include "api/openapi.hpp"

namespace loa::api {
namespace {

HttpResponse plain(int status, std::string body, std::string type = "text/plain; charset=utf-8") {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", std::move(type));
  response.body = std::move(body);
  return response;
}

// "campaigns,gateways,record" and "campaign/ID".
std::optional<Topics> read_topics(std::string_view words) {
  constexpr std::string_view kOne = "campaign/";
  Topics topics;
  while (!words.empty()) {
    const auto end = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word == "campaigns") {
      topics.campaigns = true;
    } else if (word == "gateways") {
      topics.gateways = true;
    } else if (word == "record") {
      topics.record = true;
    } else if (word.starts_with(kOne) && word.size() > kOne.size()) {
      topics.campaigns = true;
      topics.campaign = word.substr(kOne.size());
    } else {
      return std::nullopt;
    }
  }
  return topics;
}

}  // namespace

Task<HttpResponse> follow_events(ApiCall& call) {
  const std::string* words = call.request.parameter("topics");
  const auto topics = read_topics(words == nullptr ? "campaigns" : *words);
  if (!topics) {
    co_return problem(
        call, {400, "bad-request", "topics are campaigns, campaign/ID, gateways and record"});
  }
  if (topics->campaigns && !allowed(call.who, Permission::read_campaigns))
    co_return co_await deny(call, Permission::read_campaigns, "");
  if (topics->gateways && !allowed(call.who, Permission::read_gateways, call.who.gateway))
    co_return co_await deny(call, Permission::read_gateways, "");
  if (topics->record && !allowed(call.who, Permission::read_record))
    co_return co_await deny(call, Permission::read_record, "");
  std::optional<std::uint64_t> last_seen;
  if (const std::string* id = call.request.headers.find("Last-Event-ID")) {
    std::uint64_t value = 0;
    const char* const last = id->data() + id->size();
    const auto [end, ec] = std::from_chars(id->data(), last, value);
    if (ec != std::errc{} || end != last)
      co_return problem(call, {400, "bad-request", "Last-Event-ID is not one of this server"});
    last_seen = value;
  }
  HttpResponse response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("X-Accel-Buffering", "no");  // for a proxy that would gather them
  EventHub& events = call.api.events;
  response.stream = [&events, who = call.who, topics = *topics,
                     last_seen](std::shared_ptr<HttpStream> stream) {
    events.add(std::move(stream), who, topics, last_seen);
  };
  co_return response;
}

Task<HttpResponse> show_openapi(ApiCall&) {
  co_return plain(200, std::string(kOpenApi), "application/yaml");
}

// That this is answered at all shows that the loop turns.
Task<HttpResponse> live(ApiCall&) { co_return plain(200, "ok\n"); }

Task<HttpResponse> ready(ApiCall& call) {
  std::string text;
  bool all_well = true;
  const auto put = [&](const std::string& name, const std::optional<std::string>& trouble) {
    all_well = all_well && !trouble;
    text += (trouble ? "[-] " + name + ": " + *trouble : "[+] " + name + ": ok") + "\n";
  };
  put("desk", call.api.desk.trouble());
  for (const ReadyCheck& check : call.api.ready) put(check.name, check.trouble());
  const std::string end = all_well ? "ready\n" : "not ready\n";
  const bool verbose = call.request.parameter("verbose") != nullptr;
  HttpResponse response = plain(all_well ? 200 : 503, verbose || !all_well ? text + end : end);
  if (!all_well) response.headers.set("Retry-After", "5");
  co_return response;
}

// Campaigns are named in it. On this machine anybody may read it, as Prometheus does.
Task<HttpResponse> show_metrics(ApiCall& call) {
  if (!call.request.peer.local && call.who.user.empty()) {
    co_return problem(call, {401, "unauthenticated", "from elsewhere, metrics take a token"});
  }
  co_return plain(200, call.api.metrics.text(call.api.clock.wall()),
                  "text/plain; version=0.0.4; charset=utf-8");
}

Task<HttpResponse> show_version(ApiCall& call) {
  JsonWriter out;
  out.open_object().field("version", call.api.version).field("api", "v1").close_object();
  co_return json_response(200, out.take());
}

}  // namespace loa::api
