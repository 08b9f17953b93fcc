// A gateway: a carrier's HTTP entry as configured in loa.yaml: a profile, a URL, an account,
// limits, a price.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audience/numbering.hpp"
#include "base/fault.hpp"
#include "campaign/schedule.hpp"
#include "config/document.hpp"
#include "config/secret.hpp"
#include "gateway/profile.hpp"
#include "pace/limits.hpp"

namespace loa {

struct Gateway {
  std::string name;
  Profile profile;
  std::string url;                    // scheme, host, port, and a path in front of the profile's
  std::vector<std::string> networks;  // names of the numbering plan
  AccountValues account;              // the plain values
  std::vector<std::pair<std::string, SecretRef>> secrets;
  Limits limits;
  std::optional<Schedule>
      hours;      // when the carrier takes messages; an emergency waits for them too
  int batch = 1;  // rows a request, within the profile's min and max
  std::int64_t price_per_part = 0;  // dong
  Duration connect_limit =
      std::chrono::seconds(10);  // key deadlines: {connect_seconds, answer_seconds}
  Duration answer_limit =
      std::chrono::seconds(30);  // from the start of the request to the end of the answer
  std::string ca_file;           // key tls: {ca: FILE}; "" for the system's
  Place place;
};

// Reads the `gateways:` map of loa.yaml. `profiles` is the folder of profiles, by file name
// NAME.yaml. Checks: profile exists, http only where the profile grants it (plain_http: true),
// networks known, each network served by at most one gateway, account has the keys the profile
// needs, batch within the profile's bounds. `zone` is that of the gateways' hours.
std::vector<Gateway> read_gateways(const Node& node, const std::string& profiles,
                                   const NumberingPlan& numbering, Faults& faults,
                                   const std::string& zone = Schedule().zone);

// The account with its secrets fetched. Fails with Code::config, naming gateway and key, never the
// value.
Result<AccountValues> unlock(const Gateway& gateway);

}  // namespace loa
