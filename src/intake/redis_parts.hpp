// A campaign whose audience comes in parts, while it is not complete. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "intake/redis_entry.hpp"
#include "intake/redis_staging.hpp"

namespace loa {

struct Assembly {
  struct Part {
    std::string sha256;
    std::string entry;  // "" when only the disk has it
  };

  std::string id;
  std::string entry;  // of the campaign itself, "" before it has come
  QueuedCampaign campaign;
  std::uint32_t count = 0;
  std::map<std::uint32_t, Part> parts;
  std::set<std::string> entries;  // to be acknowledged together
  std::int64_t deliveries = 0;    // of the entry that was handed out least often
  Tick since{};
  std::string told;  // what was missing when it was last told
  int tries = 0;
  Tick not_before{};

  bool is_complete() const { return !entry.empty() && parts.size() == count; }
  void add_entry(const std::string& one, std::int64_t handed_out);
  std::vector<StagedChunk> chunks() const;
  // "2 of 10 parts are missing: 3, 7"; "the campaign itself is missing; ..."; "" when complete.
  std::string missing() const;
};

}  // namespace loa
