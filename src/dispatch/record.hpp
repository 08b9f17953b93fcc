// What the journal says so far: a fold over its events. The same fold serves sending, recovery,
// status and tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dispatch/event.hpp"

namespace loa {

// The closing balance: planned = accepted + sum(refused) + in_doubt + unsent.
struct Balance {
  std::uint64_t planned = 0;
  std::uint64_t accepted = 0;
  std::map<std::string, std::uint64_t> refused;  // by the gateway's code
  std::uint64_t in_doubt = 0;  // intent without a known outcome, in flight included
  std::uint64_t unsent = 0;

  std::uint64_t refused_total() const;
};

// An attempt whose outcome is not known (yet).
struct OpenIntent {
  std::string gateway;
  int attempt = 0;
  RowRanges rows;
  std::string reference;
  Instant first{};    // when its first attempt under this reference was made durable
  Instant since{};    // in doubt since; of those in doubt only
  std::string cause;  // why in doubt, in words; kept when the request is repeated
};

struct CampaignRecord {
  std::string plan;  // SHA-256, hex
  std::uint64_t excluded = 0;
  std::vector<RowState> rows;
  std::vector<std::uint8_t> attempts;            // of each row, up to 255
  std::map<std::uint64_t, OpenIntent> open;      // by batch: sent or about to be, without an answer
  std::map<std::uint64_t, std::string> moved;    // rows that belong to another gateway
  std::map<std::uint64_t, OpenIntent> doubts;    // by first row: in doubt, undecided, as sent
  std::map<std::string, std::uint64_t> refused;  // by code
  std::map<std::string, Outcome> held;           // gateways that stopped: code and words
  std::uint64_t accepted = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t resent = 0;   // rows in doubt to be sent again, by on_unknown or a person
  std::uint64_t assumed = 0;  // rows in doubt taken as sent, by on_unknown or a person
  std::uint64_t batches = 0;
  std::string ended;  // "", finished, stopped, expired
  std::optional<Instant> first_intent;
  std::optional<Instant> last_answer;

  Balance balance() const;
};

// How much of a gateway's day is used.
struct GatewayUse {
  Instant day_end{};        // of the local day that `today` counts
  std::uint64_t today = 0;  // messages
  Instant last_intent{};
};

class Record {
 public:
  explicit Record(std::string zone) : zone_(std::move(zone)) {}

  // Fails with Code::data when the event contradicts those before it.
  Result<void> apply(const Event& event);

  const std::map<std::string, CampaignRecord>& campaigns() const { return campaigns_; }
  const CampaignRecord* find(const std::string& campaign) const;
  const GatewayUse& use(const std::string& gateway) const;

 private:
  void set_clock(const Event& event);
  Result<void> apply_to(CampaignRecord& record, const Event& event);
  Result<void> intend(CampaignRecord& record, const Event& event);
  Result<void> answer(CampaignRecord& record, const Event& event);
  Result<void> settle(CampaignRecord& record, const Event& event);

  friend struct RecordImage;

  std::string zone_;
  std::map<std::string, CampaignRecord> campaigns_;
  std::map<std::string, GatewayUse> gateways_;
};

}  // namespace loa
