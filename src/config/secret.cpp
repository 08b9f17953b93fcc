#include "config/secret.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

namespace loa {
namespace {

constexpr std::size_t kSecretMax = 4096;

Result<std::string> read_file(const std::string& path, const Place& place) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(Code::config, fmt::format("the secret file '{}' is a folder", path), place);
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) {
    return fail(
        Code::config,
        fmt::format("the secret file '{}' cannot be opened: {}", path, std::strerror(errno)),
        place);
  }
  std::string text(kSecretMax + 4, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return fail(Code::config, fmt::format("reading the secret file '{}' failed", path), place);
  }
  return text;
}

}  // namespace

std::optional<SecretRef> read_secret_ref(const Node& node, Faults& faults) {
  constexpr std::string_view kHow =
      "a secret is named, not written: {env: NAME}, {file: PATH} or {credential: NAME}";
  if (!node.is_map()) {
    faults.error(node.place(), std::string(kHow), node.width());
    return std::nullopt;
  }
  const std::size_t errors = faults.errors();
  MapReader reader(node, "secret", faults);
  SecretRef ref;
  ref.place = node.place();
  int named = 0;
  const std::pair<std::string_view, SecretRef::From> kinds[] = {
      {"env", SecretRef::From::env},
      {"file", SecretRef::From::file},
      {"credential", SecretRef::From::credential}};
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
    faults.error(node.place(), std::string(kHow), node.width());
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
      Result<std::string> text = read_file(path, ref.place);
      if (!text) return fail(std::move(text).error());
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
