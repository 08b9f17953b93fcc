#include "config/secret.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/input_file.hpp"

namespace loa {
namespace {

constexpr std::size_t kSecretMax = 4096;

}  // namespace

std::optional<SecretRef> read_secret_ref(const Node& node, Faults& faults) {
  constexpr std::string_view kHow =
      "a secret is named, not written: {env: NAME}, {file: PATH} or {credential: NAME}";
  const std::pair<std::string_view, SecretRef::From> kinds[] = {
      {"env", SecretRef::From::env},
      {"file", SecretRef::From::file},
      {"credential", SecretRef::From::credential}};
  if (!node.is_map()) {
    faults.error(node.place(), std::string(kHow), kHiddenWidth);
    return std::nullopt;
  }
  // A key that is none of these may be the secret itself: it is not repeated.
  for (const Node::Entry& entry : node.entries()) {
    const std::string near = nearest(entry.key, {"env", "file", "credential"});
    if (near == entry.key) continue;
    faults.error(entry.key_place,
                 fmt::format("{}{}", kHow, near.empty() ? "" : "; did you mean '" + near + "'?"),
                 kHiddenWidth);
    return std::nullopt;
  }
  const std::size_t errors = faults.errors();
  MapReader reader(node, "secret", faults);
  SecretRef ref;
  ref.place = node.place();
  int named = 0;
  for (const auto& [key, from] : kinds) {
    if (node.find(key) == nullptr) {
      reader.optional(key);
      continue;
    }
    ++named;
    ref.from = from;
    ref.name = reader.text(key);
  }
  reader.finish();
  if (faults.errors() == errors && named != 1) {
    faults.error(node.place(), std::string(kHow), kHiddenWidth);
  }
  if (ref.from == SecretRef::From::credential &&
      (ref.name.find('/') != std::string::npos || ref.name == "..")) {
    reader.fault("credential",
                 "a credential's name holds no '/': systemd keeps them in one folder");
  }
  if (faults.errors() != errors) return std::nullopt;
  if (ref.from == SecretRef::From::file) {
    const std::filesystem::path folder = std::filesystem::path(ref.place.file).parent_path();
    ref.name = (folder / ref.name).lexically_normal().string();
  }
  return ref;
}

Result<Secret> fetch(const SecretRef& ref) {
  std::string value;
  std::string where;
  switch (ref.from) {
    case SecretRef::From::env: {
      where = fmt::format("the environment variable {}", ref.name);
      const char* found = std::getenv(ref.name.c_str());
      if (found == nullptr) return fail(Code::config, where + " is not set", ref.place);
      value = found;
      break;
    }
    case SecretRef::From::credential:
    case SecretRef::From::file: {
      std::string path = ref.name;
      if (ref.from == SecretRef::From::credential) {
        const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
        if (folder == nullptr) {
          return fail(Code::config,
                      fmt::format("the credential '{}' needs $CREDENTIALS_DIRECTORY: start by "
                                  "systemd with LoadCredential={}:PATH",
                                  ref.name, ref.name),
                      ref.place);
        }
        path = (std::filesystem::path(folder) / ref.name).string();
      }
      where = fmt::format("the secret file '{}'", path);
      Result<std::string> text = read_start(path, kSecretMax + 4);
      if (!text) return fail(Code::config, where + " " + text.error().text, ref.place);
      value = std::move(*text);
      break;
    }
  }
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.empty()) return fail(Code::config, where + " is empty", ref.place);
  if (value.size() > kSecretMax) {
    return fail(Code::config, fmt::format("{} is longer than {} bytes", where, kSecretMax),
                ref.place);
  }
  return Secret(std::move(value));
}

}  // namespace loa
