#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "audit/report.hpp"
#include "dispatch/decide.hpp"
#include "dispatch/event.hpp"
#include "dispatch/record.hpp"

namespace loa {
namespace {

Event make(Event::Kind kind) {
  Event event;
  event.kind = kind;
  event.at = *parse_rfc3339("2026-11-24T01:00:00Z");
  event.campaign = "c";
  return event;
}

Event frozen(std::uint64_t rows) {
  Event event = make(Event::Kind::frozen);
  event.row_count = rows;
  return event;
}

Event intent(std::uint64_t batch, RowRanges rows) {
  Event event = make(Event::Kind::intent);
  event.batch = batch;
  event.gateway = "vina";
  event.rows = std::move(rows);
  return event;
}

Event answer(std::uint64_t batch, std::vector<Outcome> outcomes) {
  Event event = make(Event::Kind::answer);
  event.batch = batch;
  event.outcomes = std::move(outcomes);
  return event;
}

RC_GTEST_PROP(Event, RoundTrips, (const std::string& words)) {
  const auto first = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
  Event event = answer(
      first + 1,
      {{RowState::refused, {{first, first + 2}, {first + 9, first + 9}}, "00", words, "id", ""}});
  event.status = 200;
  event.ms = 12;
  const std::string line = to_line(event);
  RC_ASSERT(line.find('\n') == std::string::npos);
  const auto parsed = parse_event(line);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(to_line(*parsed) == line);
}

TEST(Event, AnAnswerThatSaysTooMuchIsShortenedAndNoRowIsLost) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(2000);
  for (std::uint64_t row = 0; row < 2000; ++row)
    outcomes.push_back({row % 2 == 0 ? RowState::accepted : RowState::refused,
                        {{row, row}},
                        "0",
                        "words " + std::to_string(row),
                        std::string(60, 'i') + std::to_string(row),
                        ""});
  Event event = answer(1, outcomes);
  shorten(event, 60'000);
  EXPECT_LE(to_line(event).size(), 60'000U);
  EXPECT_EQ(count_rows(event.outcomes.at(0).rows) + count_rows(event.outcomes.at(1).rows), 2000U);
  Event small = answer(1, {outcomes[0]});
  shorten(small, 60'000);
  EXPECT_EQ(small.outcomes[0].id, outcomes[0].id);
}

TEST(Event, ADecisionSaysWhoAndWhy) {
  Event event = make(Event::Kind::settled);
  event.rows = {{3, 5}};
  event.state = RowState::planned;
  event.why = "decided by a person: send again";
  event.by = DecidedBy::person;
  event.who = "lan";
  event.reason = "VNPT has confirmed by telephone";
  const std::string line = to_line(event);
  EXPECT_EQ(line,
            R"({"event":"settled","at":"2026-11-24T01:00:00.000Z","campaign":"c","rows":[[3,5]],)"
            R"("state":"planned","why":"decided by a person: send again","by":"person",)"
            R"("who":"lan","reason":"VNPT has confirmed by telephone"})");
  EXPECT_EQ(to_line(*parse_event(line)), line);
  event.by = DecidedBy::query;
  EXPECT_EQ(parse_event(to_line(event))->by, DecidedBy::query);
  // As the first version wrote it.
  const auto old = parse_event(
      R"({"event":"settled","at":"2026-11-24T01:00:00.000Z","campaign":"c","rows":[[3,5]],)"
      R"("state":"planned","why":"on_unknown: resend"})");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->by, DecidedBy::on_unknown);
}

TEST(Event, WhatIsNoneIsAnError) {
  for (const char* line : {"", "{}", "[]", "{\"event\":\"intent\"}",
                           "{\"event\":\"flown\",\"at\":\"2026-11-24T01:00:00Z\"}"})
    EXPECT_FALSE(parse_event(line)) << line;
}

TEST(Record, AddsUpAndRefusesContradictions) {
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(frozen(10)));
  EXPECT_FALSE(record.apply(frozen(10)));
  ASSERT_TRUE(record.apply(intent(1, {{0, 4}})));
  EXPECT_EQ(record.find("c")->balance().in_doubt, 5U);  // in flight
  EXPECT_FALSE(record.apply(intent(2, {{10, 10}})));    // no such row
  EXPECT_FALSE(record.apply(answer(7, {})));            // no such attempt
  ASSERT_TRUE(record.apply(answer(1, {{RowState::accepted, {{0, 2}}, "0", "", "", ""},
                                      {RowState::refused, {{3, 3}}, "9", "", "", ""},
                                      {RowState::in_doubt, {{4, 4}}, "", "", "", ""}})));
  const Balance balance = record.find("c")->balance();
  EXPECT_EQ(balance.accepted, 3U);
  EXPECT_EQ(balance.refused.at("9"), 1U);
  EXPECT_EQ(balance.in_doubt, 1U);
  EXPECT_EQ(balance.unsent, 5U);
  EXPECT_FALSE(record.apply(answer(1, {})));  // a second answer
  Event settled = make(Event::Kind::settled);
  settled.rows = {{4, 4}};
  settled.state = RowState::planned;
  ASSERT_TRUE(record.apply(settled));
  EXPECT_FALSE(record.apply(settled));  // decided already
  EXPECT_EQ(record.find("c")->balance().unsent, 6U);
}

TEST(Record, ADoubtIsRepeatedAsTheRequestItWas) {
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(frozen(10)));
  Event first = intent(1, {{0, 4}});
  first.attempt = 1;
  first.reference = "r";
  ASSERT_TRUE(record.apply(first));
  ASSERT_TRUE(record.apply(answer(1, {{RowState::in_doubt, {{0, 4}}, "", "timeout", "", ""}})));
  EXPECT_EQ(record.use("vina").today, 5U);

