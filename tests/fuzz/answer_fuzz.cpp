// Any bytes as a carrier's answer, under each shipped profile: a verdict for every row, words that
// are clean.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/utf8.hpp"
#include "gateway/profile.hpp"

namespace {

void check(const loa::Verdict::Row& row) {
  if (row.words.size() > 200 || row.code.size() > 64 || row.carrier_id.size() > 64) std::abort();
  if (!loa::is_utf8(row.words)) std::abort();
  if (row.words.find("84912345678") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static loa::Faults faults;
  static const std::array<loa::Profile, 3> profiles{
      loa::Profile::load(LOA_PROJECT "/config/profiles/vnpt-smsbn.yaml", faults),
      loa::Profile::load(LOA_PROJECT "/config/profiles/speedsms.yaml", faults),
      loa::Profile::load(LOA_PROJECT "/config/profiles/kannel-sendsms.yaml", faults)};
  if (size < 2) return 0;
  constexpr std::array<int, 8> kStatuses{200, 202, 400, 401, 403, 429, 500, 503};
  const std::vector<loa::BatchRow> rows{{84912345678, "a-1", "x"}, {84912345679, "a-2", "x"}};
  loa::Batch batch;
  batch.reference = "abcdefghijklmnopqrstuvwxyz";
  batch.sender = "X";
  batch.rows = rows;
  const loa::HttpAnswer answer{.status = kStatuses[data[0] % kStatuses.size()],
                               .body = {reinterpret_cast<const char*>(data) + 2, size - 2},
                               .retry_after = {}};
  const loa::Verdict verdict = profiles[data[1] % profiles.size()].read(answer, batch);
  check(verdict.whole);
  if (!verdict.rows.empty() && verdict.rows.size() != rows.size()) std::abort();
  for (const loa::Verdict::Row& row : verdict.rows) check(row);
  return 0;
}
