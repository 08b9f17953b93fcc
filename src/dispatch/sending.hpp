// One campaign being sent: its plan, what of it waits for which gateway, and why it may not go on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "campaign/guard.hpp"
#include "campaign/schedule.hpp"
#include "dispatch/budget.hpp"
#include "dispatch/ladder.hpp"
#include "dispatch/lane.hpp"
#include "dispatch/outlet.hpp"

namespace loa {

struct SendSettings {
  Schedule schedule;
  double parts_per_second = 0;   // the campaign's pace, 0 for none
  bool ignore_schedule = false;  // not_before and hours, not useful_until
  double weight = 1;             // against other campaigns at one gateway
  bool urgent = false;           // goes first
  Guard guard = {.canary = {}, .refused_share = 100};
  bool wait_for_held = false;  // a held gateway's rows wait for a person; else the campaign ends
};

using Outlets = std::vector<std::unique_ptr<Outlet>>;

struct Sending {
  // All must outlive it. The rows of a gateway that is not among the outlets stay unsent.
  Sending(const Plan& plan, const CampaignRecord& record, SendSettings settings,
          const Outlets& outlets, std::unique_ptr<Alarm> alarm);

  const Plan& plan;
  const CampaignRecord& record;
  SendSettings settings;
  std::vector<int> batches;              // rows a request, of each lane
  std::vector<bool> given;               // rows that came back to a queue: no lane takes them
  std::vector<GatewayQueue> queues;      // of each outlet
  std::vector<Bound> bounds;             // at each outlet, when last looked at
  std::vector<Meter> meters;             // at each outlet
  std::map<std::uint64_t, Asked> asked;  // by a doubt's first row
  Limiter pace;
  Budget budget;
  std::uint64_t over_budget = 0;    // parts of the request that the budget does not allow now
  std::uint64_t never_allowed = 0;  // rows whose subscribers may have nothing before useful_until
  Cost ahead{.requests = 0};        // taken from the queues, not yet sent
  std::uint64_t in_flight = 0;      // requests, and doubts that are looked at
  std::optional<std::pair<Instant, Instant>> window;  // an allowed stretch of the schedule
  std::unique_ptr<Alarm> alarm;                       // of who waits for its end
  bool ready = false;                                 // workers may take from it
  bool draining = false;
  bool expired = false;
  std::optional<Outcome> stopped;  // the text was refused
  std::string tripped;             // the words of guard or budget

  // The first rows, of all lanes, before the rest.
  std::vector<double> rings;  // shares of the rows; the last is all
  std::size_t ring = 0;
  Tick ring_done = Tick::max();  // when the ring's rows had their outcomes
  GuardCounts counts;            // since it began to be sent here

  // It takes no more.
  bool ends() const { return draining || expired || stopped || !tripped.empty(); }
  bool ring_is_last() const { return ring + 1 >= rings.size(); }
  void open_ring(std::size_t number);
};

}  // namespace loa
