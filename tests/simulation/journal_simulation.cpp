// The journal on a disk that loses power, fails and fills up, at any call. One seed is one history;
// LOA_SEED replays it, LOA_SEEDS=N runs so many.
#include <gmock/gmock.h>

#include <random>

#include "base/hash.hpp"
#include "journal/snapshot.hpp"
#include "support/journal_life.hpp"
#include "support/model_disk.hpp"
#include "support/seeds.hpp"

namespace loa {
namespace {

// What the lines so far add up to: how many, and a hash of them all.
struct Sum {
  std::uint64_t lines = 0;
  std::uint32_t hash = 0;

  void add(std::string_view line) {
    ++lines;
    hash = crc32c(line, hash);
  }
  std::string text() const { return std::to_string(lines) + " " + std::to_string(hash); }
  static Sum parse(const std::string& text) {
    Sum sum;
    std::size_t end = 0;
    sum.lines = std::stoull(text, &end);
    sum.hash = static_cast<std::uint32_t>(std::stoul(text.substr(end)));
    return sum;
  }
  friend bool operator==(const Sum&, const Sum&) = default;
};

struct Found {
  Sum sum;
  JournalEnd end;
};

// As a start does it: the newest snapshot that is of use, and the lines behind it.
Result<Found> recover(Disk& disk) {
  const auto names = list_snapshots(disk, "j");
  if (!names) return fail(names.error());
  Found found;
  const OnLine on_line = [&](std::uint64_t lsn, std::string_view line) -> Result<void> {
    if (lsn != found.sum.lines)
      return fail(Code::data, "lines are missing before " + found.sum.text());
    found.sum.add(line);
    return {};
  };
  for (const std::string& name : *names) {
    const auto snapshot = read_snapshot(disk, "j", name);
    if (!snapshot) continue;
    found.sum = Sum::parse(snapshot->state);
    auto end = read_journal(disk, "j", snapshot->place, on_line);
    if (end) {
      found.end = *end;
      return found;
    }
  }
  found = {};
  auto end = read_journal(disk, "j", {}, on_line);
  if (!end) return fail(std::move(end.error()));
  found.end = *end;
  return found;
}

class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed), disk_(seed + 1, draw(2) == 0 ? 512 : 4096), sums_(1) {
    settings_.segment_size = (4 + draw(29)) * kBlockAlign;
    if (draw(2) == 0) settings_.keep_segments = draw(3);
  }

  void run() {
    const std::uint64_t lives = 2 + draw(4);
    for (std::uint64_t life = 0; life < lives && !testing::Test::HasFailure(); ++life) live();
    disk_.power_fails_at = ModelDisk::kNever;
    const std::optional<Found> found = start();
    ASSERT_TRUE(found);
    EXPECT_EQ(disk_.syncs_after_failure(), 0);
  }

 private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  // One process, from its start to its end.
  void live() {
    if (draw(3) != 0) disk_.power_fails_at = disk_.calls() + 1 + draw(draw(2) == 0 ? 30 : 300);
    if (draw(8) == 0) {
      disk_.call_fails_at = disk_.calls() + 1 + draw(100);
      disk_.failure = Code::io;
    }
    const std::optional<Found> found = start();
    if (found) send(*found);
    disk_.call_fails_at = ModelDisk::kNever;
    if (disk_.power_failed() || draw(3) == 0) {
      disk_.lose_power();
    } else {
      disk_.end_process();
    }
  }

  // Whatever happened before: all that was confirmed is there, and nothing that was not given.
  std::optional<Found> start() {
    const auto found = recover(disk_);
    if (!found) {
      EXPECT_EQ(found.error().code, Code::io) << found.error().text;
      return std::nullopt;
    }
    EXPECT_GE(found->sum.lines, confirmed_);
    EXPECT_LT(found->sum.lines, sums_.size());
    if (testing::Test::HasFailure()) return std::nullopt;
    EXPECT_EQ(found->sum, sums_[found->sum.lines]);
    const auto again = recover(disk_);
    if (again) {
      EXPECT_EQ(again->sum, found->sum);
      EXPECT_EQ(again->end.place, found->end.place);
    }
    return *found;
  }

  void send(const Found& found) {
    settings_.epoch = random_();
    auto life = std::make_unique<JournalLife>(disk_, found.end, settings_);
    if (!life->is_open()) return;
    // What was found is confirmed from here on: others may have been told.
    confirmed_ = found.sum.lines;
    sums_.resize(confirmed_ + 1);
    const std::uint64_t before = confirmed_;
    const std::uint64_t bursts = draw(12);
    for (std::uint64_t burst = 0; burst < bursts && !life->failure; ++burst) {
      const std::uint64_t lines = 1 + draw(draw(4) == 0 ? 40 : 4);
      for (std::uint64_t i = 0; i < lines; ++i) give(*life);
      if (draw(3) == 0) life->snapshot(sums_.back().text());
      if (draw(3) == 0) give(*life);
      life->run();
      confirmed_ = before + life->confirmed;
    }
    // A process that is killed writes nothing more; one that ends writes what it has.
    const std::uint64_t power_fails_at = disk_.power_fails_at;
    if (draw(2) == 0) disk_.power_fails_at = 0;
    life.reset();
    disk_.power_fails_at = power_fails_at;
  }

  void give(JournalLife& life) {
    const std::string line =
        std::to_string(sums_.size()) +
        std::string(draw(draw(10) == 0 ? 20'000 : 300), static_cast<char>('a' + draw(26)));
    Sum sum = sums_.back();
    sum.add(line);
    sums_.push_back(sum);
    life.commit(line);
  }

  std::mt19937_64 random_;
  ModelDisk disk_;
  WriterSettings settings_;
  std::vector<Sum> sums_;  // after 0, 1, 2 ... lines given
  std::uint64_t confirmed_ = 0;
};

TEST(JournalSimulation, WhatWasConfirmedIsThereAndNothingElse) {
  for_each_seed(20'000, "journal_simulation", [](std::uint64_t seed) { History(seed).run(); });
}

}  // namespace
}  // namespace loa
