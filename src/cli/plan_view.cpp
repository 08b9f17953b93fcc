#include "cli/plan_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/output.hpp"

namespace loa {
namespace {

// Recipients by network, gateway and encoding.
struct Group {
  std::string network;
  const PlanLane* lane = nullptr;
  std::uint64_t rows = 0;
  std::uint64_t parts = 0;

  std::int64_t price() const { return static_cast<std::int64_t>(parts) * lane->price_per_part; }
};

std::vector<Group> groups_of(const FrozenPlan& plan) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < plan.head.lanes.size(); ++i) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> by_network(plan.head.networks.size());
    for (const PlanRow& row : plan.lanes[i]) {
      auto& [rows, parts] = by_network[row.network()];
      ++rows;
      parts += static_cast<std::uint64_t>(plan.texts[row.text].parts);
    }
    for (std::size_t n = 0; n < by_network.size(); ++n)
      if (by_network[n].first > 0)
        groups.push_back({plan.head.networks[n], &plan.head.lanes[i], by_network[n].first,
                          by_network[n].second});
  }
  return groups;
}

struct Sample {
  std::string title;
  PlanRow row;
  const FrozenPlan::Text* text = nullptr;
};

// The shortest, the longest and the first message.
std::vector<Sample> samples_of(const FrozenPlan& plan) {
  const auto before = [&](const PlanRow& a, const PlanRow& b) {
    return std::make_tuple(a.file(), a.line) < std::make_tuple(b.file(), b.line);
  };
  const auto units = [&](const PlanRow& row) { return plan.texts[row.text].units; };
  std::optional<PlanRow> shortest, longest, first;
  for (const auto& rows : plan.lanes)
    for (const PlanRow& row : rows) {
      if (!first || before(row, *first)) first = row;
      if (!shortest || units(row) < units(*shortest) ||
          (units(row) == units(*shortest) && before(row, *shortest)))
        shortest = row;
      if (!longest || units(row) > units(*longest) ||
          (units(row) == units(*longest) && before(row, *longest)))
        longest = row;
    }
  std::vector<Sample> samples;
  for (const auto& [title, row] :
       {std::pair("shortest", shortest), std::pair("longest", longest), std::pair("first", first)})
    if (row) samples.push_back({title, *row, &plan.texts[row->text]});
  return samples;
}

std::int64_t price_of(const std::vector<Group>& groups) {
  std::int64_t price = 0;
  for (const Group& group : groups) price += group.price();
  return price;
}

std::string dong(std::int64_t amount) { return grouped(static_cast<std::uint64_t>(amount)) + " đ"; }

Forecast forecast_of(const Prepared& prepared, Instant from) {
  return forecast(prepared.plan.head, prepared.settings.gateways, prepared.campaign.schedule,
                  prepared.campaign.parts_per_second, from);
}

void put_instant(JsonWriter& out, std::string_view key, const std::optional<Instant>& instant) {
  out.key(key);
  if (instant) {
    out.value(to_rfc3339(*instant));
  } else {
    out.null();
  }
}

}  // namespace

