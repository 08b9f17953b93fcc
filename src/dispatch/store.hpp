// A data directory: DIR/journal/*.seg, DIR/plans/<campaign>.plan, DIR/lock.
#pragma once

#include <functional>
#include <string>

#include "dispatch/record.hpp"
#include "journal/disk.hpp"
#include "journal/reader.hpp"
#include "plan/freeze.hpp"
#include "plan/plan.hpp"

namespace loa {

std::string journal_directory(const std::string& data);
// A campaign that was changed has a plan for each revision, from 1.
std::string plan_path(const std::string& data, const std::string& campaign, int revision = 1);

// Makes the directories where they are missing, for their owner alone.
Result<void> prepare_store(Disk& disk, const std::string& data);

struct StoreContents {
  Record record;
  JournalEnd end;
};

// Folds the journal from its newest usable snapshot on.
Result<StoreContents> read_store(Disk& disk, const std::string& data, const std::string& zone);

// Folds the whole journal; `on_event` sees every event after it was applied. Fails with Code::data
// also when a snapshot says something else than the lines before it, or when the journal's
// beginning was recycled.
Result<StoreContents> read_whole_store(Disk& disk, const std::string& data, const std::string& zone,
                                       const std::function<void(const Event&)>& on_event);

// The plan is whole and durable under its name, or not there.
Result<void> write_plan(Disk& disk, const std::string& data, const FrozenPlan& plan,
                        int revision = 1);

// The frozen plan of a campaign, checked against the SHA-256 that the journal names.
Result<Plan> open_plan(const std::string& data, const std::string& campaign,
                       const std::string& sha256, int revision);
// And against the record's rows.
Result<Plan> open_plan(const std::string& data, const std::string& campaign,
                       const CampaignRecord& record);

}  // namespace loa
