// A data directory in the hands of this process.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "cli/settings.hpp"
#include "dispatch/outlet.hpp"
#include "dispatch/recorder.hpp"
#include "dispatch/store.hpp"

namespace loa {

class Session {
 public:
  enum class Missing { make, refuse };
  // Takes the directory's lock, and reads what it holds. Fails with Code::temporary when another
  // process has it.
  static Result<std::unique_ptr<Session>> take(const Settings& settings, const std::string& data,
                                               Missing missing);

  const Record& record() const { return store_.record; }
  const std::string& data() const { return data_; }
  Disk& disk() { return *disk_; }

  // From here on it can record; that it was opened is the first thing recorded. `note` is for
  // people.
  Result<void> open(Random& random, std::function<void(const std::string&)> note);
  Recorder& recorder() { return *recorder_; }
  asio::io_context& context() { return context_; }

 private:
  Session(const Settings& settings, std::string data, std::unique_ptr<Disk> disk,
          DirectoryLock lock, StoreContents store);

  const Settings& settings_;
  std::string data_;
  std::unique_ptr<Disk> disk_;
  DirectoryLock lock_;
  StoreContents store_;
  asio::io_context context_{1};
  std::unique_ptr<Journal> journal_;
  std::optional<Recorder> recorder_;
};

// One descriptor for each request in flight, and `others`. Found out half-way, a lack of them looks
// like carriers that cannot be reached.
Result<void> allow_descriptors(const Settings& settings, std::uint64_t others);

// The gateways with their secrets fetched. A secret that cannot be had is a fault where `needed`
// says so; else the gateway is left out.
Result<std::vector<OpenGateway>> open_gateways(
    const Settings& settings, const std::function<bool(const std::string& gateway)>& needed);

}  // namespace loa
