// The daemon's API from the command line: blocking, one request after the other, over a Unix socket
// or TCP. What the daemon refuses is told to people as the daemon says it.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/verbs.hpp"

namespace loa {

struct ApiRequest {
  std::string method = "GET";
  std::string path;  // with its query
  std::string body = {};
  std::string type = {};                  // of the body
  std::vector<std::string> headers = {};  // further ones, "Name: value"
  Duration limit = std::chrono::seconds(30);
  bool is_result = true;  // a good answer to it is what --json prints
};

struct ApiReply {
  int status = 0;
  std::string body;
  std::string type;
  std::string etag;
  std::string retry_after;
};

// One server-sent event.
struct ApiEvent {
  std::string name;
  std::string id;
  std::string data;
};

class ApiClient {
 public:
  // Finds the daemon (--api, $LOA_API, `api.listen` of the configuration, 127.0.0.1:8460) and what
  // to sign in with (--user, --token-file, $LOA_TOKEN; else the Unix socket tells who we are).
  // Secrets do not go over plain HTTP to another machine: Code::config.
  static Result<ApiClient> open(const CommonOptions& common, const ReachOptions& reach);
  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) = delete;
  ~ApiClient();

  // Any answer. Code::unavailable when none comes. A request that was made once and may be made
  // again (GET, or with an Idempotency-Key) is repeated when the connection breaks.
  Result<ApiReply> send(const ApiRequest& request);

  // The object that a good answer holds. A problem is printed with its places, and its body too
  // with
  // --json; the error then says what is left to say, with the exit code that fits: 77 not
  // permitted, 75 try later, 65 the rest. `file` is the one that was brought.
  Result<boost::json::object> call(const ApiRequest& request, const std::string& file = "");

  // The same for a POST with a new Idempotency-Key.
  Result<boost::json::object> post(const std::string& path, const std::string& json);

  // Sends a body that `read` gives piece by piece, up to `size` bytes at a time; 0 is its end.
  using Source = std::function<std::size_t(char* bytes, std::size_t size)>;
  Result<boost::json::object> put_stream(const std::string& path, const Source& read);

  enum class Followed {
    left,     // the callbacks said so
    broken,   // the stream ended, or said nothing for 45 s: it may be joined again
    refused,  // there is no such stream: ask from time to time instead
  };
  // Follows server-sent events. `on_event` and `on_tick`, which comes ten times a second, return
  // false to leave.
  Followed follow(const std::string& path, const std::string& last_id,
                  const std::function<bool(const ApiEvent&)>& on_event,
                  const std::function<bool()>& on_tick);

  // "http://127.0.0.1:8460" or "unix:/run/loa/api.sock", for people.
  const std::string& address() const;

 private:
  struct State;
  explicit ApiClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The header of a request that is made once.
std::string new_idempotency_key();

// Percent-encodes what stands in a path or a query.
std::string url_part(std::string_view text);

}  // namespace loa
