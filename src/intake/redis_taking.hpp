// What becomes of an entry of the stream: submitted to the desk, kept until its campaign is
// complete, refused, or tried again. An entry is acknowledged only when that is durable.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "async/workers.hpp"
#include "desk/desk.hpp"
#include "intake/redis_parts.hpp"
#include "intake/redis_queue.hpp"
#include "intake/redis_status.hpp"

namespace loa {

struct RedisIntakeOptions {
  std::string node;  // the consumer's name
  std::string stream = "loa:campaigns";
  std::string group = "loa";
  std::string folder;                        // of paths that a campaign names; "": it may name none
  Duration block = std::chrono::seconds(2);  // of one wait for new entries
  Duration answer_limit = std::chrono::seconds(5);
  Duration min_idle = std::chrono::minutes(15);      // longer than any import
  Duration import_limit = std::chrono::minutes(10);  // reading an audience
  Duration takeover_every = std::chrono::minutes(1);
  Duration gap_after = std::chrono::seconds(30);  // parts missing so long are told
  Duration gap_every = std::chrono::seconds(10);
  Duration pause_first = std::chrono::seconds(1);  // before trying again; doubled each time
  Duration pause_max = std::chrono::seconds(30);
  std::int64_t deliveries_max = 20;  // handed out so often and never finished: refused
};

// One line for the log.
struct IntakeNotice {
  enum class Level { info, warning, error };
  enum class Kind {
    taken,      // a campaign, or the same again
    refused,    // an entry
    waits,      // an entry that is tried again
    gap,        // parts are missing, or Redis lost entries
    trouble,    // nothing is taken for now
    recovered,  // after that
    server,     // what the server is like: its persistence, a group that was made
  };
  Level level = Level::info;
  Kind kind = Kind::server;
  std::string campaign;  // "" when it is about none
  std::string text;
};

struct RedisIntakeState {
  std::uint64_t taken = 0;
  std::uint64_t known = 0;  // the same campaign again
  std::uint64_t refused = 0;
  std::uint64_t lost = 0;   // gone from Redis before it was done
  std::size_t waiting = 0;  // entries not acknowledged: parts, and what is tried again
  std::map<std::string, std::string> incomplete;  // by campaign: what has been missing for a while
  std::string trouble;     // why nothing is taken, for people; "" when all is well
  std::string durability;  // what the server's persistence means for whoever queues
};

struct RedisIntakeNeeds {
  Clock& clock;
  Workers& workers;
  Disk& disk;
  Redis& redis;  // for the intake alone: reading blocks it
  Desk& desk;
  StatusMirror& mirror;
  std::function<void(const IntakeNotice&)> tell;
};

class RedisTaking {
 public:
  // `stopping` ends what takes long.
  RedisTaking(const RedisIntakeNeeds& needs, const RedisIntakeOptions& options, RedisQueue& queue,
              std::string staging, RedisIntakeState& state, const bool& stopping);

  // A failure is one of Redis; an entry that was not finished will be read again then.
  using Step = RedisResult<void>;

  // Once, before the first entry: what was staged before. Fails when there is no place for it.
  Task<Result<void>> open();
  Task<Step> take(StreamEntry entry, std::int64_t deliveries);
  // One that cannot be read, being too large.
  Task<Step> refuse_unread(std::string entry);
  Task<Step> try_again();  // what is due
  Task<Step> look_for_gaps();
  void lose(const std::string& entry);

  bool holds(const std::string& entry) const;
  std::vector<std::string> held() const;
  bool is_full() const;  // take no more for now
  Tick next_due() const;
  // Whether what is pending must be read again, since the disk lost something; asked once.
  bool take_reread() { return std::exchange(reread_, false); }

 private:
  struct Retry {
    int tries = 0;
    Tick due{};
  };
  // What the desk did with a campaign; nothing: try again.
  struct Outcome {
    bool refused = false;
    Faults faults;
  };

  Task<Step> take_campaign(StreamEntry entry, QueuedCampaign campaign, std::int64_t deliveries);
  Task<Step> take_whole(StreamEntry entry, QueuedCampaign campaign);
  Task<Step> take_parts(StreamEntry entry, QueuedCampaign campaign, std::int64_t deliveries);
  Task<Step> take_chunk(StreamEntry entry, QueuedChunk chunk, std::int64_t deliveries);
  Task<Step> finish(std::string id);
  Task<Step> conclude(std::string id, Faults faults);
  Task<std::optional<Outcome>> submit(std::string entry, const QueuedCampaign& campaign,
                                      std::vector<std::string> files, std::string& why);
  Task<Step> refuse(StreamEntry entry, std::string campaign, std::string by, Faults faults);
  // Whether it stands among the refused now; false: there is no room for it.
  Task<RedisResult<bool>> put_refused(const StreamEntry& entry, std::string campaign,
                                      std::string by, const Faults& faults);
  Task<Step> drop_leftover(std::string id);
  Task<void> forget_files(std::string id, bool with_parts);

  Assembly& assembly_of(const std::string& id);
  bool is_known(const std::string& entry, const QueuedCampaign& campaign) const;
  Task<Step> pass_over(std::string entry, const QueuedCampaign& campaign);
  void later(const std::string& entry, const std::string& why);
  void later(Assembly& assembly, const std::string& why);
  Duration pause(int tries) const;
  std::string name_of(const std::string& entry) const;
  Faults fault_of(const std::string& entry, std::string text) const;
  void show_early(const std::string& id, std::string state, std::string reason);
  void note(IntakeNotice::Level level, IntakeNotice::Kind kind, const std::string& id,
            const std::string& text);

  const RedisIntakeNeeds& needs_;
  const RedisIntakeOptions& options_;
  RedisQueue& queue_;
  Staging staging_;
  RedisIntakeState& state_;
  const bool& stopping_;
  std::map<std::string, Assembly> assemblies_;  // by campaign
  std::map<std::string, Retry> retries_;        // by entry
  bool reread_ = false;
};

}  // namespace loa
