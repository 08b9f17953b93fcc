#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "api/users.hpp"
#include "campaign/campaign.hpp"
#include "campaign/lint.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "config/document.hpp"
#include "gateway/profile.hpp"
#include "text/message_template.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 10'000;

// YAML files under a path; a file is itself.
std::vector<std::string> yaml_files(const std::string& path, Faults& faults) {
  std::vector<std::string> files;
  std::error_code ec;
  if (!fs::exists(path, ec)) {
    faults.error({path}, "there is no such file or folder");
    return files;
  }
  if (!fs::is_directory(path, ec)) return {path};
  for (auto at = fs::recursive_directory_iterator(path, ec);
       !ec && at != fs::recursive_directory_iterator(); at.increment(ec)) {
    const std::string extension = at->path().extension().string();
    if (at->is_regular_file(ec) && (extension == ".yaml" || extension == ".yml"))
      files.push_back(at->path().string());
    if (files.size() > kFilesMax) {
      faults.error({path}, "more than 10,000 YAML files: check smaller folders");
      break;
    }
  }
  if (ec) faults.error({path}, "cannot be listed: " + ec.message());
  std::sort(files.begin(), files.end());
  return files;
}

enum class FileKind {
  settings,
  campaign,
  message_template,
  profile,
  networks,
  users,
  alerts,
  unreadable,
  unknown
};

FileKind kind_of(const std::string& path) {
  Faults ignored;  // whoever loads the file reports them
  const std::optional<Node> document = load_document(path, ignored);
  if (!document) return FileKind::unreadable;
  if (document->find("campaign") != nullptr) return FileKind::campaign;
  if (document->find("profile") != nullptr) return FileKind::profile;
  if (document->find("template") != nullptr) return FileKind::message_template;
  if (document->find("node") != nullptr || document->find("gateways") != nullptr)
    return FileKind::settings;
  if (document->find("networks") != nullptr) return FileKind::networks;
  if (document->find("users") != nullptr) return FileKind::users;
  if (document->find("groups") != nullptr) return FileKind::alerts;
  return FileKind::unknown;
}

class Checker {
 public:
  explicit Checker(std::string settings_file) : settings_file_(std::move(settings_file)) {}

  void check(const std::string& file) {
    if (!seen_.insert(fs::path(file).lexically_normal().string()).second) return;
    ++files_;
    switch (kind_of(file)) {
      case FileKind::settings: {
        const Settings settings = load_settings(file, faults);
        for (const Gateway& gateway : settings.gateways)
          for (const auto& [key, secret] : gateway.secrets)
            if (const auto fetched = fetch(secret); !fetched)
              faults.warning(secret.place, "gateway '" + gateway.name + "', " + key + ": " +
                                               fetched.error().text);
        break;
      }
      case FileKind::campaign: check_campaign(file); break;
      case FileKind::message_template: load_template(file, faults); break;
      case FileKind::profile: Profile::load(file, faults); break;
      case FileKind::networks: NumberingPlan::load(file, faults); break;
      case FileKind::users: load_users(file, faults); break;
      case FileKind::alerts: break;  // for Prometheus, whose promtool checks them
      case FileKind::unreadable: load_document(file, faults); break;
      case FileKind::unknown:
        faults.error({file, 1, 1},
                     "this is none of configuration (node), campaign, template, profile, networks, "
                     "users: begin it with one of those keys");
        break;
    }
  }

  std::size_t files() const { return files_; }

  Faults faults;

 private:
  void check_campaign(const std::string& file) {
    if (!settings_) {
      Faults ignored;
      settings_ = load_settings(settings_file_, ignored);
      if (settings_->templates.empty()) settings_->templates = "templates";
    }
    const std::size_t errors = faults.errors();
    const Campaign campaign = load_campaign(file, settings_->templates, faults);
    if (faults.errors() != errors) return;
    Faults ignored;
    if (const auto document = load_document(file, ignored))
      lint(campaign, *document, settings_->lint, faults);
  }

  std::string settings_file_;
  std::optional<Settings> settings_;  // for campaigns, read when the first comes
  std::set<std::string> seen_;
  std::size_t files_ = 0;
};

// A fault in a campaign or template is bad data, in anything else bad configuration.
int status_of(const Faults& faults) {
  std::set<std::string> files;
  for (const Fault& fault : faults.all())
    if (fault.severity == Fault::Severity::error) files.insert(fault.place.file);
  const bool config = std::any_of(files.begin(), files.end(), [](const std::string& file) {
    const FileKind kind = kind_of(file);
    return kind == FileKind::settings || kind == FileKind::profile || kind == FileKind::networks;
  });
  return faults.ok() ? 0 : config ? 78 : 65;
}

}  // namespace

int run_check(const CommonOptions& common, const std::vector<std::string>& paths) {
  Checker checker(settings_path(common.config));
  for (const std::string& path : paths)
    for (const std::string& file : yaml_files(path, checker.faults)) checker.check(file);
  const Faults& faults = checker.faults;
  if (common.json) {
    JsonWriter out;
    out.open_object()
        .field("files", std::uint64_t{checker.files()})
        .field("errors", std::uint64_t{faults.errors()})
        .field("warnings", std::uint64_t{faults.warnings()});
    put_faults(out, faults);
    out.close_object();
    fmt::print("{}\n", out.text());
  } else {
    print_faults(faults);
    fmt::print("{} file{} checked: {} error{}, {} warning{}\n", checker.files(),
               checker.files() == 1 ? "" : "s", faults.errors(), faults.errors() == 1 ? "" : "s",
               faults.warnings(), faults.warnings() == 1 ? "" : "s");
  }
  return status_of(faults);
}

}  // namespace loa
