// The ordered rules of a profile: the first that fits gives a row its class.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.hpp"
#include "gateway/profile.hpp"
#include "gateway/selector.hpp"

namespace loa {

constexpr std::size_t kCodeMax = 64;  // of a carrier's code, message id or network

struct Rule {
  std::vector<std::pair<int, int>> http;  // ranges, both ends included
  std::vector<std::string> codes;
  std::optional<Regex> match;
  std::optional<Regex> network;                            // of a reroute: where the name stands
  std::vector<std::pair<std::string, std::string>> names;  // the carrier's names to ours
  AnswerClass value = AnswerClass::hold;

  // The network that the words name, "" when they name none.
  std::string network_in(std::string_view words) const;
  bool fits(int status, const std::optional<std::string>& code, std::string_view words) const;
};

AnswerClass read_class(MapReader& reader, AnswerClass fallback);

// What a rule may say: a class, or what a query for an earlier request has found.
enum class Words { classes, query };
constexpr AnswerClass kFound = AnswerClass::ok;        // that request was accepted
constexpr AnswerClass kNotFound = AnswerClass::retry;  // it was not

// Reads the key rules of a profile. `has_code`: its answer has a selector for codes.
void read_rules(MapReader& profile, bool has_code, Words words, std::vector<Rule>& rules,
                Faults& faults);

// What the selectors found in an answer, or in one item of it.
struct Found {
  std::optional<std::string> code;
  std::string words;  // as they came
};

// The first rule that fits decides; `matched` is what its patterns search. What no rule names holds
// the lane or is in doubt.
Verdict::Row make_row(const std::vector<Rule>& rules, int status, const Found& found,
                      std::string_view matched, bool readable);

bool is_success(int status);

std::string to_lower(std::string_view text);

// A carrier's text, fit to keep: valid UTF-8, no control characters, at most `size` bytes. `mask`
// hides long runs of digits.
std::string clean(std::string_view text, std::size_t size, bool mask);

}  // namespace loa
