// A campaign file on its way to the daemon. The daemon reads no path that a client names, since it
// may read what the client may not: the client reads the audience's files, and uploads stand for
// them.
#pragma once

#include <string>
#include <vector>

#include "base/fault.hpp"
#include "base/result.hpp"
#include "cli/client.hpp"

namespace loa {

struct Brought {
  std::string document;              // as it stands in the file
  std::string type;                  // application/yaml or application/json
  std::vector<std::string> uploads;  // one for each file of the audience, in their order
};

// Reads the file, and uploads the audience it names. What is wrong with the file is in `faults`.
Result<Brought> bring_campaign(ApiClient& client, const std::string& path, Faults& faults);

}  // namespace loa