  Event again = first;
  again.batch = 2;
  again.attempt = 2;
  again.at += std::chrono::minutes(5);
  EXPECT_FALSE(Record(record).apply(again)) << "without a reason";
  again.why = "the gateway refuses a reference it knows";
  Event other = again;
  other.reference = "s";
  EXPECT_FALSE(Record(record).apply(other)) << "another reference";
  other = again;
  other.rows = {{0, 3}};
  EXPECT_FALSE(Record(record).apply(other)) << "other rows";
  ASSERT_TRUE(record.apply(again));
  EXPECT_EQ(record.find("c")->balance().in_doubt, 5U);
  ASSERT_TRUE(record.apply(answer(2, {{RowState::in_doubt, {{0, 4}}, "", "refused", "", ""}})));

  const OpenIntent& doubt = record.find("c")->doubts.at(0);
  EXPECT_EQ(doubt.first, first.at);
  EXPECT_EQ(doubt.attempt, 2);
  EXPECT_EQ(doubt.cause, "timeout") << "the first cause is why it is in doubt";
  EXPECT_EQ(record.find("c")->balance().in_doubt, 5U);
  EXPECT_EQ(record.use("vina").today, 5U) << "the carrier counts it once";
}

TEST(Record, WhoDecidesIsCountedAndAnEndIsReopened) {
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(frozen(6)));
  for (std::uint64_t batch = 1; batch <= 3; ++batch) {
    const RowRanges rows{{batch * 2 - 2, batch * 2 - 1}};
    ASSERT_TRUE(record.apply(intent(batch, rows)));
    ASSERT_TRUE(record.apply(answer(batch, {{RowState::in_doubt, rows, "", "x", "", ""}})));
  }
  Event ended = make(Event::Kind::ended);
  ended.why = "finished";
  ASSERT_TRUE(record.apply(ended));
  Event settled = make(Event::Kind::settled);
  settled.rows = {{0, 1}};
  settled.state = RowState::accepted;
  settled.by = DecidedBy::query;
  ASSERT_TRUE(record.apply(settled));
  EXPECT_EQ(record.find("c")->assumed, 0U) << "the carrier said so";
  settled.rows = {{2, 3}};
  settled.by = DecidedBy::person;
  ASSERT_TRUE(record.apply(settled));
  EXPECT_EQ(record.find("c")->assumed, 2U);
  EXPECT_EQ(record.find("c")->life.state, CampaignState::finished);
  settled.rows = {{4, 5}};
  settled.state = RowState::planned;
  ASSERT_TRUE(record.apply(settled));
  EXPECT_EQ(record.find("c")->resent, 2U);
  EXPECT_EQ(record.find("c")->life.state, CampaignState::sending);
}

TEST(Record, AnAnswerMustTellOfEveryRow) {
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(frozen(10)));
  ASSERT_TRUE(record.apply(intent(1, {{0, 4}})));
  EXPECT_FALSE(record.apply(answer(1, {{RowState::accepted, {{0, 2}}, "0", "", "", ""}})));
}

