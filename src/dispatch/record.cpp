#include "dispatch/record.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "campaign/schedule.hpp"

namespace loa {
namespace {

constexpr std::uint64_t kRowsMax = 1'000'000'000;

tl::unexpected<Error> contradiction(const Event& event, const std::string& what) {
  return fail(Code::data, fmt::format("the journal contradicts itself: {} (campaign {}, batch {})",
                                      what, event.campaign, event.batch));
}

bool within(const RowRanges& ranges, std::size_t rows) {
  return std::all_of(ranges.begin(), ranges.end(), [rows](const RowRange& range) {
    return range.first <= range.last && range.last < rows;
  });
}

// Rows of an attempt are in doubt. Why, is what was said first: a repetition that is not taken does
// not change it.
void doubt(CampaignRecord& record, OpenIntent intent, const RowRanges& rows, Instant at,
           const std::string& cause) {
  record.in_doubt += count_rows(rows);
  intent.rows = rows;
  intent.since = at;
  if (intent.cause.empty()) intent.cause = cause;
  record.doubts.insert_or_assign(rows.front().first, std::move(intent));
}

}  // namespace

std::uint64_t Balance::refused_total() const {
  std::uint64_t total = 0;
  for (const auto& [code, count] : refused) total += count;
  return total;
}

Balance CampaignRecord::balance() const {
  Balance balance;
  balance.planned = rows.size();
  balance.accepted = accepted;
  balance.refused = refused;
  balance.in_doubt = in_doubt;
  for (const auto& [batch, intent] : open) balance.in_doubt += count_rows(intent.rows);
  balance.unsent = balance.planned - balance.accepted - balance.refused_total() - balance.in_doubt;
  return balance;
}

const CampaignRecord* Record::find(const std::string& campaign) const {
  const auto found = campaigns_.find(campaign);
  return found == campaigns_.end() ? nullptr : &found->second;
}

const GatewayUse& Record::use(const std::string& gateway) const {
  static const GatewayUse none;
  const auto found = gateways_.find(gateway);
  return found == gateways_.end() ? none : found->second;
}

Result<void> Record::apply(const Event& event) {
  ++lines_;
  switch (event.kind) {
    case Event::Kind::opened: return {};
    case Event::Kind::clock: set_clock(event); return {};
    case Event::Kind::request: remember(event); return {};
    case Event::Kind::submitted: return submit(event);
    case Event::Kind::frozen: return freeze(event);
    case Event::Kind::act:
    case Event::Kind::denied: return act(event);
    default: break;
  }
  const auto found = campaigns_.find(event.campaign);
  if (found == campaigns_.end()) return contradiction(event, "a campaign acts before it is frozen");
  found->second.life.version = lines_;
  return apply_to(found->second, event);
}

void Record::remember(const Event& event) {
  std::erase_if(requests_,
                [&](const auto& one) { return one.second.at + kRequestsRemembered <= event.at; });
  requests_[event.key] = {event.request, event.campaign, event.status, event.at};
}

Result<void> Record::submit(const Event& event) {
  const auto [at, is_new] = campaigns_.try_emplace(event.campaign);
  CampaignLife& life = at->second.life;
  if (!is_new && !after(life.state, Act::submit, life.begun))
    return contradiction(event, "a campaign that has begun is changed");
  life.state = CampaignState::draft;
  life.stands = false;
  life.document = event.document;
  life.content = event.content;
  life.author = event.who;
  life.source = event.from;
  life.approved_by.clear();
  life.who = event.who;
  life.why.clear();
  life.at = event.at;
  life.submitted = event.at;
  life.version = lines_;
  acts_.push_back(
      {lines_ - 1, event.at, false, event.campaign, "", "submit", event.who, event.from, "", ""});
  return {};
}

Result<void> Record::freeze(const Event& event) {
  if (event.row_count > kRowsMax)
    return contradiction(event, "a plan with more rows than there are numbers");
  const auto [at, is_new] = campaigns_.try_emplace(event.campaign);
  CampaignRecord& record = at->second;
  CampaignLife& life = record.life;
  if (is_new) {  // not brought to the desk: to be sent at once
    life.begun = true;
  } else {
    const auto state = after(life.state, Act::freeze, life.begun);
    if (!state) return contradiction(event, "a campaign is frozen twice");
    life.state = *state;
  }
  ++life.revision;
  life.stands = true;
  life.version = lines_;
  record.plan = event.plan;
  record.excluded = event.excluded;
  record.rows.assign(event.row_count, RowState::planned);
  record.attempts.assign(event.row_count, 0);
  return {};
}

// What people do, and what the daemon does in their place.
Result<void> Record::act(const Event& event) {
  acts_.push_back({lines_ - 1, event.at, event.kind == Event::Kind::denied, event.campaign,
                   event.gateway, event.act, event.who, event.from, event.why, event.plan});
  if (event.kind == Event::Kind::denied) return {};
  const std::optional<Act> act = act_of(event.act);
  if (!act) return contradiction(event, "an act that is none: " + event.act);
  if (!event.gateway.empty()) {
    GatewayUse& use = gateways_[event.gateway];
    if (*act == Act::pause) {
      use.paused_by = event.who;
      use.paused_why = event.why;
    } else {
      use.paused_by.clear();
      use.paused_why.clear();
      use.held = false;
    }
    return {};
  }
  const auto found = campaigns_.find(event.campaign);
  if (found == campaigns_.end()) return contradiction(event, "an act on a campaign that is none");
  CampaignLife& life = found->second.life;
  const auto state = after(life.state, *act, life.begun);
  if (!state) return contradiction(event, "an act that its state does not allow: " + event.act);
  if (*act == Act::approve && event.plan != found->second.plan)
    return contradiction(event, "another plan is approved than stands");
  life.state = *state;
  if (*act == Act::approve) life.approved_by = event.who;
  if (*act == Act::give_back || *act == Act::schedule) life.approved_by.clear();
  if (*act == Act::schedule) life.stands = false;  // another plan follows
  if (*act == Act::begin) life.begun = true;
  life.who = event.who;
  life.why = event.why;
  life.at = event.at;
  life.version = lines_;
  return {};
}

// After a clock that was set back, the day that is counted ends with the day it is now: what it has
// used stays used, and no gateway waits for a date that was never to come.
void Record::set_clock(const Event& event) {
  const Instant day_end = end_of_day(zone_, event.at);
  for (auto& [name, use] : gateways_) use.day_end = std::min(use.day_end, day_end);
}

Result<void> Record::apply_to(CampaignRecord& record, const Event& event) {
  switch (event.kind) {
    case Event::Kind::intent: return intend(record, event);
    case Event::Kind::answer: return answer(record, event);
    case Event::Kind::settled: return settle(record, event);
    case Event::Kind::held:
      record.held[event.gateway] = {
          .rows = {}, .code = event.code, .words = event.words, .id = {}, .gateway = {}};
      gateways_[event.gateway].held = true;
      gateways_[event.gateway].held_code = event.code;
      gateways_[event.gateway].held_words = event.words;
      return {};
    case Event::Kind::ended: {
      const auto state = campaign_state_of(event.why);
      if (!state || !is_over(*state)) return contradiction(event, "an end that is none");
      if (is_over(record.life.state)) return {};  // it was stopped, and just finished
      record.life.state = *state;
      record.life.who = "loa";
      record.life.why =
          event.code.empty() && event.words.empty()
              ? ""
              : fmt::format("a gateway refuses the message: {} ({})", event.code, event.words);
      record.life.at = event.at;
      return {};
    }
    default: break;
  }
  return {};
}

Result<void> Record::intend(CampaignRecord& record, const Event& event) {
  if (event.rows.empty() || !within(event.rows, record.rows.size()))
    return contradiction(event, "an intent names unknown rows");
  OpenIntent intent{.gateway = event.gateway,
                    .attempt = event.attempt,
                    .rows = event.rows,
                    .reference = event.reference,
                    .first = event.at,
                    .since = {},
                    .cause = {}};
  // Rows in doubt are sent again only as the request they were, and with a reason.
  const auto doubt = record.doubts.find(event.rows.front().first);
  const bool repeats =
      !event.why.empty() && doubt != record.doubts.end() && doubt->second.rows == event.rows &&
      doubt->second.reference == event.reference && doubt->second.gateway == event.gateway;
  if (repeats) {
    intent.first = doubt->second.first;
    intent.cause = doubt->second.cause;
    record.in_doubt -= count_rows(event.rows);
    record.doubts.erase(doubt);
  }
  const RowState before = repeats ? RowState::in_doubt : RowState::planned;
  bool all_waiting = true;
  for_each_row(event.rows, [&](std::uint64_t row) {
    all_waiting = all_waiting && record.rows[row] == before;
    record.rows[row] = RowState::intended;
    if (record.attempts[row] < 255) ++record.attempts[row];
  });
  if (!all_waiting) return contradiction(event, "a row is intended that was not waiting");
  const auto [at, is_new] = record.open.try_emplace(event.batch, std::move(intent));
  if (!is_new) return contradiction(event, "two intents have one batch number");
  record.batches = std::max(record.batches, event.batch);
  record.held.erase(event.gateway);
  record.life.begun = true;
  if (!record.first_intent) record.first_intent = event.at;

  GatewayUse& use = gateways_[event.gateway];
  use.held = false;  // it is tried again
  if (event.at >= use.day_end) {
    use.day_end = end_of_day(zone_, event.at);
    use.today = 0;
  }
  if (!repeats) use.today += count_rows(event.rows);  // the carrier counts a repeated one once
  use.last_intent = event.at;
  return {};
}

Result<void> Record::answer(CampaignRecord& record, const Event& event) {
  const auto found = record.open.find(event.batch);
  if (found == record.open.end()) return contradiction(event, "an answer without an intent");
  const OpenIntent intent = std::move(found->second);
  record.open.erase(found);
  record.last_answer = event.at;

  std::uint64_t told = 0;
  for (const Outcome& outcome : event.outcomes) {
    if (outcome.rows.empty() || !within(outcome.rows, record.rows.size()))
      return contradiction(event, "an answer names unknown rows");
    bool all_intended = true;
    for_each_row(outcome.rows, [&](std::uint64_t row) {
      all_intended = all_intended && record.rows[row] == RowState::intended;
      record.rows[row] = outcome.state;
      if (!outcome.gateway.empty()) record.moved[row] = outcome.gateway;
    });
    if (!all_intended) return contradiction(event, "an answer for a row that was not sent");
    const std::uint64_t rows = count_rows(outcome.rows);
    told += rows;
    switch (outcome.state) {
      case RowState::accepted: record.accepted += rows; break;
      case RowState::refused: record.refused[outcome.code] += rows; break;
      case RowState::in_doubt:
        doubt(record, intent, outcome.rows, event.at,
              outcome.words.empty() ? outcome.code : outcome.words);
        break;
      case RowState::planned: {
        GatewayUse& use = gateways_[intent.gateway];
        use.today -= std::min(use.today, rows);
        break;
      }
      case RowState::intended: return contradiction(event, "an answer that leaves a row intended");
    }
  }
  if (told != count_rows(intent.rows))
    return contradiction(event, "an answer does not tell of every row");
  return {};
}

// Rows in doubt are decided: sent again (planned), taken as sent (accepted), or, after a crash,
// found to be in doubt at all (their attempt was still open).
Result<void> Record::settle(CampaignRecord& record, const Event& event) {
  if (!within(event.rows, record.rows.size()))
    return contradiction(event, "a decision on unknown rows");
  const std::uint64_t rows = count_rows(event.rows);
  if (event.state == RowState::in_doubt) {
    const auto found = std::find_if(record.open.begin(), record.open.end(),
                                    [&](const auto& one) { return one.second.rows == event.rows; });
    if (found == record.open.end())
      return contradiction(event, "a decision on an attempt that is not open");
    for_each_row(event.rows, [&](std::uint64_t row) { record.rows[row] = RowState::in_doubt; });
    doubt(record, found->second, event.rows, event.at, event.why);
    record.open.erase(found);
    return {};
  }
  const auto found =
      event.rows.empty() ? record.doubts.end() : record.doubts.find(event.rows.front().first);
  if (found == record.doubts.end() || found->second.rows != event.rows)
    return contradiction(event, "a decision on rows that are not in doubt");
  record.doubts.erase(found);
  record.in_doubt -= rows;
  for_each_row(event.rows, [&](std::uint64_t row) { record.rows[row] = event.state; });
  const bool known = event.by == DecidedBy::query;
  if (event.state == RowState::accepted) {
    record.accepted += rows;
    if (!known) record.assumed += rows;
  } else {
    if (!known) {
      record.resent += rows;
      record.sent_anew.insert(record.sent_anew.end(), event.rows.begin(), event.rows.end());
    }
    // There is something to send again. What was stopped or has expired stays so.
    if (record.life.state == CampaignState::finished) record.life.state = CampaignState::sending;
  }
  return {};
}

}  // namespace loa
