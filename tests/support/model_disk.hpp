// A disk as bad as a real one may be. What was not synced comes back from a loss of power new, old
// or as garbage, sector by sector; names that were not synced may be missing; a call can fail, and
// after a failed sync the page cache shows what is not on the disk.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "journal/disk.hpp"

namespace loa {

class ModelDisk final : public Disk {
 public:
  explicit ModelDisk(std::uint64_t seed = 1, std::size_t sector = 4096)
      : random_(seed), sector_(sector) {}

  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // Calls are counted from 1. From this one on the power is gone.
  std::uint64_t power_fails_at = kNever;
  // This call fails, or this and all later ones.
  std::uint64_t call_fails_at = kNever;
  bool fails_for_good = false;
  Code failure = Code::io;  // cannot_write: the disk is full, and only what needs room fails
  bool full_for_creation_only = false;  // what was reserved may still be written

  std::uint64_t calls() const { return calls_; }
  std::uint64_t syncs() const { return syncs_; }
  // Syncs of a file whose last one had failed: never right.
  int syncs_after_failure() const { return syncs_after_failure_; }
  bool power_failed() const { return calls_ >= power_fails_at; }

  // The power goes and comes back. Files that are open belong to the past.
  void lose_power() {
    ++generation_;
    for (const auto& [path, inode] : names_) settle(*inode);
    for (const auto& [path, inode] : durable_names_) settle(*inode);
    for (const NameChange& change : changes_) {
      if (random_() % 2 == 0) continue;
      settle(*change.inode);
      change.apply(durable_names_);
    }
    changes_.clear();
    for (const std::string& directory : unsynced_directories_)
      if (random_() % 2 == 0)
        std::erase_if(durable_names_,
                      [&](const auto& name) { return name.first.starts_with(directory + "/"); });
    unsynced_directories_.clear();
    names_ = durable_names_;
    power_fails_at = kNever;
  }
  // The process ends; the page cache stays.
  void end_process() { ++generation_; }

  // The bytes of a file, to damage them; in the cache and on the disk alike.
  void edit(const std::string& path, const std::function<void(std::string&)>& change) {
    Inode& inode = *names_.at(path);
    change(inode.bytes);
    inode.durable = inode.bytes;
  }
  std::string bytes(const std::string& path) const { return names_.at(path)->bytes; }
  void copy_name(const std::string& from, const std::string& to) { names_[to] = names_.at(from); }
  std::size_t files() const { return names_.size(); }

  // Files need no directory; but one that is made takes what is in it along when its name is lost.
  Result<void> make_directory(const std::string& path, unsigned) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    unsynced_directories_.insert(path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    std::vector<std::string> names;
    for (const auto& [path, inode] : names_)
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    return names;
  }

