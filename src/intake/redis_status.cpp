#include "intake/redis_status.hpp"

#include <algorithm>

#include "base/printable.hpp"

namespace loa {
namespace {

constexpr std::string_view kPrefix = "loa:campaign:";
constexpr Duration kSpacing = std::chrono::milliseconds(500);
constexpr Duration kRefresh = std::chrono::minutes(1);
constexpr Duration kPause = std::chrono::seconds(1);  // after a failure

}  // namespace

QueueStatus status_of(const CampaignView& view) {
  QueueStatus status;
  status.state = to_string(view.state);
  status.reason = view.reason;
  status.audience = view.audience;
  status.planned = view.planned;
  status.accepted = view.accepted;
  for (const auto& [code, count] : view.refused) status.refused += count;
  status.in_doubt = view.in_doubt;
  status.under_way = view.under_way;
  status.unsent = view.unsent;
  status.updated = view.updated;
  status.over = is_over(view.state);
  return status;
}

StatusMirror::StatusMirror(Redis& redis, Clock& clock, Duration check)
    : redis_(redis), clock_(clock), check_(check), alarm_(clock.make_alarm()) {}

void StatusMirror::show(const std::string& campaign, QueueStatus status) {
  Shown& shown = shown_[campaign];
  if (shown.status == status) return;
  shown.status = std::move(status);
  shown.changed = true;
  alarm_->wake();
}

void StatusMirror::forget(const std::string& campaign) { shown_.erase(campaign); }

void StatusMirror::stop() {
  stopping_ = true;
  alarm_->wake();
}

Task<void> StatusMirror::run() {
  next_refresh_ = clock_.now() + kRefresh;
  while (!stopping_) {
    co_await turn();
    if (!stopping_) co_await alarm_->wait_until(std::max(next_due(), pause_until_));
  }
}

Task<void> StatusMirror::turn() {
  const Tick now = clock_.now();
  if (now < pause_until_) co_return;
  if (now >= next_refresh_) {
    again(false);
    next_refresh_ = now + kRefresh;
  }
  RedisResult<void> done;
  if (now >= next_check_) {
    // Shows a server that was started anew while there was nothing to tell.
    std::vector<std::string> ping{"PING"};
    const RedisResult<RedisReply> reply = co_await redis_.command(std::move(ping));
    if (!reply) done = tl::unexpected(reply.error());
    next_check_ = clock_.now() + check_;
  }
  while (done && !stopping_) {
    if (redis_.state().connections != connections_) {
      connections_ = redis_.state().connections;
      again(true);
    }
    const auto due = std::find_if(shown_.begin(), shown_.end(), [&](const auto& one) {
      return one.second.changed && one.second.not_before <= clock_.now();
    });
    if (due == shown_.end()) break;
    done = co_await write(due->first);
  }
  if (!done) pause_until_ = std::max(clock_.now() + kPause, redis_.state().next_attempt);
}

Task<RedisResult<void>> StatusMirror::write(std::string campaign) {
  Shown& shown = shown_[campaign];
  shown.changed = false;
  shown.not_before = clock_.now() + kSpacing;
  const QueueStatus& status = shown.status;
  std::vector<std::string> words{
      "HSET",       std::string(kPrefix) + campaign,  "state",    status.state,
      "reason",     printable(status.reason),         "audience", std::to_string(status.audience),
      "planned",    std::to_string(status.planned),   "accepted", std::to_string(status.accepted),
      "refused",    std::to_string(status.refused),   "in_doubt", std::to_string(status.in_doubt),
      "under_way",  std::to_string(status.under_way), "unsent",   std::to_string(status.unsent),
      "updated_at", to_rfc3339(status.updated)};
  const RedisResult<RedisReply> reply = co_await redis_.command(std::move(words));
  if (reply) co_return RedisResult<void>{};
  // Somebody put another thing under that name: it is his, until a refresh finds it gone.
  if (reply.error().kind == RedisFailure::wrong_type) co_return RedisResult<void>{};
  if (const auto still = shown_.find(campaign); still != shown_.end()) still->second.changed = true;
  co_return tl::unexpected(reply.error());
}

void StatusMirror::again(bool with_over) {
  for (auto& [campaign, shown] : shown_)
    if (with_over || !shown.status.over) shown.changed = true;
}

Tick StatusMirror::next_due() const {
  Tick due = std::min(next_check_, next_refresh_);
  for (const auto& [campaign, shown] : shown_)
    if (shown.changed) due = std::min(due, shown.not_before);
  return due;
}

}  // namespace loa
