// Tells whoever queued a campaign how it is: the hash loa:campaign:ID with the fields
//   state reason audience planned accepted refused in_doubt under_way unsent updated_at
// Each is written at most twice a second, the latest state winning; all of them again after a new
// connection, and those that are not over once a minute, since Redis may have lost them.
//
// States are those of a campaign's life; before Loa has it, `incoming` (parts of its audience are
// missing: the reason says which) and `refused` (the reason is the first fault).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "desk/desk.hpp"
#include "net/redis.hpp"

namespace loa {

struct QueueStatus {
  std::string state;
  std::string reason;
  std::uint64_t audience = 0;
  std::uint64_t planned = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t under_way = 0;
  std::uint64_t unsent = 0;
  Instant updated{};
  bool over = false;  // nothing follows

  friend bool operator==(const QueueStatus&, const QueueStatus&) = default;
};

QueueStatus status_of(const CampaignView& view);

class StatusMirror {
 public:
  // `redis` is a connection on which nobody waits long. Looks every `check` whether the server is
  // another one.
  StatusMirror(Redis& redis, Clock& clock, Duration check = std::chrono::seconds(5));

  // Cheap, to be called at every change.
  void show(const std::string& campaign, QueueStatus status);
  // Is not written again; what stands in Redis stays.
  void forget(const std::string& campaign);

  Task<void> run();  // until stop()
  void stop();

 private:
  struct Shown {
    QueueStatus status;
    bool changed = true;
    Tick not_before{};
  };

  Task<void> turn();
  Task<RedisResult<void>> write(std::string campaign);
  void again(bool with_over);
  Tick next_due() const;

  Redis& redis_;
  Clock& clock_;
  Duration check_;
  std::map<std::string, Shown> shown_;
  std::unique_ptr<Alarm> alarm_;
  std::uint64_t connections_ = 0;
  Tick next_check_{};
  Tick next_refresh_{};
  Tick pause_until_{};
  bool stopping_ = false;
};

}  // namespace loa
