#include "journal/journal.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "journal/block.hpp"
#include "support/memory_disk.hpp"

namespace loa {
namespace {

struct Read {
  std::vector<std::string> lines;
  Result<JournalEnd> end;
};

Read read(Disk& disk) {
  Read read;
  read.end = read_journal(disk, "j", [&](std::uint64_t, std::string_view line) -> Result<void> {
    read.lines.emplace_back(line);
    return {};
  });
  return read;
}

Task<void> commit_one(Journal& journal, std::string line, std::vector<Result<void>>& outcomes) {
  Result<void> outcome = co_await journal.commit(line);
  outcomes.push_back(std::move(outcome));
}

// Commits the lines at once, under one opening of the journal.
std::vector<Result<void>> write(MemoryDisk& disk, const std::vector<std::string>& lines,
                                std::uint64_t epoch = 1) {
  asio::io_context context(1);
  const Read before = read(disk);
  auto journal = open_journal(context.get_executor(), disk, "j", *before.end, epoch);
  std::vector<Result<void>> outcomes;
  for (const std::string& line : lines)
    asio::co_spawn(context, commit_one(**journal, line, outcomes),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  context.run();
  return outcomes;
}

std::string& segment(MemoryDisk& disk, int number = 1) {
  return disk.files.at("j/" + segment_name(static_cast<std::uint64_t>(number)))->bytes;
}

TEST(Journal, WhatWasConfirmedIsReadInOrder) {
  MemoryDisk disk;
  write(disk, {"{\"a\":1}", "{\"b\":2}"});
  write(disk, {"{\"c\":3}"}, 2);
  disk.crash();
  const Read found = read(disk);
  ASSERT_TRUE(found.end);
  EXPECT_THAT(found.lines, testing::ElementsAre("{\"a\":1}", "{\"b\":2}", "{\"c\":3}"));
  EXPECT_EQ(found.end->lsn, 3U);
}

TEST(Journal, ManyLinesShareACommit) {
  MemoryDisk disk;
  write(disk, std::vector<std::string>(1000, "x"));
  EXPECT_EQ(read(disk).lines.size(), 1000U);
  EXPECT_LT(disk.syncs, 200);
}

TEST(Journal, GoesOnInTheNextSegment) {
  MemoryDisk disk;
  const std::string line(kLineMax, 'x');
  for (int i = 0; i < 12; ++i)
    write(disk, std::vector<std::string>(100, line), 1 + static_cast<std::uint64_t>(i));
  EXPECT_EQ(disk.files.size(), 2U);
  const Read found = read(disk);
  ASSERT_TRUE(found.end) << found.end.error().text;
  EXPECT_EQ(found.lines.size(), 1200U);
  EXPECT_EQ(found.end->segments, 2U);
}

TEST(Journal, ATornTailIsCut) {
  MemoryDisk disk;
  write(disk, {"first"});
  const std::size_t good = read(disk).end->offset;
  write(disk, {"second"}, 2);
  segment(disk)[good + 50] ^= 1;
  const Read found = read(disk);
  ASSERT_TRUE(found.end);
  EXPECT_THAT(found.lines, testing::ElementsAre("first"));
  EXPECT_EQ(found.end->torn_bytes, kBlockAlign);
  write(disk, {"third"}, 3);
  EXPECT_THAT(read(disk).lines, testing::ElementsAre("first", "third"));
}

TEST(Journal, AHoleInTheMiddleStops) {
  MemoryDisk disk;
  write(disk, {"first"});
  const std::size_t hole = read(disk).end->offset;
  write(disk, {"second"}, 2);
  write(disk, {"third"}, 3);
  segment(disk)[hole + 50] ^= 1;
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_THAT(found.end.error().text, testing::HasSubstr("offset " + std::to_string(hole)));
}

TEST(Journal, EveryFlippedByteIsFoundOrHarmless) {
  MemoryDisk disk;
  write(disk, {"first line", "second line"});
  write(disk, {"third line"}, 2);
  const std::vector<std::string> lines = read(disk).lines;
  segment(disk).resize(4 * kBlockAlign);  // the zeros behind are not worth the time
  const std::size_t size = read(disk).end->offset;
  for (std::size_t i = 0; i < size; ++i) {
    segment(disk)[i] ^= 0x20;
    const Read found = read(disk);
    // Either it stops, or what it gives is a true beginning of the journal.
    if (found.end) {
      ASSERT_LE(found.lines.size(), lines.size());
      EXPECT_TRUE(std::equal(found.lines.begin(), found.lines.end(), lines.begin())) << i;
    }
    segment(disk)[i] ^= 0x20;
  }
}

TEST(Journal, BlocksOfAnOlderUseAreNotTaken) {
  MemoryDisk older;
  write(older, {"old 1"});
  write(older, {"old 2"}, 2);
  MemoryDisk disk;
  write(disk, {"new 1"}, 9);
  // The second block's place holds one of an older life of the file: right CRC, right sequence,
  // wrong chain.
  std::copy_n(segment(older).begin() + kBlockAlign, kBlockAlign,
              segment(disk).begin() + kBlockAlign);
  EXPECT_THAT(read(disk).lines, testing::Not(testing::Contains("old 2")));
}

TEST(Journal, ANewerFormatIsRefused) {
  MemoryDisk disk;
  write(disk, {"line"});
  BlockHeader header = *decode_header(segment(disk));
  header.version = kFormatVersion + 1;
  const std::string block = encode_block(header, "line\n");
  std::copy(block.begin(), block.end(), segment(disk).begin());
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_EQ(found.end.error().code, Code::config);
}

TEST(Journal, AMissingSegmentStops) {
  MemoryDisk disk;
  write(disk, {"line"});
  disk.files["j/" + segment_name(3)] = disk.files["j/" + segment_name(1)];
  const Read found = read(disk);
  ASSERT_FALSE(found.end);
  EXPECT_THAT(found.end.error().text, testing::HasSubstr("00000002.seg is missing"));
}

TEST(Journal, AfterAFailedSyncNothingIsConfirmedAnyMore) {
  MemoryDisk disk;
  write(disk, {"first"});
  disk.fail_sync_at = disk.syncs + 1;
  const auto outcomes = write(disk, {"second", "third"}, 2);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_FALSE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(disk.syncs, disk.fail_sync_at);  // never a second one
  disk.crash();
  EXPECT_THAT(read(disk).lines, testing::ElementsAre("first"));
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
