#include "intake/incoming.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "audience/source.hpp"
#include "base/input_file.hpp"
#include "campaign/campaign.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// For file systems that cannot say whether a file is open for writing.
constexpr seconds kQuiet{2};
// So long an empty file may become a full one.
constexpr seconds kEmptyFor{60};

tl::unexpected<Error> failed(const std::string& doing) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT || error == EROFS ? Code::cannot_write
                    : error == EACCES || error == EPERM                  ? Code::permission
                                                                         : Code::io;
  return fail(code, "cannot " + doing + ": " + std::strerror(error));
}

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

// By the clock of the file system; a time that has not come yet is no age.
seconds age_of(const FileIdentity& identity, Instant now) {
  const Instant modified{std::chrono::microseconds(identity.modified / 1000)};
  return std::chrono::duration_cast<seconds>(now - modified);
}

// Whether somebody has it open for writing; nothing when the system does not tell. A lease for
// reading is refused while there is a writer; who comes while it is held is waited for by the
// system, and we are told by a signal, which must be one that is ignored.
std::optional<bool> is_being_written(int descriptor) {
  if (::fcntl(descriptor, F_SETSIG, SIGURG) != 0) return std::nullopt;
  if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) {
    if (errno == EAGAIN) return true;
    return std::nullopt;
  }
  ::fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return false;
}

bool is_whole(int descriptor, const FileIdentity& identity, Instant now, bool closed) {
  if (const auto written = is_being_written(descriptor)) return !*written;
  const seconds age = age_of(identity, now);
  return closed || age >= kQuiet || age < -kQuiet;
}

std::string owner_of(const struct stat& status) {
  std::array<char, 4096> buffer{};
  struct passwd entry = {};
  struct passwd* found = nullptr;
  const int error = ::getpwuid_r(status.st_uid, &entry, buffer.data(), buffer.size(), &found);
  if (error == 0 && found != nullptr) return found->pw_name;
  return fmt::format("uid {}", status.st_uid);
}

std::string_view kind_words(mode_t mode) {
  if (S_ISLNK(mode)) return "it is a link; put the file itself here";
  return "it is no regular file, but a pipe, a socket or a device";
}

Result<void> sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("open " + folder);
  const int synced = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  errno = error;
  if (synced != 0) return failed("sync " + folder);
  return {};
}

// x.yaml, or x.20261124T081500Z.yaml, x.20261124T081500Z-2.yaml when that is there.
std::string free_name(const std::string& folder, const std::string& name, Instant now) {
  const fs::path path(name);
  std::string stamp;
  for (const char c : to_rfc3339(std::chrono::floor<seconds>(now)).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  std::string candidate = name;
  for (int i = 1; status_of(fmt::format("{}/{}", folder, candidate)); ++i)
    candidate = fmt::format("{}.{}Z{}{}", path.stem().string(), stamp,
                            i == 1 ? "" : fmt::format("-{}", i), path.extension().string());
  return candidate;
}

// At its place only when it is whole.
Result<void> write_file(const std::string& path, const std::string& text) {
  const std::string draft = path + ".part";
  const int descriptor =
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (descriptor < 0) return failed("write " + path);
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t n = ::write(descriptor, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  const bool whole = left.empty() && ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  if (!whole || ::rename(draft.c_str(), path.c_str()) != 0) return failed("write " + path);
  return {};
}

}  // namespace

bool is_campaign_name(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

Incoming::Incoming(const std::string& folder) {
  const fs::path path = fs::path(folder) / "";
  folder_ = path.parent_path().string();
  taken_ = (path.parent_path().parent_path() / "taken").string();
  refused_ = (path.parent_path().parent_path() / "refused").string();
}

Result<void> Incoming::prepare() const {
  for (const std::string& folder : {folder_, taken_, refused_}) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error && !fs::is_directory(folder))
      return fail(Code::io, "cannot make the folder " + folder + ": " + error.message());
  }
  return {};
}

Result<std::vector<std::string>> Incoming::list() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder_.c_str()), &::closedir);
  if (!open) return failed("list " + folder_);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (is_campaign_name(name) && entry->d_type != DT_DIR) names.emplace_back(name);
    if (names.size() == kNamesMax) break;
  }
  if (errno != 0) return failed("list " + folder_);
  std::sort(names.begin(), names.end());
  return names;
}

IncomingFile Incoming::look(const std::string& name, Instant now, bool closed) const {
  IncomingFile file;
  const std::string path = folder_ + "/" + name;
  const auto status = status_of(path);
  if (!status || S_ISDIR(status->st_mode)) return file;
  file.identity = identity_of(*status);
  file.owner = owner_of(*status);
  const auto odd = [&file](std::string words) {
    file.state = IncomingFile::State::odd;
    file.words = std::move(words);
    return file;
  };
  if (!S_ISREG(status->st_mode)) return odd(std::string(kind_words(status->st_mode)));
  auto input = InputFile::open(path);
  if (!input) return status_of(path) ? odd("it " + input.error().text) : IncomingFile{};
  struct stat opened = {};
  // Put in its place since: another look will tell.
  file.state = IncomingFile::State::not_yet;
  if (::fstat(input->descriptor(), &opened) != 0 || identity_of(opened) != file.identity)
    return file;
  if (file.identity.size == 0 && age_of(file.identity, now) < kEmptyFor) return file;
  if (!is_whole(input->descriptor(), file.identity, now, closed)) return file;
  file.document.resize(kCampaignBytesMax + 1);
  const auto size = input->read(file.document.data(), file.document.size());
  if (!size) return odd("it " + size.error().text);
  file.document.resize(*size);
  if (audience_is_whole(file.document, now)) file.state = IncomingFile::State::ready;
  return file;
}

// A list of people that is still being written would be taken for a short one.
bool Incoming::audience_is_whole(const std::string& document, Instant now) const {
  Faults ignored;
  const auto node = parse_document(document, "", ignored);
  const Node* audience = node ? node->find("audience") : nullptr;
  if (audience == nullptr) return true;
  const AudienceSource source = read_audience_source(*audience, folder_, ignored);
  for (const std::string& path : source.files) {
    const auto input = InputFile::open(path);
    if (!input) continue;
    struct stat status = {};
    if (::fstat(input->descriptor(), &status) != 0) continue;
    if (!is_whole(input->descriptor(), identity_of(status), now, false)) return false;
  }
  return true;
}

Result<std::string> Incoming::move(const std::string& name, const FileIdentity& identity,
                                   const std::string& to, const std::string& new_name) const {
  const std::string from = folder_ + "/" + name;
  const auto status = status_of(from);
  if (!status || identity_of(*status) != identity) return "";
  const std::string path = to + "/" + new_name;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
    return failed(fmt::format("move {} to {}", from, to));
  for (const std::string& folder : {to, folder_})
    if (auto synced = sync_folder(folder); !synced) return fail(std::move(synced.error()));
  return new_name;
}

Result<std::string> Incoming::take(const std::string& name, const FileIdentity& identity,
                                   Instant now) const {
  return move(name, identity, taken_, free_name(taken_, name, now));
}

Result<std::string> Incoming::refuse(const std::string& name, const FileIdentity& identity,
                                     Instant now, const std::string& faults) const {
  const std::string new_name = free_name(refused_, name, now);
  auto written = write_file(refused_ + "/" + new_name + ".faults.txt", faults);
  if (!written) return fail(std::move(written.error()));
  return move(name, identity, refused_, new_name);
}

}  // namespace loa