TEST(Record, AnAnswerTellsOnlyOfRowsThatWereSentAndOnce) {
  Record record("Asia/Ho_Chi_Minh");
  ASSERT_TRUE(record.apply(frozen(10)));
  ASSERT_TRUE(record.apply(intent(1, {{0, 4}})));
  const Outcome others{RowState::accepted, {{5, 9}}, "0", "", "", ""};
  EXPECT_FALSE(Record(record).apply(answer(1, {others})));
  const Outcome most{RowState::accepted, {{0, 3}}, "0", "", "", ""};
  const Outcome twice{RowState::refused, {{3, 3}}, "9", "", "", ""};
  EXPECT_FALSE(Record(record).apply(answer(1, {most, twice})));
}

// What each answer of VNPT's gateway means for a batch of four.
class Deciding : public testing::Test {
 protected:
  Decision decide_on(const HttpReply& reply, RowRanges rows = {{0, 3}}, int attempt = 1,
                     Work::Purpose purpose = Work::Purpose::send,
                     const std::string& carrier = "vnpt-smsbn") {
    Faults faults;
    const Profile profile =
        Profile::load(LOA_PROJECT "/config/profiles/" + carrier + ".yaml", faults);
    EXPECT_TRUE(faults.ok());
    std::vector<BatchRow> batch_rows;
    for_each_row(rows,
                 [&](std::uint64_t row) { batch_rows.push_back({84912345670 + row, "", "x"}); });
    Batch batch;
    batch.reference = "r";
    batch.sender = "X";
    batch.rows = batch_rows;
    const Work work{0, std::move(rows), attempt, Tick::min(), purpose};
    return decide({work, reply, batch, profile, Tick{}, 0.5,
                   [](std::string_view) { return std::string("other"); }});
  }
  static HttpReply reply(const std::string& code) {
    return {Transport::answered, 200,
            R"({"RPLY":{"ERROR":")" + code + R"(","ERROR_DESC":"words"}})", "", ""};
  }
  Decision code(const std::string& code, RowRanges rows = {{0, 3}}, int attempt = 1) {
    return decide_on(reply(code), std::move(rows), attempt);
  }
  Decision repeated(const HttpReply& reply, int attempt = 2) {
    return decide_on(reply, {{0, 3}}, attempt, Work::Purpose::repeat);
  }
  static RowState only_state(const Decision& decision) {
    EXPECT_EQ(decision.outcomes.size(), 1U);
    EXPECT_EQ(count_rows(decision.outcomes[0].rows), 4U);
    return decision.outcomes[0].state;
  }
};

TEST_F(Deciding, TheClasses) {
  EXPECT_EQ(only_state(code("0")), RowState::accepted);
  EXPECT_EQ(only_state(code("33")), RowState::accepted);
  EXPECT_EQ(only_state(code("26")), RowState::refused);

  const Decision throttle = code("16");
  EXPECT_EQ(only_state(throttle), RowState::planned);
  EXPECT_TRUE(throttle.throttled);
  EXPECT_EQ(throttle.again.at(0).attempt, 1);

  const Decision window = code("8");
  EXPECT_EQ(only_state(window), RowState::planned);
  EXPECT_TRUE(window.pause && !window.throttled);

  const Decision hold = code("13");
  EXPECT_EQ(only_state(hold), RowState::planned);
  EXPECT_EQ(hold.hold->code, "13");

  const Decision stop = code("30");
  EXPECT_EQ(only_state(stop), RowState::refused);
  EXPECT_EQ(stop.stop->code, "30");

  const Decision unknown = code("4711");
  EXPECT_TRUE(unknown.hold) << "an unknown code is never retried in silence";
  EXPECT_EQ(only_state(unknown), RowState::in_doubt) << "nor taken for a refusal";

  const Decision split = code("23");
  EXPECT_EQ(only_state(split), RowState::planned);
  ASSERT_EQ(split.again.size(), 2U);
  EXPECT_EQ(split.again[0].rows, (RowRanges{{0, 1}}));
  EXPECT_EQ(split.again[1].rows, (RowRanges{{2, 3}}));
  EXPECT_EQ(code("23", {{5, 5}}).outcomes[0].state, RowState::refused);
}

