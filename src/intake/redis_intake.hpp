// Takes campaigns from a Redis stream to the desk. An entry (intake/redis_entry.hpp) is
// acknowledged only when what it asks for is durable here: so it may come twice, which the desk
// takes for the same campaign, but is not lost.
//
// The stream is read by one consumer group. Whatever was handed to this node and not acknowledged
// is read again after each new connection; what a node that is gone left is taken over after
// `min_idle`. Entries that cannot be used go, with their faults, to the stream STREAM:refused:
//   id stream campaign by at faults payload payload_bytes
// where faults is a JSON array of {line, column, severity, text} and payload at most 64 KiB; an
// entry may stand there twice when the connection ends in between. Nothing is deleted or trimmed.
//
// The parts of one audience must come to the same node: let one node read a stream, and others
// stand by.
#pragma once

#include "intake/redis_taking.hpp"

namespace loa {

class RedisIntake {
 public:
  // `staging` is the folder for parts of audiences: DIR/staging.
  RedisIntake(RedisIntakeNeeds needs, RedisIntakeOptions options, std::string staging);

  Task<void> run();  // until stop(); what is being taken is finished
  void stop();
  const RedisIntakeState& state() const { return state_; }

 private:
  using Step = RedisTaking::Step;

  Task<Step> turn();
  Task<Step> begin_connection();
  Task<Step> read_pending();
  Task<Step> read_one(RedisQueue::Pending pending);
  Task<Step> take_over();
  Task<Step> look_after();
  Task<Step> read_new();
  Task<void> cope(RedisError error);
  Task<void> wait_out(std::string trouble, Duration pause);
  void recovered();
  void tell_durability();
  void note(IntakeNotice::Level level, IntakeNotice::Kind kind, const std::string& text);

  RedisIntakeNeeds needs_;
  RedisIntakeOptions options_;
  RedisIntakeState state_;
  bool stopping_ = false;
  RedisQueue queue_;
  RedisTaking taking_;
  std::unique_ptr<Alarm> alarm_;
  std::string highest_;            // the last entry seen
  std::uint64_t connections_ = 0;  // the one that was begun
  bool had_group_ = false;
  bool reread_ = false;
  bool blocked_ = false;  // in a wait that stop() may cut
  int failures_ = 0;      // one after the other
  Tick next_takeover_{};
  Tick next_claims_{};
  Tick next_gaps_{};
};

}  // namespace loa
