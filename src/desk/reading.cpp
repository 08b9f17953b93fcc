#include "desk/reading.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "base/input_file.hpp"
#include "campaign/canonical.hpp"
#include "dispatch/store.hpp"

namespace loa {
namespace {

namespace json = boost::json;

tl::unexpected<Refusal> wrong(std::string words, Faults faults = {}) {
  return tl::unexpected<Refusal>(
      Refusal{Refusal::Kind::wrong, std::move(words), std::move(faults)});
}

// A text is the campaign's content, also where its document only names it.
std::string texts_of(const Campaign& campaign) {
  const Message& message = campaign.message;
  if (message.template_id.empty()) return "";
  return "\n" + message.text + "\n" + message.unaccented;
}

// Who may not name files on this machine brings the people in another way.
void check_paths(const Submission& submission, const Campaign& campaign, Faults& faults) {
  const AudienceSource& source = campaign.audience;
  const Place place{submission.name, 0, 0};
  const bool files = source.kind() == AudienceKind::files && submission.audience.empty();
  if (campaign.repeat && (!files || submission.folder.empty()))
    faults.error(
        place,
        "schedule: a campaign with 'repeat' reads its audience anew each time, so it names "
        "'files', and comes by the daemon's own folder");
  if (source.kind() == AudienceKind::files && submission.audience.empty() &&
      submission.folder.empty())
    faults.error(place,
                 "audience: the files of a campaign that comes this way are uploaded first, and "
                 "named by the upload");
  if (source.kind() != AudienceKind::files && source.kind() != AudienceKind::numbers &&
      submission.audience.empty())
    faults.error(place, fmt::format("audience: '{}' cannot be had where this campaign came in",
                                    to_string(source.kind())));
  if (!source.exclude.empty() && submission.folder.empty())
    faults.error(place,
                 "audience: 'exclude' names files of the daemon's machine: put people who want no "
                 "messages on its own lists ('exclusions' of loa.yaml)");
}

Result<void> add_file(Sha256& hash, const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return fail(std::move(file.error()).wrap(path));
  std::string piece(1 << 20, '\0');
  for (;;) {
    const auto read = file->read(piece.data(), piece.size());
    if (!read) return fail(Error(read.error()).wrap(path));
    hash.add(std::string_view(piece).substr(0, *read));
    if (*read < piece.size()) return {};
  }
}

}  // namespace

Answer<Reading> read_submission(const DeskSettings& settings, const Submission& submission) {
  Reading reading;
  Faults faults;
  const auto document = parse_document(submission.document, submission.name, faults);
  if (document)
    reading.campaign = parse_campaign(submission.document, submission.name, settings.templates,
                                      submission.folder, faults);
  if (document && faults.ok()) {
    check_paths(submission, reading.campaign, faults);
    lint(reading.campaign, *document, settings.lint, faults);
  }
  if (!faults.ok()) return wrong("the campaign is wrong, and was not taken", std::move(faults));
  reading.document = canonical_json(*document);
  Sha256 content;
  content.add(reading.document);
  content.add(texts_of(reading.campaign));
  if (!submission.audience.empty())
    reading.campaign.audience =
        with_files(std::move(reading.campaign.audience), submission.audience);
  for (const std::string& path : reading.campaign.audience.files)
    if (const auto added = add_file(content, path); !added) return wrong(to_string(added.error()));
  reading.content = to_hex(content.finish());
  reading.warnings = std::move(faults);
  return reading;
}

Answer<FrozenPlan> freeze_reading(const DeskSettings& settings, const Reading& reading) {
  auto plan = freeze({.campaign = reading.campaign,
                      .gateways = settings.gateways,
                      .numbering = settings.numbering,
                      .exclusions = settings.exclusions});
  if (plan) return std::move(*plan);
  Faults faults;
  faults.error(plan.error().place, plan.error().text);
  return wrong("the campaign cannot be planned, and was not taken", std::move(faults));
}

Answer<WrittenPlan> write_revision(Disk& disk, const std::string& data, const FrozenPlan& plan,
                                   int revision) {
  const auto written = write_plan(disk, data, plan, revision);
  if (written)
    return WrittenPlan{plan.sha256(), plan.head.rows, plan.head.audience - plan.head.rows};
  return tl::unexpected<Refusal>(Refusal{Refusal::Kind::not_now, written.error().text, {}});
}

std::string with_times(const std::string& document, const std::string& id,
                       std::optional<Instant> not_before, std::optional<Instant> useful_until) {
  json::value value = json::parse(document);
  json::object& campaign = value.as_object();
  campaign["campaign"] = id;
  if (!campaign["schedule"].is_object()) campaign["schedule"] = json::object();
  json::object& schedule = campaign["schedule"].as_object();
  for (const char* key : {"repeat", "not_before", "useful_until"}) schedule.erase(key);
  if (not_before) schedule["not_before"] = to_rfc3339(*not_before);
  if (useful_until) schedule["useful_until"] = to_rfc3339(*useful_until);
  Faults none;
  const auto node = parse_document(json::serialize(value), "", none);
  LOA_CHECK(node.has_value());
  return canonical_json(*node);
}

}  // namespace loa
