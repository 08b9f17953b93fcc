// The events of the journal: one JSON line each, keys in fixed order. Rows are named by plan and
// index, never by number. `loa journal cat` prints them.
//
//   {"event":"opened","at":...,"node":"langson-1","version":"0.1.0"}            a process took the
//   data directory
//   {"event":"frozen","at":...,"campaign":...,"plan":SHA-256,"rows":n,"excluded":n}
//   {"event":"intent","at":...,"campaign":...,"batch":7,"gateway":"vina","attempt":1,"reference":...,"rows":[[0,199]]}
//       and "why":"..." where rows in doubt are sent again under their reference
//   {"event":"answer","at":...,"campaign":...,"batch":7,"status":200,"ms":12,"outcomes":[
//       {"state":"accepted","rows":[[0,199]],"code":"0","words":"success","id":"..."}]}
//   {"event":"settled","at":...,"campaign":...,"rows":[[3,3]],"state":"in_doubt","why":"..."}
//       found after a crash
//   {"event":"settled","at":...,"campaign":...,"rows":[[3,3]],"state":"planned","why":"...",
//       "by":"person","who":"lan","reason":"..."}   in doubt, decided; who and reason of a person
//   {"event":"held","at":...,"campaign":...,"gateway":"vina","code":"13","words":"..."}
//   {"event":"ended","at":...,"campaign":...,"state":"finished"}
//       and "code" and "words" of a gateway that refused the message, "reason" where some stay
//       unsent
//   {"event":"clock","at":...,"moved_ms":-3600000}   the wall clock was set, by so much; "at" is
//   new
// And of those who work with the daemon:
//   {"event":"submitted","at":...,"campaign":...,"content":SHA-256,"who":"lan","from":"folder:x.yaml",
//       "document":{...}}   its plan follows as "frozen"
//   {"event":"act","at":...,"campaign":...,"act":"approve","who":"binh","from":"unix:1000","why":"...",
//       "plan":SHA-256}   with "gateway" in place of "campaign" for what is done to a gateway
//   {"event":"denied", as "act"}                 somebody was not let
//   {"event":"request","at":...,"campaign":...,"key":SHA-256,"request":SHA-256,"status":201}
//       a request with an Idempotency-Key, remembered for 24 hours
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace loa {

enum class RowState : std::uint8_t { planned, intended, accepted, refused, in_doubt };
std::string_view to_string(RowState state);
// It counts as sent where the question is what a subscriber got, or what is paid.
inline bool may_have_arrived(RowState state) {
  return state != RowState::planned && state != RowState::refused;
}

// Who decides on rows in doubt: the campaign's on_unknown, the carrier's answer to a query, a
// person.
enum class DecidedBy : std::uint8_t { on_unknown, query, person };

struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive

  friend bool operator==(const RowRange&, const RowRange&) = default;
};
using RowRanges = std::vector<RowRange>;

std::uint64_t count_rows(const RowRanges& ranges);
void add_row(RowRanges& ranges, std::uint64_t row);  // rows come in ascending order
template <class F>
void for_each_row(const RowRanges& ranges, F&& f) {
  for (const RowRange& range : ranges)
    for (std::uint64_t row = range.first; row <= range.last; ++row) f(row);
}

struct Outcome {
  RowState state = RowState::in_doubt;  // planned: not sent, or not accepted and to be tried again
  RowRanges rows;
  std::string code;
  std::string words;
  std::string id;       // the carrier's message id
  std::string gateway;  // where the rows go next, when that is another one
};

struct Event {
  enum class Kind {
    opened,
    frozen,
    intent,
    answer,
    settled,
    held,
    ended,
    clock,
    submitted,
    act,
    denied,
    request
  };

  Kind kind = Kind::opened;
  Instant at;
  std::string campaign;
  std::string node, version;             // opened
  std::uint64_t torn_bytes = 0;          // opened: of a write cut short by a crash, now cut off
  std::string plan;                      // frozen; act: approve
  std::uint64_t row_count = 0;           // frozen
  std::uint64_t excluded = 0;            // frozen
  std::uint64_t batch = 0;               // intent, answer
  std::string gateway;                   // intent, held; act
  int attempt = 0;                       // intent
  std::string reference;                 // intent
  RowRanges rows;                        // intent, settled
  int status = 0;                        // answer: HTTP, 0 when none came; request
  std::int64_t ms = 0;                   // answer
  std::vector<Outcome> outcomes;         // answer
  RowState state = RowState::in_doubt;   // settled
  DecidedBy by = DecidedBy::on_unknown;  // settled
  std::string who, reason;    // settled by a person; reason: ended; who: submitted, act, denied
  std::string why;            // settled; intent that repeats; ended: the state; act, denied
  std::string code, words;    // held; ended: stopped
  std::int64_t moved_ms = 0;  // clock
  std::string act;            // act, denied: a word
  std::string from;           // submitted, act, denied
  std::string content;        // submitted
  std::string document;       // submitted: JSON
  std::string key, request;   // request
};

std::string to_line(const Event& event);

// Makes an answer whose line would exceed `bytes_max` fit: the carrier's words go first, then its
// ids, then the codes. What became of each row always stays.
void shorten(Event& event, std::size_t bytes_max);
Result<Event> parse_event(std::string_view line);

}  // namespace loa
