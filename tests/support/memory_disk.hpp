// A disk in memory that can fail and can lose what was not synced.
#pragma once

#include <algorithm>
#include <map>
#include <memory>

#include "journal/disk.hpp"

namespace loa {

class MemoryDisk final : public Disk {
 public:
  struct Content {
    std::string bytes;   // as a process sees it
    std::string synced;  // as a crash leaves it
  };

  std::map<std::string, std::shared_ptr<Content>> files;
  int syncs = 0;
  int fail_sync_at = 0;  // the n-th sync fails, 0 for none

  // Power is lost: what was not synced is gone.
  void crash() {
    for (auto& [path, content] : files) content->bytes = content->synced;
  }

  Result<void> make_directory(const std::string&, unsigned) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::vector<std::string> names;
    for (const auto& [path, content] : files)
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    return names;
  }
  Result<std::unique_ptr<DiskFile>> create(const std::string& path,
                                           std::uint64_t reserve) override {
    if (files.contains(path)) return fail(Code::io, "exists: " + path);
    auto content = std::make_shared<Content>();
    content->bytes.assign(reserve, '\0');
    files[path] = content;
    return std::make_unique<File>(*this, content);
  }
  Result<std::unique_ptr<DiskFile>> open(const std::string& path, bool) override {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Code::no_input, "no such file: " + path);
    return std::make_unique<File>(*this, found->second);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    files[to] = files[from];
    files.erase(from);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
  Result<void> sync_directory(const std::string&) override { return {}; }

 private:
  class File final : public DiskFile {
   public:
    File(MemoryDisk& disk, std::shared_ptr<Content> content)
        : disk_(disk), content_(std::move(content)) {}

    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      std::string& all = content_->bytes;
      if (all.size() < offset + bytes.size()) all.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), all.begin() + static_cast<std::ptrdiff_t>(offset));
      return {};
    }
    Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
      if (offset >= content_->bytes.size()) return std::string();
      return content_->bytes.substr(offset, size);
    }
    Result<std::uint64_t> size() override { return content_->bytes.size(); }
    Result<void> sync() override {
      if (++disk_.syncs == disk_.fail_sync_at)
        return fail(Code::io, "cannot make durable: the test says so");
      content_->synced = content_->bytes;
      return {};
    }

   private:
    MemoryDisk& disk_;
    std::shared_ptr<Content> content_;
  };
};

}  // namespace loa
