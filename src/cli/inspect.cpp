// The verbs that only read a data directory: status, report, journal.
#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "audit/report.hpp"
#include "cli/balance_view.hpp"
#include "cli/locate.hpp"
#include "cli/output.hpp"
#include "cli/prepare.hpp"
#include "cli/verbs.hpp"
#include "dispatch/store.hpp"

namespace loa {
int run_status(const CommonOptions& common, const std::string& campaign, const std::string& data) {
  const auto place = locate(common, data);
  if (!place) return report(place.error());
  const auto disk = create_system_disk();
  const auto store = read_store(*disk, place->data, place->settings.zone);
  if (!store) return report(store.error());
  const std::string id = campaign_id(campaign);
  if (!id.empty() && store->record.find(id) == nullptr)
    return report(unknown_campaign(id, store->record));

  JsonWriter out;
  if (id.empty()) out.open_object().key("campaigns").open_array();
  for (const auto& [name, record] : store->record.campaigns()) {
    if (!id.empty() && name != id) continue;
    const auto plan = open_plan(place->data, name, record);
    if (!plan) return report(plan.error());
    if (common.json) {
      put_balance(out, *plan, record, state_of(record));
    } else {
      fmt::print("{}", balance_text(*plan, record, state_of(record)));
    }
  }
  if (id.empty()) out.close_array().close_object();
  if (common.json) fmt::print("{}\n", out.text());
  if (!common.json && store->record.campaigns().empty())
    fmt::print("nothing was sent from {} yet\n", place->data);
  return 0;
}

int run_report(const CommonOptions& common, const ReportOptions& options) {
  const auto place = locate(common, options.data);
  if (!place) return report(place.error());
  const std::string id = campaign_id(options.campaign);
  const auto disk = create_system_disk();
  RowHistories histories(id);
  const auto store = read_whole_store(*disk, place->data, place->settings.zone,
                                      [&](const Event& event) { histories.follow(event); });
  if (!store) return report(store.error());
  const CampaignRecord* record = store->record.find(id);
  if (record == nullptr) return report(unknown_campaign(id, store->record));
  const auto plan = open_plan(place->data, id, *record);
  if (!plan) return report(plan.error());

  if (!options.csv.empty() && options.csv != "-") {
    std::ofstream file(options.csv, std::ios::binary | std::ios::trunc);
    write_report(file, ReportFormat::csv, *plan, *record, histories, options.reveal);
    file.close();
    if (!file) return report({Code::cannot_write, "cannot write the report to " + options.csv});
  } else if (options.csv == "-") {
    write_report(std::cout, ReportFormat::csv, *plan, *record, histories, options.reveal);
  } else if (!common.json) {
    write_report(std::cout, ReportFormat::json_lines, *plan, *record, histories, options.reveal);
  }
  if (common.json && options.csv != "-") {
    JsonWriter out;
    put_balance(out, *plan, *record, state_of(*record));
    fmt::print("{}\n", out.text());
  } else {
    fmt::print(stderr, "{}", balance_text(*plan, *record, state_of(*record)));
  }
  return 0;
}

int run_journal_cat(const CommonOptions& common, const std::string& data) {
  const auto place = locate(common, data);
  if (!place) return report(place.error());
  const auto disk = create_system_disk();
  const auto end = read_journal(*disk, journal_directory(place->data), {},
                                [](std::uint64_t, std::string_view line) -> Result<void> {
                                  std::cout << line << '\n';
                                  if (!std::cout) return fail(Code::io, "the output was closed");
                                  return {};
                                });
  return end ? 0 : report(end.error());
}

int run_journal_verify(const CommonOptions& common, const std::string& data) {
  const auto place = locate(common, data);
  if (!place) return report(place.error());
  const auto disk = create_system_disk();
  const auto store = read_whole_store(*disk, place->data, place->settings.zone, {});
  if (!store) return report(store.error());
  for (const auto& [name, record] : store->record.campaigns())
    if (const auto plan = open_plan(place->data, name, record); !plan) return report(plan.error());
  const JournalEnd& end = store->end;
  if (common.json) {
    JsonWriter out;
    out.open_object()
        .field("ok", true)
        .field("blocks", end.place.sequence)
        .field("lines", end.place.lsn)
        .field("segments", end.place.segment)
        .field("torn_bytes", end.torn_bytes)
        .field("campaigns", std::uint64_t{store->record.campaigns().size()})
        .close_object();
    fmt::print("{}\n", out.text());
    return 0;
  }
  fmt::print("{} lines in {} blocks, {} segment{}: whole, in order, and telling one story\n",
             grouped(end.place.lsn), grouped(end.place.sequence), end.place.segment,
             end.place.segment == 1 ? "" : "s");
  if (end.torn_bytes > 0)
    fmt::print(
        "{} bytes behind the end were cut short by a crash; nothing that was confirmed is in "
        "them\n",
        grouped(end.torn_bytes));
  return 0;
}

}  // namespace loa
