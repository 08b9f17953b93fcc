#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

#include "net/redis_connection.hpp"

namespace loa {
namespace {

tl::unexpected<RedisError> failed(RedisFailure kind, std::string text) {
  return tl::unexpected(RedisError{kind, std::move(text)});
}

// The value of "key:value" in what INFO answers.
std::string info_value(std::string_view info, std::string_view key) {
  const std::string wanted = std::string(key) + ":";
  std::size_t at = info.find(wanted);
  while (at != std::string_view::npos && at > 0 && info[at - 1] != '\n')
    at = info.find(wanted, at + 1);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = info.substr(at + wanted.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

class RedisClient final : public Redis {
 public:
  RedisClient(const asio::any_io_executor& executor, Clock& clock, Random& random,
              RedisAccess access, std::string name, std::unique_ptr<RedisTls> tls)
      : executor_(executor),
        clock_(clock),
        random_(random),
        access_(std::move(access)),
        name_(std::move(name)),
        tls_(std::move(tls)) {
    state_.since = clock_.wall();
    state_.server = to_string(access_.address);
  }

  Task<RedisResult<RedisReply>> command(std::vector<std::string> words, Duration limit) override {
    co_await take_turn();
    RedisResult<RedisReply> reply = co_await exchange(words, limit);
    pass_turn();
    co_return reply;
  }

  const RedisState& state() const override { return state_; }

  void close(bool for_good) override {
    closed_ = closed_ || for_good;
    if (connection_) connection_->close();
  }

 private:
  Task<RedisResult<RedisReply>> exchange(const std::vector<std::string>& words, Duration limit) {
    if (closed_) co_return failed(RedisFailure::not_connected, "closed");
    if (connection_ && !connection_->is_quiet())
      drop({RedisFailure::lost, "the server ended the connection"});
    if (!connection_) {
      if (clock_.now() < state_.next_attempt)
        co_return failed(RedisFailure::not_connected, state_.error);
      const RedisResult<void> connected = co_await connect();
      if (!connected) co_return failed(RedisFailure::not_connected, connected.error().text);
    }
    RedisResult<RedisReply> reply = co_await connection_->exchange(words, limit);
    if (!reply) consider(reply.error());
    co_return reply;
  }

  // After a failure: is the connection still of use?
  void consider(const RedisError& error) {
    switch (error.kind) {
      case RedisFailure::not_connected:
      case RedisFailure::lost:
      case RedisFailure::timeout:
      case RedisFailure::too_large:
      case RedisFailure::protocol:
      case RedisFailure::no_auth: drop(error); return;
      // This one is no master any more; the sentinels know who is.
      case RedisFailure::read_only:
        if (!access_.sentinel.hosts.empty()) drop(error);
        return;
      default: return;
    }
  }

  void drop(const RedisError& error) {
    connection_.reset();
    // A server that takes connections and ends them at once is not to be stormed.
    if (state_.connected)
      state_.next_attempt = std::max(clock_.now(), connected_at_ + access_.pause_first);
    state_.connected = false;
    state_.since = clock_.wall();
    state_.error = error.text;
    state_.failure = error.kind;
  }

  Task<RedisResult<void>> connect() {
    ++state_.attempts;
    RedisResult<void> outcome = co_await find_server();
    if (outcome) outcome = co_await log_in();
    if (closed_ && outcome) outcome = failed(RedisFailure::not_connected, "closed");
    if (!outcome) {
      drop(outcome.error());
      state_.next_attempt = clock_.now() + pause();
      co_return outcome;
    }
    state_.connected = true;
    connected_at_ = clock_.now();
    state_.since = clock_.wall();
    state_.attempts = 0;
    ++state_.connections;
    co_await learn();
    co_return outcome;
  }

  Duration pause() {
    Duration pause = access_.pause_first;
    for (int i = 1; i < state_.attempts && pause < access_.pause_max; ++i) pause *= 2;
    pause = std::min(pause, access_.pause_max);
    const double share = 1 - random_.fraction() / 2;
    return Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) * share));
  }

  Task<RedisResult<void>> find_server() {
    if (access_.sentinel.hosts.empty()) {
      const RedisResult<void> opened = co_await open(access_.address);
      co_return opened;
    }
    std::string answers;
    // The first to be asked is the one that knew last time.
    const std::size_t count = access_.sentinel.hosts.size();
    for (std::size_t i = 0; i < count && !closed_; ++i) {
      const std::size_t index = (first_sentinel_ + i) % count;
      const RedisResult<void> opened = co_await ask_sentinel(access_.sentinel.hosts[index]);
      if (opened) {
        first_sentinel_ = index;
        co_return opened;
      }
      answers += (answers.empty() ? "" : "; ") + opened.error().text;
    }
    co_return failed(
        RedisFailure::not_connected,
        fmt::format("no sentinel leads to the master '{}': {}", access_.sentinel.master, answers));
  }

