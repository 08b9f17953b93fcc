// The life of a campaign: the table itself, and what no walk through it, or through the record that
// follows it, may bring about.
#include "campaign/lifecycle.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

#include "dispatch/record.hpp"

namespace loa {
namespace {

using State = CampaignState;

State state_at(int index) { return static_cast<State>(index); }
Act act_at(int index) { return static_cast<Act>(index); }

TEST(Lifecycle, TheWholeTable) {
  // One line a state, and one for what has begun; one column an act, in their order.
  const std::map<std::string, std::string> table = {
      // submit freeze approve return reject schedule begin pause resume stop retry clone
      {"draft", "draft waiting - - rejected - - - - stopped - draft"},
      {"waiting", "draft - scheduled draft rejected draft - - - stopped - waiting"},
      {"scheduled", "draft - - draft rejected draft sending paused - stopped - scheduled"},
      {"sending", "- - - - - - - paused - stopped - sending"},
      {"paused", "draft - - draft rejected draft - - scheduled stopped - paused"},
      {"paused, begun", "- - - - - - - - sending stopped - paused"},
      {"sending, begun", "- - - - - - - paused - stopped - sending"},
      {"finished", "- - - - - - - - - - - finished"},
      {"finished, begun", "- - - - - - - - - - finished finished"},
      {"rejected", "- - - - - - - - - - - rejected"},
      {"stopped", "- - - - - - - - - - - stopped"},
      {"stopped, begun", "- - - - - - - - - - stopped stopped"},
      {"expired", "- - - - - - - - - - - expired"},
      {"expired, begun", "- - - - - - - - - - expired expired"},
  };
  for (const auto& [name, line] : table) {
    const auto state = campaign_state_of(name.substr(0, name.find(',')));
    ASSERT_TRUE(state) << name;
    const bool begun = name.find("begun") != std::string::npos;
    std::string found;
    for (int act = 0; act < static_cast<int>(kActs); ++act) {
      const auto next = after(*state, act_at(act), begun);
      found += (act == 0 ? "" : " ") + std::string(next ? to_string(*next) : "-");
    }
    EXPECT_EQ(found, line) << name;
  }
}

TEST(Lifecycle, EachStateAndActHasAWordOfItsOwn) {
  for (int i = 0; i < static_cast<int>(kCampaignStates); ++i)
    EXPECT_EQ(campaign_state_of(to_string(state_at(i))), state_at(i));
  for (int i = 0; i < static_cast<int>(kActs); ++i)
    EXPECT_EQ(act_of(to_string(act_at(i))), act_at(i));
  EXPECT_EQ(act_of("return"), Act::give_back);
  EXPECT_FALSE(act_of("give_back"));
  EXPECT_FALSE(campaign_state_of(""));
  EXPECT_FALSE(campaign_state_of("Sending"));
}

TEST(Lifecycle, SaysInWhichStatesAnActIsPossible) {
  EXPECT_EQ(states_for(Act::approve), "waiting");
  EXPECT_EQ(states_for(Act::pause), "scheduled or sending");
  EXPECT_EQ(states_for(Act::resume), "paused");
  EXPECT_EQ(states_for(Act::retry), "finished or stopped or expired");
}

// A campaign's lines, as the desk and the dispatcher write them, each at random.
struct Walk {
  Record record{"Asia/Ho_Chi_Minh"};
  std::string approved = {};  // the plan that was approved, and stands since
  int plans = 0;

  const CampaignLife* life() const {
    const CampaignRecord* found = record.find("c");
    return found == nullptr ? nullptr : &found->life;
  }

  Event event(Event::Kind kind) const {
    Event made;
    made.kind = kind;
    made.campaign = "c";
    made.at = *parse_rfc3339("2026-11-24T01:00:00Z");
    made.who = "lan";
    return made;
  }

