#include "audience/audience.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/printable.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"

namespace loa {

int run_audience(const CommonOptions& common, const std::vector<std::string>& files,
                 const std::string& column, const std::vector<std::string>& exclude) {
  Faults faults;
  const Settings settings = load_settings(settings_path(common.config), faults);
  if (!faults.ok()) {
    print_faults(faults);
    return exit_status(Code::config);
  }
  AudienceSource source{files, exclude, column};
  source.exclude.insert(source.exclude.end(), settings.exclusions.begin(),
                        settings.exclusions.end());

  std::vector<std::uint64_t> by_network(settings.numbering.networks().size(), 0);
  constexpr std::size_t kListedMax = 20;  // of each reason, as text; JSON lists up to 10,000 in all
  constexpr std::size_t kJsonMax = 10'000;
  std::array<std::vector<ExcludedRow>, kExclusions> listed;
  std::size_t listed_total = 0;
  const auto counts = read_audience(
      source, settings.numbering, {},
      [&](const AudienceRow& row) {
        ++by_network[row.network];
        return RowVerdict{};
      },
      [&](const ExcludedRow& row) {
        auto& list = listed[static_cast<std::size_t>(row.reason)];
        if (common.json ? listed_total >= kJsonMax : list.size() >= kListedMax) return;
        list.push_back(row);
        ++listed_total;
      });
  if (!counts) return report(counts.error());

  if (common.json) {
    JsonWriter out;
    out.open_object()
        .field("rows", counts->rows)
        .field("usable", counts->usable)
        .field("converted", counts->converted);
    put_excluded(out, counts->excluded);
    out.key("networks").open_object();
    for (std::size_t i = 0; i < by_network.size(); ++i)
      if (by_network[i] > 0) out.field(settings.numbering.networks()[i], by_network[i]);
    out.close_object().key("rows_excluded").open_array();
    for (const auto& list : listed)
      for (const ExcludedRow& row : list)
        out.open_object()
            .field("file", files[row.file])
            .field("line", row.line)
            .field("reason", to_string(row.reason))
            .field("text", row.detail.empty() ? std::string(describe(row.reason)) : row.detail)
            .close_object();
    out.close_array().close_object();
    fmt::print("{}\n", out.text());
    return 0;
  }

  fmt::print("{} rows, {} usable", grouped(counts->rows), grouped(counts->usable));
  if (counts->converted > 0)
    fmt::print(" ({} old 11-digit numbers converted)", grouped(counts->converted));
  fmt::print("\n\nby network\n");
  Table networks({"network", "recipients"}, {false, true});
  for (std::size_t i = 0; i < by_network.size(); ++i)
    if (by_network[i] > 0) networks.add({settings.numbering.networks()[i], grouped(by_network[i])});
  fmt::print("{}", networks.text());
  for (std::size_t i = 0; i < kExclusions; ++i) {
    if (counts->excluded[i] == 0) continue;
    fmt::print("\nexcluded: {} – {}\n", describe(static_cast<Exclusion>(i)),
               grouped(counts->excluded[i]));
    for (const ExcludedRow& row : listed[i])
      fmt::print("  {}:{}{}{}\n", printable(files[row.file]), row.line,
                 row.detail.empty() ? "" : ": ", printable(row.detail));
    if (counts->excluded[i] > listed[i].size())
      fmt::print("  and {} more\n", grouped(counts->excluded[i] - listed[i].size()));
  }
  return 0;
}

}  // namespace loa
