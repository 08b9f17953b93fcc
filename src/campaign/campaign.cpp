#include "campaign/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/printable.hpp"
#include "campaign/canonical.hpp"
#include "config/document.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kClasses = {"public_info", "care", "advertising"};
const std::vector<std::string> kEncodings = {"auto", "gsm7", "ucs2"};
const std::vector<std::string> kPriorities = {"low", "normal", "high", "emergency"};
constexpr std::array<int, 4> kWeights = {1, 2, 4, 16};  // by priority
const std::vector<std::string> kOnUnknown = {"hold", "resend", "assume_sent"};

constexpr std::size_t kSenderMax = 11;

// Decree 91/2020: advertising only between these hours; decency for the rest.
constexpr std::chrono::minutes kQuietUntil{7 * 60};
constexpr std::chrono::minutes kQuietFrom{22 * 60};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view sender_problem(std::string_view sender) {
  constexpr std::string_view kMarks = "-_. ";
  const auto allowed = [&](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           kMarks.find(c) != std::string_view::npos;
  };
  if (sender.size() > kSenderMax) return "has more than 11 characters";
  if (!std::all_of(sender.begin(), sender.end(), allowed)) {
    return "may hold only Latin letters, digits, '-', '_', '.' and spaces";
  }
  if (std::all_of(sender.begin(), sender.end(), is_digit)) return "may not be digits alone";
  if (sender.starts_with(' ') || sender.ends_with(' ')) return "begins or ends with a space";
  return "";
}

// The text in normal form, its placeholders checked.
std::string checked_pattern(MapReader& reader, std::string_view key) {
  const std::string written = reader.text(key);
  if (written.empty()) return "";
  Result<std::string> text = to_nfc(written);
  if (!text) {
    reader.fault(key, fmt::format("message: '{}': {}", key, text.error().text));
    return "";
  }
  if (const Result<TextPattern> pattern = TextPattern::parse(*text); !pattern) {
    reader.fault(key, fmt::format("message: '{}', character {}: {}", key,
                                  pattern.error().place.column, pattern.error().text));
  }
  return *text;
}

struct FoundTemplate {
  std::vector<std::string> files;  // that carry the id
  std::vector<std::string> ids;    // all there are
  std::string unreadable;          // one that could not be read
};

FoundTemplate find_template(const std::string& folder, const std::string& id) {
  FoundTemplate found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension != ".yaml" && extension != ".yml") continue;
    const std::string path = entry->path().string();
    Faults ignored;
    const auto document = load_document(path, ignored);
    const Node* name = document ? document->find("template") : nullptr;
    if (name == nullptr) {
      found.unreadable = path;
      continue;
    }
    found.ids.push_back(name->scalar());
    if (name->scalar() == id) found.files.push_back(path);
  }
  std::sort(found.files.begin(), found.files.end());
  std::sort(found.ids.begin(), found.ids.end());
  return found;
}

void read_template(MapReader& reader, const std::string& folder, Message& message) {
  message.template_id = reader.text("template");
  if (message.template_id.empty()) return;
  const FoundTemplate found = find_template(folder, message.template_id);
  if (found.files.empty()) {
    const std::string near = nearest(message.template_id, found.ids);
    std::string text = fmt::format("message: there is no template '{}' in {}",
                                   message.template_id.substr(0, 64), folder);
    if (!near.empty()) {
      text += fmt::format("; did you mean '{}'?", near);
    } else if (!found.unreadable.empty()) {
      text += fmt::format(" ({} is no template that can be read)", found.unreadable);
    }
    reader.fault("template", std::move(text));
    return;
  }
  if (found.files.size() > 1) {
    reader.fault("template",
                 fmt::format("message: the template '{}' stands in two files, {} and {}",
                             message.template_id, found.files[0], found.files[1]));
    return;
  }
  const MessageTemplate read = load_template(found.files.front(), reader.faults());
  message.text = read.text;
  message.unaccented = read.unaccented;
}

void read_registered(const Node& node, Message& message, Faults& faults) {
  if (!node.is_map()) {
    faults.error(node.place(),
                 "registered must be a map: 'GATEWAY: {template: ID, parameters: []}'",
                 node.width());
    return;
  }
  for (const Node::Entry& entry : node.entries()) {
    MapReader reader(entry.value, fmt::format("registered text of '{}'", entry.key), faults);
    RegisteredText text;
    text.template_id = reader.text("template");
    text.parameters = reader.texts_or_empty("parameters");
    reader.finish();
    message.registered.emplace(entry.key, std::move(text));
  }
}

