// The desk: what people and machines do with campaigns. Whoever comes, by the folder, Redis, the
// API or the command line, comes here. What is done here is recorded with who, when and why, and is
// durable before it is answered.
//
// Roles are not asked here but in api/access.hpp; the rules of a campaign's life are
// (campaign/lifecycle.hpp), and that nobody approves what he wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "base/fault.hpp"
#include "base/time.hpp"
#include "campaign/lifecycle.hpp"
#include "dispatch/outlet.hpp"

namespace loa {

// Who acts, and where from: "folder:lua-dao.yaml", "redis:1700000000000-0", "unix:1000",
// "127.0.0.1", "loa" for the daemon itself.
struct Actor {
  std::string name;
  std::string from;
};

// Why something was not done. Nothing was changed.
struct Refusal {
  enum class Kind {
    unknown,    // there is no such campaign, gateway, plan
    conflict,   // its state, or another campaign of that name, does not allow it
    changed,    // the plan named is not the plan any more
    forbidden,  // this person may not: the author does not approve
    wrong,      // what was brought is wrong: see faults
    not_now,    // the journal is full or dying, or the desk is closing: try again
  };
  Kind kind = Kind::wrong;
  std::string words;
  Faults faults = {};
};

template <class T>
using Answer = tl::expected<T, Refusal>;

// A campaign as it was brought.
struct Submission {
  std::string document;  // YAML or JSON
  std::string name;      // of the document, for the places of faults
  std::string folder;    // paths in the document are relative to it; "": it may name no paths
  // What `audience: {upload|redis|chunks: ...}` stands for, as CSV files made for it by the intake.
  // The desk does not remove them.
  std::vector<std::string> audience;
};

struct Submitted {
  std::string campaign;
  std::string plan;    // SHA-256
  bool is_new = true;  // false: it was here already, the same; nothing was done
  Faults warnings = {};
};

// What an act needs besides the campaign. What an act does not use is ignored.
struct ActInput {
  std::string plan;                     // approve: the hash that was looked at
  std::string why;                      // return, reject, pause, stop: required
  std::optional<Instant> not_before;    // schedule; retry, clone
  std::optional<Instant> useful_until;  // schedule; retry, clone
  std::string id;                       // retry, clone: of the new campaign, "" for one made up
};

// What is known of a campaign, for people and programs.
struct GatewayProgress {
  std::string gateway;
  std::uint64_t rows = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t under_way = 0;  // requested, not answered yet: in doubt if the process died now
  std::uint64_t unsent = 0;
  std::uint64_t parts = 0;
  double rate = 0;             // messages a second, of the last ten seconds
  double limit = 0;            // messages a second, 0 for none
  std::string bound;           // why it is not faster, a word: limit, hours, pace, slow, held, ...
  std::string bound_words;     // the same, for people
  std::optional<Instant> end;  // forecast, unless it cannot end in time
};

struct CampaignView {
  std::string id;
  std::string title;
  CampaignState state = CampaignState::draft;
  std::string reason;  // why it is in that state, or why it waits in it; for people
  std::string author;
  std::string source;
  std::string approved_by;
  std::string priority;
  double weight = 1;
  int revision = 0;
  std::string plan;      // SHA-256 of the plan, "" before it is frozen
  std::string content;   // SHA-256 of the document and its audience
  std::string document;  // JSON, without phone numbers
  std::uint64_t audience = 0;
  std::map<std::string, std::uint64_t> excluded;  // by reason
  std::uint64_t planned = 0;
  std::uint64_t accepted = 0;
  std::map<std::string, std::uint64_t> refused;  // by the gateway's code
  std::uint64_t in_doubt = 0;
  std::uint64_t under_way = 0;  // requested, not answered yet: in doubt if the process died now
  std::uint64_t unsent = 0;
  std::uint64_t parts = 0;
  std::int64_t cost = 0;  // dong
  std::optional<Instant> not_before;
  std::optional<Instant> useful_until;
  std::optional<Instant> began;
  std::optional<Instant> end;  // forecast while it is not over, else when it was
  std::vector<GatewayProgress> gateways;
  Instant updated{};
  std::uint64_t version = 0;  // grows with each change that is recorded: the ETag
};

// A line of the record in which somebody did something, or was not let.
struct ActRecord {
  std::uint64_t lsn = 0;
  Instant at{};
  std::string campaign;  // "" for acts on gateways
  std::string gateway;   // "" for acts on campaigns
  std::string act;
  std::string who;
  std::string from;
  std::string why;
  std::string plan;
  bool denied = false;
};

struct GatewayView {
  std::string name;
  std::string profile;
  std::vector<std::string> networks;
  std::string state;   // up, slowed, unreachable, held, paused
  std::string reason;  // the carrier's code and words, or who paused it and why
  double limit = 0;    // messages a second, 0 for none
  double rate = 0;     // messages a second, of the last ten seconds
  double share = 1;    // of the limit, after throttling
  int in_flight = 0;
  std::uint64_t waiting = 0;  // rows
  std::uint64_t today = 0;    // messages
  std::uint64_t per_day = 0;  // 0 for none
  OutletCounts counts;        // since the start, for metrics
};

// A text that people will get, with the rows it stands for.
struct Sample {
  std::string what;    // first, shortest, longest
  std::string number;  // masked
  std::string gateway;
  std::string text;
  std::string encoding;
  int parts = 1;
};

struct PlanView {
  CampaignView campaign;
  std::vector<Sample> samples;
  Faults warnings;
};

// What became of one number, for explain: sentences, oldest first, without the number itself.
struct Explanation {
  std::string campaign;
  std::string state;  // of its row, "" when it is not among the rows
  std::vector<std::string> lines;
};

// Told of every line that became durable, in order.
struct Change {
  std::uint64_t lsn = 0;
  std::string campaign;  // "" when it is about no single one
  std::string line;      // the event, JSON
};

class Desk {
 public:
  virtual ~Desk() = default;

