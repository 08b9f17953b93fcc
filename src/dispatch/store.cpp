#include "dispatch/store.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "dispatch/image.hpp"
#include "journal/snapshot.hpp"

namespace loa {

std::string journal_directory(const std::string& data) { return data + "/journal"; }

std::string plan_path(const std::string& data, const std::string& campaign, int revision) {
  const std::string name = revision <= 1 ? campaign : fmt::format("{}.{}", campaign, revision);
  return data + "/plans/" + name + ".plan";
}

Result<void> prepare_store(Disk& disk, const std::string& data) {
  for (const std::string& directory : {data, journal_directory(data), data + "/plans"}) {
    auto made = disk.make_directory(directory, 0700);
    if (!made) return made;
  }
  auto synced = disk.sync_directory(data);
  if (!synced) return synced;
  return disk.sync_directory(data + "/..");
}

namespace {

Result<void> fold(Record& record, std::uint64_t lsn, std::string_view line,
                  const std::function<void(const Event&)>& on_event) {
  const auto event = parse_event(line);
  if (!event) return fail(Error(event.error()).wrap(fmt::format("journal line {}", lsn)));
  auto applied = record.apply(*event);
  if (!applied) return fail(std::move(applied.error()).wrap(fmt::format("journal line {}", lsn)));
  if (on_event) on_event(*event);
  return {};
}

// The rest of the journal folded into what a snapshot holds; nothing when it is of no use.
std::optional<Result<StoreContents>> read_from(Disk& disk, const std::string& directory,
                                               const std::string& name, const std::string& zone) {
  const auto snapshot = read_snapshot(disk, directory, name);
  if (!snapshot) return std::nullopt;
  auto record = record_of(snapshot->state, zone);
  if (!record) return std::nullopt;
  StoreContents contents{std::move(*record), {}};
  const auto on_line = [&](std::uint64_t lsn, std::string_view line) {
    return fold(contents.record, lsn, line, {});
  };
  auto end = read_journal(disk, directory, snapshot->place, on_line);
  if (!end) return fail(std::move(end.error()));
  contents.end = *end;
  return contents;
}

}  // namespace

Result<StoreContents> read_store(Disk& disk, const std::string& data, const std::string& zone) {
  const std::string directory = journal_directory(data);
  const auto names = list_snapshots(disk, directory);
  if (!names) return fail(names.error());
  for (const std::string& name : *names)
    if (auto contents = read_from(disk, directory, name, zone); contents && *contents)
      return std::move(*contents);
  return read_whole_store(disk, data, zone, {});
}

Result<StoreContents> read_whole_store(Disk& disk, const std::string& data, const std::string& zone,
                                       const std::function<void(const Event&)>& on_event) {
  const std::string directory = journal_directory(data);
  const auto names = list_snapshots(disk, directory);
  if (!names) return fail(names.error());
  std::map<std::uint64_t, std::string> images;  // by the number of lines they stand for
  for (const std::string& name : *names)
    if (auto snapshot = read_snapshot(disk, directory, name))
      if (record_of(snapshot->state, zone))
        images[snapshot->place.lsn] = std::move(snapshot->state);

  StoreContents contents{Record(zone), {}};
  std::uint64_t next = 0;
  const auto agree = [&](std::uint64_t lsn) -> Result<void> {
    const auto found = images.find(lsn);
    if (found == images.end()) return {};
    const bool same = found->second == image_of(contents.record);
    images.erase(found);
    if (same) return {};
    return fail(Code::data, fmt::format("{}: the snapshot at line {} is not what the lines before "
                                        "it add up to; nothing was changed",
                                        directory, lsn));
  };
  const auto on_line = [&](std::uint64_t lsn, std::string_view line) -> Result<void> {
    if (lsn != next)
      return fail(Code::data, fmt::format("{}: the events before line {} are gone (journal: "
                                          "keep_segments), so this cannot be told",
                                          directory, lsn));
    auto same = agree(next++);
    if (!same) return same;
    return fold(contents.record, lsn, line, on_event);
  };
  auto end = read_journal(disk, directory, {}, on_line);
  if (!end) return fail(std::move(end.error()));
  auto same = agree(next);
  if (!same) return fail(std::move(same.error()));
  if (!images.empty())
    return fail(Code::data, fmt::format("{}: a snapshot knows {} lines, and the journal ends after "
                                        "{}: its end is missing. Nothing was changed; restore the "
                                        "data directory from a copy",
                                        directory, images.rbegin()->first, next));
  contents.end = *end;
  return contents;
}

Result<void> write_plan(Disk& disk, const std::string& data, const FrozenPlan& plan, int revision) {
  const std::string path = plan_path(data, plan.head.campaign, revision);
  const std::string draft = path + ".new";
  auto removed = disk.remove(draft);
  if (!removed) return removed;
  const auto file = disk.create(draft, 0);
  if (!file) return fail(file.error());
  LOA_FAILPOINT("plan.before_write");
  std::uint64_t offset = 0;
  auto written = plan.write([&](std::string_view bytes) {
    auto outcome = (*file)->write_at(offset, bytes);
    offset += bytes.size();
    return outcome;
  });
  if (!written) return written;
  LOA_FAILPOINT("plan.before_sync");
  auto synced = (*file)->sync();
  if (!synced) return synced;
  LOA_FAILPOINT("plan.before_rename");
  auto renamed = disk.rename(draft, path);
  if (!renamed) return renamed;
  LOA_FAILPOINT("plan.before_directory_sync");
  auto named = disk.sync_directory(data + "/plans");
  LOA_FAILPOINT("plan.after_directory_sync");
  return named;
}

Result<Plan> open_plan(const std::string& data, const std::string& campaign,
                       const std::string& sha256, int revision) {
  const std::string path = plan_path(data, campaign, revision);
  auto plan = Plan::open(path);
  if (!plan || plan->sha256() == sha256) return plan;
  return fail(Code::data, path + ": this is not the plan that the journal names (" +
                              sha256.substr(0, 16) +
                              "...): it was changed after it was frozen. Restore it from a copy");
}

Result<Plan> open_plan(const std::string& data, const std::string& campaign,
                       const CampaignRecord& record) {
  auto plan = open_plan(data, campaign, record.plan, record.life.revision);
  LOA_CHECK(!plan || plan->rows().size() == record.rows.size());
  return plan;
}

}  // namespace loa
