// A real redis-server on a Unix socket in a folder of its own, and a way to talk to it that is not
// Loa's.
#pragma once

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace loa {

// Polls until `condition` holds; false when it does not within the patience.
inline bool wait_until(const std::function<bool()>& condition,
                       std::chrono::seconds patience = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(5'000);
  }
  return true;
}

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "loa-redis-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    path = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path;
};

// From the kernel; another process may take it before it is used, but the kernel gives others
// first.
inline int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("no free port");
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

inline pid_t launch_process(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = 0;
  if (::posix_spawnp(&process, argv[0], nullptr, nullptr, argv.data(), environ) != 0)
    throw std::runtime_error("cannot start " + words[0]);
  return process;
}

inline void end_process(pid_t& process) {
  if (process <= 0) return;
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
  process = 0;
}

using RedisAnswer = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

inline RedisAnswer say_to(redisContext* opened, const std::vector<std::string>& words) {
  const std::unique_ptr<redisContext, decltype(&redisFree)> context(opened, &redisFree);
  if (context != nullptr) redisSetTimeout(context.get(), {5, 0});
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  void* reply = context == nullptr || context->err != 0
                    ? nullptr
                    : redisCommandArgv(context.get(), static_cast<int>(words.size()), starts.data(),
                                       sizes.data());
  return {static_cast<redisReply*>(reply), &freeReplyObject};
}

// The answer as a text: "" for none, numbers in digits, lists with spaces between.
inline std::string flat(const redisReply* reply) {
  if (reply == nullptr || reply->type == REDIS_REPLY_NIL) return "";
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  if (reply->type != REDIS_REPLY_ARRAY) return {reply->str, static_cast<std::size_t>(reply->len)};
  std::string all;
  for (std::size_t i = 0; i < reply->elements; ++i)
    all += (i == 0 ? "" : " ") + flat(reply->element[i]);
  return all;
}

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
    start();
  }
  ~RedisServer() { kill(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  const std::string& folder() const { return folder_.path; }
  std::string socket() const { return folder_.path + "/s"; }
  std::string url() const { return "unix://" + socket(); }

  void start() {
    launch();
    if (!wait_until([this] { return ask({"PING"}) == "PONG"; }))
      throw std::runtime_error("redis-server does not start");
  }

  // Without waiting until it answers.
  void launch(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"redis-server",
                                      "--port",
                                      "0",
                                      "--unixsocket",
                                      socket(),
                                      "--dir",
                                      folder_.path,
                                      "--logfile",
                                      folder_.path + "/log",
                                      "--save",
                                      "",
                                      "--daemonize",
                                      "no",
                                      "--enable-debug-command",
                                      "yes"};
    words.insert(words.end(), options_.begin(), options_.end());
    words.insert(words.end(), more.begin(), more.end());
    process_ = launch_process(std::move(words));
  }

  void kill() { end_process(process_); }
  void pause() const { ::kill(process_, SIGSTOP); }
  void resume() const { ::kill(process_, SIGCONT); }

  RedisAnswer say(const std::vector<std::string>& words) const {
    return say_to(redisConnectUnix(socket().c_str()), words);
  }
  std::string ask(const std::vector<std::string>& words) const { return flat(say(words).get()); }

 private:
  TempFolder folder_;
  std::vector<std::string> options_;
  pid_t process_ = 0;
};

// One sentinel that watches the master "loa" on a port of this machine, and is enough by itself.
class RedisSentinelServer {
 public:
  RedisSentinelServer(const std::string& port, const std::string& master) : port_(port) {
    const std::string file = folder_.path + "/sentinel.conf";
    std::ofstream(file) << "port " << port << "\nbind 127.0.0.1\ndir " << folder_.path
                        << "\nlogfile " << folder_.path << "/log\nsentinel monitor loa 127.0.0.1 "
                        << master << " 1\nsentinel down-after-milliseconds loa 300\n"
                        << "sentinel failover-timeout loa 5000\n";
    process_ = launch_process({"redis-sentinel", file});
  }
  ~RedisSentinelServer() { end_process(process_); }
  RedisSentinelServer(const RedisSentinelServer&) = delete;
  RedisSentinelServer& operator=(const RedisSentinelServer&) = delete;

  std::uint16_t port() const { return static_cast<std::uint16_t>(std::stoi(port_)); }
  bool knows_a_replica() const {
    const std::string replicas = flat(
        say_to(redisConnect("127.0.0.1", std::stoi(port_)), {"SENTINEL", "REPLICAS", "loa"}).get());
    return replicas.find("master-link-status ok") != std::string::npos;
  }

 private:
  TempFolder folder_;
  std::string port_;
  pid_t process_ = 0;
};

}  // namespace loa
