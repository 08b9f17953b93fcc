// From a document to a campaign and its plan. It reads files and burns; pure otherwise, for any
// thread.
#pragma once

#include <string>
#include <vector>

#include "audience/numbering.hpp"
#include "campaign/campaign.hpp"
#include "campaign/lint.hpp"
#include "desk/desk.hpp"
#include "journal/disk.hpp"
#include "plan/freeze.hpp"

namespace loa {

struct DeskSettings {
  std::string data;       // the data directory
  std::string zone;       // of this machine's days
  std::string templates;  // folder
  std::string incoming;   // folder that the paths of repeated campaigns are relative to
  std::vector<std::string> exclusions;
  NumberingPlan numbering;
  std::vector<Gateway> gateways;
  LintSettings lint;
  bool approval_required = true;
};

// A document, read.
struct Reading {
  Campaign campaign;
  std::string document;  // canonical
  std::string content;   // SHA-256 of the document and the bytes of its audience
  Faults warnings;
};

Answer<Reading> read_submission(const DeskSettings& settings, const Submission& submission);

Answer<FrozenPlan> freeze_reading(const DeskSettings& settings, const Reading& reading);

// A plan that is on disk.
struct WrittenPlan {
  std::string sha256;
  std::uint64_t rows = 0;
  std::uint64_t excluded = 0;
};
Answer<WrittenPlan> write_revision(Disk& disk, const std::string& data, const FrozenPlan& plan,
                                   int revision);

// Another campaign of the same document: its id, its times (those and no others), no repeat. Takes
// a document of the record.
std::string with_times(const std::string& document, const std::string& id,
                       std::optional<Instant> not_before, std::optional<Instant> useful_until);

}  // namespace loa
