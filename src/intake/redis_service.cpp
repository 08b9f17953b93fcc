#include "intake/redis_service.hpp"

namespace loa {
namespace {

constexpr Duration kFollow = std::chrono::milliseconds(500);
constexpr Duration kStillShown = std::chrono::hours(24);  // after a campaign is over

RedisIntakeOptions with_settings(RedisIntakeOptions options, const RedisSettings& settings) {
  options.stream = settings.stream;
  options.group = settings.group;
  return options;
}

}  // namespace

Result<std::unique_ptr<RedisService>> RedisService::create(Needs needs,
                                                           const RedisSettings& settings,
                                                           RedisIntakeOptions options,
                                                           const std::string& staging) {
  const Result<RedisAccess> access = fetch_access(settings);
  if (!access) return tl::unexpected(access.error());
  auto reader = create_redis(needs.executor, needs.clock, needs.random, *access,
                             "loa-intake:" + options.node);
  if (!reader) return tl::unexpected(reader.error());
  auto writer = create_redis(needs.executor, needs.clock, needs.random, *access,
                             "loa-status:" + options.node);
  if (!writer) return tl::unexpected(writer.error());
  return std::make_unique<RedisService>(std::move(needs),
                                        with_settings(std::move(options), settings), staging,
                                        std::move(*reader), std::move(*writer));
}

RedisService::RedisService(Needs needs, RedisIntakeOptions options, const std::string& staging,
                           std::unique_ptr<Redis> reader, std::unique_ptr<Redis> writer)
    : needs_(std::move(needs)),
      reader_(std::move(reader)),
      writer_(std::move(writer)),
      mirror_(*writer_, needs_.clock),
      intake_(RedisIntakeNeeds{needs_.clock, needs_.workers, needs_.disk, *reader_, needs_.desk,
                               mirror_, needs_.tell},
              std::move(options), staging),
      alarm_(needs_.clock.make_alarm()) {}

Task<void> RedisService::run() {
  for (const CampaignView& view : needs_.desk.campaigns()) show(view);
  subscription_ = needs_.desk.subscribe([this](const Change& change) {
    if (change.campaign.empty() || !changed_.insert(change.campaign).second) return;
    if (changed_.size() == 1) alarm_->wake();
  });
  TaskGroup tasks(needs_.executor, needs_.clock);
  tasks.spawn(intake_.run());
  tasks.spawn(mirror_.run());
  tasks.spawn(follow());
  co_await tasks.join();
  subscription_.reset();
}

void RedisService::stop() {
  stopping_ = true;
  intake_.stop();
  mirror_.stop();
  // Who waits for an answer there waits in vain.
  writer_->close(true);
  alarm_->wake();
}

// A campaign changes with every line of the journal, and its view costs something: so it is looked
// at twice a second.
Task<void> RedisService::follow() {
  while (!stopping_) {
    const Tick until = changed_.empty() ? Tick::max() : needs_.clock.now();
    co_await alarm_->wait_until(until);
    const std::set<std::string> changed = std::exchange(changed_, {});
    for (const std::string& id : changed)
      if (const Answer<CampaignView> view = needs_.desk.campaign(id)) show(*view);
    const Tick next = needs_.clock.now() + kFollow;
    while (!stopping_ && needs_.clock.now() < next) co_await alarm_->wait_until(next);
  }
}

void RedisService::show(const CampaignView& view) {
  QueueStatus status = status_of(view);
  const bool is_history = status.over && needs_.clock.wall() - view.updated > kStillShown;
  if (is_history) {
    mirror_.forget(view.id);
  } else {
    mirror_.show(view.id, std::move(status));
  }
}

}  // namespace loa
