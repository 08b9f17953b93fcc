// What became of one number.
#include <fmt/format.h>

#include <algorithm>

#include "audience/exclusions.hpp"
#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

bool holds(const RowRanges& rows, std::uint64_t row) {
  return std::any_of(rows.begin(), rows.end(), [row](const RowRange& range) {
    return range.first <= row && row <= range.last;
  });
}

std::string said(const Outcome& outcome) {
  std::string words = outcome.code.empty() ? "" : fmt::format(", code {}", outcome.code);
  if (!outcome.words.empty()) words += fmt::format(" ({})", outcome.words);
  if (!outcome.id.empty()) words += fmt::format(", the carrier's id {}", outcome.id);
  if (!outcome.gateway.empty()) words += fmt::format("; on to gateway {}", outcome.gateway);
  return words;
}

// One line for each event that touched the row.
class RowStory {
 public:
  RowStory(std::string zone, std::uint64_t row, std::vector<std::string>& lines)
      : zone_(std::move(zone)), row_(row), lines_(lines) {}

  void follow(const Event& event) {
    switch (event.kind) {
      case Event::Kind::intent:
        if (!holds(event.rows, row_)) return;
        batch_ = event.batch;
        tell(event,
             fmt::format("attempt {} through gateway {}, in a request of {} (reference {}){}",
                         event.attempt, event.gateway, count_rows(event.rows), event.reference,
                         event.why.empty() ? "" : ": " + event.why));
        return;
      case Event::Kind::answer:
        if (event.batch != batch_) return;
        for (const Outcome& outcome : event.outcomes)
          if (holds(outcome.rows, row_))
            tell(event, fmt::format("answer after {} ms: {}{}", event.ms, to_string(outcome.state),
                                    said(outcome)));
        return;
      case Event::Kind::settled:
        if (!holds(event.rows, row_)) return;
        tell(event, fmt::format("decided{}: {}, {}{}", event.who.empty() ? "" : " by " + event.who,
                                to_string(event.state), event.why,
                                event.reason.empty() ? "" : " (" + event.reason + ")"));
        return;
      case Event::Kind::act:
        tell(event, fmt::format("{} by {}{}", event.act, event.who,
                                event.why.empty() ? "" : ": " + event.why));
        return;
      case Event::Kind::ended: tell(event, "the campaign ended: " + event.why); return;
      default: return;
    }
  }

 private:
  void tell(const Event& event, const std::string& words) {
    lines_.push_back(fmt::format("{}  {}", to_local(zone_, event.at), words));
  }

  std::string zone_;
  std::uint64_t row_;
  std::vector<std::string>& lines_;
  std::uint64_t batch_ = 0;
};

}  // namespace

Task<Answer<std::vector<Explanation>>> CampaignsDesk::explain(std::string number,
                                                              std::string campaign) {
  const ParsedNumber parsed = settings_->numbering.parse(number);
  if (!parsed.ok)
    co_return tl::unexpected<Refusal>(
        Refusal{Refusal::Kind::wrong, "this is not a mobile number of the numbering plan", {}});
  struct Frozen {
    std::string id, plan;
    int revision = 1;
    std::vector<RowState> rows;
    CampaignState state{};
    std::string reason;
  };
  std::vector<Frozen> asked;
  for (const auto& [id, record] : world_.recorder.record().campaigns())
    if ((campaign.empty() || campaign == id) && record.frozen())
      asked.push_back({id, record.plan, record.life.revision, record.rows, record.life.state,
                       view(id, record).reason});
  if (asked.empty() && !campaign.empty())
    co_return tl::unexpected<Refusal>(Refusal{
        Refusal::Kind::unknown, fmt::format("there is no campaign '{}' here", campaign), {}});
  const Settings settings = settings_;
  const auto job = [&]() -> Answer<std::vector<Explanation>> {
    const auto opted_out = read_exclusions(settings->exclusions, settings->numbering);
    const bool on_a_list = opted_out && opted_out->contains(parsed.number);
    std::vector<Explanation> told;
    std::map<std::string, std::unique_ptr<RowStory>> stories;
    told.reserve(asked.size());
    for (const Frozen& one : asked) {
      Explanation& explanation = told.emplace_back();
      explanation.campaign = one.id;
      const auto plan = open_plan(settings->data, one.id, one.plan, one.revision);
      if (!plan) {
        explanation.lines.push_back(plan.error().text);
        continue;
      }
      const auto rows = plan->rows();
      const auto found = std::find_if(rows.begin(), rows.end(), [&](const PlanRow& row) {
        return row.number() == parsed.number;
      });
      if (found == rows.end()) {
        explanation.lines.emplace_back(
            on_a_list
                ? "not among its recipients: the number is on a list of people who want no "
                  "messages"
                : "not among its recipients: it was not in the audience, or was excluded when "
                  "the plan was made");
        continue;
      }
      const auto row = static_cast<std::uint64_t>(found - rows.begin());
      explanation.state = to_string(one.rows[row]);
      const PlanLane& lane = plan->head().lanes[plan->lane_of(row)];
      explanation.lines.push_back(fmt::format("row {} of its plan, for gateway {} ({}), {}", row,
                                              lane.gateway, plan->head().networks[found->network()],
                                              lane.why));
      if (one.rows[row] == RowState::planned && !one.reason.empty())
        explanation.lines.push_back(
            fmt::format("{}: {}", is_over(one.state) ? "was not sent" : "waits", one.reason));
      stories[one.id] = std::make_unique<RowStory>(settings->zone, row, explanation.lines);
    }
    const auto read =
        read_whole_store(world_.disk, settings->data, settings->zone, [&](const Event& event) {
          const auto story = stories.find(event.campaign);
          if (story != stories.end()) story->second->follow(event);
        });
    if (!read && !stories.empty())
      for (Explanation& one : told) one.lines.push_back(read.error().text);
    return told;
  };
  Answer<std::vector<Explanation>> told = co_await world_.workers.run(job);
  co_return told;
}

}  // namespace loa
