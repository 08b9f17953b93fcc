// What an answer, or its absence, means for each row of a batch, and what is to be done. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dispatch/lane.hpp"
#include "gateway/profile.hpp"
#include "net/http.hpp"

namespace loa {

struct Decision {
  std::vector<Outcome> outcomes;  // one for each row, grouped: for the answer event
  std::vector<Work> again;        // back to this gateway's queue
  std::vector<std::pair<std::string, Work>> elsewhere;  // to the queue of the named gateway
  bool throttled = false;         // slow down by Limiter::throttled(retry_after)
  bool accepted = false;          // the gateway took something: its rate may come back
  std::optional<Duration> pause;  // nothing to this gateway for so long
  bool unreachable = false;       // no byte could be sent: the gateway's own backoff applies
  std::optional<Outcome> hold;    // stop this gateway; code and words say why
  std::optional<Outcome> stop;    // stop the campaign; code and words say why
};

struct DecisionInput {
  const Work& work;
  const HttpReply& reply;
  const Batch& batch;  // as rendered, row by row
  const Profile& profile;
  Tick now;
  double jitter;  // in [0, 1)
  // The other gateway that serves a network, "" for none.
  std::function<std::string(std::string_view network)> gateway_of;
};

Decision decide(const DecisionInput& input);

// The wait before attempt + 1: 1 s, 2 s, 4 s, ... at most a minute, spread by a fifth.
Duration backoff(int attempt, double jitter);

// A row is given up as refused after so many attempts that the gateway turned away.
constexpr int kAttemptsMax = 20;

}  // namespace loa