std::string plan_text(const Prepared& prepared, Instant from) {
  const FrozenPlan& plan = prepared.plan;
  const PlanHead& head = plan.head;
  const Schedule& schedule = prepared.campaign.schedule;
  const std::vector<Group> groups = groups_of(plan);
  std::string out =
      fmt::format("campaign  {} – {}\nclass     {}, sender {}\nplan      {}\n\n", head.campaign,
                  head.title, to_string(head.message_class), head.sender, plan.sha256());
  out += fmt::format("audience  {} rows, {} to be sent to", grouped(head.audience),
                     grouped(head.rows));
  if (head.converted > 0)
    out += fmt::format(" ({} old 11-digit numbers converted)", grouped(head.converted));
  out += "\n";
  Table excluded({"excluded", "rows"}, {false, true});
  bool any = false;
  for (std::size_t i = 0; i < kExclusions; ++i) {
    if (head.excluded[i] == 0) continue;
    excluded.add({std::string(describe(static_cast<Exclusion>(i))), grouped(head.excluded[i])});
    any = true;
  }
  if (any) out += excluded.text();

  out += "\n";
  Table table({"network", "gateway", "encoding", "recipients", "parts", "batch", "price"},
              {false, false, false, true, true, true, true});
  for (const Group& group : groups)
    table.add({group.network, group.lane->gateway, std::string(to_string(group.lane->encoding)),
               grouped(group.rows), grouped(group.parts), std::to_string(group.lane->batch),
               dong(group.price())});
  table.add(
      {"in all", "", "", grouped(head.rows), grouped(head.parts), "", dong(price_of(groups))});
  out += table.text();
  for (const PlanLane& lane : head.lanes)
    out += fmt::format("  {} as {}: {}\n", lane.gateway, to_string(lane.encoding), lane.why);
  if (head.parts_budget > 0)
    out +=
        fmt::format("  budget: {} of {} parts\n", grouped(head.parts), grouped(head.parts_budget));

  const Forecast when = forecast_of(prepared, from);
  out += "\n";
  if (when.start)
    out += fmt::format("start     {} ({})\n", to_local(schedule.zone, *when.start), schedule.zone);
  if (when.end)
    out += fmt::format("end       {}, at the configured limits ({} of sending)\n",
                       to_local(schedule.zone, *when.end), to_words(when.sending));
  if (!when.end)
    out += fmt::format(
        "end       CANNOT END before useful_until, {}: about {} recipients would be left\n",
        to_local(schedule.zone, *schedule.useful_until), grouped(when.rows_late));
  for (const GatewayForecast& one : when.gateways)
    out += fmt::format(
        "  {:10} {}{}\n", one.gateway,
        one.bound.empty() ? "as fast as it answers" : to_words(one.sending) + ", by " + one.bound,
        one.end ? "" : "; does not end in time");
  out += "\n";
  for (const Sample& sample : samples_of(plan))
    out +=
        fmt::format("{} ({}, {} part{}, row {})\n  {}\n", sample.title, masked(sample.row.number()),
                    sample.text->parts, sample.text->parts == 1 ? "" : "s", sample.row.line,
                    sample.text->strings.front());
  return out;
}

std::string plan_json(const Prepared& prepared, Instant from) {
  const FrozenPlan& plan = prepared.plan;
  const PlanHead& head = plan.head;
  const std::vector<Group> groups = groups_of(plan);
  const Forecast when = forecast_of(prepared, from);
  JsonWriter out;
  out.open_object()
      .field("campaign", head.campaign)
      .field("title", head.title)
      .field("class", to_string(head.message_class))
      .field("sender", head.sender)
      .field("plan", plan.sha256())
      .field("audience", head.audience);
  put_excluded(out, head.excluded);
  out.field("converted", head.converted)
      .field("planned", head.rows)
      .field("parts", head.parts)
      .field("price", price_of(groups))
      .field("budget_parts", head.parts_budget);
  out.key("groups").open_array();
  for (const Group& group : groups)
    out.open_object()
        .field("network", group.network)
        .field("gateway", group.lane->gateway)
        .field("encoding", to_string(group.lane->encoding))
        .field("rows", group.rows)
        .field("parts", group.parts)
        .field("batch", group.lane->batch)
        .field("price", group.price())
        .field("why", group.lane->why)
        .close_object();
  out.close_array();
  put_instant(out, "start", when.start);
  put_instant(out, "end", when.end);
  out.field("seconds", std::chrono::duration<double>(when.sending).count())
      .field("ends_in_time", when.end.has_value())
      .field("rows_late", when.rows_late);
  out.key("gateways").open_array();
  for (const GatewayForecast& one : when.gateways) {
    out.open_object()
        .field("gateway", one.gateway)
        .field("seconds", std::chrono::duration<double>(one.sending).count())
        .field("bound", one.bound);
    put_instant(out, "end", one.end);
    out.close_object();
  }
  out.close_array().key("samples").open_array();
  for (const Sample& sample : samples_of(plan))
    out.open_object()
        .field("which", sample.title)
        .field("row", sample.row.line)
        .field("number", masked(sample.row.number()))
        .field("parts", sample.text->parts)
        .field("text", sample.text->strings.front())
        .close_object();
  out.close_array().close_object();
  return out.take();
}

}  // namespace loa