  Event of(Act act) {
    if (act == Act::submit) {
      Event submitted = event(Event::Kind::submitted);
      submitted.document = "{}";
      submitted.content = std::to_string(plans);
      return submitted;
    }
    if (act == Act::freeze) {
      Event frozen = event(Event::Kind::frozen);
      frozen.plan = "plan " + std::to_string(++plans);
      frozen.row_count = 3;
      return frozen;
    }
    Event done = event(Event::Kind::act);
    done.act = to_string(act);
    if (act == Act::approve) done.plan = record.find("c")->plan;
    return done;
  }
};

RC_GTEST_PROP(Lifecycle, NothingBeginsWithoutAnApprovalOfThePlanThatStands, ()) {
  Walk walk;
  RC_ASSERT(walk.record.apply(walk.of(Act::submit)).has_value());
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const Act act = act_at(*rc::gen::inRange(0, static_cast<int>(kActs)));
    const CampaignLife before = *walk.life();
    const auto expected = after(before.state, act, before.begun);
    Record tried = walk.record;
    const bool taken = tried.apply(walk.of(act)).has_value();
    RC_ASSERT(taken == expected.has_value());
    if (!taken) continue;
    walk.record = std::move(tried);
    const CampaignLife& life = *walk.life();
    RC_ASSERT(life.state == *expected);
    if (act == Act::approve) walk.approved = walk.record.find("c")->plan;
    const bool changes =
        act == Act::submit || act == Act::freeze || act == Act::give_back || act == Act::schedule;
    if (changes) walk.approved.clear();
    if (changes) RC_ASSERT(life.approved_by.empty());
    if (is_over(before.state)) RC_ASSERT(life.state == before.state);
    const bool goes = life.state == State::scheduled || life.state == State::sending ||
                      life.state == State::paused || life.begun;
    if (goes) RC_ASSERT(walk.approved == walk.record.find("c")->plan);
    if (goes) RC_ASSERT(life.stands);
    if (goes) RC_ASSERT(life.approved_by == "lan");
  }
}

TEST(Lifecycle, AnotherPlanThanTheOneThatStandsCannotBeApproved) {
  Walk walk;
  ASSERT_TRUE(walk.record.apply(walk.of(Act::submit)));
  ASSERT_TRUE(walk.record.apply(walk.of(Act::freeze)));
  Event approval = walk.of(Act::approve);
  approval.plan = "another";
  EXPECT_FALSE(walk.record.apply(approval));
}

// A campaign that was sent in part and stopped, with a row in doubt.
Walk stopped_in_doubt(const std::string& end) {
  Walk walk;
  for (const Act act : {Act::submit, Act::freeze, Act::approve, Act::begin})
    EXPECT_TRUE(walk.record.apply(walk.of(act)));
  Event intent = walk.event(Event::Kind::intent);
  intent.batch = 1;
  intent.gateway = "vina";
  intent.attempt = 1;
  intent.rows = {{0, 0}};
  EXPECT_TRUE(walk.record.apply(intent));
  if (end == "stop") {
    EXPECT_TRUE(walk.record.apply(walk.of(Act::stop)));
  }
  Event answer = walk.event(Event::Kind::answer);
  answer.batch = 1;
  answer.outcomes = {{RowState::in_doubt, {{0, 0}}, "", "Timeout was reached", "", ""}};
  EXPECT_TRUE(walk.record.apply(answer));
  if (end != "stop") {
    Event ended = walk.event(Event::Kind::ended);
    ended.why = end;
    EXPECT_TRUE(walk.record.apply(ended));
  }
  return walk;
}

// What was decided on rows in doubt must not begin a campaign anew that somebody stopped.
TEST(Lifecycle, RowsThatAreToBeSentAgainOpenOnlyWhatWasFinished) {
  for (const auto& [end, state] : std::map<std::string, State>{{"stop", State::stopped},
                                                               {"stopped", State::stopped},
                                                               {"expired", State::expired},
                                                               {"finished", State::sending}}) {
    Walk walk = stopped_in_doubt(end);
    Event decided = walk.event(Event::Kind::settled);
    decided.rows = {{0, 0}};
    decided.state = RowState::planned;
    decided.by = DecidedBy::on_unknown;
    decided.why = "resend";
    ASSERT_TRUE(walk.record.apply(decided));
    EXPECT_EQ(walk.life()->state, state) << end;
    EXPECT_EQ(walk.record.find("c")->balance().unsent, 3U) << end;
  }
}

// Whoever is interrupted between the wish for another window and its plan can bring it again.
TEST(Lifecycle, AWindowThatIsToChangeLeavesNoPlanStanding) {
  Walk walk;
  for (const Act act : {Act::submit, Act::freeze, Act::schedule})
    ASSERT_TRUE(walk.record.apply(walk.of(act)));
  EXPECT_FALSE(walk.life()->stands);
}

}  // namespace
}  // namespace loa
