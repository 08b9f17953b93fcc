#include "api/settings.hpp"

#include <algorithm>
#include <filesystem>

namespace loa {
namespace {

std::string resolved(const std::string& file, const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  return (folder / path).lexically_normal().string();
}

}  // namespace

HttpServerSettings read_api_settings(const Node& node, const std::string& file, Faults& faults) {
  HttpServerSettings settings;
  MapReader map(node, "api", faults);
  std::vector<std::string> listen = map.texts_or_empty("listen");
  if (listen.empty()) listen.emplace_back("127.0.0.1:8460");
  settings.behind_proxy = map.flag_or("behind_proxy", false);
  if (const Node* tls = map.optional("tls")) {
    MapReader reader(*tls, "api, tls", faults);
    settings.tls =
        HttpServerSettings::Tls{.certificate = resolved(file, reader.text("certificate")),
                                .key = resolved(file, reader.text("key"))};
    reader.finish();
  }
  for (const std::string& text : listen) {
    auto address = read_http_address(text);
    if (!address) {
      map.fault("listen", address.error().text);
    } else if (!is_local(*address) && !settings.tls && !settings.behind_proxy) {
      map.fault("listen", "others can reach " + text +
                              ": it needs tls: {certificate: FILE, key: FILE}, or a proxy in front "
                              "that speaks TLS (behind_proxy: true)");
    } else {
      settings.listen.push_back(std::move(*address));
    }
  }
  map.finish();
  return settings;
}

}  // namespace loa
