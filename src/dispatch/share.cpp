#include "dispatch/share.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace loa {

double FairShare::start(const Tags& tags, double now) { return std::max(now, tags.finish); }

void FairShare::charge(Tags& tags, double& now, double parts) {
  now = start(tags, now);
  tags.finish = now + parts / tags.weight;
}

void FairShare::join(Flow flow, double weight, bool urgent) {
  members_[flow] = {.tags = {.weight = weight}, .urgent = urgent};
}

void FairShare::set_weight(Flow flow, double weight) {
  const auto found = members_.find(flow);
  if (found != members_.end()) found->second.tags.weight = weight;
}

void FairShare::leave(Flow flow) { members_.erase(flow); }

FairShare::Flow FairShare::next(std::span<const Flow> ready) const {
  LOA_CHECK(!ready.empty());
  const double urgent_start = start(urgent_.tags, now_);
  const double ordinary_start = start(ordinary_.tags, now_);
  const auto begins = [&](const Member& member) {
    const Class& own = member.urgent ? urgent_ : ordinary_;
    return std::pair(member.urgent ? urgent_start : ordinary_start, start(member.tags, own.now));
  };
  Flow first = nullptr;
  std::pair<double, double> earliest;
  bool first_urgent = false;
  for (const Flow flow : ready) {
    const Member& member = members_.at(flow);
    const auto begin = begins(member);
    const bool wins =
        first == nullptr || begin.first < earliest.first ||
        (begin.first == earliest.first &&
         (member.urgent != first_urgent ? member.urgent : begin.second < earliest.second));
    if (!wins) continue;
    first = flow;
    earliest = begin;
    first_urgent = member.urgent;
  }
  return first;
}

void FairShare::charge(Flow flow, std::uint64_t parts) {
  const auto found = members_.find(flow);
  if (found == members_.end()) return;
  Class& own = found->second.urgent ? urgent_ : ordinary_;
  const auto given = static_cast<double>(parts);
  charge(own.tags, now_, given);
  charge(found->second.tags, own.now, given);
}

double pressed_weight(double weight, double share, double rate, double parts, double seconds) {
  constexpr double kMost = 8;
  if (rate <= 0 || share <= 0 || parts <= 0) return weight;
  const double needed = seconds <= 0 ? rate : parts / seconds;
  return weight * std::clamp(needed / (rate * share), 1.0, kMost);
}

}  // namespace loa
