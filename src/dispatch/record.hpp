// What the journal says so far: a fold over its events. The same fold serves sending, recovery,
// status and tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "campaign/lifecycle.hpp"
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

// What people did with it, and what it is. A campaign that `loa send` froze has no document.
struct CampaignLife {
  CampaignState state = CampaignState::sending;
  bool begun = false;       // some of it may have been sent
  bool stands = false;      // the plan is that of the document
  std::string document;     // JSON, without phone numbers
  std::string content;      // SHA-256 of document and audience
  std::string author;       // who brought this document
  std::string source;       // where it came from
  std::string approved_by;  // "" before, and after any change
  std::string who, why;     // of the last act
  Instant at{};             // of it
  Instant submitted{};
  int revision = 0;           // of the plan, from 1
  std::uint64_t version = 0;  // lines of the journal up to the last one about this campaign
};

struct CampaignRecord {
  CampaignLife life;
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
  RowRanges sent_anew;  // rows in doubt that were planned again; a row may stand here twice
  std::optional<Instant> first_intent;
  std::optional<Instant> last_intent;
  std::optional<Instant> last_answer;

  Balance balance() const;
  // Its rows stand: it has a plan that may be looked at.
  bool frozen() const { return !plan.empty(); }
};

// How much of a gateway's day is used.
struct GatewayUse {
  Instant day_end{};        // of the local day that `today` counts
  std::uint64_t today = 0;  // messages
  Instant last_intent{};
  std::string held_code, held_words;  // what the carrier said when it was held; "" when it is not
  std::string paused_by, paused_why;  // "" when it is not paused
  bool held = false;
};

// Somebody did something, or was not let.
struct ActLine {
  std::uint64_t lsn = 0;
  Instant at{};
  bool denied = false;
  std::string campaign, gateway, act, who, from, why, plan;
};

// A request with an Idempotency-Key, and what came of it.
struct RememberedRequest {
  std::string request;  // SHA-256
  std::string campaign;
  int status = 0;
  Instant at{};
};
constexpr std::chrono::hours kRequestsRemembered{24};

class Record {
 public:
  explicit Record(std::string zone) : zone_(std::move(zone)) {}

  // Fails with Code::data when the event contradicts those before it.
  Result<void> apply(const Event& event);

  const std::map<std::string, CampaignRecord>& campaigns() const { return campaigns_; }
  const CampaignRecord* find(const std::string& campaign) const;
  const GatewayUse& use(const std::string& gateway) const;
  const std::vector<ActLine>& acts() const { return acts_; }
  const std::map<std::string, RememberedRequest>& requests() const { return requests_; }
  std::uint64_t lines() const { return lines_; }  // of the journal, so far

 private:
  void remember(const Event& event);
  Result<void> freeze(const Event& event);
  Result<void> submit(const Event& event);
  Result<void> act(const Event& event);
  void set_clock(const Event& event);
  Result<void> apply_to(CampaignRecord& record, const Event& event);
  Result<void> intend(CampaignRecord& record, const Event& event);
  Result<void> answer(CampaignRecord& record, const Event& event);
  Result<void> settle(CampaignRecord& record, const Event& event);

  friend struct RecordImage;

  std::string zone_;
  std::map<std::string, CampaignRecord> campaigns_;
  std::map<std::string, GatewayUse> gateways_;
  std::vector<ActLine> acts_;
  std::map<std::string, RememberedRequest> requests_;  // by key
  std::uint64_t lines_ = 0;
};

}  // namespace loa
