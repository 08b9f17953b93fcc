// The drill: many campaigns under fire, and what came of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "drill/trial.hpp"

namespace loa {

struct DrillOptions {
  std::string loa;  // the programs' absolute paths
  std::string sim;
  std::string folder;      // exists; each campaign has its own below it
  int kills = 0;           // at random moments, besides those at failpoints
  std::uint64_t seed = 0;  // draws moments, audiences and the carriers' faults
  std::uint64_t rows = 0;  // of each campaign's audience
  bool keep = false;       // the folders of campaigns in which all went well
};

struct DrillReport {
  Tally hold;                          // campaigns with on_unknown: hold
  Tally resend;                        // and with resend
  std::vector<std::string> unreached;  // failpoints that no campaign passed
  std::vector<std::string> faults;     // what was lost, doubled, ..., and where to look at it
  std::optional<Error> failure;        // why the drill came to no end

  Tally both() const;
};

struct DrillProgress {
  std::size_t jobs = 0;  // each is a campaign or more
  std::size_t done = 0;
  Tally tally;
};

// `go_on` is called all the time: it waits a moment, and says whether to go on.
DrillReport run_drill(const DrillOptions& options,
                      const std::function<bool(const DrillProgress&)>& go_on);

}  // namespace loa
