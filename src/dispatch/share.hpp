// Whose turn it is when several campaigns want one gateway: start-time fair queueing (Goyal, Vin
// and Cheng, SIGCOMM 1996), in message parts. Who waits gets its weight's share of what the gateway
// takes; who had nothing to send for a while gets no more for it afterwards.
//
// The urgent (priority: emergency) come first and get nine tenths together; the others share the
// rest, so that they go on, slowly. A new urgent one is next at once.
//
// Nobody starves: let L be the parts of the largest request. Who waits with weight w is next after
// at most K = sum of (L + L * v / w) parts of the others of its class, v their weights; and of the
// other class at most 9 (K + L) + 2 L when it is not urgent, (K + L) / 9 + 2 L when it is; and L
// for each urgent one that comes meanwhile. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>

namespace loa {

class FairShare {
 public:
  using Flow = const void*;
  static constexpr double kUrgent = 0.9;  // of the gateway, while both want it

  void join(Flow flow, double weight, bool urgent);
  void set_weight(Flow flow, double weight);
  void leave(Flow flow);

  // Of those that are ready (at least one), the one whose turn it is.
  Flow next(std::span<const Flow> ready) const;
  // What the flow has just been given.
  void charge(Flow flow, std::uint64_t parts);

 private:
  struct Tags {
    double weight = 1;
    double finish = 0;  // of what it was given last
  };
  struct Class {
    Tags tags;
    double now = 0;  // virtual time: the start of what was given last
  };
  struct Member {
    Tags tags;
    bool urgent = false;
  };

  static double start(const Tags& tags, double now);
  static void charge(Tags& tags, double& now, double parts);

  Class urgent_{.tags = {.weight = kUrgent}};
  Class ordinary_{.tags = {.weight = 1 - kUrgent}};
  double now_ = 0;  // of the two classes
  std::map<Flow, Member> members_;
};

// The weight with which a campaign that would otherwise miss its useful_until makes it: up to eight
// times its own. `share` is its part of the gateway by weight, `rate` what the gateway takes (parts
// a second), 0 for unknown; `seconds` are left for `parts`.
double pressed_weight(double weight, double share, double rate, double parts, double seconds);

}  // namespace loa
