#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "api/users.hpp"
#include "base/printable.hpp"
#include "campaign/lifecycle.hpp"
#include "cli/client.hpp"
#include "cli/completion.hpp"
#include "cli/json_view.hpp"

namespace loa {
namespace {

constexpr Duration kPatience = std::chrono::milliseconds(500);

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// What the words before the last one lead to.
struct Path {
  const CLI::App* app = nullptr;
  const CLI::Option* option = nullptr;  // whose value comes next
  std::size_t positionals = 0;
  std::string config;  // what --config and the like were given
  ReachOptions reach;
};

const CLI::App* verb_of(const CLI::App& app, const std::string& name) {
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; }))
    if (one->get_name() == name) return one;
  return nullptr;
}

const CLI::Option* option_of(const CLI::App& app, const std::string& word) {
  for (const CLI::Option* one : app.get_options())
    if (one->nonpositional() && one->check_name(word)) return one;
  return nullptr;
}

void keep(Path& place, const std::string& option, const std::string& value) {
  if (option == "--config") place.config = value;
  if (option == "--api") place.reach.api = value;
  if (option == "--token-file") place.reach.token_file = value;
}

Path walk(const CLI::App& app, const std::vector<std::string>& words) {
  Path place;
  place.app = &app;
  for (const std::string& word : words) {
    if (place.option != nullptr) {
      keep(place, "--" + place.option->get_lnames().front(), word);
      place.option = nullptr;
    } else if (word.starts_with("-") && word != "-") {
      const std::size_t equals = word.find('=');
      const CLI::Option* option = option_of(*place.app, word.substr(0, equals));
      if (option == nullptr) continue;
      if (equals != std::string::npos) keep(place, word.substr(0, equals), word.substr(equals + 1));
      if (equals == std::string::npos && takes_value(*option)) place.option = option;
    } else if (const CLI::App* verb = verb_of(*place.app, word)) {
      place.app = verb;
    } else {
      ++place.positionals;
    }
  }
  return place;
}

class Candidates {
 public:
  explicit Candidates(std::string begun) : begun_(std::move(begun)) {}

  void add(std::string_view word, std::string_view what) const {
    if (!word.starts_with(begun_)) return;
    fmt::print("{}\t{}\n", printable(word), printable(what));
  }
  static void files() { fmt::print(":files\n"); }

 private:
  std::string begun_;
};

// The items of a list that the daemon gives.
void add_live(const Candidates& candidates, const Path& place, const std::string& path,
              std::string_view key, std::string_view what) {
  ReachOptions reach = place.reach;
  reach.no_input = true;
  auto client = ApiClient::open({.config = place.config, .json = false}, reach);
  if (!client) return;
  ApiRequest request{"GET", path};
  request.limit = kPatience;
  const auto reply = client->send(request);
  if (!reply || reply->status != 200) return;
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(reply->body, ec);
  if (ec || !value.is_object()) return;
  for (const auto& item : array_in(value.get_object(), "items"))
    if (item.is_object())
      candidates.add(text_of(item.get_object(), key),
                     text_of(item.get_object(), "state") + " " + text_of(item.get_object(), what));
}

// By the help of an option or a positional, which says what it is.
void add_values(const Candidates& candidates, const Path& place, const CLI::Option& option) {
  const std::string name =
      option.nonpositional() ? option.get_lnames().front() : option.get_name(true);
  const std::string& help = option.get_description();
  if (name == "role") {
    for (std::size_t i = 0; i < kRoles; ++i)
      candidates.add(to_string(static_cast<Role>(i)), "role");
  } else if (name == "state") {
    for (std::size_t i = 0; i < kCampaignStates; ++i)
      candidates.add(to_string(static_cast<CampaignState>(i)), "state");
  } else if (name == "SHELL") {
    for (const char* shell : {"bash", "zsh", "fish"}) candidates.add(shell, "shell");
  } else if (name == "GATEWAY" || name == "gateway") {
    add_live(candidates, place, "/api/v1/gateways", "name", "reason");
  } else if (help.find("ampaign id") != std::string::npos || name == "confirm") {
    add_live(candidates, place, "/api/v1/campaigns?limit=200", "id", "title");
    if (help.find("file") != std::string::npos) Candidates::files();
  } else if (name == "CAMPAIGN" && help.find("file") == std::string::npos) {
    add_live(candidates, place, "/api/v1/campaigns?limit=200", "id", "title");
  } else {
    for (const std::string_view word : {"file", "File", "FILE", "folder", "Folder", "director"})
      if (help.find(word) != std::string::npos) return Candidates::files();
  }
}

}  // namespace

void print_completions(const CLI::App& app, std::vector<std::string> words) {
  if (words.empty()) words.emplace_back();
  std::string begun = std::move(words.back());
  words.pop_back();
  // bash makes three words of --state=sending.
  if (begun == "=") begun.clear();
  std::erase(words, "=");
  const Path place = walk(app, words);
  const Candidates candidates(begun);
  if (place.option != nullptr) return add_values(candidates, place, *place.option);
  if (begun.starts_with("-")) {
    for (const CLI::Option* option : place.app->get_options())
      if (option->nonpositional() && !option->get_lnames().empty())
        candidates.add("--" + option->get_lnames().front(), option->get_description());
    return;
  }
  const auto verbs = place.app->get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* verb : verbs) candidates.add(verb->get_name(), verb->get_description());
  if (!verbs.empty()) return;
  std::size_t index = 0;
  for (const CLI::Option* option : place.app->get_options()) {
    if (!option->get_positional()) continue;
    const bool takes_more = option->get_items_expected_max() > 1;
    if (index++ != place.positionals && !takes_more) continue;
    return add_values(candidates, place, *option);
  }
}

}  // namespace loa
