#include <fmt/format.h>

#include "async/clock.hpp"
#include "cli/output.hpp"
#include "cli/plan_view.hpp"
#include "cli/prepare.hpp"
#include "cli/verbs.hpp"

namespace loa {

int run_plan(const CommonOptions& common, const std::string& campaign,
             const std::string& from_text) {
  const Instant now = system_wall();
  std::optional<Instant> from;
  if (!from_text.empty()) {
    from = parse_rfc3339(from_text);
    if (!from)
      return report({Code::usage, "--from wants a time such as 2026-11-24T08:00:00+07:00, not '" +
                                      from_text + "'"});
  }
  int status = 0;
  const std::optional<Prepared> prepared = prepare(common.config, campaign, status);
  if (!prepared) return status;

  // The plan of a scheduled campaign does not depend on the hour at which it is asked for.
  const Schedule& schedule = prepared->campaign.schedule;
  if (!from) from = schedule.not_before.value_or(now);
  fmt::print("{}{}", common.json ? plan_json(*prepared, *from) : plan_text(*prepared, *from),
             common.json ? "\n" : "");
  if (schedule.useful_until && *schedule.useful_until <= now)
    fmt::print(stderr, "loa: useful_until ({}) has passed: this campaign cannot be sent any more\n",
               to_local(schedule.zone, *schedule.useful_until));
  return 0;
}

}  // namespace loa
