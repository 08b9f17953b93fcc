// Any bytes as a campaign: faults, or a campaign that its canonical form gives again.
#include <cstdint>
#include <cstdlib>

#include "campaign/campaign.hpp"
#include "campaign/canonical.hpp"
#include "config/document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  loa::Faults faults;
  const auto document = loa::parse_document(text, "fuzz", faults);
  if (!document && faults.ok()) std::abort();
  loa::Faults campaign_faults;
  loa::Campaign campaign =
      loa::parse_campaign(text, "fuzz", LOA_PROJECT "/templates", "/", campaign_faults);
  if (!document || !campaign_faults.ok()) return 0;
  const std::string kept = loa::canonical_json(*document);
  const auto again = loa::parse_document(kept, "kept", faults);
  if (!again || loa::canonical_json(*again) != kept) std::abort();
  loa::Campaign back =
      loa::parse_campaign(kept, "fuzz", LOA_PROJECT "/templates", "/", campaign_faults);
  if (campaign.audience.kind() == loa::AudienceKind::numbers) {
    campaign.audience = {};
    back.audience = {};
  }
  if (!campaign_faults.ok() || !(back == campaign)) std::abort();
  return 0;
}
