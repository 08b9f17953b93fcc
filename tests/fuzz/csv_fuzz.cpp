// Any bytes as a file of recipients, in pieces of any size: records of bounded size, numbers or
// faults.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "audience/csv.hpp"
#include "audience/numbering.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static loa::Faults faults;
  static const loa::NumberingPlan plan =
      loa::NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::uint32_t last_line = 0;
  loa::CsvParser parser(
      [&](const loa::CsvRecord& record) {
        if (record.line <= last_line || record.fields.empty()) std::abort();
        last_line = record.line;
        for (const std::string_view field : record.fields) {
          const loa::ParsedNumber parsed = plan.parse(field);
          if (parsed.ok && parsed.network >= plan.networks().size()) std::abort();
        }
      },
      [](loa::CsvFault, std::uint32_t) {});
  for (std::size_t at = 0; at < bytes.size(); at += piece) parser.feed(bytes.substr(at, piece));
  parser.finish();
  return 0;
}
