#include "campaign/repeat.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "campaign/campaign.hpp"
#include "campaign/schedule.hpp"
#include "campaign/zone.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const std::vector<std::string> kEvery = {"day", "week"};
const std::vector<std::string> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

void read_days(MapReader& reader, bool weekly, Repeat& repeat) {
  if (!weekly) {
    repeat.days.fill(true);
    if (reader.optional("days") != nullptr)
      reader.fault("days", "repeat: 'days' belongs to 'every: week'");
    return;
  }
  if (reader.required("days") == nullptr) return;
  for (const std::string& day : reader.texts_or_empty("days")) {
    const auto found = std::find(kDays.begin(), kDays.end(), day);
    if (found == kDays.end()) {
      reader.fault("days", fmt::format("repeat: there is no day '{}'; write {}", day.substr(0, 20),
                                       fmt::join(kDays, ", ")));
      return;
    }
    bool& chosen = repeat.days[static_cast<std::size_t>(found - kDays.begin())];
    if (chosen) reader.fault("days", fmt::format("repeat: '{}' stands twice: keep one", day));
    chosen = true;
  }
  if (std::none_of(repeat.days.begin(), repeat.days.end(), [](bool day) { return day; }))
    reader.fault("days", "repeat: 'days' names no day");
}

// Whether something can be sent between the time and its end, on an ordinary day.
bool meets_hours(const Repeat& repeat, const Schedule& schedule) {
  const minutes at = repeat.at;
  const auto end = at + std::chrono::floor<minutes>(repeat.useful_for);
  if (at < schedule.to) return end > schedule.from;
  return end > schedule.from + hours(24);
}

std::string day_text(LocalDay day) {
  const date::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

}  // namespace

Repeat read_repeat(const Node& node, const Schedule& schedule, Faults& faults) {
  Repeat repeat;
  repeat.from = schedule.not_before;
  const std::size_t errors = faults.errors();
  MapReader reader(node, "repeat", faults);
  reader.required("every");
  const std::size_t every = reader.choice_or("every", 0, kEvery);
  read_days(reader, every == 1, repeat);
  const std::string at = reader.text("at");
  if (!at.empty()) {
    const auto hour = parse_hour(at);
    if (!hour || *hour >= hours(24))
      reader.fault("at", "repeat: 'at' must be an hour of the day from \"00:00\" to \"23:59\"");
    repeat.at = hour.value_or(minutes(0));
  }
  if (const Node* until = reader.optional("until")) {
    repeat.until = parse_rfc3339(until->scalar());
    if (!repeat.until)
      reader.fault("until",
                   "repeat: 'until' must be a date and time with its offset, such as "
                   "2026-12-31T23:59:00+07:00");
  }
  repeat.ahead = reader.duration_or("ahead", repeat.ahead, hours(0), hours(14 * 24));
  repeat.useful_for =
      reader.duration_or("useful_for", repeat.useful_for, minutes(1), hours(7 * 24));
  reader.finish();
  if (faults.errors() != errors) return repeat;
  if (!meets_hours(repeat, schedule)) {
    reader.fault("at",
                 "repeat: no moment between 'at' and the end of 'useful_for' lies within 'hours', "
                 "so nothing would be sent");
  } else if (repeat.until && repeat.from) {
    const auto first = next_occurrence(repeat, schedule.zone, Instant::min());
    if (!first) reader.fault("until", "repeat: 'until' is over before the first time");
  }
  return repeat;
}

std::optional<Occurrence> next_occurrence(const Repeat& repeat, const std::string& zone,
                                          Instant after) {
  using std::chrono::days;
  if (repeat.from) after = std::max(after, *repeat.from - std::chrono::microseconds(1));
  const date::time_zone* found = find_zone(zone);
  // A week, a day before it (its time may have moved over midnight), and a week more for a day that
  // the zone left out.
  constexpr int kDaysAhead = 15;
  const LocalDay today = day_of(found, after);
  for (int i = -1; i <= kDaysAhead; ++i) {
    const LocalDay day = today + days(i);
    const unsigned weekday = date::weekday(day).iso_encoding();  // Monday is 1
    if (!repeat.days[weekday - 1]) continue;
    if (instant_of(found, day, minutes(0)) == instant_of(found, day + days(1), minutes(0)))
      continue;
    const Instant at = instant_of(found, day, repeat.at);
    if (at <= after) continue;
    if (repeat.until && at > *repeat.until) return std::nullopt;
    return Occurrence{day_text(day), at, at + repeat.useful_for};
  }
  return std::nullopt;
}

Campaign occurrence_of(const Campaign& campaign, const Occurrence& occurrence) {
  Campaign one = campaign;
  one.id += "-" + occurrence.day;
  one.repeat.reset();
  one.schedule.not_before = occurrence.at;
  one.schedule.useful_until = occurrence.useful_until;
  return one;
}

}  // namespace loa
