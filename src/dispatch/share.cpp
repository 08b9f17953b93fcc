#include "dispatch/share.hpp"

#include <algorithm>
#include <tuple>

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
  const auto order = [&](Flow flow) {
    const Member& member = members_.at(flow);
    const Class& own = member.urgent ? urgent_ : ordinary_;
    const bool alarm = member.urgent && member.tags.finish == 0;  // given nothing yet
    return std::tuple(!alarm, start(own.tags, now_), !member.urgent, start(member.tags, own.now));
  };
  return *std::min_element(ready.begin(), ready.end(),
                           [&](Flow a, Flow b) { return order(a) < order(b); });
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
  constexpr double kHaste = 1.05;  // to be there a little before
  if (rate <= 0 || share <= 0 || parts <= 0) return weight;
  const double needed = seconds <= 0 ? 1 : kHaste * parts / seconds / rate;  // of the gateway
  if (needed <= share) return weight;
  if (needed >= 1) return weight * kMost;
  const double others = weight * (1 - share) / share;
  return std::min(others * needed / (1 - needed), weight * kMost);
}

}  // namespace loa
