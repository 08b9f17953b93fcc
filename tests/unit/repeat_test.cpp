#include "campaign/repeat.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "campaign/campaign.hpp"
#include "campaign/schedule.hpp"

namespace loa {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

Instant at(const char* text) { return parse_rfc3339(text).value(); }

WrittenSchedule read(const std::string& schedule, Faults& faults) {
  const auto document = parse_document(schedule, "s", faults);
  return document ? read_schedule(*document, faults) : WrittenSchedule{};
}

Repeat repeat_of(const std::string& repeat) {
  Faults faults;
  const WrittenSchedule written = read("{repeat: " + repeat + "}", faults);
  EXPECT_TRUE(faults.ok()) << (faults.ok() ? "" : faults.all().front().text);
  return written.repeat.value();
}

TEST(Repeat, EveryDayAndChosenDays) {
  const std::string zone = "Asia/Ho_Chi_Minh";
  const Repeat daily = repeat_of("{every: day, at: '08:00', useful_for: 10h}");
  EXPECT_EQ(daily.ahead, hours(24));
  const auto first = next_occurrence(daily, zone, at("2026-11-24T08:00:00+07:00"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->day, "2026-11-25");
  EXPECT_EQ(first->at, at("2026-11-25T08:00:00+07:00"));
  EXPECT_EQ(first->useful_until, at("2026-11-25T18:00:00+07:00"));
  EXPECT_EQ(next_occurrence(daily, zone, at("2026-11-24T07:59:59.999+07:00"))->day, "2026-11-24");

  const Repeat weekly =
      repeat_of("{every: week, days: [mon, tue], at: '08:00', until: '2026-12-01T08:00:00+07:00'}");
  std::vector<std::string> days;
  Instant after = at("2026-11-24T08:00:00+07:00");  // a Tuesday, its time just begun
  for (int i = 0; i < 9; ++i) {
    const auto next = next_occurrence(weekly, zone, after);
    if (!next) break;
    days.push_back(next->day);
    after = next->at;
  }
  EXPECT_THAT(days, testing::ElementsAre("2026-11-30", "2026-12-01"));
}

TEST(Repeat, ClocksThatChange) {
  const Repeat daily = repeat_of("{every: day, at: '02:30'}");
  // 02:30 does not exist on 2026-03-29, and exists twice on 2026-10-25.
  const auto missing = next_occurrence(daily, "Europe/Paris", at("2026-03-28T12:00:00Z"));
  EXPECT_EQ(missing->at, at("2026-03-29T03:00:00+02:00"));
  EXPECT_EQ(missing->day, "2026-03-29");
  EXPECT_EQ(next_occurrence(daily, "Europe/Paris", missing->at)->at,
            at("2026-03-30T02:30:00+02:00"));
  const auto twice = next_occurrence(daily, "Europe/Paris", at("2026-10-24T12:00:00Z"));
  EXPECT_EQ(twice->at, at("2026-10-25T02:30:00+02:00"));
  EXPECT_EQ(next_occurrence(daily, "Europe/Paris", twice->at)->at, at("2026-10-26T02:30:00+01:00"));
  // Samoa had no 30 December 2011.
  EXPECT_EQ(next_occurrence(daily, "Pacific/Apia", at("2011-12-29T12:00:00-10:00"))->day,
            "2011-12-31");
  const Repeat midnight = repeat_of("{every: day, at: '00:15'}");  // 00:00 to 01:00 is left out
  EXPECT_EQ(next_occurrence(midnight, "Africa/Cairo", at("2024-04-25T12:00:00Z"))->at,
            at("2024-04-26T01:00:00+03:00"));
}

TEST(Repeat, BeginsWithTheScheduleAndEndsWithUntil) {
  Faults faults;
  const WrittenSchedule written = read(
      "{not_before: '2026-12-01T08:00:00+07:00', repeat: {every: day, at: '08:00', until: "
      "'2026-12-02T07:59:59+07:00'}}",
      faults);
  ASSERT_TRUE(faults.ok());
  const auto first =
      next_occurrence(*written.repeat, written.schedule.zone, at("2026-01-01T00:00:00Z"));
  EXPECT_EQ(first->day, "2026-12-01");
  EXPECT_EQ(next_occurrence(*written.repeat, written.schedule.zone, first->at), std::nullopt);
}

TEST(Repeat, EachTimeIsACampaign) {
  Campaign campaign;
  campaign.id = "nhac";
  campaign.message.text = "x";
  campaign.repeat = repeat_of("{every: day, at: '08:00', useful_for: 1h}");
  const auto next =
      next_occurrence(*campaign.repeat, campaign.schedule.zone, at("2026-11-24T12:00:00Z"));
  const Campaign one = occurrence_of(campaign, *next);
  EXPECT_EQ(one.id, "nhac-2026-11-25");
  EXPECT_EQ(one.schedule.not_before, at("2026-11-25T08:00:00+07:00"));
  EXPECT_EQ(one.schedule.useful_until, at("2026-11-25T09:00:00+07:00"));
  EXPECT_FALSE(one.repeat);
  EXPECT_EQ(one.message.text, "x");
}

TEST(Repeat, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"{at: '08:00'}", "'every' is missing"},
      {"{every: month, at: '08:00'}", "must be one of day, week"},
      {"{every: day}", "'at' is missing"},
      {"{every: day, at: '24:00'}", "from \"00:00\" to \"23:59\""},
      {"{every: day, at: '8:00'}", "from \"00:00\" to \"23:59\""},
      {"{every: day, days: [mon], at: '08:00'}", "belongs to 'every: week'"},
      {"{every: week, at: '08:00'}", "'days' is missing"},
      {"{every: week, days: [], at: '08:00'}", "names no day"},
      {"{every: week, days: [monday], at: '08:00'}", "no day 'monday'"},
      {"{every: week, days: [mon, mon], at: '08:00'}", "stands twice"},
      {"{every: day, at: '08:00', until: tomorrow}", "must be a date and time"},
      {"{every: day, at: '08:00', until: '2026-11-01T00:00:00Z'}", "over before the first"},
      {"{every: day, at: '08:00', ahead: 15d}", "'ahead' must be a time"},
      {"{every: day, at: '08:00', useful_for: 30s}", "'useful_for' must be a time"},
      {"{every: day, at: '21:00', useful_for: 2h}", "lies within 'hours'"},
      {"{every: day, at: '05:00', useful_for: 2h}", "lies within 'hours'"},
      {"{every: day, at: '08:00', usefulfor: 2h}", "did you mean 'useful_for'?"},
  };
  for (const auto& [repeat, fault] : table) {
    SCOPED_TRACE(repeat);
    Faults faults;
    read("not_before: 2026-11-24T00:00:00Z\nhours: {from: '07:00', to: '20:00'}\nrepeat: " +
             std::string(repeat),
         faults);
    ASSERT_EQ(faults.errors(), 1U);
    EXPECT_THAT(faults.all().front().text, HasSubstr(fault));
  }
  Faults faults;
  read("{useful_until: 2026-11-24T00:00:00Z, repeat: {every: day, at: '08:00'}}", faults);
  EXPECT_THAT(faults.all().front().text, HasSubstr("write 'useful_for'"));
}