  // Freezes the campaign; it then waits for approval. The same campaign again is no change; another
  // one of that id is a conflict, unless the earlier was returned to be mended.
  virtual Task<Answer<Submitted>> submit(Actor actor, Submission submission) = 0;
  // The same without doing it: what would be sent, and what is wrong.
  virtual Task<Answer<PlanView>> check(Submission submission) = 0;
  // Another document for a campaign that has not begun. An approval it had is void.
  // `version`: the one that was looked at.
  virtual Task<Answer<Submitted>> revise(Actor actor, std::string campaign, std::uint64_t version,
                                         Submission submission) = 0;
  // retry and clone answer with the new campaign, the others with the campaign.
  virtual Task<Answer<CampaignView>> act(Actor actor, std::string campaign, Act act,
                                         ActInput input) = 0;
  virtual Task<Answer<GatewayView>> pause_gateway(Actor actor, std::string gateway,
                                                  std::string why) = 0;
  virtual Task<Answer<GatewayView>> resume_gateway(Actor actor, std::string gateway,
                                                   std::string why) = 0;
  // Puts on record that somebody was not let.
  virtual Task<void> deny(Actor actor, std::string act, std::string campaign, std::string why) = 0;

  virtual std::vector<CampaignView> campaigns() const = 0;  // newest first
  virtual Answer<CampaignView> campaign(std::string_view id) const = 0;
  virtual Task<Answer<PlanView>> plan(std::string id) = 0;
  // Acts on one campaign, or on all ("").
  virtual std::vector<ActRecord> acts(std::string_view campaign) const = 0;
  virtual std::vector<GatewayView> gateways() const = 0;
  // Of a number in any spelling; in one campaign, or all ("").
  virtual Task<Answer<std::vector<Explanation>>> explain(std::string number,
                                                         std::string campaign) = 0;

  // `on_change` is called on the desk's thread until the returned handle is gone.
  using Subscription = std::shared_ptr<void>;
  virtual Subscription subscribe(std::function<void(const Change&)> on_change) = 0;
  // The lines after `lsn` that are still remembered, nothing when some are not.
  virtual std::optional<std::vector<Change>> changes_after(std::uint64_t lsn) const = 0;

  // A key of an earlier request, for 24 hours: what that was (a hash) and which campaign came of
  // it.
  struct Remembered {
    std::string request;
    std::string campaign;
    int status = 0;
  };
  virtual std::optional<Remembered> recall(std::string_view key) const = 0;
  virtual Task<Answer<void>> remember(std::string key, Remembered what) = 0;

  virtual bool approval_required() const = 0;
  // Why nothing new is taken or sent: the disk is full; nothing when all is well.
  virtual std::optional<std::string> trouble() const = 0;
};

}  // namespace loa
