// Sends one plan to its end: the heart. For each gateway as many workers as it allows requests in
// flight; each takes the next rows, makes the intent durable, waits for its turn, sends, makes the
// outcome durable, and only then takes more. Decisions are made in decide.hpp, lane.hpp and pace/;
// here they are carried out.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "base/random.hpp"
#include "campaign/schedule.hpp"
#include "dispatch/decide.hpp"
#include "dispatch/ladder.hpp"
#include "dispatch/lane.hpp"
#include "dispatch/recorder.hpp"
#include "gateway/gateway.hpp"
#include "net/http.hpp"
#include "pace/limiter.hpp"

namespace loa {

// A gateway ready to send: its secrets are fetched.
struct OpenGateway {
  Gateway gateway;
  AccountValues account;
};

struct DispatchSettings {
  Schedule schedule;
  double parts_per_second = 0;   // the campaign's pace, 0 for none
  bool ignore_schedule = false;  // not_before and hours, not useful_until
};

enum class Ending {
  finished,     // every row has its outcome (some may be in doubt)
  stopped,      // the text was refused
  expired,      // useful_until came first
  held,         // a gateway must be mended before the rest can go
  interrupted,  // drained on request
};
std::string_view to_string(Ending ending);

// Told what happens, on the dispatcher's thread.
class DispatchObserver {
 public:
  virtual ~DispatchObserver() = default;
  virtual void note(const std::string& message) = 0;  // for people
};

class Dispatcher {
 public:
  // All must outlive the dispatcher.
  struct World {
    asio::any_io_executor executor;
    Clock& clock;
    Random& random;
    Recorder& recorder;  // its record must hold the plan's frozen event
    Http& http;
    DispatchObserver& observer;
  };
  Dispatcher(const World& world, const Plan& plan, std::vector<OpenGateway> gateways,
             DispatchSettings settings);
  ~Dispatcher();

  // Decides what a crash left open, sends, and records the ending. Fails when the journal does.
  Task<Result<Ending>> run();

  // Ends soon: no new requests; those under way are waited for.
  void drain();

 private:
  struct Outlet;  // a gateway at work

  Task<void> settle_crash();
  Task<void> resolve_doubts();
  Task<void> climb(std::uint64_t first_row);
  Task<void> worker(Outlet& outlet);
  Task<void> send(Outlet& outlet, Work work, Alarm& alarm);
  Task<void> pursue(Outlet& outlet, Work work, Alarm& alarm);
  Task<void> ask(Outlet& outlet, const Work& work, Alarm& alarm);
  Task<bool> wait_for_turn(Outlet& outlet, const Cost& cost, Alarm& alarm);
  Task<Decision> exchange(Outlet& outlet, const Work& work, std::string reference, Event& answer);
  Task<bool> commit(const Event& event);
  void carry_out(Outlet& outlet, Decision decision);
  void note(Outlet& outlet, const std::string& text);

  Step step_of(const OpenIntent& doubt, Outlet* outlet) const;
  bool nothing_left() const;
  bool over(const Outlet& outlet) const;
  Tick next_turn(Outlet& outlet, Tick now);
  std::optional<Instant> next_window(Instant wall);
  std::optional<Event> look_at_clock();
  Outlet* find(std::string_view gateway);
  std::string gateway_of(std::string_view network, std::string_view except) const;
  void wake_all();
  Event event(Event::Kind kind) const;
  void fail_with(Error error);

  World world_;
  const Plan& plan_;
  const CampaignRecord& campaign_;
  DispatchSettings settings_;
  std::vector<std::unique_ptr<Outlet>> outlets_;
  std::vector<int> batches_;              // rows a request, of each lane
  std::vector<bool> given_;               // rows that came back to a queue: no lane takes them
  std::map<std::uint64_t, Asked> asked_;  // by a doubt's first row
  Limiter pace_;
  Cost ahead_{.requests = 0};  // taken from the queues, not yet sent
  TaskGroup workers_;
  std::vector<Alarm*> alarms_;
  std::uint64_t in_flight_ = 0;
  Duration commit_time_{std::chrono::milliseconds(2)};  // smoothed
  std::optional<std::pair<Instant, Instant>> window_;   // an allowed stretch of the schedule
  Duration wall_ahead_{0};  // of the monotonic clock, when the two were last compared
  bool draining_ = false;
  bool expired_ = false;
  std::optional<Outcome> stopped_;
  std::optional<Error> failure_;
};

}  // namespace loa
