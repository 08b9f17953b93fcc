#include "api/uploads.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "api/handlers.hpp"
#include "api/input.hpp"
#include "base/printable.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".part";
constexpr std::size_t kNameMax = 64;

bool is_upload_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > kNameMax || !is_plain(name.front())) return false;
  if (name.ends_with(kUnfinished)) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
}

std::string why() { return std::generic_category().message(errno); }

// 0, or the errno.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  const int failed = ::fsync(folder) == 0 ? 0 : errno;
  ::close(folder);
  return failed;
}

tl::unexpected<Error> no_room(int error) {
  return fail(Code::cannot_write,
              "the upload cannot be kept: " + std::generic_category().message(error));
}

}  // namespace

Uploads::Uploads(std::string folder, Clock& clock, UploadLimits limits)
    : folder_(std::move(folder)), clock_(clock), limits_(limits) {}

Result<std::unique_ptr<Uploads>> Uploads::open(std::string folder, Clock& clock,
                                               UploadLimits limits) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Code::cannot_write, "the folder for uploads cannot be made: " + why(), {folder});
  std::unique_ptr<Uploads> store(new Uploads(std::move(folder), clock, limits));
  store->purge(true);
  return store;
}

Result<std::string> Uploads::path_of(const std::string& user, const std::string& name) const {
  if (!is_upload_name(name)) {
    return fail(Code::data, "an upload's name has letters, digits, '.', '_' and '-', and at most " +
                                std::to_string(kNameMax) + " of them");
  }
  return folder_ + "/" + user + "/" + name;
}

// Counts what is left, too.
void Uploads::purge(bool unfinished_too) {
  const auto old =
      clock_.wall() - std::chrono::duration_cast<std::chrono::microseconds>(limits_.kept);
  std::uint64_t left = 0;
  std::error_code ec;
  for (const auto& user : fs::directory_iterator(folder_, ec)) {
    for (const auto& file : fs::directory_iterator(user.path(), ec)) {
      struct stat found{};
      if (::lstat(file.path().c_str(), &found) != 0) continue;
      const Instant changed{std::chrono::seconds(found.st_mtim.tv_sec)};
      const bool unfinished = file.path().native().ends_with(kUnfinished);
      if (unfinished ? unfinished_too : changed < old) {
        ::unlink(file.path().c_str());
      } else {
        left += static_cast<std::uint64_t>(found.st_size);
      }
    }
  }
  used_ = left;
}

Result<std::unique_ptr<Uploads::Incoming>> Uploads::begin(const std::string& user,
                                                          const std::string& name) {
  auto path = path_of(user, name);
  if (!path) return fail(std::move(path.error()));
  if (under_way_ >= limits_.at_once)
    return fail(Code::temporary, "too many uploads are under way; try again in a moment");
  if (under_way_ == 0) purge(false);
  const std::string folder = fs::path(*path).parent_path();
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return no_room(errno);
  std::string temporary = *path + "." + std::to_string(++count_) + std::string(kUnfinished);
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return no_room(errno);
  return std::make_unique<Incoming>(*this, descriptor, std::move(temporary), std::move(*path));
}

Result<std::string> Uploads::find(const std::string& user, const std::string& name) const {
  auto path = path_of(user, name);
  if (!path) return path;
  struct stat found{};
  if (::lstat(path->c_str(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return fail(Code::data, "audience: upload '" + name +
                                "' is not there: it is sent first (PUT "
                                "/api/v1/audiences/" +
                                name + "), by the same user, and kept for a day");
  }
  return path;
}

Result<void> Uploads::remove(const std::string& user, const std::string& name) {
  const auto path = find(user, name);
  if (!path) return fail(path.error());
  if (::unlink(path->c_str()) != 0) return fail(Code::cannot_write, why());
  return {};
}

Uploads::Incoming::Incoming(Uploads& store, int descriptor, std::string temporary, std::string path)
    : store_(store),
      descriptor_(descriptor),
      temporary_(std::move(temporary)),
      path_(std::move(path)) {
  ++store_.under_way_;
}

Uploads::Incoming::~Incoming() {
  --store_.under_way_;
  ::close(descriptor_);
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
    store_.used_ -= std::min(store_.used_, bytes_);
  }
}

Task<Result<void>> Uploads::Incoming::add(std::string bytes) {
  if (store_.used_ + bytes.size() > store_.limits_.all_bytes)
    co_return fail(Code::cannot_write,
                   "there is no room for more uploads until older ones are removed");
  bytes_ += bytes.size();
  store_.used_ += bytes.size();
  auto job = [this, bytes = std::move(bytes)] {
    sum_.add(bytes);
    return write_all(descriptor_, bytes);
  };
  const int failed = co_await store_.disk_.run(std::move(job));
  if (failed != 0) co_return no_room(failed);
  co_return Result<void>{};
}

Task<Result<Uploads::Receipt>> Uploads::Incoming::finish() {
  auto job = [this]() -> int {
    if (::fdatasync(descriptor_) != 0) return errno;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return errno;
    return sync_folder(fs::path(path_).parent_path());
  };
  const int failed = co_await store_.disk_.run(std::move(job));
  if (failed != 0) co_return no_room(failed);
  temporary_.clear();
  co_return Receipt{bytes_, to_hex(sum_.finish())};
}

namespace api {
namespace {

Problem problem_of(const Error& error) {
  switch (error.code) {
    case Code::temporary: return {503, "not-now", error.text, {}, std::chrono::seconds(5)};
    case Code::cannot_write: return {507, "no-room", error.text};
    default: return {400, "bad-request", error.text};
  }
}

}  // namespace

Task<HttpResponse> put_audience(ApiCall& call) {
  const std::string type = media_type(call.request);
  if (type != "text/csv" && type != "application/octet-stream") {
    co_return problem(call, {415, "unsupported-media-type", "an audience comes as text/csv"});
  }
  auto incoming = call.api.uploads.begin(call.who.user, call.names[0]);
  if (!incoming) co_return problem(call, problem_of(incoming.error()));
  for (;;) {
    Result<std::string> piece = co_await call.body.next();
    // The server knows what was wrong with the body, and says it.
    if (!piece) co_return problem(call, {400, "bad-request", piece.error().text});
    if (piece->empty()) break;
    const Result<void> added = co_await (*incoming)->add(std::move(*piece));
    if (!added) co_return problem(call, problem_of(added.error()));
  }
  const Result<Uploads::Receipt> receipt = co_await (*incoming)->finish();
  if (!receipt) co_return problem(call, problem_of(receipt.error()));
  JsonWriter out;
  out.open_object().field("name", call.names[0]).field("bytes", receipt->bytes);
  out.field("sha256", receipt->sha256).close_object();
  HttpResponse response = json_response(200, out.take());
  response.headers.set("ETag", "\"" + receipt->sha256 + "\"");
  co_return response;
}

Task<HttpResponse> delete_audience(ApiCall& call) {
  const auto removed = call.api.uploads.remove(call.who.user, call.names[0]);
  if (!removed) co_return problem(call, {404, "not-found", removed.error().text});
  HttpResponse response;
  response.status = 204;
  co_return response;
}

}  // namespace api
}  // namespace loa
