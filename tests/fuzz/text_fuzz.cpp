// Any bytes as a message: folded it is GSM-7 or an error, and its parts can be counted.
#include <cstdint>
#include <cstdlib>

#include "text/fold.hpp"
#include "text/gsm7.hpp"
#include "text/message_template.hpp"
#include "text/parts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const loa::PartTables tables;
  const auto folded = loa::fold(bytes);
  if (folded) {
    if (!loa::is_gsm7(*folded)) std::abort();
    const auto count = loa::count_parts(*folded, loa::Encoding::gsm7, tables.gsm7);
    if (count.parts < 1 || count.spare < 0) std::abort();
  }
  const auto normal = loa::normalise(bytes);
  if (normal) {
    const auto count = loa::count_parts(*normal, loa::Encoding::ucs2, tables.ucs2);
    if (count.parts < 1 || count.spare < 0) std::abort();
  }
  const auto pattern = loa::TextPattern::parse(bytes);
  if (pattern) {
    const std::vector<std::string_view> values(pattern->placeholders().size(), "x");
    static_cast<void>(pattern->render(values));
  }
  return 0;
}