  Result<std::unique_ptr<DiskFile>> create(const std::string& path,
                                           std::uint64_t reserve) override {
    if (auto failed = call(Need::new_room)) return fail(*failed);
    if (names_.contains(path)) return fail(Code::io, "exists: " + path);
    const auto inode = std::make_shared<Inode>();
    inode->bytes.assign(reserve, '\0');
    change_name({"", path, inode});
    return std::make_unique<File>(*this, inode);
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path, bool) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::no_input, "no such file: " + path);
    return std::make_unique<File>(*this, found->second);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    const auto found = names_.find(from);
    if (found == names_.end()) return fail(Code::no_input, "no such file: " + from);
    change_name({from, to, found->second});
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    const auto found = names_.find(path);
    if (found != names_.end()) change_name({path, "", found->second});
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    if (auto failed = call(Need::nothing)) return fail(*failed);
    ++syncs_;
    std::erase_if(unsynced_directories_, [&](const std::string& made) {
      return path == made + "/.." || made.starts_with(path + "/");
    });
    for (const NameChange& change : changes_) change.apply(durable_names_);
    changes_.clear();
    return {};
  }

 private:
  enum class Need { nothing, room, new_room };
  struct Inode {
    std::string bytes;            // as a process sees it
    std::string durable;          // as the disk holds it
    std::set<std::size_t> dirty;  // sectors on their way
    std::set<std::size_t> lost;   // sectors that a failed sync forgot
    bool size_durable = false;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  // From nothing: a creation; to nothing: a removal.
  struct NameChange {
    std::string from, to;
    std::shared_ptr<Inode> inode;

    void apply(Names& names) const {
      if (!from.empty()) names.erase(from);
      if (!to.empty()) names[to] = inode;
    }
  };

  class File final : public DiskFile {
   public:
    File(ModelDisk& disk, std::shared_ptr<Inode> inode)
        : disk_(disk), inode_(std::move(inode)), generation_(disk.generation_) {}

    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      const std::optional<Error> failed = call(Need::room);
      // Of a write that fails, a part may have come through.
      if (failed) bytes = bytes.substr(0, disk_.random_() % (bytes.size() + 1));
      if (generation_ == disk_.generation_) put(offset, bytes);
      if (failed) return fail(*failed);
      return {};
    }

    Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
      if (auto failed = call(Need::nothing)) return fail(*failed);
      if (offset >= inode_->bytes.size()) return std::string();
      return inode_->bytes.substr(offset, size);
    }

    Result<std::uint64_t> size() override { return inode_->bytes.size(); }

    Result<void> sync() override {
      if (sync_failed_) ++disk_.syncs_after_failure_;
      ++disk_.syncs_;
      if (auto failed = call(Need::nothing)) {
        sync_failed_ = true;
        inode_->lost.merge(inode_->dirty);
        inode_->dirty.clear();
        return fail(*failed);
      }
      inode_->durable.resize(inode_->bytes.size());
      for (const std::size_t sector : inode_->dirty) disk_.copy(*inode_, sector);
      inode_->dirty.clear();
      inode_->size_durable = true;
      return {};
    }

   private:
    std::optional<Error> call(Need need) {
      if (generation_ != disk_.generation_) return Error{Code::io, "of a process that is no more"};
      return disk_.call(need);
    }

    void put(std::uint64_t offset, std::string_view bytes) {
      if (bytes.empty()) return;
      std::string& all = inode_->bytes;
      if (all.size() < offset + bytes.size()) all.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), all.begin() + static_cast<std::ptrdiff_t>(offset));
      for (std::size_t at = offset / disk_.sector_; at * disk_.sector_ < offset + bytes.size();
           ++at) {
        inode_->dirty.insert(at);
        inode_->lost.erase(at);
      }
    }

    ModelDisk& disk_;
    std::shared_ptr<Inode> inode_;
    std::uint64_t generation_;
    bool sync_failed_ = false;
  };

  std::optional<Error> call(Need need) {
    ++calls_;
    if (power_failed()) return Error{Code::io, "the power is gone"};
    const bool fails = fails_for_good ? calls_ >= call_fails_at : calls_ == call_fails_at;
    const bool has_room = need == Need::nothing || (need == Need::room && full_for_creation_only);
    if (!fails || (failure == Code::cannot_write && has_room)) return std::nullopt;
    return Error{failure, failure == Code::io ? "Input/output error" : "No space left on device"};
  }

  void change_name(const NameChange& change) {
    change.apply(names_);
    changes_.push_back(change);
  }

  void copy(Inode& inode, std::size_t sector) const {
    const std::size_t from = sector * sector_;
    if (from >= inode.bytes.size()) return;
    const std::size_t size = std::min(sector_, inode.bytes.size() - from);
    inode.durable.replace(from, size, inode.bytes, from, size);
  }

  // What the disk holds of a file after the power is back.
  void settle(Inode& inode) {
    if (!inode.size_durable && random_() % 2 == 0) inode.durable.resize(inode.bytes.size());
    if (inode.durable.size() < inode.bytes.size() && random_() % 2 == 0)
      inode.durable.resize(inode.bytes.size());
    for (const std::size_t sector : inode.dirty) {
      const std::size_t from = sector * sector_;
      if (from >= inode.durable.size()) continue;
      const std::size_t size = std::min(sector_, inode.durable.size() - from);
      switch (random_() % 3) {
        case 0: break;
        case 1: copy(inode, sector); break;
        default:
          for (std::size_t i = 0; i < size; ++i)
            inode.durable[from + i] = static_cast<char>(random_());
      }
    }
    inode.dirty.clear();
    inode.lost.clear();
    inode.bytes = inode.durable;
  }

  std::mt19937_64 random_;
  std::size_t sector_;
  Names names_;          // as a process sees them
  Names durable_names_;  // as the disk holds them
  std::vector<NameChange> changes_;
  std::set<std::string> unsynced_directories_;
  std::uint64_t generation_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t syncs_ = 0;
  int syncs_after_failure_ = 0;
};

}  // namespace loa
