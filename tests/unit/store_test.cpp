#include "dispatch/store.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "dispatch/image.hpp"
#include "journal/snapshot.hpp"
#include "plan/freeze.hpp"
#include "support/model_disk.hpp"

namespace loa {
namespace {

// A plan for so many people, by VNPT's gateway.
FrozenPlan frozen_plan(int rows) {
  Faults faults;
  const NumberingPlan numbering = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
  Gateway gateway;
  gateway.name = "one";
  gateway.profile = Profile::load(LOA_PROJECT "/config/profiles/vnpt-smsbn.yaml", faults);
  gateway.networks = {"vinaphone"};
  gateway.batch = 50;
  const std::string path = testing::TempDir() + "store.csv";
  std::ofstream file(path);
  file << "so_dien_thoai\n";
  for (int i = 0; i < rows; ++i) file << "091" << 1'000'000 + i << "\n";
  file.close();
  Campaign campaign;
  campaign.id = "c";
  campaign.sender = "X";
  campaign.audience.files = {path};
  campaign.message.text = "Canh bao";
  const std::vector<std::string> exclusions;
  auto frozen = freeze({campaign, {gateway}, numbering, exclusions});
  EXPECT_TRUE(frozen && faults.ok());
  return std::move(*frozen);
}

std::string bytes_of(const FrozenPlan& plan) {
  std::string bytes;
  EXPECT_TRUE(plan.write([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

// The power fails at each call in turn: under the plan's name stands the whole plan or nothing, and
// once write_plan() has returned, the plan.
TEST(Store, APlanIsThereWholeOrNotAtAll) {
  const FrozenPlan plan = frozen_plan(200);
  const std::string whole = bytes_of(plan);
  bool done = false;
  for (std::uint64_t n = 1; !done; ++n) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      ModelDisk disk(seed);
      disk.power_fails_at = n;
      Result<void> written = prepare_store(disk, "d");
      if (written) written = write_plan(disk, "d", plan);
      done = written.has_value();
      disk.lose_power();
      const auto names = disk.list("d/plans");
      const bool there = std::find(names->begin(), names->end(), "c.plan") != names->end();
      EXPECT_TRUE(there || !done) << n << ", seed " << seed;
      if (there) EXPECT_TRUE(disk.bytes("d/plans/c.plan") == whole) << n << ", seed " << seed;
      // What is left of the attempt is not in the way of the next one.
      EXPECT_TRUE(write_plan(disk, "d", plan));
      EXPECT_TRUE(disk.bytes("d/plans/c.plan") == whole);
    }
  }
}

// What a snapshot knows was confirmed once: a journal that ends before it has lost its end.
TEST(Store, AJournalThatEndsBeforeItsSnapshotIsNotWhole) {
  ModelDisk disk;
  JournalPlace place;
  place.segment = 1;
  place.lsn = 5;
  const std::string image = image_of(Record("Asia/Ho_Chi_Minh"));
  ASSERT_TRUE(write_snapshot(disk, journal_directory("d"), {place, image}));
  const auto whole = read_whole_store(disk, "d", "Asia/Ho_Chi_Minh", {});
  ASSERT_FALSE(whole);
  EXPECT_THAT(whole.error().text, testing::HasSubstr("its end is missing"));
}

TEST(Store, APlanThatWasChangedIsNotOpened) {
  const auto disk = create_system_disk();
  const std::string data = testing::TempDir() + "store-test";
  std::filesystem::remove_all(data);
  ASSERT_TRUE(prepare_store(*disk, data));
  ASSERT_TRUE(write_plan(*disk, data, frozen_plan(5)));
  CampaignRecord record;
  record.plan = Plan::open(plan_path(data, "c"))->sha256();
  record.rows.resize(5);
  EXPECT_TRUE(open_plan(data, "c", record));
  // Of as many rows, but not the same.
  std::fstream file(plan_path(data, "c"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('?');
  file.close();
  const auto changed = open_plan(data, "c", record);
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().text, testing::HasSubstr("it was changed after it was frozen"));
  std::filesystem::remove_all(data);
}

}  // namespace
}  // namespace loa
