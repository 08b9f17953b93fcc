// The life of a campaign: which act leads from which state to which. Pure.
//
//   draft -> waiting -> scheduled -> sending <-> paused -> finished | stopped | expired
//     ^        |           |
//     +--------+-----------+---> rejected
//
// A campaign that is due but may not send now is `sending`, with a reason.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loa {

enum class CampaignState : std::uint8_t {
  draft,      // not frozen, or returned to its author
  waiting,    // frozen, for its approval
  scheduled,  // approved, for its time
  sending,
  paused,
  finished,  // every row has its outcome
  rejected,
  stopped,  // by somebody, or by the carrier's refusal of the text
  expired,  // useful_until came first
};
constexpr std::size_t kCampaignStates = 9;

enum class Act : std::uint8_t {
  submit,     // a document was brought, for the first time or anew
  freeze,     // its plan stands
  approve,    // that plan may be sent
  give_back,  // "return": to the author, to be mended
  reject,
  schedule,  // another window, and so another plan
  begin,     // its time has come
  pause,
  resume,
  stop,
  retry,  // a new campaign of those who did not get this one
  clone,  // a new campaign like this one
};
constexpr std::size_t kActs = 12;

std::string_view to_string(CampaignState state);
std::string_view to_string(Act act);  // "return" for give_back
std::optional<CampaignState> campaign_state_of(std::string_view word);
std::optional<Act> act_of(std::string_view word);

// The state that follows; nothing when the act is not possible in this one. `begun`: some of it may
// have been sent.
std::optional<CampaignState> after(CampaignState state, Act act, bool begun);

// Nothing follows.
bool is_over(CampaignState state);

// In which states an act is possible, for people: "waiting or scheduled".
std::string states_for(Act act);

}  // namespace loa
