#include "cli/locate.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "async/clock.hpp"
#include "cli/output.hpp"
#include "gateway/rule.hpp"

namespace loa {

Result<Located> locate(const CommonOptions& common, const std::string& asked) {
  Faults faults;
  Located located;
  located.settings = load_settings(settings_path(common.config), faults);
  located.data = asked.empty() ? located.settings.data : asked;
  if (faults.ok()) return located;
  located.settings.gateways.clear();
  if (!asked.empty()) return located;
  print_faults(faults);
  return fail(Code::config,
              "the configuration is needed to find the data directory; or give --data DIR");
}

Error unknown_campaign(const std::string& id, const Record& record) {
  std::vector<std::string> known;
  for (const auto& [name, campaign] : record.campaigns()) known.push_back(name);
  const std::string near = nearest(id, known);
  return {Code::no_input, fmt::format("no campaign '{}' was sent from this data directory{}", id,
                                      near.empty() ? "" : "; did you mean '" + near + "'?")};
}

std::string state_of(const CampaignRecord& record) {
  if (record.life.state != CampaignState::sending) return std::string(to_string(record.life.state));
  return record.held.empty() ? "sending" : "held";
}

std::string person() {
  constexpr std::size_t kNameMax = 64;
  const passwd* user = ::getpwuid(::getuid());
  std::string name =
      user != nullptr ? clean(user->pw_name, kNameMax, true) : fmt::format("uid {}", ::getuid());
  const char* sudo = std::getenv("SUDO_USER");
  const std::string before = sudo != nullptr ? clean(sudo, kNameMax, true) : "";
  return before.empty() ? name : fmt::format("{} (sudo: {})", name, before);
}

}  // namespace loa