Message read_message(const Node& node, const std::string& templates, Faults& faults) {
  Message message;
  MapReader reader(node, "message", faults);
  const bool has_template = node.find("template") != nullptr;
  const bool has_text = node.find("text") != nullptr;
  if (has_template) {
    read_template(reader, templates, message);
    for (const std::string_view key : {"text", "unaccented"}) {
      if (reader.optional(key) == nullptr) continue;
      reader.fault(key, fmt::format("message: '{}' cannot stand beside 'template': write it in the "
                                    "template's file, or remove 'template'",
                                    key));
    }
  } else if (has_text) {
    reader.optional("template");
    message.text = checked_pattern(reader, "text");
    if (reader.optional("unaccented") != nullptr) {
      message.unaccented = checked_pattern(reader, "unaccented");
    }
  } else if (node.is_map()) {
    reader.optional("template");
    reader.optional("text");
    reader.optional("unaccented");
    faults.error(node.place(), "message: name a 'template', or write the 'text' here",
                 node.width());
  }
  message.encoding = static_cast<EncodingChoice>(reader.choice_or("encoding", 0, kEncodings));
  message.parts_max = static_cast<int>(reader.integer_or("max_parts", message.parts_max, 1, 10));
  if (const Node* registered = reader.optional("registered")) {
    read_registered(*registered, message, faults);
  }
  reader.finish();
  return message;
}

// What the law and decency ask of the hours and of the text's beginning.
void check_rules(const Campaign& campaign, const Node& root, MapReader& reader) {
  const Node* at_schedule = root.find("schedule");
  const Node* at_message = root.find("message");
  const Node& schedule = at_schedule != nullptr ? *at_schedule : root;
  const Node& message = at_message != nullptr ? *at_message : root;
  const bool quiet_hours =
      campaign.schedule.from < kQuietUntil || campaign.schedule.to > kQuietFrom;
  const bool advertising = campaign.message_class == MessageClass::advertising;
  if (campaign.priority == Priority::emergency) {
    if (advertising) {
      reader.fault("priority", "campaign: advertising is never an emergency");
    } else {
      reader.faults().warning(
          root.find("priority")->place(),
          "priority: an emergency is sent at any hour, also at night: 'hours' do "
          "not hold for it",
          root.find("priority")->width());
    }
  } else if (quiet_hours && advertising) {
    reader.faults().error(schedule.place(),
                          "schedule: advertising may only be sent within 07:00-22:00 (Decree "
                          "91/2020): write hours: {from: \"07:00\", to: \"22:00\"}",
                          schedule.width());
  } else if (quiet_hours) {
    reader.faults().warning(schedule.place(),
                            "schedule: people may be woken: 'hours' go beyond 07:00-22:00",
                            schedule.width());
  }
  if (!advertising) return;
  for (const std::string* text : {&campaign.message.text, &campaign.message.unaccented}) {
    if (text->empty() || text->starts_with("[QC]") || text->starts_with("[AD]")) continue;
    reader.faults().error(message.place(),
                          "message: an advertising text must begin with [QC] or [AD] (Decree "
                          "91/2020)",
                          message.width());
  }
}

}  // namespace