const std::vector<std::string> kZones = {"Asia/Ho_Chi_Minh", "Europe/Paris", "America/New_York",
                                         "America/Nuuk",     "Africa/Cairo", "Australia/Lord_Howe",
                                         "America/Santiago", "Pacific/Apia", "Asia/Tehran",
                                         "America/St_Johns"};

// Over a year or so: each chosen day once, in its order, at its time wherever that time exists.
RC_GTEST_PROP(Repeat, EveryChosenDayHasItsTimeOnce, ()) {
  Repeat repeat;
  const auto chosen = *rc::gen::inRange(1, 128);
  for (std::size_t day = 0; day < 7; ++day) repeat.days[day] = (chosen >> day & 1) != 0;
  repeat.at = minutes(*rc::gen::inRange(0, 24 * 60));
  const std::string zone = *rc::gen::elementOf(kZones);
  Instant after = at("2020-01-01T00:00:00Z") + hours(*rc::gen::inRange(0, 24 * 365 * 10));
  std::set<std::string> days;
  for (int i = 0; i < 100; ++i) {
    const auto next = next_occurrence(repeat, zone, after);
    RC_ASSERT(next.has_value());
    RC_ASSERT(next->at > after);
    RC_ASSERT(i == 0 || next->at - after <= hours(7 * 24 + 2));
    RC_ASSERT(days.insert(next->day).second);
    RC_ASSERT(*days.rbegin() == next->day);
    // It begins at the time asked for, or later by what the clocks jumped, never by more than two
    // hours.
    const std::string local = to_local(zone, next->at);
    const auto clock =
        minutes(std::stoi(local.substr(11, 2)) * 60 + std::stoi(local.substr(14, 2)));
    const auto moved = (clock - repeat.at + hours(24)) % hours(24);
    RC_ASSERT(moved <= hours(2));
    // Whoever looks a moment before finds it too, and from in between the next is the same.
    RC_ASSERT(next_occurrence(repeat, zone, next->at - std::chrono::microseconds(1)) == next);
    RC_ASSERT(next_occurrence(repeat, zone, after + (next->at - after) / 2) == next);
    after = next->at;
  }
}

}  // namespace
}  // namespace loa
