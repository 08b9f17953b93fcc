#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/json.hpp"
#include "service/log.hpp"

namespace loa {
namespace {

constexpr std::string_view kJournald = "/run/systemd/journal/socket";

std::string_view level(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::info: break;
  }
  return "info";
}

// Texts are single lines already, so that the simple form NAME=value is enough.
class JournaldSink final : public LogSink {
 public:
  explicit JournaldSink(std::string_view socket) : socket_(socket) {}

  bool write(const Line& line) override {
    std::string entry =
        fmt::format("MESSAGE={}\nPRIORITY={}\nMESSAGE_ID={}\nEVENT={}\nSYSLOG_IDENTIFIER=loa\n",
                    line.message, static_cast<int>(line.severity), line.kind.id, line.kind.name);
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) entry += fmt::format("{}={}\n", name, value);
    };
    add("CAMPAIGN", line.fields.campaign);
    add("GATEWAY", line.fields.gateway);
    if (line.fields.batch) add("BATCH", std::to_string(*line.fields.batch));
    if (line.fields.attempt) add("ATTEMPT", std::to_string(*line.fields.attempt));
    add("ACTOR", line.fields.actor);
    return socket_.send(entry, Datagram::Patience::none);
  }

 private:
  Datagram socket_;
};

// A line of at most PIPE_BUF bytes (kMessageMax sees to it) goes into a pipe as a whole or not at
// all, and, when poll() says that there is room, without waiting for a reader that does not read.
class Lines {
 public:
  explicit Lines(int descriptor) : descriptor_(descriptor) {}

  bool write(const std::string& line) {
    pollfd room{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
    // A disk that filled up within a line leaves half of it: the next one starts afresh.
    const std::string bytes = (torn_ ? "\n" : "") + line + "\n";
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        torn_ = torn_ || rest.size() < bytes.size();
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    torn_ = false;
    return true;
  }

 private:
  int descriptor_;
  bool torn_ = false;
};

class JsonSink final : public LogSink {
 public:
  explicit JsonSink(int descriptor) : lines_(descriptor) {}

  bool write(const Line& line) override {
    JsonWriter json;
    json.open_object()
        .field("time", to_rfc3339(line.at))
        .field("level", level(line.severity))
        .field("event", line.kind.name)
        .field("message", line.message);
    if (!line.fields.campaign.empty()) json.field("campaign", line.fields.campaign);
    if (!line.fields.gateway.empty()) json.field("gateway", line.fields.gateway);
    if (line.fields.batch) json.field("batch", *line.fields.batch);
    if (line.fields.attempt) json.field("attempt", *line.fields.attempt);
    if (!line.fields.actor.empty()) json.field("actor", line.fields.actor);
    json.field("message_id", line.kind.id).close_object();
    return lines_.write(json.text());
  }

 private:
  Lines lines_;
};

class TerminalSink final : public LogSink {
 public:
  explicit TerminalSink(int descriptor) : lines_(descriptor) {}

  bool write(const Line& line) override {
    std::string text = fmt::format("{} ", to_rfc3339(line.at));
    if (line.severity != Severity::info) text += fmt::format("{}: ", level(line.severity));
    text += line.message;
    std::string about;
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) about += fmt::format("{}{} {}", about.empty() ? "" : ", ", name, value);
    };
    add("campaign", line.fields.campaign);
    add("gateway", line.fields.gateway);
    if (line.fields.batch) add("batch", std::to_string(*line.fields.batch));
    if (line.fields.attempt) add("attempt", std::to_string(*line.fields.attempt));
    add("by", line.fields.actor);
    if (!about.empty()) text += fmt::format(" ({})", about);
    return lines_.write(text);
  }

 private:
  Lines lines_;
};

// JOURNAL_STREAM=DEVICE:INODE names the socket that the manager gave as standard error. Redirected
// since, standard error is another, and the variable says nothing about it.
bool is_read_by_journald(int descriptor) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  return stream != nullptr && ::fstat(descriptor, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace

std::unique_ptr<LogSink> journald_sink(std::string_view socket) {
  return std::make_unique<JournaldSink>(socket);
}

std::unique_ptr<LogSink> json_sink(int descriptor) {
  return std::make_unique<JsonSink>(descriptor);
}

std::unique_ptr<LogSink> terminal_sink(int descriptor) {
  return std::make_unique<TerminalSink>(descriptor);
}

std::unique_ptr<LogSink> standard_log_sink() {
  std::signal(SIGPIPE, SIG_IGN);
  if (is_read_by_journald(STDERR_FILENO)) return journald_sink(kJournald);
  if (::isatty(STDERR_FILENO) != 0) return terminal_sink(STDERR_FILENO);
  return json_sink(STDERR_FILENO);
}

}  // namespace loa
