// Campaigns whose audience comes in parts: what RedisTaking does with them until they are complete.
#include <fmt/format.h>

#include <utility>

#include "intake/redis_taking.hpp"

namespace loa {
namespace {

using Level = IntakeNotice::Level;
using Kind = IntakeNotice::Kind;

}  // namespace

// The campaign itself, whose audience comes in parts.
Task<RedisTaking::Step> RedisTaking::take_parts(StreamEntry entry, QueuedCampaign campaign,
                                                std::int64_t deliveries) {
  const std::string id = campaign.id;
  if (is_full() && assemblies_.count(id) == 0) {
    later(entry.id, "too many campaigns wait for their parts");
    co_return Step{};
  }
  Assembly& assembly = assembly_of(id);
  if (!assembly.entry.empty() && assembly.entry != entry.id &&
      assembly.campaign.document != campaign.document) {
    Faults faults = fault_of(
        entry.id,
        fmt::format("the campaign '{}' waits for its parts already, with other content ({})", id,
                    assembly.entry));
    const Step refused = co_await refuse(std::move(entry), "", campaign.by, std::move(faults));
    co_return refused;
  }
  if (assembly.count != campaign.chunks->count && assembly.count != 0) {
    note(Level::warning, Kind::gap, id,
         fmt::format("{} parts of another audience of {} parts are dropped", assembly.parts.size(),
                     assembly.count));
    assembly.parts.clear();
  }
  assembly.add_entry(entry.id, deliveries);
  assembly.count = campaign.chunks->count;
  if (assembly.entry.empty()) {
    assembly.entry = entry.id;
    assembly.campaign = std::move(campaign);
  }
  Step step;
  if (assembly.is_complete()) {
    step = co_await finish(id);
  } else {
    show_early(id, "incoming", assembly.missing());
  }
  co_return step;
}

Task<RedisTaking::Step> RedisTaking::take_chunk(StreamEntry entry, QueuedChunk chunk,
                                                std::int64_t deliveries) {
  const std::string id = chunk.campaign;
  if (is_full() && assemblies_.count(id) == 0) {
    later(entry.id, "too many campaigns wait for their parts");
    co_return Step{};
  }
  const StagedChunk staged{id, chunk.index, chunk.count, chunk.sha256};
  {
    Assembly& assembly = assembly_of(id);
    const bool stale = assembly.entries.empty() && assembly.count != chunk.count;
    if (stale) assembly.parts.clear();
    if (stale || assembly.count == 0) assembly.count = chunk.count;
    if (assembly.count != chunk.count) {
      Faults faults =
          fault_of(entry.id, fmt::format("part {} of {}, but the audience of '{}' has {} parts",
                                         chunk.index, chunk.count, id, assembly.count));
      const Step refused = co_await refuse(std::move(entry), "", "", std::move(faults));
      co_return refused;
    }
  }
  const auto keep = [this, &staged, &chunk] { return staging_.keep(staged, chunk.csv); };
  const Result<void> kept = co_await needs_.workers.run(keep);
  if (!kept) {
    later(entry.id, kept.error().text);
    co_return Step{};
  }
  Assembly& assembly = assembly_of(id);
  Assembly::Part& part = assembly.parts[chunk.index];
  const bool older = part.sha256 != chunk.sha256 && is_earlier(entry.id, part.entry);
  if (!older) part = {chunk.sha256, entry.id};
  assembly.add_entry(entry.id, deliveries);
  Step step;
  if (assembly.is_complete()) {
    step = co_await finish(id);
  } else if (!assembly.entry.empty()) {
    show_early(id, "incoming", assembly.missing());
  }
  co_return step;
}

// All parts are here.
Task<RedisTaking::Step> RedisTaking::finish(std::string id) {
  const Assembly& assembly = assembly_of(id);
  if (assembly.deliveries > options_.deliveries_max) {
    const Step over = co_await conclude(
        id, fault_of(assembly.entry, fmt::format("was handed out {} times and never finished",
                                                 assembly.deliveries)));
    co_return over;
  }
  const std::vector<StagedChunk> chunks = assembly.chunks();
  const QueuedCampaign campaign = assembly.campaign;
  const std::string entry = assembly.entry;
  const auto assemble = [this, &chunks, &campaign] {
    return staging_.assemble(chunks, campaign.chunks->sha256);
  };
  const Result<std::string> path = co_await needs_.workers.run(assemble);
  if (!path && path.error().code == Code::config) {
    Faults faults;
    faults.error(campaign.chunks->place, "audience: " + path.error().text);
    const Step refused = co_await conclude(id, std::move(faults));
    co_return refused;
  }
  if (!path) {
    // A damaged part is gone from the disk: what Redis still has is read again.
    note(Level::error, Kind::waits, id, path.error().text);
    reread_ = path.error().code == Code::data;
    if (reread_) {
      assemblies_.erase(id);
    } else {
      later(assembly_of(id), path.error().text);
    }
    co_return Step{};
  }
  std::vector<std::string> files(1, *path);
  std::string why;
  const std::optional<Outcome> outcome = co_await submit(entry, campaign, std::move(files), why);
  if (!outcome) {
    later(assembly_of(id), why);
    co_return Step{};
  }
  const Step step = co_await conclude(id, outcome->faults);
  co_return step;
}

// Acknowledges the campaign and its parts, after putting it among the refused if there are errors.
Task<RedisTaking::Step> RedisTaking::conclude(std::string id, Faults faults) {
  const Assembly assembly = assembly_of(id);
  if (!faults.ok()) {
    StreamEntry entry;
    entry.id = assembly.entry;
    entry.fields.emplace_back("campaign", assembly.campaign.document);
    const RedisResult<bool> put = co_await put_refused(entry, id, assembly.campaign.by, faults);
    if (!put) co_return tl::unexpected(put.error());
    if (!*put) {
      later(assembly_of(id), "");
      co_return Step{};
    }
  }
  std::vector<std::string> entries(assembly.entries.begin(), assembly.entries.end());
  assemblies_.erase(id);
  state_.incomplete.erase(id);
  if (!entries.empty()) {
    const Step done = co_await queue_.acknowledge(std::move(entries));
    if (!done) co_return done;
  }
  co_await forget_files(id, true);
  co_return Step{};
}

// Parts of a campaign that the desk has already.
Task<RedisTaking::Step> RedisTaking::drop_leftover(std::string id) {
  note(Level::info, Kind::taken, id, "was taken before; what is left of its parts is dropped");
  const Step step = co_await conclude(id, Faults());
  co_return step;
}

Task<RedisTaking::Step> RedisTaking::look_for_gaps() {
  std::vector<std::string> ids;
  for (const auto& [id, assembly] : assemblies_) {
    const bool is_old = needs_.clock.now() - assembly.since >= options_.gap_after;
    if (is_old && !assembly.is_complete()) ids.push_back(id);
  }
  for (const std::string& id : ids) {
    const Answer<CampaignView> known = needs_.desk.campaign(id);
    const Assembly& found = assembly_of(id);
    const bool is_over = found.entry.empty() ? known && known->state != CampaignState::draft
                                             : is_known(found.entry, found.campaign);
    if (is_over) {
      const Step step = co_await drop_leftover(id);
      if (!step) co_return step;
      continue;
    }
    Assembly& assembly = assembly_of(id);
    std::string missing = assembly.missing();
    if (missing == assembly.told) continue;
    note(Level::warning, Kind::gap, id, "cannot be taken from Redis: " + missing);
    show_early(id, "incoming", missing);
    state_.incomplete[id] = missing;
    assembly.told = std::move(missing);
  }
  state_.waiting = held().size();
  co_return Step{};
}

Task<void> RedisTaking::forget_files(std::string id, bool with_parts) {
  const auto remove = [this, &id, with_parts] {
    return with_parts ? staging_.remove_all(id) : staging_.remove_audience(id);
  };
  const Result<void> removed = co_await needs_.workers.run(remove);
  if (!removed) note(Level::warning, Kind::waits, id, removed.error().text);
}

Assembly& RedisTaking::assembly_of(const std::string& id) {
  const auto [place, fresh] = assemblies_.try_emplace(id);
  if (fresh) {
    place->second.id = id;
    place->second.since = needs_.clock.now();
  }
  return place->second;
}

}  // namespace loa
