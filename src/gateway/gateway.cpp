#include "gateway/gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "base/utf8.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::vector<std::string> profiles_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".yaml") names.push_back(entry->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What is wrong with a gateway's URL, or nothing.
std::string_view url_problem(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!url.starts_with(scheme)) continue;
    url.remove_prefix(scheme.size());
    const auto odd = [](char c) {
      return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F ||
             c == '?' || c == '#' || c == '@' || c == '\\';
    };
    if (std::any_of(url.begin(), url.end(), odd)) {
      return "holds a user, a query, a space or another character that does not belong there; "
             "credentials belong to 'account'";
    }
    std::string_view host = url.substr(0, url.find('/'));
    const std::size_t colon =
        host.starts_with('[') ? host.find(':', host.find(']')) : host.find(':');
    if (colon != std::string_view::npos) {
      const std::string_view port = host.substr(colon + 1);
      unsigned value = 0;
      const char* end = port.data() + port.size();
      const auto [stop, error] = std::from_chars(port.data(), end, value);
      if (error != std::errc() || stop != end || value == 0 || value > 65535) {
        return "has no port from 1 to 65535 after the ':'";
      }
      host = host.substr(0, colon);
    }
    return host.empty() ? "names no host" : "";
  }
  return "must begin with https:// (or http:// where the profile grants it)";
}

// Words in a key's name that tell a secret.
bool looks_secret(std::string_view key) {
  for (const std::string_view word : {"pass", "secret", "token", "key"}) {
    if (key.find(word) != std::string_view::npos) return true;
  }
  return false;
}

class GatewayReader {
 public:
  GatewayReader(const std::string& profiles, const NumberingPlan& numbering, Faults& faults,
                const std::string& zone)
      : folder_(profiles), numbering_(numbering), faults_(faults), zone_(zone) {}

