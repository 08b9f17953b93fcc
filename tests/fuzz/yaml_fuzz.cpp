// Any bytes as a document: a tree or faults, and a schedule read from it.
#include <cstdint>
#include <cstdlib>

#include "campaign/schedule.hpp"
#include "config/document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  loa::Faults faults;
  const auto document =
      loa::parse_document({reinterpret_cast<const char*>(data), size}, "fuzz", faults);
  if (document) loa::read_schedule(*document, faults);
  if (!document && faults.ok()) std::abort();
  return 0;
}