TEST_F(Deciding, WithoutAnAnswer) {
  const Decision not_sent = decide_on({Transport::not_sent, 0, "", "", "refused"});
  EXPECT_EQ(only_state(not_sent), RowState::planned);
  EXPECT_TRUE(not_sent.unreachable);
  EXPECT_EQ(only_state(decide_on({Transport::in_doubt, 0, "", "", "timeout"})), RowState::in_doubt);
  EXPECT_EQ(only_state(decide_on({Transport::answered, 500, "oops", "", ""})), RowState::in_doubt);
  EXPECT_EQ(only_state(decide_on({Transport::answered, 200, "{", "", ""})), RowState::in_doubt);
}

// What says that nothing was accepted frees the rows; whatever else comes leaves them in doubt.
TEST_F(Deciding, NotSentIsWhatSaysSo) {
  const auto state = [&](int status, const char* body) {
    return only_state(decide_on({Transport::answered, status, body, "", ""}));
  };
  EXPECT_EQ(state(429, ""), RowState::planned);
  for (const int status : {400, 401, 403, 404, 409, 418})
    EXPECT_EQ(state(status, "<html>"), RowState::planned) << status;
  for (const int status : {500, 502, 503, 504, 301, 302, 304, 307, 200, 201, 202, 204, 0, 999})
    for (const char* body : {"", "<html>", "{}", R"({"RPLY":{}})", R"({"RPLY":{"ERROR":"4711"}})"})
      EXPECT_EQ(state(status, body), RowState::in_doubt) << status << body;
}

TEST_F(Deciding, TriesHaveAnEnd) {
  const HttpReply busy{Transport::answered, 503, "Temporal failure, try later", "", ""};
  const auto at_attempt = [&](int attempt) {
    return decide_on(busy, {{0, 3}}, attempt, Work::Purpose::send, "kannel-sendsms");
  };
  EXPECT_EQ(only_state(at_attempt(kAttemptsMax - 1)), RowState::planned);
  EXPECT_EQ(at_attempt(kAttemptsMax - 1).again.at(0).attempt, kAttemptsMax);
  EXPECT_EQ(only_state(at_attempt(kAttemptsMax)), RowState::refused);
  EXPECT_TRUE(at_attempt(kAttemptsMax).again.empty());
}

// A repetition that is not accepted says nothing of the attempt before it.
TEST_F(Deciding, OfARepetitionOnlyAFinalAnswerCounts) {
  EXPECT_EQ(only_state(repeated(reply("0"))), RowState::accepted);
  EXPECT_EQ(only_state(repeated(reply("33"))), RowState::accepted) << "duplicate";
  EXPECT_EQ(only_state(repeated(reply("26"))), RowState::refused);
  EXPECT_EQ(only_state(repeated(reply("30"))), RowState::refused);
  EXPECT_EQ(repeated(reply("23")).again.at(0).purpose, Work::Purpose::send) << "halves are new";
  for (const char* code : {"16", "8", "13"}) {
    const Decision kept = repeated(reply(code));
    EXPECT_EQ(only_state(kept), RowState::in_doubt) << code;
    EXPECT_EQ(kept.again.at(0).purpose, Work::Purpose::repeat) << code;
    EXPECT_EQ(kept.again.at(0).attempt, 2) << code;
    EXPECT_EQ(kept.again.at(0).rows, (RowRanges{{0, 3}})) << code;
  }
  const Decision unreached = repeated({Transport::not_sent, 0, "", "", "refused"});
  EXPECT_EQ(only_state(unreached), RowState::in_doubt);
  EXPECT_EQ(unreached.again.at(0).purpose, Work::Purpose::repeat);
  const Decision lost = repeated({Transport::in_doubt, 0, "", "", "timeout"});
  EXPECT_EQ(only_state(lost), RowState::in_doubt);
  EXPECT_TRUE(lost.again.empty());
}

TEST(Backoff, GrowsToAMinuteAndSpreads) {
  using std::chrono::milliseconds;
  EXPECT_EQ(backoff(1, 0.5), milliseconds(1000));
  EXPECT_EQ(backoff(3, 0.0), milliseconds(3600));
  EXPECT_EQ(backoff(50, 0.5), std::chrono::seconds(60));
}

TEST(Csv, NoCellIsAFormula) {
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("@x"), "'@x");
  EXPECT_EQ(csv_cell("\tx"), "'\tx");
  EXPECT_EQ(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
  EXPECT_EQ(csv_cell(std::string_view("a\0b", 3)), "ab");
}

}  // namespace
}  // namespace loa
