#include "journal/journal.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "journal/block.hpp"
#include "journal/snapshot.hpp"
#include "support/journal_life.hpp"
#include "support/model_disk.hpp"

namespace loa {
namespace {

struct Read {
  std::vector<std::string> lines;
  Result<JournalEnd> end;
};

Read read(Disk& disk, const JournalPlace& start = {}, const std::string& directory = "j") {
  Read read;
  read.end = read_journal(disk, directory, start,
                          [&](std::uint64_t, std::string_view line) -> Result<void> {
                            read.lines.emplace_back(line);
                            return {};
                          });
  return read;
}

constexpr std::uint64_t kSmall = 16 * kBlockAlign;

// Commits the lines at once, under one opening of the journal.
std::unique_ptr<JournalLife> write(Disk& disk, const std::vector<std::string>& lines,
                                   WriterSettings settings = {
                                       .epoch = 1, .segment_size = kSmall, .keep_segments = {}}) {
  const Read before = read(disk);
  EXPECT_TRUE(before.end) << before.end.error().text;
  auto life = std::make_unique<JournalLife>(disk, *before.end, settings);
  if (!life->is_open()) return life;
  for (const std::string& line : lines) life->commit(line);
  life->run();
  return life;
}

std::string segment(int number = 1) {
  return "j/" + segment_name(static_cast<std::uint64_t>(number));
}

void flip(ModelDisk& disk, std::size_t offset) {
  disk.edit(segment(), [&](std::string& bytes) { bytes[offset] ^= 1; });
}

TEST(Journal, WhatWasConfirmedIsReadInOrder) {
  ModelDisk disk;
  write(disk, {"{\"a\":1}", "{\"b\":2}"});
  write(disk, {"{\"c\":3}"});
  disk.lose_power();
  const Read found = read(disk);
  ASSERT_TRUE(found.end);
  EXPECT_THAT(found.lines, testing::ElementsAre("{\"a\":1}", "{\"b\":2}", "{\"c\":3}"));
  EXPECT_EQ(found.end->place.lsn, 3U);
}

TEST(Journal, ManyLinesShareACommit) {
  ModelDisk disk;
  write(disk, std::vector<std::string>(1000, "x"));
  EXPECT_EQ(read(disk).lines.size(), 1000U);
  EXPECT_LT(disk.syncs(), 20U);
}

TEST(Journal, GoesOnInTheNextSegment) {
  ModelDisk disk;
  const std::string line(5000, 'x');
  for (int i = 0; i < 12; ++i) write(disk, {line, line});
  const Read found = read(disk);
  ASSERT_TRUE(found.end) << found.end.error().text;
  EXPECT_EQ(found.lines.size(), 24U);
  EXPECT_EQ(found.end->place.segment, disk.files() - 1);  // and a spare
  EXPECT_GT(found.end->place.segment, 2U);
}

TEST(Journal, ATornTailIsCut) {
  ModelDisk disk;
  write(disk, {"first"});
  const std::uint64_t good = read(disk).end->place.offset;
  disk.edit(segment(), [&](std::string& bytes) { bytes.replace(good + 50, 4, "torn"); });
  const Read found = read(disk);
  ASSERT_TRUE(found.end);
  EXPECT_THAT(found.lines, testing::ElementsAre("first"));
  EXPECT_EQ(found.end->torn_bytes, kBlockAlign);
  write(disk, {"third"});
  EXPECT_THAT(read(disk).lines, testing::ElementsAre("first", "third"));
  EXPECT_EQ(read(disk).end->torn_bytes, 0U);
}

TEST(Journal, AHoleInTheMiddleStops) {
  ModelDisk disk;
  const auto life = write(disk, {"first"});
  const std::uint64_t hole = read(disk).end->place.offset;
  for (const char* line : {"second", "third"}) {
    life->commit(line);
    life->run();
  }
  flip(disk, hole + 50);
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_EQ(found.end.error().code, Code::data);
  EXPECT_THAT(found.end.error().text, testing::HasSubstr("offset " + std::to_string(hole)));
}

// The last block stands twice after a restart, since its sync may have failed unseen.
TEST(Journal, TheLastBlockSurvivesItsLoss) {
  ModelDisk disk;
  write(disk, {"first"});
  const std::uint64_t place = read(disk).end->place.last_offset;
  write(disk, {"second"});
  flip(disk, place + 50);
  const Read found = read(disk);
  ASSERT_TRUE(found.end) << found.end.error().text;
  EXPECT_THAT(found.lines, testing::ElementsAre("first", "second"));
}

TEST(Journal, EveryFlippedByteIsFoundOrHarmless) {
  ModelDisk disk;
  const WriterSettings tiny{.epoch = 1, .segment_size = 4 * kBlockAlign, .keep_segments = {}};
  write(disk, {"first line", "second line"}, tiny);
  write(disk, {"third line"}, tiny);
  const std::vector<std::string> lines = read(disk).lines;
  const std::uint64_t size = read(disk).end->place.offset;
  for (std::size_t i = 0; i < size; ++i) {
    flip(disk, i);
    const Read found = read(disk);
    // Either it stops, or what it gives is a true beginning of the journal.
    if (found.end) {
      ASSERT_LE(found.lines.size(), lines.size());
      EXPECT_TRUE(std::equal(found.lines.begin(), found.lines.end(), lines.begin())) << i;
    }
    flip(disk, i);
  }
}

TEST(Journal, BlocksOfAnOlderUseAreNotTaken) {
  ModelDisk older;
  const auto before = write(older, {"old 1"});
  before->commit("old 2");
  before->run();
  ModelDisk disk;
  write(disk, {"new 1"}, {.epoch = 9, .segment_size = kSmall, .keep_segments = {}});
  // The second block's place holds one of an older life of the file: right CRC, right sequence,
  // wrong chain.
  const std::string stale = older.bytes(segment()).substr(kBlockAlign, kBlockAlign);
  disk.edit(segment(), [&](std::string& bytes) { bytes.replace(kBlockAlign, kBlockAlign, stale); });
  EXPECT_THAT(read(disk).lines, testing::Not(testing::Contains("old 2")));
}

// Only the epoch tells such a block from the journal's own: the lines are the same.
TEST(Journal, TheSameLinesOfAnOlderUseAreNotTaken) {
  ModelDisk older;
  const auto before = write(older, {"same"});
  before->commit("never sent again");
  before->run();
  ModelDisk disk;
  write(disk, {"same"}, {.epoch = 9, .segment_size = kSmall, .keep_segments = {}});
  const std::string stale = older.bytes(segment()).substr(kBlockAlign, kBlockAlign);
  disk.edit(segment(), [&](std::string& bytes) { bytes.replace(kBlockAlign, kBlockAlign, stale); });
  EXPECT_THAT(read(disk).lines, testing::ElementsAre("same"));
}

void set_version(ModelDisk& disk, std::uint32_t version) {
  disk.edit(segment(), [&](std::string& bytes) {
    BlockHeader header = *decode_header(bytes);
    header.version = version;
    const std::string block = encode_block(header, "line\n");
    bytes.replace(0, block.size(), block);
  });
}

TEST(Journal, ANewerFormatIsRefused) {
  ModelDisk disk;
  write(disk, {"line"});
  set_version(disk, kFormatVersion + 1);
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_EQ(found.end.error().code, Code::config);
}

// A journal as version 0.1.0 left it, before blocks could stand twice.
TEST(Journal, AnOlderFormatIsReadAndContinued) {
  const auto disk = create_system_disk();
  const std::string folder = testing::TempDir() + "journal-v1";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::filesystem::copy(LOA_TEST_DATA "/journal-v1/00000001.seg", folder + "/00000001.seg");
  const Read found = read(*disk, {}, folder);
  ASSERT_TRUE(found.end) << found.end.error().text;
  EXPECT_EQ(found.end->place.lsn, 9U);
  EXPECT_THAT(found.lines.front(), testing::HasSubstr("\"event\":\"opened\""));
  EXPECT_THAT(found.lines.back(), testing::HasSubstr("\"event\":\"ended\""));
  std::filesystem::remove_all(folder);
}

TEST(Journal, AMissingSegmentStops) {
  ModelDisk disk;
  write(disk, {"line"});
  disk.copy_name(segment(1), segment(4));
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_THAT(found.end.error().text, testing::HasSubstr("00000003.seg is missing"));
}

TEST(Journal, ASnapshotSparesTheLinesBeforeIt) {
  ModelDisk disk;
  const auto life = write(disk, {"first", "second"});
  life->snapshot("two lines");
  life->commit("third");
  life->run();
  const auto names = list_snapshots(disk, "j");
  ASSERT_THAT(*names, testing::SizeIs(1));
  const auto snapshot = read_snapshot(disk, "j", names->front());
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->state, "two lines");
  EXPECT_EQ(snapshot->place.lsn, 2U);
  EXPECT_THAT(read(disk, snapshot->place).lines, testing::ElementsAre("third"));
}

TEST(Journal, ASnapshotOfAnotherJournalIsNotGoneOnFrom) {
  ModelDisk other;
  write(other, {"one", "two"});
  const JournalPlace place = read(other).end->place;
  ModelDisk disk;
  write(disk, {"three", "four"});
  const Read found = read(disk, place);
  ASSERT_FALSE(found.end);
  EXPECT_EQ(found.end.error().code, Code::data);
  EXPECT_THAT(found.end.error().text, testing::HasSubstr("the block before the snapshot"));
}

TEST(Journal, ADamagedSnapshotIsNone) {
  ModelDisk disk;
  const auto life = write(disk, {"first"});
  life->snapshot("state");
  life->run();
  const std::string name = list_snapshots(disk, "j")->front();
  for (std::size_t i = 0; i < disk.bytes("j/" + name).size(); ++i) {
    disk.edit("j/" + name, [&](std::string& bytes) { bytes[i] ^= 1; });
    EXPECT_FALSE(read_snapshot(disk, "j", name)) << i;
    disk.edit("j/" + name, [&](std::string& bytes) { bytes[i] ^= 1; });
  }
  EXPECT_TRUE(read_snapshot(disk, "j", name));
}

TEST(Journal, OldSegmentsAreUsedAgainByPolicy) {
  const auto files_after = [](std::optional<std::uint64_t> keep) {
    ModelDisk disk;
    const auto life =
        write(disk, {"first"}, {.epoch = 1, .segment_size = kSmall, .keep_segments = keep});
    for (int i = 0; i < 100; ++i) {
      life->commit(std::string(5000, 'x'));
      life->snapshot("state");
      life->run();
    }
    EXPECT_EQ(read(disk).end->place.lsn, 101U);
    return disk.files();
  };
  EXPECT_GT(files_after({}), 10U);
  EXPECT_LE(files_after(1), 7U);
}

TEST(Journal, AfterAFailedSyncNothingIsConfirmedAnyMore) {
  ModelDisk disk;
  const auto life = write(disk, {"first"});
  const std::uint64_t syncs = disk.syncs();
  disk.call_fails_at = disk.calls() + 2;  // the write, and then its sync
  life->commit("second");
  life->run();
  life->commit("third");
  life->run();
  ASSERT_TRUE(life->failure);
  EXPECT_EQ(life->failure->code, Code::io);
  EXPECT_EQ(life->confirmed, 1U);
  EXPECT_EQ(disk.syncs(), syncs + 1);  // never a second one
  disk.lose_power();
  EXPECT_THAT(read(disk).lines, testing::Contains("first"));
}

// Each call of a session fails in turn, once or from then on.
class EveryCall : public testing::TestWithParam<bool> {};

constexpr int kSessionLines = 30;

std::unique_ptr<JournalLife> session(ModelDisk& disk) {
  const Read before = read(disk);
  if (!before.end) return nullptr;
  auto life = std::make_unique<JournalLife>(
      disk, *before.end, WriterSettings{.epoch = 1, .segment_size = kSmall, .keep_segments = {}});
  for (int i = 0; life->is_open() && i < kSessionLines; ++i) {
    life->commit(std::to_string(i) + std::string(3000, 'x'));
    if (i % 10 == 9) life->snapshot("state");
    life->run();
  }
  return life;
}

TEST_P(EveryCall, AnErrorStopsTheJournalAndLosesNothing) {
  for (std::uint64_t n = 1;; ++n) {
    ModelDisk disk(n);
    disk.call_fails_at = n;
    disk.fails_for_good = GetParam();
    const auto life = session(disk);
    const bool was_reached = disk.calls() >= n;
    disk.call_fails_at = ModelDisk::kNever;
    if (!was_reached) break;
    EXPECT_EQ(disk.syncs_after_failure(), 0) << n;
    if (life == nullptr || !life->is_open()) continue;
    // Either it is dead and says why, or a snapshot failed, which harms nothing.
    if (life->failure) {
      EXPECT_THAT(life->failure->text, testing::HasSubstr("Input/output error")) << n;
    } else {
      EXPECT_EQ(life->confirmed, std::uint64_t{kSessionLines}) << n;
      EXPECT_THAT(life->notes, testing::Contains(testing::HasSubstr("could not be kept"))) << n;
    }
    disk.lose_power();
    const Read found = read(disk);
    ASSERT_TRUE(found.end) << n << found.end.error().text;
    EXPECT_GE(found.lines.size(), life->confirmed) << n;
  }
}

TEST_P(EveryCall, AFullDiskIsWaitedFor) {
  for (std::uint64_t n = 1;; ++n) {
    ModelDisk disk(n);
    disk.failure = Code::cannot_write;
    disk.call_fails_at = n;
    disk.fails_for_good = GetParam();
    const auto life = session(disk);
    const bool was_reached = disk.calls() >= n;
    disk.call_fails_at = ModelDisk::kNever;
    if (!was_reached) break;
    if (life == nullptr || !life->is_open()) continue;  // there was nothing to lose yet
    EXPECT_FALSE(life->failure) << n << life->failure->text;
    life->pass_time();  // there is room again
    EXPECT_FALSE(life->shortage()) << n;
    EXPECT_EQ(life->confirmed, std::uint64_t{kSessionLines}) << n;
    disk.lose_power();
    EXPECT_EQ(read(disk).lines.size(), life->confirmed) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryCall, testing::Bool(),
                         [](const auto& fault) { return fault.param ? "FromThenOn" : "Once"; });

// What is under way when the disk fills up finds room for its outcome.
TEST(Journal, OutcomesFindRoomOnAFullDisk) {
  ModelDisk disk;
  const auto life = write(disk, {"first"});
  disk.failure = Code::cannot_write;
  disk.call_fails_at = disk.calls() + 1;
  disk.fails_for_good = true;
  disk.full_for_creation_only = true;
  int given = 0;
  while (!life->shortage() && !life->failure) {
    life->commit(std::to_string(++given) + std::string(3000, 'x'));
    life->run();
  }
  EXPECT_THAT(life->notes, testing::Contains(testing::HasSubstr("No space left on device")));
  for (int i = 0; i < 10; ++i) life->commit("outcome");
  life->run();
  EXPECT_EQ(life->confirmed, static_cast<std::uint64_t>(1 + given + 10));
  EXPECT_TRUE(life->shortage());
}

// Nothing under /proc can be made durable: that this is said shows that the system was asked.
TEST(SystemDisk, ASyncReachesTheSystemAndItsFailureIsTold) {
  const auto disk = create_system_disk();
  const auto file = disk->open("/proc/self/status", false);
  ASSERT_TRUE(file);
  EXPECT_FALSE((*file)->sync());
  EXPECT_FALSE(disk->sync_directory("/proc/self"));
}

TEST(DirectoryLock, TheSecondIsRefused) {
  const std::string folder = testing::TempDir() + "lock-test";
  std::filesystem::create_directories(folder);
  {
    const auto first = DirectoryLock::take(folder);
    ASSERT_TRUE(first);
    const auto second = DirectoryLock::take(folder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::temporary);
  }
  EXPECT_TRUE(DirectoryLock::take(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace loa
