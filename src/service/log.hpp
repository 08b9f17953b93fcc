// The daemon's log: one line an event, for people and for machines. It goes
//   to journald with native fields, when journald reads standard error (JOURNAL_STREAM matches it):
//     MESSAGE PRIORITY MESSAGE_ID EVENT SYSLOG_IDENTIFIER CAMPAIGN GATEWAY BATCH ATTEMPT ACTOR;
//   to a terminal in plain words;
//   else to standard error as JSON lines, keys in this order: time level event message campaign
//     gateway batch attempt actor message_id.
// The native protocol is spoken here, over its socket, so libsystemd is not needed.
//
// Every text passes printable(): no control bytes and no phone number comes out. A log that cannot
// be written loses lines, never the daemon, and nothing waits for it; the next line that gets
// through says how many were lost. An event repeated for one campaign and gateway is written
// kSameLinesMax times a minute; after the minute one line says how many more there were.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/clock.hpp"
#include "service/datagram.hpp"
#include "service/log_event.hpp"

namespace loa {

enum class Severity { error = 3, warning = 4, info = 6 };  // as syslog counts

// What a line is about, for whoever filters; empty is absent.
struct LogFields {
  std::string_view campaign = {};
  std::string_view gateway = {};
  std::optional<std::uint64_t> batch = {};
  std::optional<std::uint64_t> attempt = {};
  std::string_view actor = {};  // the user who did it, never a secret
};

class LogSink {
 public:
  struct Line {
    Instant at;
    Severity severity;
    const LogEventKind& kind;
    std::string message;
    LogFields fields;
  };
  virtual ~LogSink() = default;
  // Whether it was taken. Does not wait.
  virtual bool write(const Line& line) = 0;
};

// Where the log of this process goes, by the rules above. Ignores SIGPIPE in the whole process: a
// reader of the log that is gone is no reason to end.
std::unique_ptr<LogSink> standard_log_sink();
std::unique_ptr<LogSink> journald_sink(std::string_view socket);
std::unique_ptr<LogSink> json_sink(int descriptor);
std::unique_ptr<LogSink> terminal_sink(int descriptor);

class Log {
 public:
  Log(Clock& clock, std::unique_ptr<LogSink> sink);

  void info(LogEvent event, std::string_view message, const LogFields& fields = {});
  void warning(LogEvent event, std::string_view message, const LogFields& fields = {});
  void error(LogEvent event, std::string_view message, const LogFields& fields = {});

  // Tells what was held back in minutes that are over. Each message does it too; call it now and
  // then, so that the last of a flood is told as well.
  void turn();

 private:
  struct Repeats {
    Tick since;
    Severity severity;
    std::string campaign;
    std::string gateway;
    std::string last;
    std::uint64_t written = 0;
    std::uint64_t held_back = 0;
  };
  using Key = std::pair<LogEvent, std::string>;

  void say(Severity severity, LogEvent event, std::string_view message, const LogFields& fields);
  void write(Severity severity, LogEvent event, std::string message, const LogFields& fields);

  Clock& clock_;
  std::unique_ptr<LogSink> sink_;
  std::map<Key, Repeats> repeats_;  // of this minute; bounded
  Tick looked_;
  std::uint64_t lost_ = 0;
};

inline constexpr std::uint64_t kSameLinesMax = 20;  // a minute

}  // namespace loa
