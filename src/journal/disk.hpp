// The only door to the disk for what must survive a crash. Errors carry the path and the system's
// words.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace loa {

class DiskFile {
 public:
  virtual ~DiskFile() = default;

  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  // Up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::string> read_at(std::uint64_t offset, std::size_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Data and what is needed to read it are on stable storage. After a failure the file is not to be
  // trusted.
  virtual Result<void> sync() = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  virtual Result<void> make_directory(const std::string& path, unsigned mode) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // sorted names
  // Creates exclusively, with `reserve` bytes of space (read as zeros), mode 0600. Not durable
  // before sync() of the file and of its directory.
  virtual Result<std::unique_ptr<DiskFile>> create(const std::string& path,
                                                   std::uint64_t reserve) = 0;
  virtual Result<std::unique_ptr<DiskFile>> open(const std::string& path, bool writable) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> sync_directory(const std::string& path) = 0;
};

std::unique_ptr<Disk> create_system_disk();

// Holds DIR/lock while it lives, so that two processes cannot work on one data directory.
class DirectoryLock {
 public:
  // Fails with Code::temporary when another process holds it.
  static Result<DirectoryLock> take(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace loa
