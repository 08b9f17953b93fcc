#include "dispatch/ladder.hpp"

#include <gmock/gmock.h>

namespace loa {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

const Instant kFirst = *parse_rfc3339("2026-11-24T01:00:00Z");
const Instant kSince = kFirst + seconds(30);

const Recourse kNone{};
const Recourse kIdempotent{.idempotency_window = hours(24)};
const Recourse kAskable{.can_ask = true, .settle = seconds(30), .read_after_write = true};
const Recourse kAskableMaybe{.can_ask = true, .settle = seconds(30)};
const Recourse kReceipted{.receipt_echoes_reference = true};
const Recourse kEverything{.idempotency_window = hours(1),
                           .can_ask = true,
                           .settle = seconds(30),
                           .read_after_write = true,
                           .receipt_echoes_reference = true};

struct Given {
  OnUnknown on_unknown = OnUnknown::hold;
  int attempt = 1;
  Duration age = minutes(1);
  Asked asked = {};
  bool whole = true;
  bool fits = true;
};

struct Wanted {
  Step::Kind kind = Step::Kind::leave;
  RowState state = RowState::in_doubt;
  Instant at = {};
  const char* why = "";
};

struct Case {
  const char* name;
  Recourse recourse;
  Given given;
  Wanted wanted;
};

Step step_of(const Recourse& recourse, const Given& given) {
  const OpenIntent doubt{.gateway = "vina",
                         .attempt = given.attempt,
                         .rows = {{0, 9}},
                         .reference = "r",
                         .first = kFirst,
                         .since = kSince,
                         .cause = "Timeout was reached"};
  return next_step(
      {.doubt = doubt,
       .recourse = recourse,
       .whole = given.whole,
       .fits = given.fits,
       .margin = minutes(1),
       .on_unknown = given.on_unknown,
       .asked = given.asked,
       .now = kFirst + std::chrono::duration_cast<std::chrono::microseconds>(given.age)});
}

TEST(Ladder, EachRung) {
  using enum Step::Kind;
  using enum RowState;
  using enum OnUnknown;
  const Asked once{.not_found = 1, .last = kSince + minutes(5)};
  const Asked twice{.not_found = 2, .last = kSince + minutes(5)};
  const Asked found{.found = true, .not_found = 1, .last = kSince};
  const Asked silent{.unclear = 1, .last = kSince + minutes(5)};
  const Asked mute{.unclear = kAsksMax, .last = kSince};
  const Case table[] = {
      // Nothing is known of the carrier: the campaign's word.
      {"hold", kNone, {}, {.kind = leave, .why = "on_unknown: hold"}},
      {"assume",
       kNone,
       {.on_unknown = assume_sent},
       {.kind = settle, .state = accepted, .why = "assume_sent"}},
      {"resend",
       kNone,
       {.on_unknown = resend},
       {.kind = settle, .state = planned, .why = "on_unknown: resend"}},
      {"third resend",
       kNone,
       {.on_unknown = resend, .attempt = 3},
       {.kind = settle, .state = planned}},
      {"no fourth",
       kNone,
       {.on_unknown = resend, .attempt = 4},
       {.kind = leave, .why = "after 4 attempts"}},

      // The same request again, later and later, before on_unknown has its say.
      {"repeat",
       kIdempotent,
       {},
       {.kind = repeat, .at = kSince + seconds(1), .why = "until 2026-11-25"}},
      {"before the policy",
       kIdempotent,
       {.on_unknown = assume_sent},
       {.kind = repeat, .at = kSince + seconds(1)}},
      {"fourth repeat",
       kIdempotent,
       {.on_unknown = hold, .attempt = 4},
       {.kind = repeat, .at = kSince + seconds(8)}},
      {"late repeat",
       kIdempotent,
       {.on_unknown = hold, .attempt = 19},
       {.kind = repeat, .at = kSince + minutes(10)}},
      {"enough",
       kIdempotent,
       {.on_unknown = hold, .attempt = 20},
       {.kind = leave, .why = "20 attempts brought no answer"}},
      {"just inside",
       kIdempotent,
       {.on_unknown = hold, .attempt = 1, .age = hours(24) - minutes(1) - seconds(1)},
       {.kind = repeat, .at = kSince + seconds(1)}},
      {"inside the margin",
       kIdempotent,
       {.on_unknown = hold, .attempt = 1, .age = hours(24) - minutes(1)},
       {.kind = leave, .why = "knows a reference have passed; on_unknown: hold"}},
      {"after it",
       kIdempotent,
       {.on_unknown = resend, .attempt = 1, .age = hours(25)},
       {.kind = settle, .state = planned}},
      {"clock set back",
       kIdempotent,
       {.on_unknown = hold, .attempt = 1, .age = -hours(1)},
       {.kind = leave, .why = "clock was set back"}},
      {"a part", kIdempotent, {.whole = false}, {.kind = leave, .why = "for other rows"}},
      {"too large today", kIdempotent, {.fits = false}, {.kind = leave, .why = "limits of today"}},

      // Asked once it has settled, again twice as long after that, and no more.
      {"ask", kAskable, {}, {.kind = ask, .at = kSince + seconds(30)}},
      {"ask before the policy",
       kAskable,
       {.on_unknown = resend},
       {.kind = ask, .at = kSince + seconds(30)}},
      {"ask again", kAskable, {.asked = once}, {.kind = ask, .at = once.last + seconds(60)}},
      {"found",
       kAskable,
       {.asked = found},
       {.kind = settle, .state = accepted, .why = "has the request"}},
      {"not there",
       kAskable,
       {.asked = twice},
       {.kind = settle, .state = planned, .why = "asked twice"}},
      {"perhaps not there",
       kAskableMaybe,
       {.asked = twice},
       {.kind = leave, .why = "proves nothing"}},
      {"perhaps, resend",
       kAskableMaybe,
       {.on_unknown = resend, .asked = twice},
       {.kind = settle, .state = planned, .why = "on_unknown: resend"}},
      {"silence", kAskable, {.asked = silent}, {.kind = ask, .at = silent.last + minutes(2)}},
      {"mute", kAskable, {.asked = mute}, {.kind = leave, .why = "did not say"}},
      {"ask of a part", kAskable, {.whole = false}, {.kind = leave, .why = "whole requests only"}},

      // A receipt is waited for, whatever the campaign says.
      {"receipt", kReceipted, {.on_unknown = resend}, {.kind = wait, .at = kFirst + hours(48)}},
      {"no receipt",
       kReceipted,
       {.on_unknown = resend, .attempt = 1, .age = hours(48)},
       {.kind = settle, .state = planned, .why = "no receipt came; on_unknown: resend"}},

      // From one rung to the next.
      {"first", kEverything, {}, {.kind = repeat, .at = kSince + seconds(1)}},
      {"then",
       kEverything,
       {.on_unknown = hold, .attempt = 1, .age = hours(1)},
       {.kind = ask, .at = kSince + seconds(30)}},
      {"last",
       kEverything,
       {.on_unknown = hold, .attempt = 1, .age = hours(1), .asked = mute},
       {.kind = wait, .at = kFirst + hours(48)}},
  };
  for (const Case& one : table) {
    SCOPED_TRACE(one.name);
    const Step step = step_of(one.recourse, one.given);
    EXPECT_EQ(step.kind, one.wanted.kind);
    EXPECT_EQ(step.state, one.wanted.state);
    EXPECT_EQ(step.at, one.wanted.at);
    EXPECT_THAT(step.why, HasSubstr(one.wanted.why));
    EXPECT_FALSE(step.why.empty());
  }
}

TEST(Ladder, OnlyTheCarriersAnswerIsNoGuess) {
  EXPECT_EQ(step_of(kAskable, {.asked = {.found = true}}).by, DecidedBy::query);
  EXPECT_EQ(step_of(kNone, {.on_unknown = OnUnknown::assume_sent}).by, DecidedBy::on_unknown);
}

}  // namespace
}  // namespace loa
