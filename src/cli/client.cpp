#include "cli/client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "api/password.hpp"
#include "base/input_file.hpp"
#include "base/printable.hpp"
#include "cli/event_stream.hpp"
#include "cli/output.hpp"
#include "cli/problem_view.hpp"
#include "cli/prompt.hpp"
#include "cli/settings.hpp"

namespace loa {
namespace {

constexpr std::size_t kBodyMax = 64UL * 1024 * 1024;
constexpr std::size_t kSecretFileMax = 4096;
constexpr long kConnectLimitMs = 5'000;
constexpr Duration kSilenceMax = std::chrono::seconds(45);  // three missed heartbeats
constexpr int kTriesMax = 3;
constexpr int kBetweenTriesMs = 200;

struct CurlDeleter {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Curl = std::unique_ptr<CURL, CurlDeleter>;
using HeaderList = std::unique_ptr<curl_slist, CurlDeleter>;

std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size > kBodyMax) return 0;
  body.append(bytes, size);
  return size;
}

std::size_t give_body(char* bytes, std::size_t one, std::size_t count, void* source) {
  return (*static_cast<const ApiClient::Source*>(source))(bytes, one * count);
}

bool is_loopback(std::string_view url) {
  for (const std::string_view host : {"http://127.", "http://[::1]", "http://localhost"})
    if (url.starts_with(host)) return true;
  return false;
}

// Lines as they would stand in a file: one end is cut.
std::string without_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

struct SignIn {
  std::string header;  // "Authorization: Bearer ...", "" for none
  std::string user;
  Secret password;
};

Result<SignIn> sign_in(const ReachOptions& reach) {
  SignIn how;
  if (!reach.user.empty()) {
    how.user = reach.user;
    if (!reach.password_file.empty()) {
      auto text = read_private(reach.password_file, kSecretFileMax);
      if (!text) return fail(text.error().code, text.error().text, {.file = reach.password_file});
      how.password = Secret(without_end(std::move(*text)));
      return how;
    }
    if (reach.no_input || !has_terminal())
      return fail(Code::usage, "--user needs --password-file where nobody can be asked");
    auto typed = ask_secret(fmt::format("Password of {}: ", reach.user));
    if (!typed) return fail(typed.error());
    how.password = Secret(std::move(*typed));
    return how;
  }
  std::string token;
  if (!reach.token_file.empty()) {
    auto text = read_private(reach.token_file, kSecretFileMax);
    if (!text) return fail(text.error().code, text.error().text, {.file = reach.token_file});
    token = without_end(std::move(*text));
  } else if (const char* found = std::getenv("LOA_TOKEN")) {
    token = found;
  }
  if (token.empty()) return how;
  if (!parse_token(token))
    return fail(Code::config,
                "the token is not one: it begins with loa_, as `loa user token` gave it");
  how.header = "Authorization: Bearer " + token;
  return how;
}

std::string find_address(const CommonOptions& common, const ReachOptions& reach) {
  if (!reach.api.empty()) return reach.api;
  if (const char* found = std::getenv("LOA_API"); found != nullptr && *found != '\0') return found;
  const std::string settings = settings_path(common.config);
  const std::string listen = peek_setting(settings, {"api", "listen"});
  if (listen.empty()) return "127.0.0.1:8460";
  const bool tls = !peek_setting(settings, {"api", "tls", "certificate"}).empty();
  return tls && !listen.starts_with("unix:") ? "https://" + listen : listen;
}

}  // namespace

struct ApiClient::State {
  Curl curl;
  std::string address;  // for people
  std::string base;     // of URLs
  std::string socket;   // "" for TCP
  std::string ca_file;
  SignIn sign_in;
  bool json = false;

