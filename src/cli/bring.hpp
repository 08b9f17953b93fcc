// A campaign file on its way to the daemon. The daemon reads no path that a client names, since it
// may read what the client may not; so the client reads the audience, and what it names travels as
// an upload.
#pragma once

#include <string>
#include <vector>

#include "base/fault.hpp"
#include "base/result.hpp"
#include "cli/client.hpp"

namespace loa {

struct Brought {
  std::string document;  // line for line as in the file, `files` replaced by `upload`
  std::string type;      // application/yaml or application/json
};

// Reads the file, and uploads the audience it names: several files as one, when their headers are
// the same. What is wrong with the file is in `faults`.
Result<Brought> bring_campaign(ApiClient& client, const std::string& path, Faults& faults);

// The document with `audience: {files: ...}` as `{upload: NAME}`; each line stays on its line.
// Empty when the document is written in a way that this does not find its way through.
std::string with_upload(const std::string& document, const std::string& name);

}  // namespace loa