bool is_campaign_id(std::string_view id) {
  return !id.empty() && id.size() <= kCampaignIdMax && id.front() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

std::string_view to_string(MessageClass value) { return kClasses[static_cast<std::size_t>(value)]; }
std::string_view to_string(EncodingChoice value) {
  return kEncodings[static_cast<std::size_t>(value)];
}
std::string_view to_string(Priority value) { return kPriorities[static_cast<std::size_t>(value)]; }
std::string_view to_string(OnUnknown value) { return kOnUnknown[static_cast<std::size_t>(value)]; }

namespace {

Campaign read_campaign(const Node& document, const std::string& name, const std::string& folder,
                       const std::string& templates, Faults& faults) {
  Campaign campaign;
  campaign.file = name;
  MapReader reader(document, "campaign", faults);
  campaign.id = reader.text("campaign");
  if (!campaign.id.empty() && !is_campaign_id(campaign.id)) {
    reader.fault("campaign",
                 "campaign: its name has 1 to 64 of a-z, 0-9 and '-', and begins with a "
                 "letter or a digit");
  }
  campaign.title = reader.text_or("title", "");
  if (has_harmful(campaign.title))
    reader.fault("title",
                 "campaign: 'title' holds a line break, or a character that does not show: write "
                 "one plain line");
  reader.required("class");
  campaign.message_class = static_cast<MessageClass>(reader.choice_or("class", 0, kClasses));
  campaign.sender = reader.text("sender");
  if (const std::string_view problem = sender_problem(campaign.sender);
      !campaign.sender.empty() && !problem.empty()) {
    reader.fault("sender", fmt::format("campaign: 'sender' {}", problem));
  }
  if (const Node* audience = reader.required("audience")) {
    campaign.audience = read_audience_source(*audience, folder, faults);
  }
  if (const Node* message = reader.required("message")) {
    campaign.message = read_message(*message, templates, faults);
  }
  campaign.priority = static_cast<Priority>(
      reader.choice_or("priority", static_cast<std::size_t>(Priority::normal), kPriorities));
  const std::size_t errors = faults.errors();
  if (const Node* schedule = reader.optional("schedule")) {
    const bool any_hour = campaign.priority == Priority::emergency;
    WrittenSchedule written =
        read_schedule(*schedule, faults, any_hour ? HoursRule::ignored : HoursRule::kept);
    campaign.schedule = std::move(written.schedule);
    campaign.if_late = written.if_late;
    campaign.repeat = written.repeat;
  }
  const bool schedule_read = faults.errors() == errors;
  if (campaign.repeat && campaign.id.size() + kOccurrenceSuffix > kCampaignIdMax) {
    reader.fault("campaign", fmt::format("campaign: the name of a repeated campaign has at most {} "
                                         "characters, since each time adds its date",
                                         kCampaignIdMax - kOccurrenceSuffix));
  }
  campaign.weight = kWeights[static_cast<std::size_t>(campaign.priority)];
  if (const Node* pace = reader.optional("pace")) {
    MapReader pace_reader(*pace, "pace", faults);
    campaign.parts_per_second = pace_reader.decimal_or("parts_per_second", 0, 0, 100'000);
    campaign.weight = static_cast<int>(pace_reader.integer_or("weight", campaign.weight, 1, 1000));
    pace_reader.finish();
  }
  if (const Node* budget = reader.optional("budget")) {
    MapReader budget_reader(*budget, "budget", faults);
    campaign.parts_budget =
        static_cast<std::uint64_t>(budget_reader.integer_or("parts", 0, 0, 1'000'000'000'000));
    budget_reader.finish();
  }
  campaign.on_unknown = static_cast<OnUnknown>(reader.choice_or("on_unknown", 0, kOnUnknown));
  if (const Node* guard = reader.optional("guard")) campaign.guard = read_guard(*guard, faults);
  reader.finish();
  if (document.is_map() && schedule_read) check_rules(campaign, document, reader);
  return campaign;
}

}  // namespace

Campaign load_campaign(const std::string& path, const std::string& templates, Faults& faults) {
  const auto document = load_document(path, faults);
  if (document)
    return read_campaign(*document, path, fs::path(path).parent_path().string(), templates, faults);
  Campaign campaign;
  campaign.file = path;
  return campaign;
}

Campaign parse_campaign(std::string_view text, const std::string& name,
                        const std::string& templates, const std::string& folder, Faults& faults) {
  Campaign campaign;
  campaign.file = name;
  const auto too_large = [&](std::string_view what) {
    faults.error({name, 0, 0},
                 fmt::format("{} larger than {} bytes: shorten it, and bring long lists "
                             "of people in a CSV file",
                             what, kCampaignBytesMax));
  };
  if (text.size() > kCampaignBytesMax) {
    too_large("the campaign is");
    return campaign;
  }
  const auto document = parse_document(text, name, faults);
  if (!document) return campaign;
  if (canonical_json(*document).size() > kCampaignBytesMax) {
    too_large("the campaign, in the form in which it is kept, is");
    return campaign;
  }
  return read_campaign(*document, name, folder, templates, faults);
}

}  // namespace loa
