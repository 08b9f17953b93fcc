#include "base/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace loa {
namespace {

tl::unexpected<Error> failed(const std::string& what) {
  return fail(Code::no_input, what + ": " + std::strerror(errno));
}

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  // Without O_NONBLOCK a pipe would block right here.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return failed("cannot be opened");
  InputFile file(descriptor);
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) return failed("cannot be looked at");
  if (S_ISDIR(status.st_mode)) return fail(Code::no_input, "is a folder; a file is needed");
  if (!S_ISREG(status.st_mode))
    return fail(Code::no_input, "is a pipe or a device: write what it gives to a file");
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> InputFile::read(char* bytes, std::size_t size) {
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::read(descriptor_, bytes + have, size - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

Result<std::string> read_start(const std::string& path, std::size_t size) {
  auto file = InputFile::open(path);
  if (!file) return fail(std::move(file.error()));
  std::string text(size, '\0');
  const auto have = file->read(text.data(), size);
  if (!have) return fail(have.error());
  text.resize(*have);
  return text;
}

Result<std::string> read_private(const std::string& path, std::size_t max) {
  auto file = InputFile::open(path);
  if (!file) return fail(std::move(file.error()));
  struct stat status = {};
  if (::fstat(file->descriptor(), &status) != 0) return failed("cannot be looked at");
  constexpr mode_t kTooOpen = S_IWGRP | S_IRWXO;
  if ((status.st_mode & kTooOpen) != 0) {
    return fail(Code::permission, fmt::format("is open to others (mode {:04o}): chmod {:o} it",
                                              status.st_mode & 07777U, status.st_mode & 0640U));
  }
  std::string text(max + 1, '\0');
  const auto have = file->read(text.data(), text.size());
  if (!have) return fail(have.error());
  if (*have > max) return fail(Code::data, fmt::format("is longer than {} bytes", max));
  text.resize(*have);
  return text;
}

}  // namespace loa
