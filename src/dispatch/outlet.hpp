// A gateway at work: its limits, its workers, and who among the campaigns is next.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/clock.hpp"
#include "dispatch/share.hpp"
#include "gateway/gateway.hpp"
#include "pace/limiter.hpp"
#include "pace/meter.hpp"

namespace loa {

// A gateway ready to send: its secrets are fetched.
struct OpenGateway {
  Gateway gateway;
  AccountValues account;
};

// Why rows wait, or why they do not go faster.
enum class Bound {
  none,
  limit,      // the gateway's rate, or what throttling left of it
  in_flight,  // all requests it takes at once are under way: the gateway answers slowly
  pace,       // the campaign's own
  hours,      // not before its time, or outside its hours
  gateway_hours,
  per_day,  // the day's quota is used up
  later,    // to be tried again at a given time, or in doubt
  canary,   // the first ring is watched
  held,     // the gateway refuses in a way that a person must mend
  paused,   // by a person
  unreachable,
  disk,        // the journal has no room
  subscriber,  // these people have had their messages, for now
  budget,      // what is under way may use up the campaign's budget
};
std::string_view to_string(Bound bound);

// What came of requests since the start, for metrics.
struct OutletCounts {
  static constexpr std::array<double, 9> kSeconds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30};

  std::uint64_t accepted = 0;  // messages
  std::uint64_t refused = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t again = 0;  // not taken, to be sent again
  std::uint64_t parts = 0;  // accepted
  std::uint64_t throttles = 0;
  std::array<std::uint64_t, kSeconds.size() + 1> answers{};  // requests by time, the last above all
  double answer_seconds = 0;
};

struct Outlet {
  Outlet(std::size_t number, OpenGateway opened)
      : index(number), open(std::move(opened)), limiter(open.gateway.limits) {}

  std::size_t index;
  OpenGateway open;
  Limiter limiter;
  FairShare share;
  Cost ahead{.requests = 0};    // taken from the queues, not yet sent
  std::vector<Alarm*> idle;     // workers with nothing to do now
  Alarm* timekeeper = nullptr;  // the one of them that waits for a time
  int in_flight = 0;
  int failures = 0;             // attempts in a row that reached nobody
  Tick retry_at = Tick::min();  // after those
  Tick noted = Tick::min();
  Tick weighed = Tick::min();  // when the campaigns' weights were last looked at
  std::optional<std::pair<Instant, Instant>> window;  // a stretch of its hours
  bool held = false;
  bool paused = false;
  OutletCounts counts;
  Meter meter;

  void wake_one() {
    if (idle.empty()) return;
    Alarm* alarm = timekeeper != nullptr ? timekeeper : idle.back();
    alarm->wake();
  }
};

}  // namespace loa
