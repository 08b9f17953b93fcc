// Secrets by reference: {env: NAME}, {file: PATH} (relative to the document's folder) or
// {credential: NAME} (systemd, $CREDENTIALS_DIRECTORY). A secret written out in a document is
// refused.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/document.hpp"

namespace loa {

struct SecretRef {
  enum class From { env, file, credential };
  From from = From::env;
  std::string name;  // a file's path is already resolved
  Place place;
};

// `node` is the map {env|file|credential: NAME}.
std::optional<SecretRef> read_secret_ref(const Node& node, Faults& faults);

// Fails with Code::config, naming where it was looked for; never the value. One trailing line end
// is cut; an empty or over-long (4 KiB) secret is refused.
Result<Secret> fetch(const SecretRef& ref);

}  // namespace loa
