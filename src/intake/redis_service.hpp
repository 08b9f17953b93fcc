// All that Loa does with Redis, as one thing to start and stop: campaigns come from the stream to
// the desk, and the desk's campaigns are shown in their hashes.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "async/task_group.hpp"
#include "intake/redis_intake.hpp"
#include "intake/redis_settings.hpp"

namespace loa {

class RedisService {
 public:
  struct Needs {
    asio::any_io_executor executor;
    Clock& clock;
    Random& random;
    Workers& workers;
    Disk& disk;
    Desk& desk;
    std::function<void(const IntakeNotice&)> tell;
  };
  // `options` gives the node's name; stream and group are the settings'. Fails with Code::config: a
  // password or a TLS file that cannot be had. A Redis that is not there is no failure.
  static Result<std::unique_ptr<RedisService>> create(Needs needs, const RedisSettings& settings,
                                                      RedisIntakeOptions options,
                                                      const std::string& staging);
  RedisService(Needs needs, RedisIntakeOptions options, const std::string& staging,
               std::unique_ptr<Redis> reader, std::unique_ptr<Redis> writer);

  Task<void> run();  // until stop(); what is being taken is finished
  void stop();

  const RedisIntakeState& intake() const { return intake_.state(); }
  const RedisState& connection() const { return reader_->state(); }

 private:
  Task<void> follow();
  void show(const CampaignView& view);

  Needs needs_;
  std::unique_ptr<Redis> reader_;
  std::unique_ptr<Redis> writer_;
  StatusMirror mirror_;
  RedisIntake intake_;
  std::unique_ptr<Alarm> alarm_;
  std::set<std::string> changed_;  // campaigns, since they were last shown
  Desk::Subscription subscription_;
  bool stopping_ = false;
};

}  // namespace loa