  // The handle, ready but for what is done with the answer. `list` must outlive the transfer.
  CURL* prepare(const ApiRequest& request, HeaderList& list) {
    CURL* handle = curl.get();
    ::curl_easy_reset(handle);
    ::curl_easy_setopt(handle, CURLOPT_URL, (base + request.path).c_str());
    ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectLimitMs);
    if (!socket.empty()) ::curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    if (!ca_file.empty()) ::curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file.c_str());
    if (!sign_in.user.empty()) {
      ::curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      ::curl_easy_setopt(handle, CURLOPT_USERNAME, sign_in.user.c_str());
      ::curl_easy_setopt(handle, CURLOPT_PASSWORD, std::string(sign_in.password.reveal()).c_str());
    }
    const auto add = [&](const std::string& header) {
      list.reset(::curl_slist_append(list.release(), header.c_str()));
    };
    for (const std::string& header : request.headers) add(header);
    if (!sign_in.header.empty()) add(sign_in.header);
    if (!request.type.empty()) add("Content-Type: " + request.type);
    ::curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list.get());
    ::curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    return handle;
  }

  tl::unexpected<Error> unreachable(CURLcode code) const {
    if (code == CURLE_OPERATION_TIMEDOUT)
      return fail(Code::unavailable,
                  fmt::format("the daemon at {} does not answer in time", address));
    if (code == CURLE_COULDNT_CONNECT)
      return fail(
          Code::unavailable,
          fmt::format("no daemon answers at {}: start it (loa serve), or name the right one "
                      "with --api or LOA_API",
                      address));
    return fail(Code::unavailable, fmt::format("the daemon at {} cannot be asked: {}", address,
                                               ::curl_easy_strerror(code)));
  }

  ApiReply reply_of(CURL* handle, std::string body) const {
    ApiReply reply;
    long status = 0;
    ::curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.body = std::move(body);
    const char* type = nullptr;
    ::curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) reply.type = type;
    const auto header = [&](const char* name) -> std::string {
      curl_header* found = nullptr;
      if (::curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return "";
      return found->value;
    };
    reply.etag = header("ETag");
    reply.retry_after = header("Retry-After");
    return reply;
  }
};

ApiClient::ApiClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient::~ApiClient() = default;

Result<ApiClient> ApiClient::open(const CommonOptions& common, const ReachOptions& reach) {
  auto state = std::make_unique<State>();
  state->curl.reset(::curl_easy_init());
  if (!state->curl) return fail(Code::temporary, "libcurl does not start");
  std::string& address = state->address;
  std::error_code ec;
  if (reach.api.empty() && !common.config.empty() && !std::filesystem::exists(common.config, ec))
    return fail(Code::no_input, "it is not there, and it says where the daemon listens",
                {.file = common.config});
  address = find_address(common, reach);
  if (address.starts_with("unix:")) {
    state->socket = address.substr(5);
    state->base = "http://localhost";
  } else {
    if (address.find("://") == std::string::npos) address = "http://" + address;
    if (!address.starts_with("http://") && !address.starts_with("https://"))
      return fail(Code::usage,
                  fmt::format("the daemon's address must be https://HOST, 127.0.0.1:PORT or "
                              "unix:/PATH, not {}",
                              printable(address)));
    while (address.ends_with('/')) address.pop_back();
    state->base = address;
  }
  state->ca_file = reach.ca_file;
  state->json = common.json;
  auto how = sign_in(reach);
  if (!how) return fail(how.error());
  state->sign_in = std::move(*how);
  const bool secret = !state->sign_in.header.empty() || !state->sign_in.user.empty();
  if (secret && state->base.starts_with("http://") && state->socket.empty() &&
      !is_loopback(state->base))
    return fail(Code::config,
                "http:// to another machine shows the token or password to everybody on the way: "
                "use https://");
  return ApiClient(std::move(state));
}

const std::string& ApiClient::address() const { return state_->address; }

Result<ApiReply> ApiClient::send(const ApiRequest& request) {
  bool repeatable = request.method == "GET";
  for (const std::string& header : request.headers)
    repeatable = repeatable || header.starts_with("Idempotency-Key:");
  for (int tries = 1;; ++tries) {
    HeaderList list;
    std::string body;
    CURL* handle = state_->prepare(request, list);
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(request.limit);
    ::curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    if (request.method != "GET") {
      ::curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
      ::curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
    }
    ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_body);
    ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
    const CURLcode code = ::curl_easy_perform(handle);
    if (code == CURLE_OK) return state_->reply_of(handle, std::move(body));
    const bool broke = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                       code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
    if (!broke || !repeatable || tries == kTriesMax) return state_->unreachable(code);
    ::poll(nullptr, 0, kBetweenTriesMs * tries);
  }
}

