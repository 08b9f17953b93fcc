// One warning as an operator writes it: message, audience, schedule, pace, routing. A plain struct
// read from YAML; config/campaigns/ shows every key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audience/source.hpp"
#include "base/fault.hpp"
#include "base/time.hpp"
#include "campaign/guard.hpp"
#include "campaign/repeat.hpp"
#include "campaign/schedule.hpp"
#include "text/message_template.hpp"

namespace loa {

enum class MessageClass { public_info, care, advertising };
enum class EncodingChoice { automatic, gsm7, ucs2 };
enum class Priority { low, normal, high, emergency };  // an emergency is sent at any hour
enum class OnUnknown { hold, resend, assume_sent };    // what becomes of a row in doubt

std::string_view to_string(MessageClass value);
std::string_view to_string(EncodingChoice value);  // "auto", "gsm7", "ucs2"
std::string_view to_string(Priority value);
std::string_view to_string(OnUnknown value);

// A text registered with the carrier: only its number and its parameters travel.
struct RegisteredText {
  std::string template_id;
  std::vector<std::string> parameters;  // column names

  friend bool operator==(const RegisteredText&, const RegisteredText&) = default;
};

struct Message {
  std::string template_id;  // "" when the text is inline
  std::string text;         // NFC pattern, from the template or inline
  std::string unaccented;   // hand-made unaccented pattern; "" to fold
  EncodingChoice encoding = EncodingChoice::automatic;
  int parts_max = 2;                                 // key max_parts, 1 to 10
  std::map<std::string, RegisteredText> registered;  // by gateway

  friend bool operator==(const Message&, const Message&) = default;
};

struct Campaign {
  std::string id;  // key campaign: [a-z0-9][a-z0-9-]{0,63}
  std::string title;
  MessageClass message_class = MessageClass::public_info;
  std::string sender;       // brand name, at most 11 of Latin letters, digits, - _ . space
  AudienceSource audience;  // paths resolved against the campaign file's folder
  Message message;
  Schedule schedule;               // an emergency's has no hours
  IfLate if_late = IfLate::ask;    // schedule.if_late
  std::optional<Repeat> repeat;    // schedule.repeat
  int weight = 2;                  // pace.weight, 1 to 1000; by priority 1, 2, 4, 16
  double parts_per_second = 0;     // pace; 0 for no limit of its own
  std::uint64_t parts_budget = 0;  // budget.parts; 0 for none
  Priority priority = Priority::normal;
  OnUnknown on_unknown = OnUnknown::hold;
  Guard guard;
  std::string file;  // where it was read from

  friend bool operator==(const Campaign&, const Campaign&) = default;
};

constexpr std::size_t kCampaignIdMax = 64;
bool is_campaign_id(std::string_view id);

// Reads a campaign file; `templates` is the folder of message templates (one YAML file each, any
// name; the template is found by its id). Every fault goes to `faults`; then the campaign may be
// incomplete.
Campaign load_campaign(const std::string& path, const std::string& templates, Faults& faults);

// The same from a text, YAML or JSON, of at most 50,000 bytes, as it is and as canonical_json
// writes it. `name` stands for it in faults; paths in it are resolved against `folder`.
constexpr std::size_t kCampaignBytesMax = 50'000;
Campaign parse_campaign(std::string_view text, const std::string& name,
                        const std::string& templates, const std::string& folder, Faults& faults);

}  // namespace loa
