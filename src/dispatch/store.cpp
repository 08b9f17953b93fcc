#include "dispatch/store.hpp"

#include <fmt/format.h>

#include "base/failpoint.hpp"

namespace loa {

std::string journal_directory(const std::string& data) { return data + "/journal"; }

std::string plan_path(const std::string& data, const std::string& campaign) {
  return data + "/plans/" + campaign + ".plan";
}

Result<void> prepare_store(Disk& disk, const std::string& data) {
  for (const std::string& directory : {data, journal_directory(data), data + "/plans"}) {
    auto made = disk.make_directory(directory, 0700);
    if (!made) return made;
  }
  return {};
}

Result<StoreContents> read_store(Disk& disk, const std::string& data, const std::string& zone,
                                 const std::function<void(const Event&)>& on_event) {
  StoreContents contents{Record(zone), {}};
  const auto on_line = [&](std::uint64_t lsn, std::string_view line) -> Result<void> {
    const auto event = parse_event(line);
    if (!event) return fail(Error(event.error()).wrap(fmt::format("journal line {}", lsn)));
    auto applied = contents.record.apply(*event);
    if (!applied) return fail(std::move(applied.error()).wrap(fmt::format("journal line {}", lsn)));
    if (on_event) on_event(*event);
    return {};
  };
  auto end = read_journal(disk, journal_directory(data), on_line);
  if (!end) return fail(std::move(end.error()));
  contents.end = *end;
  return contents;
}

Result<void> write_plan(Disk& disk, const std::string& data, const FrozenPlan& plan) {
  const std::string path = plan_path(data, plan.head.campaign);
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
                       const CampaignRecord& record) {
  const std::string path = plan_path(data, campaign);
  auto plan = Plan::open(path);
  if (!plan) return plan;
  if (plan->sha256() != record.plan || plan->rows().size() != record.rows.size())
    return fail(Code::data, path + ": this is not the plan that the journal names (" +
                                record.plan.substr(0, 16) +
                                "...): it was changed after it was frozen. Restore it from a copy");
  return plan;
}

}  // namespace loa
