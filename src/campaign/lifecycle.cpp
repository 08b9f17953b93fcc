#include "campaign/lifecycle.hpp"

#include <algorithm>
#include <string>

namespace loa {
namespace {

using State = CampaignState;

constexpr std::array<std::string_view, kCampaignStates> kStates = {
    "draft",    "waiting",  "scheduled", "sending", "paused",
    "finished", "rejected", "stopped",   "expired"};
constexpr std::array<std::string_view, kActs> kNames = {"submit", "freeze",   "approve", "return",
                                                        "reject", "schedule", "begin",   "pause",
                                                        "resume", "stop",     "retry",   "clone"};

template <class Words>
std::optional<std::size_t> index_of(const Words& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace

std::string_view to_string(State state) { return kStates[static_cast<std::size_t>(state)]; }
std::string_view to_string(Act act) { return kNames[static_cast<std::size_t>(act)]; }

std::optional<State> campaign_state_of(std::string_view word) {
  const auto index = index_of(kStates, word);
  return index ? std::optional(static_cast<State>(*index)) : std::nullopt;
}

std::optional<Act> act_of(std::string_view word) {
  const auto index = index_of(kNames, word);
  return index ? std::optional(static_cast<Act>(*index)) : std::nullopt;
}

bool is_over(State state) {
  return state == State::finished || state == State::rejected || state == State::stopped ||
         state == State::expired;
}

std::optional<State> after(State state, Act act, bool begun) {
  const bool prepared = !begun && (state == State::draft || state == State::waiting ||
                                   state == State::scheduled || state == State::paused);
  switch (act) {
    case Act::submit: return prepared ? std::optional(State::draft) : std::nullopt;
    case Act::freeze: return state == State::draft ? std::optional(State::waiting) : std::nullopt;
    case Act::approve:
      return state == State::waiting ? std::optional(State::scheduled) : std::nullopt;
    case Act::give_back:
      return prepared && state != State::draft ? std::optional(State::draft) : std::nullopt;
    case Act::reject: return prepared ? std::optional(State::rejected) : std::nullopt;
    case Act::schedule:
      return prepared && state != State::draft ? std::optional(State::draft) : std::nullopt;
    case Act::begin:
      return state == State::scheduled ? std::optional(State::sending) : std::nullopt;
    case Act::pause:
      return state == State::scheduled || state == State::sending ? std::optional(State::paused)
                                                                  : std::nullopt;
    case Act::resume:
      if (state != State::paused) return std::nullopt;
      return begun ? State::sending : State::scheduled;
    case Act::stop: return is_over(state) ? std::nullopt : std::optional(State::stopped);
    case Act::retry:
      return is_over(state) && state != State::rejected && begun ? std::optional(state)
                                                                 : std::nullopt;
    case Act::clone: return state;
  }
  return std::nullopt;
}

std::string states_for(Act act) {
  std::string words;
  for (std::size_t i = 0; i < kCampaignStates; ++i) {
    const auto state = static_cast<State>(i);
    if (!after(state, act, false) && !after(state, act, true)) continue;
    if (!words.empty()) words += " or ";
    words += to_string(state);
  }
  return words;
}

}  // namespace loa
