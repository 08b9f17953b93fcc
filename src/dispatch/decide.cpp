#include "dispatch/decide.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace loa {
namespace {

constexpr Duration kWindowPause =
    std::chrono::minutes(10);  // outside the carrier's hours: ask again then

class Decider {
 public:
  explicit Decider(const DecisionInput& input) : input_(input) {}

  Decision run() {
    switch (input_.reply.transport) {
      case Transport::not_sent: not_sent(); break;
      case Transport::in_doubt:
        all(RowState::in_doubt, {.value = AnswerClass::in_doubt,
                                 .code = {},
                                 .words = input_.reply.failure,
                                 .carrier_id = {},
                                 .network = {}});
        break;
      case Transport::answered: answered(); break;
    }
    return std::move(decision_);
  }

 private:
  using Row = Verdict::Row;

  void all(RowState state, const Row& said) {
    for_each_row(input_.work.rows, [&](std::uint64_t row) { put(row, state, said); });
  }

  void put(std::uint64_t row, RowState state, const Row& said, const std::string& gateway = "") {
    const auto same = [&](const Outcome& one) {
      return one.state == state && one.code == said.code && one.words == said.words &&
             one.id == said.carrier_id && one.gateway == gateway;
    };
    auto& outcomes = decision_.outcomes;
    // Mostly the last one: neighbours share their fate.
    const auto found = std::find_if(outcomes.rbegin(), outcomes.rend(), same);
    if (found != outcomes.rend()) {
      add_row(found->rows, row);
      return;
    }
    Outcome outcome{state, {}, said.code, said.words, said.carrier_id, gateway};
    add_row(outcome.rows, row);
    decision_.outcomes.push_back(std::move(outcome));
  }

  // An attempt that was not accepted leaves its rows as they were: of a repetition, in doubt.
  RowState as_before() const {
    return input_.work.purpose == Work::Purpose::repeat ? RowState::in_doubt : RowState::planned;
  }

  void not_sent() {
    decision_.unreachable = true;
    all(as_before(), {.value = AnswerClass::retry,
                      .code = {},
                      .words = input_.reply.failure,
                      .carrier_id = {},
                      .network = {}});
    decision_.again.push_back(input_.work);
  }

  void answered() {
    const HttpReply& reply = input_.reply;
    const Verdict verdict = input_.profile.read({.status = reply.status,
                                                 .body = reply.body,
                                                 .retry_after = reply.retry_after,
                                                 .end_stated = reply.end_stated},
                                                input_.batch);
    retry_after_ = verdict.retry_after.value_or(std::chrono::seconds(0));
    std::size_t index = 0;
    for_each_row(input_.work.rows, [&](std::uint64_t row) {
      judge(row, verdict.rows.empty() ? verdict.whole : verdict.rows[index]);
      ++index;
    });
    // Of a repetition that was answered for each row, the ladder sees what is left.
    if (as_before() == RowState::planned || verdict.rows.empty()) give_back();
  }

  void judge(std::uint64_t row, const Row& said) {
    switch (said.value) {
      case AnswerClass::ok:
      case AnswerClass::duplicate:
        decision_.accepted = true;
        put(row, RowState::accepted, said);
        return;
      case AnswerClass::recipient: put(row, RowState::refused, said); return;
      case AnswerClass::in_doubt: put(row, RowState::in_doubt, said); return;
      case AnswerClass::unknown:
        decision_.hold = Outcome{RowState::in_doubt, {}, said.code, said.words, "", ""};
        put(row, RowState::in_doubt, said);
        return;
      case AnswerClass::message:
        decision_.stop = Outcome{RowState::refused, {}, said.code, said.words, "", ""};
        put(row, RowState::refused, said);
        return;
      case AnswerClass::hold:
        decision_.hold = Outcome{RowState::planned, {}, said.code, said.words, "", ""};
        wait(row, as_before(), said, at_once_);
        return;
      case AnswerClass::throttle:
        decision_.throttled = true;
        decision_.pause = std::max<Duration>(decision_.pause.value_or(Duration{0}), retry_after_);
        wait(row, as_before(), said, at_once_);
        return;
      case AnswerClass::window:
        decision_.pause = std::max<Duration>(kWindowPause, retry_after_);
        wait(row, as_before(), said, at_once_);
        return;
      case AnswerClass::retry:
        if (input_.work.attempt < kAttemptsMax) {
          wait(row, as_before(), said, later_);
        } else if (as_before() == RowState::planned) {
          put(row, RowState::refused, said);
        } else {
          put(row, RowState::in_doubt, said);
        }
        return;
      case AnswerClass::split:
        if (input_.batch.rows.size() == 1) {
          put(row, RowState::refused, said);
        } else {
          wait(row, RowState::planned, said, halves_);
        }
        return;
      case AnswerClass::reroute: reroute(row, said); return;
    }
  }

  // The row goes by the right gateway once; a second such answer refuses it.
  void reroute(std::uint64_t row, const Row& said) {
    const std::string gateway = said.network.empty() ? "" : input_.gateway_of(said.network);
    if (gateway.empty() || input_.work.attempt > 1) {
      put(row, RowState::refused, said);
      return;
    }
    put(row, RowState::planned, said, gateway);
    Work work;
    work.lane = input_.work.lane;
    work.attempt = input_.work.attempt + 1;
    add_row(work.rows, row);
    decision_.elsewhere.emplace_back(gateway, std::move(work));
  }

  void wait(std::uint64_t row, RowState state, const Row& said, RowRanges& rows) {
    put(row, state, said);
    add_row(rows, row);
  }

  void give_back() {
    const auto back = [&](RowRanges& rows, int attempt, Tick not_before) {
      if (rows.empty()) return;
      decision_.again.push_back(
          {input_.work.lane, std::move(rows), attempt, not_before, input_.work.purpose});
    };
    const int attempt = input_.work.attempt;
    back(at_once_, attempt, input_.now);
    back(later_, attempt + 1,
         input_.now + std::max<Duration>(backoff(attempt, input_.jitter), retry_after_));
    if (halves_.empty()) return;
    Work whole{input_.work.lane, std::move(halves_), attempt, input_.now, Work::Purpose::send};
    if (count_rows(whole.rows) == 1) {
      decision_.again.push_back(std::move(whole));
      return;
    }
    auto [first, second] = bisect(whole);
    decision_.again.push_back(std::move(first));
    decision_.again.push_back(std::move(second));
  }

  const DecisionInput& input_;
  Duration retry_after_{0};
  RowRanges at_once_;  // not the row's fault: no attempt spent
  RowRanges later_;
  RowRanges halves_;
  Decision decision_;
};

}  // namespace

Decision decide(const DecisionInput& input) { return Decider(input).run(); }

Duration backoff(int attempt, double jitter) {
  constexpr double kLongest = 60;
  const double seconds = std::min(kLongest, std::ldexp(1.0, std::min(attempt - 1, 10)));
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(seconds * (0.9 + 0.2 * jitter)));
}

}  // namespace loa
