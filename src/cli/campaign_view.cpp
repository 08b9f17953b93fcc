#include "cli/campaign_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.hpp"
#include "cli/json_view.hpp"
#include "cli/output.hpp"

namespace loa {
namespace {

using boost::json::object;

std::string shown(const object& from, std::string_view key) {
  return printable(text_of(from, key));
}

// A SHA-256 as it is: some look as if a phone number stood in them.
std::string hash_in(const object& from, std::string_view key) {
  const std::string hash = text_of(from, key);
  return hash.find_first_not_of("0123456789abcdef") == std::string::npos ? hash : printable(hash);
}

std::string counted(const object& from, std::string_view key) {
  return grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(from, key))));
}

std::string rate(double value) { return value <= 0 ? "-" : fmt::format("{:.0f}/s", value); }

// "duplicate 1,200, opted_out 30"
std::string by_reason(const object& reasons) {
  std::string text;
  for (const auto& [reason, count] : reasons)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", printable(std::string(reason)),
                        counted(reasons, reason));
  return text;
}

void line(std::string& text, std::string_view name, const std::string& value) {
  if (!value.empty()) text += fmt::format("  {:<12} {}\n", name, value);
}

std::string state_of(const object& campaign) {
  const std::string reason = shown(campaign, "reason");
  return shown(campaign, "state") + (reason.empty() ? "" : ": " + reason);
}

void put_balance(std::string& text, const object& campaign) {
  const auto in_brackets = [](const std::string& inside) {
    return inside.empty() ? "" : " (" + inside + ")";
  };
  text += fmt::format(
      "\n  audience {} = excluded {}{} + planned {}\n", counted(campaign, "audience"),
      grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(
          0, number_of(campaign, "audience") - number_of(campaign, "planned")))),
      in_brackets(by_reason(object_in(campaign, "excluded"))), counted(campaign, "planned"));
  const bool is_under_way = number_of(campaign, "under_way") > 0;
  text += fmt::format(
      "  planned {} = accepted {} + refused {}{} + in doubt {}{} + unsent {}\n",
      counted(campaign, "planned"), counted(campaign, "accepted"), counted(campaign, "refused"),
      in_brackets(by_reason(object_in(campaign, "refused_by_code"))), counted(campaign, "in_doubt"),
      is_under_way ? " + under way " + counted(campaign, "under_way") : "",
      counted(campaign, "unsent"));
}

void put_gateways(std::string& text, const object& campaign) {
  const boost::json::array& gateways = array_in(campaign, "gateways");
  if (gateways.empty()) return;
  Table table({"gateway", "rows", "accepted", "refused", "in doubt", "unsent", "rate", "end", ""},
              {false, true, true, true, true, true, true, false, false});
  for (const auto& item : gateways) {
    if (!item.is_object()) continue;
    const object& one = item.get_object();
    table.add({shown(one, "gateway"), counted(one, "rows"), counted(one, "accepted"),
               counted(one, "refused"), counted(one, "in_doubt"), counted(one, "unsent"),
               rate(decimal_of(one, "rate")), time_of(one, "end"), shown(one, "bound_words")});
  }
  text += "\n" + table.text();
}

}  // namespace

std::string campaigns_table(const object& page) {
  Table table(
      {"campaign", "state", "planned", "accepted", "refused", "in doubt", "unsent", "end", "title"},
      {false, false, true, true, true, true, true, false, false});
  for (const auto& item : array_in(page, "items")) {
    if (!item.is_object()) continue;
    const object& one = item.get_object();
    table.add({shown(one, "id"), shown(one, "state"), counted(one, "planned"),
               counted(one, "accepted"), counted(one, "refused"), counted(one, "in_doubt"),
               counted(one, "unsent"), time_of(one, "end"), shown(one, "title")});
  }
  return table.text();
}

std::string gateways_table(const object& page) {
  Table table({"gateway", "state", "rate", "limit", "waiting", "today", "reason"},
              {false, false, true, true, true, true, false});
  for (const auto& item : array_in(page, "items")) {
    if (!item.is_object()) continue;
    const object& one = item.get_object();
    table.add({shown(one, "name"), shown(one, "state"), rate(decimal_of(one, "rate")),
               rate(decimal_of(one, "limit")), counted(one, "waiting"), counted(one, "today"),
               shown(one, "reason")});
  }
  return table.text();
}

std::string campaign_text(const object& campaign) {
  std::string text = fmt::format("{}  {}\n", shown(campaign, "id"), shown(campaign, "title"));
  line(text, "state", state_of(campaign));
  line(text, "author", shown(campaign, "author"));
  line(text, "approved by", shown(campaign, "approved_by"));
  const std::string begin = time_of(campaign, "not_before");
  const std::string until = time_of(campaign, "useful_until");
  if (!begin.empty() || !until.empty())
    line(text, "window",
         fmt::format("{} to {}", begin.empty() ? "now" : begin, until.empty() ? "its end" : until));
  line(text, "plan", hash_in(campaign, "plan"));
  line(text, "cost",
       fmt::format("{} parts, {} dong", counted(campaign, "parts"), counted(campaign, "cost")));
  line(text, is_over(campaign) ? "ended" : "will end", time_of(campaign, "end"));
  put_gateways(text, campaign);
  put_balance(text, campaign);
  return text;
}

std::string plan_text(const object& plan) {
  std::string text = campaign_text(object_in(plan, "campaign"));
  for (const auto& item : array_in(plan, "samples")) {
    if (!item.is_object()) continue;
    const object& one = item.get_object();
    text += fmt::format("\n  {} to {} by {} ({}, {} {}):\n    {}\n", shown(one, "what"),
                        text_of(one, "number"), shown(one, "gateway"), shown(one, "encoding"),
                        counted(one, "parts"), number_of(one, "parts") == 1 ? "part" : "parts",
                        shown(one, "text"));
  }
  return text;
}

std::string acts_table(const object& history) {
  Table table({"when", "who", "act", "from", "why"}, {false, false, false, false, false});
  for (const auto& item : array_in(history, "acts")) {
    if (!item.is_object()) continue;
    const object& one = item.get_object();
    const bool denied =
        one.contains("denied") && one.at("denied").is_bool() && one.at("denied").get_bool();
    table.add({time_of(one, "at"), shown(one, "who"),
               shown(one, "act") + (denied ? " (not let)" : ""), shown(one, "from"),
               shown(one, "why")});
  }
  return table.text();
}

std::string progress_text(const object& campaign) {
  const std::int64_t done = number_of(campaign, "accepted") + number_of(campaign, "refused") +
                            number_of(campaign, "in_doubt");
  std::string text =
      fmt::format("{}: {} of {}", shown(campaign, "state"),
                  grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, done))),
                  counted(campaign, "planned"));
  if (number_of(campaign, "in_doubt") > 0)
    text += ", " + counted(campaign, "in_doubt") + " in doubt";
  const std::string end = time_of(campaign, "end");
  if (!end.empty() && !is_over(campaign)) text += ", ends " + end;
  const std::string reason = shown(campaign, "reason");
  return reason.empty() ? text : text + "; " + reason;
}

bool is_over(const object& campaign) {
  const std::string state = text_of(campaign, "state");
  constexpr auto kOver =
      std::to_array<std::string_view>({"finished", "rejected", "stopped", "expired"});
  return std::find(kOver.begin(), kOver.end(), state) != kOver.end();
}

}  // namespace loa
