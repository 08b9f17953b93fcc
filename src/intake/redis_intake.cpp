#include "intake/redis_intake.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.hpp"
#include "intake/redis_settings.hpp"

namespace loa {
namespace {

using Level = IntakeNotice::Level;
using Kind = IntakeNotice::Kind;

constexpr Duration kShortPause = std::chrono::milliseconds(50);

// What it means, for people.
std::string words_for(const RedisError& error, const std::string& stream) {
  switch (error.kind) {
    case RedisFailure::not_connected:
    case RedisFailure::lost:
    case RedisFailure::timeout:
    case RedisFailure::protocol: return "Redis cannot be reached: " + error.text;
    case RedisFailure::loading: return "Redis reads its data and does not answer yet (LOADING)";
    case RedisFailure::read_only:
      return "this Redis is a replica and takes no changes (READONLY): name the master, or the "
             "sentinels that know it";
    case RedisFailure::out_of_memory: return "Redis is full (OOM): give it more memory";
    case RedisFailure::not_saving: return "Redis cannot write to its disk (MISCONF)";
    case RedisFailure::wrong_type:
      return fmt::format("the key '{}' in Redis is no stream: rename it, or set another 'stream'",
                         stream);
    case RedisFailure::not_permitted: return "Redis does not permit what Loa needs: " + error.text;
    default: return "Redis: " + error.text;
  }
}

// Those that cost the connection, or mean that it was one to another server.
bool ends_connection(RedisFailure kind) {
  switch (kind) {
    case RedisFailure::not_connected:
    case RedisFailure::lost:
    case RedisFailure::timeout:
    case RedisFailure::too_large:
    case RedisFailure::protocol:
    case RedisFailure::no_group: return true;
    default: return false;
  }
}

}  // namespace

RedisIntake::RedisIntake(RedisIntakeNeeds needs, RedisIntakeOptions options, std::string staging)
    : needs_(std::move(needs)),
      options_(std::move(options)),
      queue_(needs_.redis, options_.stream, options_.group, options_.node, options_.answer_limit),
      taking_(needs_, options_, queue_, std::move(staging), state_, stopping_),
      alarm_(needs_.clock.make_alarm()) {}

Task<void> RedisIntake::run() {
  bool opened = false;
  while (!stopping_ && !opened) {
    const Result<void> place = co_await taking_.open();
    opened = place.has_value();
    if (!opened) co_await wait_out(place.error().text, options_.pause_max);
  }
  while (!stopping_) {
    const Step step = co_await turn();
    if (stopping_) break;
    if (step) {
      recovered();
    } else {
      co_await cope(step.error());
    }
  }
}

void RedisIntake::stop() {
  stopping_ = true;
  if (blocked_) needs_.redis.close(false);
  alarm_->wake();
}

Task<RedisIntake::Step> RedisIntake::turn() {
  Step step;
  if (connections_ == 0 || connections_ != needs_.redis.state().connections)
    step = co_await begin_connection();
  if (step && needs_.clock.now() >= next_takeover_) step = co_await take_over();
  if (taking_.take_reread()) reread_ = true;
  if (step && reread_) step = co_await read_pending();
  if (step) step = co_await look_after();
  if (step && !stopping_) step = co_await read_new();
  co_return step;
}

Task<RedisIntake::Step> RedisIntake::begin_connection() {
  blocked_ = true;
  const RedisResult<bool> created = co_await queue_.create_group();
  blocked_ = false;
  if (!created) co_return tl::unexpected(created.error());
  connections_ = needs_.redis.state().connections;
  reread_ = true;
  tell_durability();
  if (*created && had_group_) {
    note(Level::error, Kind::gap,
         fmt::format("Redis lost the stream '{}' or its group, and so perhaps campaigns that were "
                     "queued: queue again what has no status. The group is made anew, and what the "
                     "stream holds is read from its beginning",
                     options_.stream));
  } else if (*created) {
    note(Level::info, Kind::server,
         fmt::format(
             "the group '{}' of the stream '{}' is made; the stream is read from its beginning",
             options_.group, options_.stream));
  }
  had_group_ = true;
  if (highest_.empty()) co_return Step{};
  const RedisResult<std::string> last = co_await queue_.last_id();
  if (!last && last.error().kind != RedisFailure::not_permitted)
    co_return tl::unexpected(last.error());
  if (last && is_earlier(*last, highest_)) {
    if (!*created) {
      note(Level::error, Kind::gap,
           fmt::format(
               "Redis lost the end of the stream '{}': entries up to {} had been read, now it "
               "ends with {}. Queue again what has no status",
               options_.stream, highest_, *last));
    }
    highest_ = *last;
  }
  co_return Step{};
}

Task<RedisIntake::Step> RedisIntake::read_pending() {
  std::string after;
  for (;;) {
    const RedisResult<std::vector<RedisQueue::Pending>> page = co_await queue_.pending(after);
    if (!page) co_return tl::unexpected(page.error());
    if (page->empty()) break;
    for (const RedisQueue::Pending& pending : *page) {
      after = pending.entry;
      if (taking_.holds(pending.entry)) continue;
      if (stopping_) co_return Step{};
      const Step step = co_await read_one(pending);
      if (!step) co_return step;
    }
  }
  reread_ = false;
  co_return Step{};
}

Task<RedisIntake::Step> RedisIntake::read_one(RedisQueue::Pending pending) {
  const RedisResult<std::optional<StreamEntry>> entry = co_await queue_.claim(pending.entry);
  Step step;
  if (!entry && entry.error().kind == RedisFailure::too_large) {
    step = co_await taking_.refuse_unread(pending.entry);
  } else if (!entry) {
    step = tl::unexpected(entry.error());
  } else if (!*entry) {
    taking_.lose(pending.entry);
    // Newer servers have forgotten it by now.
    std::vector<std::string> gone(1, pending.entry);
    step = co_await queue_.acknowledge(std::move(gone));
  } else {
    StreamEntry found = **entry;
    step = co_await taking_.take(std::move(found), pending.deliveries + 1);
  }
  co_return step;
}

Task<RedisIntake::Step> RedisIntake::take_over() {
  const RedisResult<RedisQueue::TakenOver> taken = co_await queue_.take_over(options_.min_idle);
  if (!taken) co_return tl::unexpected(taken.error());
  for (const std::string& entry : taken->deleted)
    if (!taking_.holds(entry)) taking_.lose(entry);
  if (taken->entries > 0) reread_ = true;
  next_takeover_ = needs_.clock.now() + options_.takeover_every;
  co_return Step{};
}

Task<RedisIntake::Step> RedisIntake::look_after() {
  Step step = co_await taking_.try_again();
  const Tick now = needs_.clock.now();
  if (step && now >= next_claims_) {
    next_claims_ = now + options_.min_idle / 4;
    step = co_await queue_.keep(taking_.held());
  }
  if (step && now >= next_gaps_) {
    next_gaps_ = now + options_.gap_every;
    step = co_await taking_.look_for_gaps();
  }
  co_return step;
}

Task<RedisIntake::Step> RedisIntake::read_new() {
  const Tick now = needs_.clock.now();
  const Tick due = std::min({taking_.next_due(), next_gaps_, next_takeover_, now + options_.block});
  if (taking_.is_full()) {
    co_await alarm_->wait_until(due);
    co_return Step{};
  }
  blocked_ = true;
  const RedisResult<std::vector<StreamEntry>> entries = co_await queue_.read_new(due - now);
  blocked_ = false;
  if (!entries) co_return tl::unexpected(entries.error());
  for (const StreamEntry& entry : *entries) {
    if (highest_.empty() || is_earlier(highest_, entry.id)) highest_ = entry.id;
    // What is left then is read again at the next start.
    if (stopping_) break;
    const Step step = co_await taking_.take(entry, 1);
    if (!step) co_return step;
  }
  co_return Step{};
}

Task<void> RedisIntake::cope(RedisError error) {
  if (ends_connection(error.kind)) connections_ = 0;
  // Whatever was under way is read again.
  reread_ = true;
  ++failures_;
  // The next turn mends these by itself.
  const bool mends = error.kind == RedisFailure::too_large || error.kind == RedisFailure::no_group;
  if (mends && failures_ == 1) co_return;
  Duration pause = kShortPause;
  if (!ends_connection(error.kind)) {
    pause = options_.pause_first;
    for (int i = 1; i < failures_ && pause < options_.pause_max; ++i) pause *= 2;
    pause = std::min(pause, options_.pause_max);
  }
  co_await wait_out(words_for(error, options_.stream), pause);
}

Task<void> RedisIntake::wait_out(std::string trouble, Duration pause) {
  if (state_.trouble != trouble) {
    state_.trouble = trouble;
    note(Level::warning, Kind::trouble, trouble + ". Campaigns from Redis wait; all else goes on");
  }
  const Tick until = std::max(needs_.clock.now() + pause, needs_.redis.state().next_attempt);
  co_await alarm_->wait_until(until);
}

void RedisIntake::recovered() {
  failures_ = 0;
  if (state_.trouble.empty()) return;
  state_.trouble.clear();
  note(Level::info, Kind::recovered, "Redis answers again; campaigns are taken from it");
}

void RedisIntake::tell_durability() {
  const Durability durability = durability_of(needs_.redis.state());
  if (state_.durability == durability.words) return;
  state_.durability = durability.words;
  note(durability.warning ? Level::warning : Level::info, Kind::server, durability.words);
}

void RedisIntake::note(IntakeNotice::Level level, IntakeNotice::Kind kind,
                       const std::string& text) {
  IntakeNotice notice;
  notice.level = level;
  notice.kind = kind;
  notice.text = printable(text);
  needs_.tell(notice);
}

}  // namespace loa
