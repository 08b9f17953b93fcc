// Audiences on their way in: CSV files that a client has sent, until a campaign is made of them.
// Each user has names of his own, so that nobody changes another's audience behind his back. The
// files hold numbers: their folder is 0700, they are 0600, and after a day they are removed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/workers.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"

namespace loa {

struct UploadLimits {
  std::uint64_t file_bytes = 512ULL * 1024 * 1024;
  std::uint64_t all_bytes = 4ULL * 1024 * 1024 * 1024;
  int at_once = 4;
  Duration kept = std::chrono::hours(24);
};

class Uploads {
 public:
  // Removes what is old or was not finished. Fails with Code::cannot_write.
  static Result<std::unique_ptr<Uploads>> open(std::string folder, Clock& clock,
                                               UploadLimits limits = {});

  struct Receipt {
    std::uint64_t bytes = 0;
    std::string sha256;
  };

  // One file on its way; gone when it goes without having been finished.
  class Incoming {
   public:
    Incoming(Uploads& store, int descriptor, std::string temporary, std::string path);
    ~Incoming();
    Incoming(const Incoming&) = delete;
    Incoming& operator=(const Incoming&) = delete;

    // Code::cannot_write when there is no room. The disk is not waited for on this thread.
    Task<Result<void>> add(std::string bytes);
    // When it returns, the file is durable and in the place of an earlier one of that name.
    Task<Result<Receipt>> finish();

   private:
    Uploads& store_;
    int descriptor_;
    std::string temporary_;
    std::string path_;
    std::uint64_t bytes_ = 0;
    Sha256 sum_;
  };

  // Code::data for a name that is none, Code::temporary when too many come at once,
  // Code::cannot_write.
  Result<std::unique_ptr<Incoming>> begin(const std::string& user, const std::string& name);
  // The path; Code::data, with words for people, when there is none.
  Result<std::string> find(const std::string& user, const std::string& name) const;
  Result<void> remove(const std::string& user, const std::string& name);

  const UploadLimits& limits() const { return limits_; }

 private:
  Uploads(std::string folder, Clock& clock, UploadLimits limits);

  Result<std::string> path_of(const std::string& user, const std::string& name) const;
  void purge(bool unfinished_too);

  std::string folder_;
  Clock& clock_;
  UploadLimits limits_;
  std::uint64_t used_ = 0;  // bytes, of those under way too
  int under_way_ = 0;
  std::uint64_t count_ = 0;
  Workers disk_{1};
};

}  // namespace loa
