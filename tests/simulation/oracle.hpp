// What must hold after every history, whatever happened in it.
#pragma once

#include <cctype>
#include <set>

#include "simulation/world.hpp"

namespace loa::simulation {

struct RowTale {
  int intents = 0;  // attempts on record
  int resends = 0;  // reasons on record to send again although it may have arrived
};

inline std::vector<RowTale> tales_of(const Plan& plan, const std::vector<std::string>& lines) {
  std::vector<RowTale> tales(plan.rows().size());
  for (const std::string& line : lines) {
    const auto event = parse_event(line);
    if (event->campaign != plan.head().campaign) continue;
    for_each_row(event->rows, [&](std::uint64_t row) {
      tales[row].intents += event->kind == Event::Kind::intent ? 1 : 0;
      tales[row].resends +=
          event->kind == Event::Kind::settled && event->state == RowState::planned ? 1 : 0;
    });
  }
  return tales;
}

// Nobody's number stands in the journal or in what people are told.
inline void expect_no_number(const Plan& plan, const std::vector<std::string>& texts) {
  constexpr std::size_t kDigits = 9;  // without the prefix
  std::set<std::string> known;
  for (const PlanRow& row : plan.rows()) known.insert(to_digits(row.number()).substr(2));
  for (const std::string& text : texts)
    for (std::size_t i = 0, run = 0; i < text.size(); ++i) {
      run = std::isdigit(static_cast<unsigned char>(text[i])) != 0 ? run + 1 : 0;
      if (run >= kDigits) {
        EXPECT_FALSE(known.contains(text.substr(i + 1 - kDigits, kDigits))) << text;
      }
    }
}

// Of one plan whose numbers no other plan has.
inline void expect_the_promises(const Plan& plan, const Balance& balance,
                                const std::vector<RowState>& rows, const Truth& truth,
                                const std::vector<std::string>& lines) {
  // Everybody is in one state, and the states add up.
  EXPECT_EQ(balance.planned, plan.rows().size());
  EXPECT_EQ(balance.planned,
            balance.accepted + balance.refused_total() + balance.in_doubt + balance.unsent);

  std::map<std::string, int> seen;
  for (const auto& request : truth.requests)
    for (const std::string& number : request.numbers) ++seen[number];
  const std::vector<RowTale> tales = tales_of(plan, lines);
  for (std::size_t row = 0; row < tales.size(); ++row) {
    const std::string number = to_digits(plan.rows()[row].number());
    const auto taken = truth.accepted.find(number);
    const int times = taken == truth.accepted.end() ? 0 : taken->second;
    // Nobody twice without a reason on record, and no request without its intent.
    EXPECT_LE(times, 1 + tales[row].resends) << row;
    EXPECT_LE(seen[number], tales[row].intents) << row;
    // Accepted is accepted, but for what the policy took for sent; refused was never taken.
    if (rows[row] == RowState::accepted && plan.head().on_unknown != OnUnknown::assume_sent) {
      EXPECT_GE(times, 1) << row;
    }
    if (rows[row] == RowState::refused) {
      EXPECT_EQ(times, 0) << row;
    }
  }
  expect_no_number(plan, lines);
}

inline void expect_the_promises(const World& world, std::size_t limit_per_second) {
  expect_the_promises(*world.plan, world.balance(), world.rows, world.truth, world.lines);
  expect_pace(world.truth, limit_per_second);
  expect_no_number(*world.plan, world.notes);
}

}  // namespace loa::simulation
