#include "campaign/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "campaign/zone.hpp"

namespace loa {
namespace {

using std::chrono::minutes;

const std::vector<std::string> kIfLate = {"ask", "skip", "run"};

std::optional<Instant> read_instant(MapReader& reader, std::string_view key) {
  const Node* node = reader.optional(key);
  if (node == nullptr) return std::nullopt;
  const auto instant = parse_rfc3339(node->scalar());
  if (!instant) {
    reader.fault(key, fmt::format("schedule: '{}' must be a date and time with its offset, such as "
                                  "2026-11-24T08:00:00+07:00",
                                  key));
  }
  return instant;
}

}  // namespace

std::string_view to_string(IfLate value) { return kIfLate[static_cast<std::size_t>(value)]; }

std::optional<minutes> parse_hour(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] - '0'; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const int minute = digit(3) * 10 + digit(4);
  const minutes value = std::chrono::hours(digit(0) * 10 + digit(1)) + minutes(minute);
  if (minute > 59 || value > minutes(24 * 60)) return std::nullopt;
  return value;
}

std::optional<Hours> read_hours(const Node& node, Faults& faults) {
  MapReader reader(node, "hours", faults);
  const std::size_t errors = faults.errors();
  const auto read = [&](std::string_view key) {
    if (reader.required(key) == nullptr) return minutes(0);
    const auto value = parse_hour(node.find(key)->scalar());
    if (!value) {
      reader.fault(key, fmt::format("hours: '{}' must be an hour of the day from \"00:00\" to "
                                    "\"24:00\"",
                                    key));
    }
    return value.value_or(minutes(0));
  };
  Hours hours;
  hours.from = read("from");
  hours.to = read("to");
  reader.finish();
  if (faults.errors() != errors) return std::nullopt;
  if (hours.from >= hours.to) {
    reader.fault("to", "hours: 'to' must be later than 'from' on the same day");
    return std::nullopt;
  }
  return hours;
}

WrittenSchedule read_schedule(const Node& node, Faults& faults, HoursRule rule) {
  WrittenSchedule written;
  Schedule& schedule = written.schedule;
  const std::size_t errors = faults.errors();
  MapReader reader(node, "schedule", faults);
  schedule.not_before = read_instant(reader, "not_before");
  schedule.useful_until = read_instant(reader, "useful_until");
  if (const Node* hours = reader.optional("hours")) {
    const auto read = read_hours(*hours, faults);
    if (read && rule == HoursRule::kept) {
      schedule.from = read->from;
      schedule.to = read->to;
    }
  }
  const std::string zone = reader.text_or("zone", schedule.zone);
  if (find_zone(zone) == nullptr) {
    reader.fault("zone", fmt::format("schedule: there is no time zone '{}': write a name of the "
                                     "IANA list, such as Asia/Ho_Chi_Minh (and is the package "
                                     "tzdata there?)",
                                     zone.substr(0, 64)));
  } else {
    schedule.zone = zone;
  }
  written.if_late = static_cast<IfLate>(reader.choice_or("if_late", 0, kIfLate));
  if (const Node* repeat = reader.optional("repeat")) {
    if (schedule.useful_until)
      reader.fault("useful_until",
                   "schedule: 'useful_until' cannot stand beside 'repeat': write 'useful_for' "
                   "into 'repeat', and 'until' for its end");
    written.repeat = read_repeat(*repeat, schedule, faults);
  }
  reader.finish();
  if (faults.errors() != errors || !schedule.useful_until || !schedule.not_before) return written;
  if (*schedule.useful_until <= *schedule.not_before) {
    reader.fault("useful_until", "schedule: 'useful_until' must be later than 'not_before'");
  } else if (!next_allowed(schedule, *schedule.not_before)) {
    reader.fault("hours",
                 "schedule: between 'not_before' and 'useful_until' no moment lies within "
                 "'hours', so nothing would be sent");
  }
  return written;
}

std::optional<Instant> next_allowed(const Schedule& schedule, Instant at) {
  if (schedule.not_before) at = std::max(at, *schedule.not_before);
  const date::time_zone* zone = find_zone(schedule.zone);
  const LocalDay today = day_of(zone, at);
  // The third day is for a day whose hours a change of the clocks swallows.
  for (int i = 0; i < 3; ++i) {
    const LocalDay day = today + std::chrono::days(i);
    const Instant begin = instant_of(zone, day, schedule.from);
    const Instant end = instant_of(zone, day, schedule.to);
    const Instant moment = std::max(at, begin);
    if (moment >= end) continue;
    if (schedule.useful_until && moment >= *schedule.useful_until) return std::nullopt;
    return moment;
  }
  return std::nullopt;
}

Instant allowed_until(const Schedule& schedule, Instant at) {
  const bool all_day = schedule.from == minutes(0) && schedule.to == minutes(24 * 60);
  if (all_day && schedule.useful_until) return *schedule.useful_until;
  const date::time_zone* zone = find_zone(schedule.zone);
  const Instant end = instant_of(zone, day_of(zone, at), schedule.to);
  return schedule.useful_until ? std::min(end, *schedule.useful_until) : end;
}

std::optional<Instant> next_allowed(std::span<const Schedule> schedules, Instant at) {
  constexpr int kPassesMax = 16;  // hours of two zones that meet do so within two days
  for (int pass = 0; pass < kPassesMax; ++pass) {
    const Instant before = at;
    for (const Schedule& schedule : schedules) {
      const std::optional<Instant> next = next_allowed(schedule, at);
      if (!next) return std::nullopt;
      at = *next;
    }
    if (at == before) return at;
  }
  return std::nullopt;
}

Instant allowed_until(std::span<const Schedule> schedules, Instant at) {
  Instant until = Instant::max();
  for (const Schedule& schedule : schedules) until = std::min(until, allowed_until(schedule, at));
  return until;
}

Instant end_of_day(const std::string& zone, Instant at) {
  const date::time_zone* found = find_zone(zone);
  return instant_of(found, day_of(found, at) + std::chrono::days(1), minutes(0));
}

bool is_zone(const std::string& name) { return find_zone(name) != nullptr; }

std::string to_local(const std::string& zone, Instant at) {
  const date::time_zone* found = find_zone(zone);
  const auto local = local_of(found, at);
  const LocalDay day = date::floor<date::days>(local);
  const date::year_month_day date(day);
  const auto of_day = std::chrono::floor<minutes>(local - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     of_day.count() / 60, of_day.count() % 60);
}

}  // namespace loa
