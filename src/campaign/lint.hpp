// A warning must not look like the fraud it warns of: no shortened or foreign links, no unknown
// number to call, its sender named, no haste about money. The rules apply to the text and to its
// unaccented form, each with a severity of its own, set in loa.yaml:
//   lint:
//     links: [congan.langson.gov.vn]     # domains that may stand in a text, with all below them
//     phones: ["113", "1900 1234"]       # numbers that people may be asked to call or text;
//     absent: 111 to 115, 156, 5656 names: ["CA tinh Lang Son"]        # what the sender calls
//     himself in texts, besides his brand name shorteners: [vidu.ly]              # further ones
//     rules: {shortener: error, link: error, disguise: error, phone: error, sender: warning, money:
//     warning}
// Without the section the rules hold as above, with no domain allowed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "campaign/campaign.hpp"

namespace loa {

enum class LintRule : std::uint8_t { shortener, link, disguise, phone, sender, money };
constexpr std::size_t kLintRules = 6;
std::string_view to_string(LintRule rule);

enum class LintSeverity : std::uint8_t { error, warning, off };

struct LintSettings {
  std::vector<std::string> links;  // small letters
  std::vector<std::string> phones = {"111", "112", "113", "114",
                                     "115", "156", "5656"};  // national digits
  std::vector<std::string> names;
  std::vector<std::string> shorteners;  // besides those that are known
  std::array<LintSeverity, kLintRules> severity = {LintSeverity::error,   LintSeverity::error,
                                                   LintSeverity::error,   LintSeverity::error,
                                                   LintSeverity::warning, LintSeverity::warning};
};

// Reads the `lint:` map of loa.yaml.
LintSettings read_lint(const Node& node, Faults& faults);

struct LintFinding {
  LintRule rule;
  LintSeverity severity;  // error or warning
  std::string words;      // for people, with the rule's name; no whole phone number
};

std::vector<LintFinding> lint(const Campaign& campaign, const LintSettings& settings);

// The same as faults, at the text, or at the name of the template, in the campaign's document.
void lint(const Campaign& campaign, const Node& document, const LintSettings& settings,
          Faults& faults);

}  // namespace loa