  Gateway read(const Node::Entry& entry) {
    Gateway gateway;
    gateway.name = entry.key;
    gateway.place = entry.key_place;
    const std::string what = fmt::format("gateway '{}'", entry.key.substr(0, 40));
    if (!is_name(entry.key)) {
      faults_.error(entry.key_place,
                    what + ": a gateway's name has 1 to 32 of a-z, 0-9, '-' and '_'");
    }
    MapReader reader(entry.value, what, faults_);
    const bool known = read_profile(reader, what, gateway);
    read_url(reader, what, known, gateway);
    read_networks(reader, what, gateway);
    read_account(reader, what, known, gateway);
    read_limits(reader, what, known, gateway);
    if (const Node* hours = reader.optional("hours")) {
      if (const auto read = read_hours(*hours, faults_)) {
        Schedule open;
        open.from = read->from;
        open.to = read->to;
        open.zone = zone_;
        gateway.hours = std::move(open);
      }
    }
    if (const Node* deadlines = reader.optional("deadlines")) {
      MapReader limits(*deadlines, what + ", deadlines", faults_);
      const auto seconds = [&](std::string_view key, Duration fallback) {
        const double known_s = std::chrono::duration<double>(fallback).count();
        return std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(limits.decimal_or(key, known_s, 0.1, 600)));
      };
      gateway.connect_limit = seconds("connect_seconds", gateway.connect_limit);
      gateway.answer_limit = seconds("answer_seconds", gateway.answer_limit);
      limits.finish();
    }
    gateway.price_per_part = reader.integer_or("price_per_part", 0, 0, 1'000'000);
    if (const Node* tls = reader.optional("tls")) {
      MapReader tls_reader(*tls, what + ", tls", faults_);
      const std::string file = tls_reader.text("ca");
      tls_reader.finish();
      if (!file.empty()) {
        const fs::path folder = fs::path(tls->place().file).parent_path();
        gateway.ca_file = (folder / file).lexically_normal().string();
        std::error_code error;
        if (!fs::is_regular_file(gateway.ca_file, error)) {
          reader.fault("tls", fmt::format("{}: the file of certificates {} is not there", what,
                                          gateway.ca_file));
        }
      }
    }
    reader.finish();
    return gateway;
  }

 private:
  // Whether the profile was read, so that the rest can be checked against it.
  bool read_profile(MapReader& reader, const std::string& what, Gateway& gateway) {
    const std::string name = reader.text("profile");
    const auto cached = profiles_.find(name);
    if (cached != profiles_.end()) {
      gateway.profile = cached->second.first;
      return cached->second.second;
    }
    const std::vector<std::string> known = profiles_in(folder_);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      if (!name.empty()) {
        const std::string near = nearest(name, known);
        reader.fault("profile",
                     fmt::format("{}: there is no profile '{}' in {}{}", what, name.substr(0, 64),
                                 folder_, near.empty() ? "" : "; did you mean '" + near + "'?"));
      }
      return false;
    }
    const std::size_t errors = faults_.errors();
    gateway.profile = Profile::load((fs::path(folder_) / (name + ".yaml")).string(), faults_);
    const bool sound = faults_.errors() == errors;
    profiles_.emplace(name, std::pair{gateway.profile, sound});
    return sound;
  }

  void read_url(MapReader& reader, const std::string& what, bool known, Gateway& gateway) {
    gateway.url = reader.text("url");
    if (gateway.url.empty()) return;
    if (const std::string_view problem = url_problem(gateway.url); !problem.empty()) {
      reader.fault("url", fmt::format("{}: the URL {}", what, problem));
    } else if (known && gateway.url.starts_with("http://") &&
               !gateway.profile.allows_plain_http()) {
      reader.fault("url", fmt::format("{}: the profile '{}' does not grant http: use https", what,
                                      gateway.profile.name()));
    }
  }

  void read_networks(MapReader& reader, const std::string& what, Gateway& gateway) {
    if (reader.required("networks") == nullptr) return;
    gateway.networks = reader.texts_or_empty("networks");
    if (gateway.networks.empty()) {
      reader.fault("networks", what + ": it serves no network");
    }
    for (const std::string& network : gateway.networks) {
      if (numbering_.find_network(network) < 0) {
        const std::string near = nearest(network, numbering_.networks());
        reader.fault("networks",
                     fmt::format("{}: there is no network '{}'{}", what, network.substr(0, 40),
                                 near.empty() ? fmt::format("; there are {}",
                                                            fmt::join(numbering_.networks(), ", "))
                                              : "; did you mean '" + near + "'?"));
        continue;
      }
      const auto [other, fresh] = served_.emplace(network, gateway.name);
      if (fresh) continue;
      reader.fault("networks", fmt::format("{}: the network '{}' is served by '{}' already", what,
                                           network, other->second));
    }
  }

  void read_account(MapReader& reader, const std::string& what, bool known, Gateway& gateway) {
    const Node* node = reader.optional("account");
    if (node != nullptr && !node->is_map()) {
      reader.fault("account", what + ": 'account' must be a map: 'key: value'");
      return;
    }
    std::vector<std::string> keys;
    for (const Node::Entry& entry : node != nullptr ? node->entries() : Node().entries()) {
      keys.push_back(entry.key);
      if (entry.value.is_map()) {
        if (auto ref = read_secret_ref(entry.value, faults_)) {
          gateway.secrets.emplace_back(entry.key, std::move(*ref));
        }
      } else {
        read_value(entry, what, gateway);
      }
    }
    if (!known) return;
    const std::vector<std::string>& needed = gateway.profile.account_keys();
    for (const std::string& key : needed) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      reader.fault("account",
                   fmt::format("{}: the account lacks '{}', which the profile '{}' needs", what,
                               key, gateway.profile.name()));
    }
    for (const Node::Entry& entry : node != nullptr ? node->entries() : Node().entries()) {
      if (std::find(needed.begin(), needed.end(), entry.key) != needed.end()) continue;
      const std::string near = nearest(entry.key, needed);
      faults_.error(entry.key_place,
                    fmt::format("{}: the profile '{}' has no use for the account key '{}'{}", what,
                                gateway.profile.name(), entry.key.substr(0, 40),
                                near.empty() ? "" : "; did you mean '" + near + "'?"),
                    kHiddenWidth);
    }
  }

  void read_value(const Node::Entry& entry, const std::string& what, Gateway& gateway) {
    const Node& value = entry.value;
    std::string problem;
    if (!value.is_scalar() || value.scalar().empty()) {
      problem = "must be one value";
    } else if (looks_secret(entry.key)) {
      problem = "is a secret: name it by {env: NAME}, {file: PATH} or {credential: NAME}";
    } else if (has_control(value.scalar())) {
      problem = "holds a line break or another control character";
    }
    if (problem.empty()) {
      gateway.account.values.emplace_back(entry.key, value.scalar());
    } else {
      faults_.error(value.place(),
                    fmt::format("{}: the account key '{}' {}", what, entry.key, problem),
                    kHiddenWidth);
    }
  }

  void read_limits(MapReader& reader, const std::string& what, bool known, Gateway& gateway) {
    gateway.batch = known ? gateway.profile.batch_max() : 1;
    const Node* node = reader.optional("limits");
    if (node == nullptr) return;
    constexpr double kRateMax = 100'000;
    MapReader limits(*node, what + ", limits", faults_);
    gateway.limits.requests_per_second = limits.decimal_or("requests_per_second", 0, 0, kRateMax);
    gateway.limits.messages_per_second = limits.decimal_or("messages_per_second", 0, 0, kRateMax);
    gateway.limits.parts_per_second = limits.decimal_or("parts_per_second", 0, 0, kRateMax);
    gateway.limits.in_flight =
        static_cast<int>(limits.integer_or("in_flight", gateway.limits.in_flight, 1, 256));
    gateway.limits.per_day =
        static_cast<std::uint64_t>(limits.integer_or("per_day", 0, 0, 1'000'000'000));
    const int min = known ? gateway.profile.batch_min() : 1;
    const int max = known ? gateway.profile.batch_max() : 10'000;
    gateway.batch = static_cast<int>(limits.integer_or("batch", gateway.batch, min, max));
    limits.finish();
  }

  const std::string& folder_;
  const NumberingPlan& numbering_;
  Faults& faults_;
  const std::string& zone_;
  std::map<std::string, std::pair<Profile, bool>> profiles_;
  std::map<std::string, std::string> served_;  // network to gateway
};

}  // namespace

