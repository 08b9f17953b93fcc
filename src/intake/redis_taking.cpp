#include "intake/redis_taking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "base/printable.hpp"
#include "campaign/canonical.hpp"
#include "config/document.hpp"
#include "intake/redis_audience.hpp"

namespace loa {
namespace {

using Level = IntakeNotice::Level;
using Kind = IntakeNotice::Kind;

constexpr std::size_t kAssembliesMax = 256;
constexpr std::size_t kRetriesMax = 1000;
constexpr std::size_t kFaultsMax = 100;  // told of one entry

std::string to_json(const Faults& faults) {
  JsonWriter json;
  json.open_array();
  std::size_t count = 0;
  for (const Fault& fault : faults.all()) {
    if (++count > kFaultsMax) break;
    json.open_object();
    if (fault.place.line > 0)
      json.field("line", fault.place.line).field("column", fault.place.column);
    json.field("severity", fault.severity == Fault::Severity::error ? "error" : "warning");
    json.field("text", printable(fault.text));
    json.close_object();
  }
  json.close_array();
  return json.take();
}

std::string first_of(const Faults& faults) {
  for (const Fault& fault : faults.all()) {
    if (fault.severity != Fault::Severity::error) continue;
    const std::string place =
        fault.place.line > 0 ? fmt::format("{}:{}: ", fault.place.line, fault.place.column) : "";
    return place + fault.text;
  }
  return "refused";
}

// Of a part its rows, of a campaign its text, of anything else what stands first.
std::string payload_of(const StreamEntry& entry) {
  for (const std::string_view field : {"csv", "campaign"})
    if (!entry.field(field).empty()) return entry.field(field);
  return entry.fields.empty() ? "" : entry.fields.front().second;
}

// Failures to write one stream, which say nothing of reading the other.
bool is_about_refused(RedisFailure kind) {
  return kind == RedisFailure::out_of_memory || kind == RedisFailure::wrong_type ||
         kind == RedisFailure::not_permitted || kind == RedisFailure::other;
}

}  // namespace

RedisTaking::RedisTaking(const RedisIntakeNeeds& needs, const RedisIntakeOptions& options,
                         RedisQueue& queue, std::string staging, RedisIntakeState& state,
                         const bool& stopping)
    : needs_(needs),
      options_(options),
      queue_(queue),
      staging_(needs.disk, std::move(staging)),
      state_(state),
      stopping_(stopping) {}

Task<Result<void>> RedisTaking::open() {
  const auto open = [this] { return staging_.open(); };
  const Result<std::vector<StagedChunk>> staged = co_await needs_.workers.run(open);
  if (!staged) co_return tl::unexpected(staged.error());
  for (const StagedChunk& chunk : *staged) {
    Assembly& assembly = assembly_of(chunk.campaign);
    if (assembly.count == 0) assembly.count = chunk.count;
    if (assembly.count == chunk.count) assembly.parts[chunk.index] = {chunk.sha256, ""};
  }
  co_return Result<void>{};
}

Task<RedisTaking::Step> RedisTaking::take(StreamEntry entry, std::int64_t deliveries) {
  Step step;
  tl::expected<QueuedEntry, Faults> read = read_entry(entry, name_of(entry.id));
  if (!read) {
    step = co_await refuse(std::move(entry), "", "", std::move(read.error()));
  } else if (auto* chunk = std::get_if<QueuedChunk>(&*read)) {
    step = co_await take_chunk(std::move(entry), std::move(*chunk), deliveries);
  } else {
    step = co_await take_campaign(std::move(entry), std::move(std::get<QueuedCampaign>(*read)),
                                  deliveries);
  }
  state_.waiting = held().size();
  co_return step;
}

Task<RedisTaking::Step> RedisTaking::take_campaign(StreamEntry entry, QueuedCampaign campaign,
                                                   std::int64_t deliveries) {
  Step step;
  if (is_known(entry.id, campaign)) {
    step = co_await pass_over(std::move(entry.id), campaign);
  } else if (campaign.chunks) {
    step = co_await take_parts(std::move(entry), std::move(campaign), deliveries);
  } else if (deliveries > options_.deliveries_max) {
    Faults faults =
        fault_of(entry.id, fmt::format("was handed out {} times and never finished", deliveries));
    step = co_await refuse(std::move(entry), campaign.id, campaign.by, std::move(faults));
  } else {
    step = co_await take_whole(std::move(entry), std::move(campaign));
  }
  co_return step;
}

Task<RedisTaking::Step> RedisTaking::take_whole(StreamEntry entry, QueuedCampaign campaign) {
  std::vector<std::string> files;
  if (campaign.redis) {
    tl::expected<RedisAudienceFile, RedisAudienceError> audience =
        co_await read_redis_audience(needs_.redis, needs_.clock, needs_.workers, staging_, campaign,
                                     options_.import_limit, stopping_);
    if (!audience && audience.error().passing) {
      later(entry.id, audience.error().text);
      co_return Step{};
    }
    if (!audience) {
      Faults faults;
      faults.error(campaign.redis->place, audience.error().text);
      const Step refused =
          co_await refuse(std::move(entry), campaign.id, campaign.by, std::move(faults));
      co_return refused;
    }
    if (!audience->warning.empty())
      note(Level::warning, Kind::taken, campaign.id, audience->warning);
    files.push_back(std::move(audience->path));
  }
  std::string why;
  const std::optional<Outcome> outcome = co_await submit(entry.id, campaign, std::move(files), why);
  if (campaign.redis) co_await forget_files(campaign.id, false);
  if (!outcome) {
    later(entry.id, why);
    co_return Step{};
  }
  Step step;
  if (outcome->refused) {
    step = co_await refuse(std::move(entry), campaign.id, campaign.by, outcome->faults);
  } else {
    std::vector<std::string> entries(1, entry.id);
    step = co_await queue_.acknowledge(std::move(entries));
  }
  co_return step;
}

Task<std::optional<RedisTaking::Outcome>> RedisTaking::submit(std::string entry,
                                                              const QueuedCampaign& campaign,
                                                              std::vector<std::string> files,
                                                              std::string& why) {
  Actor actor;
  actor.name = campaign.by.empty() ? "redis" : campaign.by;
  actor.from = "redis:" + entry;
  Submission submission;
  submission.document = campaign.document;
  submission.name = name_of(entry);
  submission.folder = options_.folder;
  submission.audience = std::move(files);
  Answer<Submitted> answer = co_await needs_.desk.submit(std::move(actor), std::move(submission));
  if (answer) {
    ++(answer->is_new ? state_.taken : state_.known);
    note(Level::info, Kind::taken, answer->campaign,
         answer->is_new ? fmt::format("taken from Redis, entry {}", entry)
                        : fmt::format("queued again, entry {}: no change", entry));
    if (const Answer<CampaignView> view = needs_.desk.campaign(answer->campaign))
      needs_.mirror.show(answer->campaign, status_of(*view));
    co_return Outcome{};
  }
  if (answer.error().kind == Refusal::Kind::not_now) {
    why = answer.error().words;
    co_return std::nullopt;
  }
  Outcome outcome;
  outcome.refused = true;
  outcome.faults = std::move(answer.error().faults);
  if (outcome.faults.ok()) outcome.faults.error({name_of(entry)}, answer.error().words);
  co_return outcome;
}

Task<RedisTaking::Step> RedisTaking::refuse(StreamEntry entry, std::string campaign, std::string by,
                                            Faults faults) {
  const RedisResult<bool> put =
      co_await put_refused(entry, std::move(campaign), std::move(by), faults);
  if (!put) co_return tl::unexpected(put.error());
  if (!*put) {
    later(entry.id, "");
    co_return Step{};
  }
  std::vector<std::string> entries(1, entry.id);
  const Step done = co_await queue_.acknowledge(std::move(entries));
  co_return done;
}

Task<RedisResult<bool>> RedisTaking::put_refused(const StreamEntry& entry, std::string campaign,
                                                 std::string by, const Faults& faults) {
  const std::string first = first_of(faults);
  RefusedEntry refused;
  refused.entry = entry.id;
  refused.campaign = campaign;
  refused.by = std::move(by);
  refused.at = needs_.clock.wall();
  refused.faults = to_json(faults);
  refused.payload = payload_of(entry);
  const Step added = co_await queue_.refuse(std::move(refused));
  if (!added && !is_about_refused(added.error().kind)) co_return tl::unexpected(added.error());
  if (!added) {
    note(Level::warning, Kind::refused, campaign,
         fmt::format("the entry {} is refused ({}), but {}:refused does not take it: {}", entry.id,
                     first, queue_.stream(), added.error().text));
    co_return false;
  }
  ++state_.refused;
  note(Level::warning, Kind::refused, campaign,
       fmt::format("the entry {} is refused: {}", entry.id, first));
  if (!campaign.empty()) show_early(campaign, "refused", first);
  co_return true;
}

Task<RedisTaking::Step> RedisTaking::refuse_unread(std::string entry) {
  StreamEntry unread;
  unread.id = entry;
  Faults faults = fault_of(
      entry,
      fmt::format("is larger than {} MiB: queue a large audience in parts, or as a set in Redis",
                  kRedisReplyBytesMax / 1024 / 1024));
  const Step step = co_await refuse(std::move(unread), "", "", std::move(faults));
  co_return step;
}

Task<RedisTaking::Step> RedisTaking::try_again() {
  const Tick now = needs_.clock.now();
  std::vector<std::string> entries;
  for (auto& [entry, retry] : retries_)
    if (retry.due <= now) entries.push_back(entry);
  for (const std::string& entry : entries) {
    if (stopping_) break;
    const RedisResult<std::optional<StreamEntry>> found = co_await queue_.fetch(entry);
    if (!found) co_return tl::unexpected(found.error());
    retries_[entry].due = Tick::max();
    if (*found) {
      StreamEntry again = **found;
      const Step step = co_await take(std::move(again), 0);
      if (!step) co_return step;
    } else {
      lose(entry);
    }
    if (retries_[entry].due == Tick::max()) retries_.erase(entry);
  }
  std::vector<std::string> complete;
  for (const auto& [id, assembly] : assemblies_)
    if (assembly.is_complete() && assembly.not_before <= now) complete.push_back(id);
  for (const std::string& id : complete) {
    const Step step = co_await finish(id);
    if (!step) co_return step;
  }
  state_.waiting = held().size();
  co_return Step{};
}

void RedisTaking::lose(const std::string& entry) {
  ++state_.lost;
  note(Level::error, Kind::gap, "",
       fmt::format(
           "the entry {} is gone from Redis before it was finished: queue again what has no status",
           entry));
}

bool RedisTaking::holds(const std::string& entry) const {
  return retries_.count(entry) > 0 ||
         std::any_of(assemblies_.begin(), assemblies_.end(),
                     [&](const auto& one) { return one.second.entries.count(entry) > 0; });
}

std::vector<std::string> RedisTaking::held() const {
  std::vector<std::string> entries;
  entries.reserve(retries_.size());
  for (const auto& [entry, retry] : retries_) entries.push_back(entry);
  for (const auto& [id, assembly] : assemblies_)
    entries.insert(entries.end(), assembly.entries.begin(), assembly.entries.end());
  return entries;
}

bool RedisTaking::is_full() const {
  return retries_.size() >= kRetriesMax || assemblies_.size() >= kAssembliesMax;
}

Tick RedisTaking::next_due() const {
  Tick due = Tick::max();
  for (const auto& [entry, retry] : retries_) due = std::min(due, retry.due);
  for (const auto& [id, assembly] : assemblies_)
    if (assembly.is_complete()) due = std::min(due, assembly.not_before);
  return due;
}

// Whether the desk has taken this, so that its audience is not needed: that may be gone from Redis
// by now, or changed. With parts, the document says which audience it is; else the entry does.
bool RedisTaking::is_known(const std::string& entry, const QueuedCampaign& campaign) const {
  const Answer<CampaignView> view = needs_.desk.campaign(campaign.id);
  if (!view || view->state == CampaignState::draft) return false;
  if (!campaign.chunks && view->source != "redis:" + entry) return false;
  Faults faults;
  const std::optional<Node> document = parse_document(campaign.document, name_of(entry), faults);
  return document && faults.ok() && canonical_json(*document) == view->document;
}

Task<RedisTaking::Step> RedisTaking::pass_over(std::string entry, const QueuedCampaign& campaign) {
  ++state_.known;
  note(Level::info, Kind::taken, campaign.id,
       fmt::format("handed out again, entry {}: no change", entry));
  if (const Answer<CampaignView> view = needs_.desk.campaign(campaign.id))
    needs_.mirror.show(campaign.id, status_of(*view));
  std::vector<std::string> entries(1, entry);
  const Step step = co_await queue_.acknowledge(std::move(entries));
  co_return step;
}

void RedisTaking::later(const std::string& entry, const std::string& why) {
  Retry& retry = retries_[entry];
  retry.due = needs_.clock.now() + pause(retry.tries++);
  if (retry.tries == 1 && !why.empty())
    note(Level::warning, Kind::waits, "", fmt::format("the entry {} waits: {}", entry, why));
}

void RedisTaking::later(Assembly& assembly, const std::string& why) {
  assembly.not_before = needs_.clock.now() + pause(assembly.tries++);
  if (assembly.tries == 1 && !why.empty())
    note(Level::warning, Kind::waits, assembly.id, "waits: " + why);
}

Duration RedisTaking::pause(int tries) const {
  Duration pause = options_.pause_first;
  for (int i = 0; i < tries && pause < options_.pause_max; ++i) pause *= 2;
  return std::min(pause, options_.pause_max);
}

std::string RedisTaking::name_of(const std::string& entry) const {
  return options_.stream + " " + entry;
}

Faults RedisTaking::fault_of(const std::string& entry, std::string text) const {
  Faults faults;
  faults.error({name_of(entry)}, std::move(text));
  return faults;
}

// Of what the desk does not have, and so does not tell itself.
void RedisTaking::show_early(const std::string& id, std::string state, std::string reason) {
  if (needs_.desk.campaign(id)) return;
  QueueStatus status;
  status.state = std::move(state);
  status.reason = std::move(reason);
  status.updated = needs_.clock.wall();
  needs_.mirror.show(id, std::move(status));
}

void RedisTaking::note(IntakeNotice::Level level, IntakeNotice::Kind kind, const std::string& id,
                       const std::string& text) {
  IntakeNotice notice;
  notice.level = level;
  notice.kind = kind;
  notice.campaign = id;
  notice.text = printable(text);
  needs_.tell(notice);
}

}  // namespace loa
