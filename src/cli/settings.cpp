#include "cli/settings.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "campaign/schedule.hpp"
#include "config/document.hpp"

namespace loa {

std::string resolved_beside(const std::string& file, const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  return (folder / path).lexically_normal().string();
}

std::string peek_setting(const std::string& path, const std::vector<std::string>& keys) {
  Faults faults;
  const std::optional<Node> document = load_document(path, faults);
  const Node* node = document ? &*document : nullptr;
  for (const std::string& key : keys)
    if (node != nullptr) node = node->find(key);
  if (node != nullptr && node->is_list()) {
    if (node->items().empty()) return "";
    node = &node->items().front();
  }
  return node != nullptr ? node->scalar() : "";
}

std::string settings_path(const std::string& asked) {
  if (!asked.empty()) return asked;
  std::error_code ec;
  const std::string here = "config/loa.yaml";
  return std::filesystem::exists(here, ec) ? here : "/etc/loa/loa.yaml";
}

namespace {

// What the daemon needs besides.
void read_daemon(MapReader& map, Settings& settings) {
  Faults& faults = map.faults();
  if (const Node* lint = map.optional("lint")) settings.lint = read_lint(*lint, faults);
  if (const Node* approval = map.optional("approval")) {
    MapReader reader(*approval, "approval", faults);
    settings.approval_required = reader.flag_or("required", true);
    reader.finish();
  }
  if (const Node* intake = map.optional("intake")) {
    MapReader reader(*intake, "intake", faults);
    settings.incoming = resolved_beside(settings.file, reader.text("folder"));
    reader.finish();
  }
  if (const Node* redis = map.optional("redis"))
    settings.redis = read_redis_settings(*redis, faults);
  if (const Node* api = map.optional("api")) {
    settings.api = read_api_settings(*api, settings.file, faults);
  } else {
    settings.api.listen.push_back(*read_http_address("127.0.0.1:8460"));
  }
  if (map.optional("users") != nullptr)
    settings.users = resolved_beside(settings.file, map.text("users"));
}

}  // namespace

Settings load_settings(const std::string& path, Faults& faults) {
  Settings settings;
  settings.file = path;
  const std::optional<Node> document = load_document(path, faults);
  if (!document) return settings;
  MapReader map(*document, "configuration", faults);
  settings.node = map.text("node");
  settings.data = resolved_beside(path, map.text_or("data", settings.data));
  const std::string zone = map.text_or("zone", settings.zone);
  if (is_zone(zone)) {
    settings.zone = zone;
  } else {
    map.fault("zone",
              fmt::format("there is no time zone '{}': write a name of the IANA list, such as "
                          "Asia/Ho_Chi_Minh (and is the package tzdata there?)",
                          zone.substr(0, 64)));
  }
  const std::string networks = resolved_beside(path, map.text_or("networks", "networks.yaml"));
  const std::string profiles = resolved_beside(path, map.text_or("profiles", "profiles/"));
  settings.templates = resolved_beside(path, map.text_or("templates", "templates/"));
  for (const std::string& list : map.texts_or_empty("exclusions"))
    settings.exclusions.push_back(resolved_beside(path, list));
  settings.numbering = NumberingPlan::load(networks, faults);
  if (const Node* node = map.optional("journal")) {
    MapReader journal(*node, "journal", faults);
    constexpr std::int64_t kSegmentsMax = 1'000'000;
    settings.keep_segments =
        static_cast<std::uint64_t>(journal.integer_or("keep_segments", 0, 0, kSegmentsMax));
    journal.finish();
  }
  if (const Node* subscriber = map.optional("subscriber"))
    settings.subscriber = read_subscriber_limits(*subscriber, faults);
  if (const Node* gateways = map.required("gateways"))
    settings.gateways =
        read_gateways(*gateways, profiles, settings.numbering, faults, settings.zone);
  read_daemon(map, settings);
  map.finish();
  return settings;
}

}  // namespace loa
