// Sends plans to their end, any number at once: the heart. For each gateway there are as many
// workers as it allows requests in flight; each takes the next rows of the campaign whose turn it
// is, makes the intent durable, waits for its turn, sends, makes the outcome durable, and only then
// takes more. Decisions are made in decide.hpp, lane.hpp, share.hpp, ladder.hpp and pace/; here
// they are carried out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "base/random.hpp"
#include "dispatch/decide.hpp"
#include "dispatch/outlet.hpp"
#include "dispatch/recorder.hpp"
#include "dispatch/sending.hpp"
#include "dispatch/subscribers.hpp"
#include "net/http.hpp"

namespace loa {

enum class Ending {
  finished,     // every row has its outcome (some may be in doubt)
  stopped,      // the text was refused
  expired,      // useful_until came first
  held,         // a gateway must be mended before the rest can go
  tripped,      // the campaign's guard, or its budget
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
    Recorder& recorder;
    Http& http;
    DispatchObserver& observer;
    // What subscribers got in the last day, of all campaigns of the record; null: no limit.
    SubscriberLog* subscribers = nullptr;
  };
  Dispatcher(const World& world, std::vector<OpenGateway> gateways);
  ~Dispatcher();

  // Decides what a crash left open, sends, and records the ending. The record must hold the plan's
  // frozen event; the plan must outlive it. Fails when the journal does.
  Task<Result<Ending>> send(const Plan& plan, SendSettings settings);

  // Ends a campaign soon: no new requests; those under way are waited for.
  void drain(std::string_view campaign);
  void drain_all();

  // To be awaited before it is destroyed, when nothing is being sent any more.
  Task<void> close();

  // A gateway takes nothing more, or takes again. False when it is not known.
  bool pause_gateway(std::string_view gateway);
  bool resume_gateway(std::string_view gateway);

  const Outlets& outlets() const { return outlets_; }
  const std::vector<std::unique_ptr<Sending>>& sendings() const { return sendings_; }
  // Null when it is not being sent.
  const Sending* sending(std::string_view campaign) const;
  // Grows while it works: for a watchdog.
  std::uint64_t turns() const { return turns_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  // When something may be sent, and of what.
  struct Turn {
    Tick at = Tick::max();
    Sending* sending = nullptr;  // whose turn it is, when it is now
  };
  struct Wait {
    Tick until = Tick::min();
    Bound bound = Bound::none;
    void at_least(Tick at, Bound why) {
      if (at <= until) return;
      until = at;
      bound = why;
    }
  };

  // dispatcher.cpp
  Task<void> run(Sending& sending);
  Task<Result<Ending>> conclude(Sending& sending);
  Task<void> worker(Outlet& outlet);
  Task<void> send(Outlet& outlet, Sending& sending, Work work, Alarm& alarm);
  Task<bool> wait_for_turn(Outlet& outlet, Sending& sending, const Cost& cost, Alarm& alarm);
  Task<Decision> exchange(Outlet& outlet, Sending& sending, const Work& work, std::string reference,
                          Event& answer);
  Task<void> hold(Outlet& outlet, const Sending& sending, Outcome said);
  Task<bool> commit(Event event);
  void carry_out(Outlet& outlet, Sending& sending, Decision decision);
  void count(Outlet& outlet, Sending& sending, const Decision& decision, Duration took);
  Outlet* find(std::string_view gateway);
  std::string gateway_of(std::string_view network, std::string_view except) const;
  Event event(const Sending& sending, Event::Kind kind) const;
  void note(Outlet& outlet, const std::string& text);
  void fail_with(Error error);

  // turns.cpp: when
  Turn next_turn(Outlet& outlet, Tick now);
  Wait wait_of(Outlet& outlet, Tick now) const;
  Instant next_hours(Outlet& outlet, Instant wall) const;
  Wait wait_of(Outlet& outlet, Sending& sending, Wait wait, Tick now);
  std::optional<Instant> next_window(Sending& sending, Instant wall);
  Tick tick_of(Instant instant) const;
  void weigh(Outlet& outlet, Tick now);
  Tick look(Sending& sending);
  void look_at_ring(Sending& sending, Tick now);
  std::optional<Event> look_at_clock();
  bool nothing_left(const Sending& sending) const;
  bool over(const Sending& sending) const;
  void wake(Sending& sending);
  void wake_all();

  // bounds.cpp: what subscribers and budget still allow
  bool admit(Outlet& outlet, Sending& sending, Work& work);
  void postpone(Outlet& outlet, Sending& sending, Work& work);
  void count_as_of_now(const Sending& sending, const RowRanges& rows, Instant& counted);
  void release(Sending& sending, const RowRanges& rows, Instant from, Instant to);
  void settle_bounds(Sending& sending, const Work& work, const std::vector<Outcome>& outcomes);
  void trip_on_budget(Sending& sending);

  // doubts.cpp: the ladder
  Task<void> settle_crash(Sending& sending);
  Task<void> resolve_doubts(Sending& sending);
  Task<void> climb(Sending& sending, std::uint64_t first_row);
  Task<void> pursue(Outlet& outlet, Sending& sending, Work work, Alarm& alarm);
  Task<void> ask(Outlet& outlet, Sending& sending, const Work& work, Alarm& alarm);
  Step step_of(Sending& sending, const OpenIntent& doubt, Outlet* outlet) const;

  World world_;
  Outlets outlets_;
  std::vector<std::unique_ptr<Sending>> sendings_;
  TaskGroup workers_;
  std::vector<Alarm*> alarms_;                          // of the workers
  Duration commit_time_{std::chrono::milliseconds(2)};  // smoothed
  Duration wall_ahead_{0};           // of the monotonic clock, when the two were last compared
  std::optional<Tick> last_second_;  // a start may follow upon requests until then
  std::uint64_t turns_ = 0;
  bool working_ = false;
  bool closing_ = false;
  std::optional<Error> failure_;
};

}  // namespace loa
