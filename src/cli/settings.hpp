// loa.yaml as a whole: the only place that knows all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.hpp"
#include "audience/numbering.hpp"
#include "base/fault.hpp"
#include "campaign/lint.hpp"
#include "dispatch/subscribers.hpp"
#include "gateway/gateway.hpp"
#include "intake/redis_settings.hpp"

namespace loa {

struct Settings {
  std::string file;
  std::string node = "loa";
  std::string data = "/var/lib/loa";
  std::string zone = "Asia/Ho_Chi_Minh";
  std::string templates;
  std::string users;  // file, "" for none: nobody may do anything by the API
  std::vector<std::string> exclusions;
  std::optional<std::uint64_t> keep_segments;  // of the journal; nothing: all
  NumberingPlan numbering;
  std::vector<Gateway> gateways;
  LintSettings lint;
  SubscriberLimits subscriber;
  // Of the daemon:
  bool approval_required = true;  // approval.required
  std::string incoming;           // intake.folder; "" for none
  std::optional<RedisSettings> redis;
  HttpServerSettings api;
};

// Reads loa.yaml and what it names: numbering plan and profiles. Relative paths are against the
// file's folder.
Settings load_settings(const std::string& path, Faults& faults);

// One text of loa.yaml, of a list the first, "" when it is not there or the file is wrong: for
// verbs that need no more than this of a configuration that may not be theirs to read as a whole.
std::string peek_setting(const std::string& path, const std::vector<std::string>& keys);

// A path in `file`, against its folder.
std::string resolved_beside(const std::string& file, const std::string& path);

// The file to use: the one asked for, else config/loa.yaml, else /etc/loa/loa.yaml.
std::string settings_path(const std::string& asked);

}  // namespace loa
