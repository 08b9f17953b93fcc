#include "dispatch/sending.hpp"

#include <algorithm>

namespace loa {
namespace {

// Rows a request, of one lane at its gateway: the limits may be lower than when the plan was
// frozen.
int batch_for(const Gateway& gateway, int planned, double parts_per_second, int parts_max) {
  Limits limits = gateway.limits;
  if (parts_per_second > 0)
    limits.parts_per_second = limits.parts_per_second > 0
                                  ? std::min(limits.parts_per_second, parts_per_second)
                                  : parts_per_second;
  const int batch = fitting_batch(limits, std::min(planned, gateway.batch), parts_max);
  const std::uint64_t per_day = gateway.limits.per_day;
  if (per_day == 0) return batch;
  return static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(batch), per_day));
}

}  // namespace

std::string_view to_string(Bound bound) {
  switch (bound) {
    case Bound::none: return "none";
    case Bound::limit: return "limit";
    case Bound::in_flight: return "in_flight";
    case Bound::pace: return "pace";
    case Bound::hours: return "hours";
    case Bound::gateway_hours: return "gateway_hours";
    case Bound::per_day: return "per_day";
    case Bound::later: return "later";
    case Bound::canary: return "canary";
    case Bound::held: return "held";
    case Bound::paused: return "paused";
    case Bound::unreachable: return "unreachable";
    case Bound::disk: return "disk";
    case Bound::subscriber: return "subscriber";
    case Bound::budget: return "budget";
  }
  return "";
}

Sending::Sending(const Plan& of_plan, const CampaignRecord& of_record, SendSettings with,
                 const Outlets& outlets, std::unique_ptr<Alarm> own_alarm)
    : plan(of_plan),
      record(of_record),
      settings(std::move(with)),
      given(plan.rows().size()),
      queues(outlets.size()),
      bounds(outlets.size(), Bound::none),
      meters(outlets.size()),
      pace({.parts_per_second = settings.parts_per_second}),
      budget(plan, record),
      alarm(std::move(own_alarm)) {
  for (const auto& [row, gateway] : record.moved) given[row] = true;
  int parts_max = 1;
  for (std::size_t i = 0; i < plan.texts(); ++i)
    parts_max = std::max(parts_max, plan.text(static_cast<std::uint32_t>(i)).parts);
  const auto find = [&](const std::string& gateway) -> const Outlet* {
    for (const auto& outlet : outlets)
      if (outlet->open.gateway.name == gateway) return outlet.get();
    return nullptr;
  };
  for (std::size_t i = 0; i < plan.head().lanes.size(); ++i) {
    const PlanLane& lane = plan.head().lanes[i];
    batches.push_back(lane.batch);
    const Outlet* outlet = find(lane.gateway);
    if (outlet == nullptr) continue;  // its rows stay unsent: the caller has said so
    const Gateway& gateway = outlet->open.gateway;
    batches.back() = batch_for(gateway, lane.batch, settings.parts_per_second, parts_max);
    queues[outlet->index].add(
        Lane(plan, record, given, i, batches.back(), gateway.profile.mode() == BatchMode::items));
  }
  for (const auto& [row, gateway] : record.moved) {
    const Outlet* outlet = find(gateway);
    if (outlet == nullptr || record.rows[row] != RowState::planned) continue;
    queues[outlet->index].give_back(
        {plan.lane_of(row), {{row, row}}, record.attempts[row] + 1, Tick::min()});
  }
  for (const double percent : settings.guard.canary) rings.push_back(percent / 100);
  rings.push_back(1);
  // After a restart, the ring that holds all that was tried.
  for (const PlanLane& lane : plan.head().lanes) {
    std::uint64_t tried = lane.rows;
    while (tried > 0 && record.attempts[lane.first + tried - 1] == 0) --tried;
    const double share = static_cast<double>(tried) / static_cast<double>(lane.rows);
    while (!ring_is_last() && static_cast<double>(lane.rows) * rings[ring] + 1 <=
                                  static_cast<double>(lane.rows) * share)
      ++ring;
  }
  open_ring(ring);
}

void Sending::open_ring(std::size_t number) {
  ring = number;
  ring_done = Tick::max();
  for (GatewayQueue& queue : queues) queue.open(rings[number]);
}

}  // namespace loa
