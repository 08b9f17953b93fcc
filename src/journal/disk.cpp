#include "journal/disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace loa {
namespace {

tl::unexpected<Error> failed(const std::string& doing, const std::string& path) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS
                        ? Code::cannot_write
                    : error == EACCES || error == EPERM ? Code::permission
                    : error == ENOENT                   ? Code::no_input
                                                        : Code::io;
  return fail(code, "cannot " + doing + " " + path + ": " + std::strerror(error));
}

class SystemFile final : public DiskFile {
 public:
  SystemFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~SystemFile() override { ::close(descriptor_); }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write to", path_);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t n =
          ::pread(descriptor_, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path_);
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
    return bytes;
  }

  Result<std::uint64_t> size() override {
    struct stat status = {};
    if (::fstat(descriptor_, &status) != 0) return failed("look at", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> sync() override {
    if (::fdatasync(descriptor_) != 0) return failed("make durable", path_);
    return {};
  }

 private:
  int descriptor_;
  std::string path_;
};

class SystemDisk final : public Disk {
 public:
  Result<void> make_directory(const std::string& path, unsigned mode) override {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
      return failed("create the directory", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* open_directory = ::opendir(directory.c_str());
    if (open_directory == nullptr) return failed("list the directory", directory);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open_directory)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(open_directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::unique_ptr<DiskFile>> create(const std::string& path,
                                           std::uint64_t reserve) override {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return failed("create", path);
    auto file = std::make_unique<SystemFile>(descriptor, path);
    if (reserve > 0) {
      const int error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(reserve));
      if (error != 0) {
        ::unlink(path.c_str());
        errno = error;
        return failed("reserve space for", path);
      }
    }
    return file;
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path, bool writable) override {
    // Without O_NONBLOCK a pipe in its place would block right here.
    const int descriptor =
        ::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return failed("open", path);
    auto file = std::make_unique<SystemFile>(descriptor, path);
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0) return failed("look at", path);
    if (!S_ISREG(status.st_mode)) return fail(Code::data, path + ": this is not a regular file");
    return file;
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename to", to);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failed("open the directory", path);
    const int outcome = ::fsync(descriptor);
    const int error = errno;
    ::close(descriptor);
    errno = error;
    if (outcome != 0) return failed("make durable", path);
    return {};
  }
};

}  // namespace

std::unique_ptr<Disk> create_system_disk() { return std::make_unique<SystemDisk>(); }

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed("open", path);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return fail(Code::temporary, "another process is working on " + directory +
                                     "; wait until it has ended, or give another --data directory");
  }
  return DirectoryLock(descriptor);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace loa