namespace {

// `json` and `is_result`: whether a problem, and whether a good answer, is printed as it is.
Result<boost::json::object> object_of(const ApiReply& reply, bool json, bool is_result,
                                      const std::string& file) {
  boost::system::error_code ec;
  boost::json::value value = boost::json::parse(reply.body, ec);
  if (reply.status >= 200 && reply.status < 300 && !ec && value.is_object()) {
    if (json && is_result) fmt::print("{}\n", reply.body);
    return std::move(value.get_object());
  }
  if (reply.status == 204) return boost::json::object();
  if (ec || !value.is_object())
    return fail(
        Code::unavailable,
        fmt::format("what answers is not Loa's API, or not in order (HTTP {})", reply.status));
  if (json) fmt::print("{}\n", reply.body);
  return fail(tell_problem(value.get_object(), reply, file));
}

}  // namespace

Result<boost::json::object> ApiClient::call(const ApiRequest& request, const std::string& file) {
  const auto reply = send(request);
  if (!reply) return fail(reply.error());
  return object_of(*reply, state_->json, request.is_result, file);
}

Result<boost::json::object> ApiClient::post(const std::string& path, const std::string& json) {
  return call({"POST", path, json, "application/json", {new_idempotency_key()}});
}

Result<boost::json::object> ApiClient::put_stream(const std::string& path, const Source& read) {
  HeaderList list;
  std::string body;
  CURL* handle = state_->prepare({"PUT", path, "", "text/csv"}, list);
  ::curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  ::curl_easy_setopt(handle, CURLOPT_READFUNCTION, &give_body);
  ::curl_easy_setopt(handle, CURLOPT_READDATA, &read);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 60L);
  ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_body);
  ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
  const CURLcode code = ::curl_easy_perform(handle);
  if (code != CURLE_OK) return state_->unreachable(code);
  return object_of(state_->reply_of(handle, std::move(body)), state_->json, false, "");
}

namespace {

struct Listening {
  EventStream stream;
  const std::function<bool(const ApiEvent&)>& on_event;
  CURL* handle;
  Tick heard;
  bool left = false;
  bool refused = false;
};

std::size_t take_events(char* bytes, std::size_t, std::size_t size, void* target) {
  auto& listening = *static_cast<Listening*>(target);
  long status = 0;
  const char* type = nullptr;
  ::curl_easy_getinfo(listening.handle, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(listening.handle, CURLINFO_CONTENT_TYPE, &type);
  listening.refused =
      status != 200 || type == nullptr || !std::string_view(type).starts_with("text/event-stream");
  if (listening.refused) return 0;
  listening.heard = std::chrono::steady_clock::now();
  for (const ApiEvent& event : listening.stream.add({bytes, size}))
    if (!listening.left && !listening.on_event(event)) listening.left = true;
  return size;
}

}  // namespace

ApiClient::Followed ApiClient::follow(const std::string& path, const std::string& last_id,
                                      const std::function<bool(const ApiEvent&)>& on_event,
                                      const std::function<bool()>& on_tick) {
  HeaderList list;
  ApiRequest request{"GET", path};
  if (!last_id.empty()) request.headers.push_back("Last-Event-ID: " + last_id);
  CURL* handle = state_->prepare(request, list);
  Listening listening{{}, on_event, handle, std::chrono::steady_clock::now()};
  ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_events);
  ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &listening);

  const std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)> multi(::curl_multi_init(),
                                                                      &::curl_multi_cleanup);
  ::curl_multi_add_handle(multi.get(), handle);
  Followed how = Followed::broken;
  for (int running = 1; running > 0;) {
    ::curl_multi_perform(multi.get(), &running);
    if (listening.left || !on_tick()) {
      how = Followed::left;
      break;
    }
    if (std::chrono::steady_clock::now() - listening.heard > kSilenceMax) break;
    constexpr int kTickMs = 100;
    if (running > 0) ::curl_multi_poll(multi.get(), nullptr, 0, kTickMs, nullptr);
  }
  long status = 0;
  ::curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (how == Followed::broken && (listening.refused || (status != 0 && status != 200)))
    how = Followed::refused;
  ::curl_multi_remove_handle(multi.get(), handle);
  return how;
}

std::string url_part(std::string_view text) {
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string new_idempotency_key() {
  const std::string bytes = random_bytes(16);
  return "Idempotency-Key: " +
         to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace loa