std::vector<Gateway> read_gateways(const Node& node, const std::string& profiles,
                                   const NumberingPlan& numbering, Faults& faults,
                                   const std::string& zone) {
  std::vector<Gateway> gateways;
  if (!node.is_map() || node.entries().empty()) {
    faults.error(node.place(), "gateways must be a map with at least one gateway: 'NAME: {...}'",
                 node.width());
    return gateways;
  }
  GatewayReader reader(profiles, numbering, faults, zone);
  for (const Node::Entry& entry : node.entries()) gateways.push_back(reader.read(entry));
  return gateways;
}

Result<AccountValues> unlock(const Gateway& gateway) {
  AccountValues account = gateway.account;
  for (const auto& [key, ref] : gateway.secrets) {
    const std::string where = fmt::format("gateway '{}', account key '{}'", gateway.name, key);
    Result<Secret> secret = fetch(ref);
    if (!secret) return fail(std::move(secret).error().wrap(where));
    const std::string_view value = secret->reveal();
    if (has_control(value) || !is_utf8(value)) {
      return fail(Code::config,
                  where +
                      ": the secret holds a line break, a control character or bytes that are "
                      "not UTF-8",
                  ref.place);
    }
    account.values.emplace_back(key, std::string(value));
  }
  return account;
}

}  // namespace loa