  Task<RedisResult<void>> ask_sentinel(RedisSentinel::Host host) {
    RedisAddress address = access_.address;
    address.host = host.host;
    address.port = host.port;
    RedisResult<void> done = co_await open(address);
    if (done) done = co_await authenticate(access_.sentinel.user, access_.sentinel.password);
    if (!done) co_return failed(done.error().kind, "sentinel " + done.error().text);
    RedisResult<RedisReply> found =
        co_await say("SENTINEL", "GET-MASTER-ADDR-BY-NAME", access_.sentinel.master);
    const std::string who = "sentinel " + to_string(address);
    if (!found) co_return failed(found.error().kind, who + ": " + found.error().text);
    if (found->items.size() != 2) {
      co_return failed(RedisFailure::not_connected,
                       fmt::format("{} knows no '{}'", who, access_.sentinel.master));
    }
    RedisAddress master = access_.address;
    master.host = found->items[0].text;
    const std::string& port = found->items[1].text;
    std::from_chars(port.data(), port.data() + port.size(), master.port);
    done = co_await open(master);
    if (!done) co_return done;
    done = co_await authenticate(access_.address.user, access_.password);
    if (!done) co_return done;
    const RedisResult<RedisReply> role = co_await say("ROLE");
    if (!role) co_return failed(role.error().kind, state_.server + ": " + role.error().text);
    if (role->items.empty() || role->items[0].text != "master") {
      co_return failed(RedisFailure::not_connected,
                       fmt::format("{} named {}, which is no master (yet)", who, state_.server));
    }
    co_return RedisResult<void>{};
  }

  Task<RedisResult<void>> open(const RedisAddress& address) {
    connection_ = create_redis_connection(executor_);
    state_.server = to_string(address);
    RedisResult<void> opened =
        co_await connection_->open(address, tls_.get(), access_.connect_limit);
    if (!opened) opened.error().text = state_.server + ": " + opened.error().text;
    co_return opened;
  }

  Task<RedisResult<void>> authenticate(const std::string& user,
                                       const std::optional<Secret>& password) {
    if (!password) co_return RedisResult<void>{};
    std::vector<std::string> words{"AUTH"};
    if (!user.empty()) words.push_back(user);
    words.emplace_back(password->reveal());
    const RedisResult<RedisReply> reply =
        co_await connection_->exchange(words, access_.connect_limit);
    if (reply) co_return RedisResult<void>{};
    co_return failed(reply.error().kind, state_.server + ": " + reply.error().text);
  }

  Task<RedisResult<void>> log_in() {
    RedisResult<void> done;
    if (access_.sentinel.hosts.empty()) {
      done = co_await authenticate(access_.address.user, access_.password);
      if (!done) co_return done;
    }
    if (access_.address.database != 0) {
      const RedisResult<RedisReply> selected =
          co_await say("SELECT", std::to_string(access_.address.database));
      if (!selected)
        co_return failed(selected.error().kind, state_.server + ": " + selected.error().text);
    }
    // Also shows whether the server speaks at all, and to us.
    const RedisResult<RedisReply> named = co_await say("CLIENT", "SETNAME", name_);
    if (!named && named.error().kind != RedisFailure::not_permitted &&
        named.error().kind != RedisFailure::other) {
      co_return failed(named.error().kind, state_.server + ": " + named.error().text);
    }
    // On one machine, a connection to a port where nobody listens can be one to itself, and then
    // says what we say.
    if (named && named->text != "OK")
      co_return failed(RedisFailure::protocol, state_.server + ": this is no Redis");
    co_return done;
  }

  // What may be forbidden, and then stays unknown.
  Task<void> learn() {
    state_.version.clear();
    state_.appendonly.clear();
    state_.appendfsync.clear();
    state_.maxmemory_policy.clear();
    const RedisResult<RedisReply> info = co_await say("INFO", "server");
    if (info) state_.version = info_value(info->text, "redis_version");
    const std::pair<const char*, std::string*> settings[] = {
        {"appendonly", &state_.appendonly},
        {"appendfsync", &state_.appendfsync},
        {"maxmemory-policy", &state_.maxmemory_policy}};
    for (const auto& [key, value] : settings) {
      const RedisResult<RedisReply> answer = co_await say("CONFIG", "GET", key);
      if (answer && answer->items.size() == 2) *value = answer->items[1].text;
    }
  }

  template <class... Words>
  Task<RedisResult<RedisReply>> say(Words... words) {
    const std::vector<std::string> all{std::string(words)...};
    RedisResult<RedisReply> reply = co_await connection_->exchange(all, access_.connect_limit);
    co_return reply;
  }

  Task<void> take_turn() {
    if (!busy_) {
      busy_ = true;
      co_return;
    }
    const std::unique_ptr<Alarm> alarm = clock_.make_alarm();
    waiting_.push_back(alarm.get());
    co_await alarm->wait_until(Tick::max());
  }

  void pass_turn() {
    if (waiting_.empty()) {
      busy_ = false;
      return;
    }
    Alarm* next = waiting_.front();
    waiting_.pop_front();
    next->wake();
  }

  asio::any_io_executor executor_;
  Clock& clock_;
  Random& random_;
  RedisAccess access_;
  std::string name_;
  std::unique_ptr<RedisTls> tls_;
  std::unique_ptr<RedisConnection> connection_;
  RedisState state_;
  Tick connected_at_{};
  std::size_t first_sentinel_ = 0;
  bool closed_ = false;
  bool busy_ = false;
  std::deque<Alarm*> waiting_;
};

}  // namespace

Result<std::unique_ptr<Redis>> create_redis(asio::any_io_executor executor, Clock& clock,
                                            Random& random, RedisAccess access, std::string name) {
  std::unique_ptr<RedisTls> tls;
  if (access.address.transport == RedisAddress::Transport::tls) {
    Result<std::unique_ptr<RedisTls>> made = create_redis_tls(access);
    if (!made) return tl::unexpected(made.error());
    tls = std::move(*made);
  }
  return std::make_unique<RedisClient>(executor, clock, random, std::move(access), std::move(name),
                                       std::move(tls));
}

}  // namespace loa
