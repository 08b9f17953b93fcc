#include "cli/balance_view.hpp"

#include <fmt/format.h>

#include "audit/report.hpp"
#include "base/check.hpp"
#include "base/printable.hpp"
#include "cli/output.hpp"

namespace loa {
namespace {

double seconds_of(const CampaignRecord& record) {
  if (!record.first_intent || !record.last_answer) return 0;
  return std::chrono::duration<double>(*record.last_answer - *record.first_intent).count();
}

double rate_of(std::uint64_t messages, double seconds) {
  return seconds > 0 ? static_cast<double>(messages) / seconds : 0;
}

// The promise of the balance: nobody is missing and nobody is counted twice.
void check(const Plan& plan, const Balance& balance) {
  std::uint64_t excluded = 0;
  for (const std::uint64_t count : plan.head().excluded) excluded += count;
  LOA_CHECK(plan.head().audience == excluded + balance.planned);
  LOA_CHECK(balance.planned ==
            balance.accepted + balance.refused_total() + balance.in_doubt + balance.unsent);
}

}  // namespace

std::string balance_text(const Plan& plan, const CampaignRecord& record, std::string_view state) {
  const PlanHead& head = plan.head();
  const Balance balance = record.balance();
  check(plan, balance);
  Table table({"", ""}, {false, true});
  table.add({"audience", grouped(head.audience)});
  for (std::size_t i = 0; i < kExclusions; ++i)
    if (head.excluded[i] > 0)
      table.add({fmt::format("  excluded: {}", to_string(static_cast<Exclusion>(i))),
                 grouped(head.excluded[i])});
  table.add({"planned", grouped(balance.planned)});
  table.add({"  accepted", grouped(balance.accepted)});
  for (const auto& [code, count] : balance.refused)
    table.add({fmt::format("  refused: {}", code.empty() ? "no code" : code), grouped(count)});
  table.add({"  in doubt", grouped(balance.in_doubt)});
  table.add({"  unsent", grouped(balance.unsent)});
  std::string text =
      fmt::format("campaign {}: {}\n", head.campaign, state) + table.text().substr(1);
  const double seconds = seconds_of(record);
  text += fmt::format(
      "\n  {} parts in {} requests, {}, {} messages a second\n",
      grouped(parts_accepted(plan, record)), grouped(record.batches),
      to_words(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds))),
      grouped(static_cast<std::uint64_t>(rate_of(balance.accepted, seconds))));
  if (record.resent > 0)
    text += fmt::format("  {} rows in doubt: decided to send them again\n", grouped(record.resent));
  if (record.assumed > 0)
    text += fmt::format("  {} rows in doubt: decided to count them as accepted\n",
                        grouped(record.assumed));
  for (const auto& [gateway, why] : record.held)
    text += fmt::format("  gateway '{}' is held: {} ({})\n", gateway, why.code, why.words);
  return printable(text);
}

void put_balance(JsonWriter& out, const Plan& plan, const CampaignRecord& record,
                 std::string_view state) {
  const PlanHead& head = plan.head();
  const Balance balance = record.balance();
  check(plan, balance);
  const double seconds = seconds_of(record);
  out.open_object()
      .field("campaign", head.campaign)
      .field("state", state)
      .field("plan", record.plan)
      .field("audience", head.audience);
  put_excluded(out, head.excluded);
  out.field("planned", balance.planned).field("accepted", balance.accepted);
  out.key("refused").open_object();
  for (const auto& [code, count] : balance.refused) out.field(code, count);
  out.close_object()
      .field("in_doubt", balance.in_doubt)
      .field("unsent", balance.unsent)
      .field("resent", record.resent)
      .field("assumed_sent", record.assumed)
      .field("parts", parts_accepted(plan, record))
      .field("batches", record.batches)
      .field("seconds", seconds)
      .field("messages_per_second", rate_of(balance.accepted, seconds));
  out.key("held").open_object();
  for (const auto& [gateway, why] : record.held)
    out.key(gateway).open_object().field("code", why.code).field("words", why.words).close_object();
  out.close_object().close_object();
}

int exit_status(const CampaignRecord& record, std::string_view state) {
  const Balance balance = record.balance();
  if (state == "held" || state == "interrupted" || state == "sending") return 75;
  return balance.in_doubt == 0 && balance.unsent == 0 && state == "finished" ? 0 : 1;
}

}  // namespace loa
