// One campaign under fire: the real `loa send` against carriers that fail, killed and started again
// until the campaign has ended, and then held against the carriers' truth.
#pragma once

#include <atomic>
#include <string>

#include "campaign/campaign.hpp"
#include "drill/findings.hpp"

namespace loa {

struct TrialOptions {
  std::string loa;  // the programs' absolute paths
  std::string sim;
  std::string folder;  // exists; everything is written into it
  OnUnknown policy = OnUnknown::hold;
  std::uint64_t rows = 0;
  std::uint64_t seed = 0;
  int kills = 0;               // at random moments; fewer when the campaign ends before
  std::string_view failpoint;  // and one more here, "" for none
  std::uint64_t passage = 1;
};

// What came of one campaign, or of several.
struct Tally {
  std::uint64_t campaigns = 0;
  std::uint64_t rows = 0;
  std::uint64_t random_kills = 0;
  std::uint64_t failpoint_kills = 0;
  std::uint64_t restarts = 0;
  std::uint64_t requests = 0;    // that the gateways saw
  std::uint64_t unrecorded = 0;  // of them, more than the journal has intents for
  Findings findings;
  Duration longest_restart{0};  // from the start of a process to its first request, or to its end

  Tally& operator+=(const Tally& other);
  bool ok() const;  // nothing lost, doubled, denied or unrecorded
};

// One campaign. Ends early, with Code::temporary, when `stopped` is set.
Result<Tally> run_trial(const TrialOptions& options, const std::atomic<bool>& stopped);

}  // namespace loa
