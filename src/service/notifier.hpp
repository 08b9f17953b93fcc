// What the service manager hears of the daemon, by the protocol of sd_notify(3): one datagram of
// NAME=value lines to the socket that NOTIFY_SOCKET names. Started by hand there is no such socket,
// and nothing is said. The protocol is stable and small, so libsystemd is not needed for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/clock.hpp"
#include "base/result.hpp"
#include "service/datagram.hpp"

namespace loa {

class Notifier {
 public:
  // `socket`: as NOTIFY_SOCKET says; empty: nobody listens. `watchdog`: how long the manager waits
  // for the next alive().
  explicit Notifier(std::string_view socket, std::optional<Duration> watchdog = {});

  // By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID (another process's watchdog is not ours).
  static Notifier from_environment();

  // Started, or a reload has ended, good or bad. A fault means that the manager did not hear it and
  // will end the daemon when its patience does.
  Result<void> ready(std::string_view status);
  void reloading(Tick now);
  void stopping(std::string_view status);
  // One line for `systemctl status`; the same one again is not sent.
  void status(std::string_view line);
  void alive();
  // While starting or stopping: `more` from now on is still all right.
  void extend(Duration more);

  std::optional<Duration> watchdog() const { return watchdog_; }

 private:
  std::unique_ptr<Datagram> manager_;
  std::optional<Duration> watchdog_;
  std::string status_;
};

// Says alive() three times in the manager's patience, but only after a time in which `turned` said
// that the work went on: a daemon whose loop runs and whose dispatcher does not is restarted too.
class Watchdog {
 public:
  Watchdog(Notifier& notifier, Clock& clock, std::function<bool()> turned);

  // Returns after stop(), at once when there is no watchdog.
  Task<void> run();
  void stop();

 private:
  Notifier& notifier_;
  Clock& clock_;
  std::function<bool()> turned_;
  std::unique_ptr<Alarm> alarm_;
  bool stopped_ = false;
};

}  // namespace loa
