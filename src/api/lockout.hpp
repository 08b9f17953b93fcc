// How guessing passwords is slowed down. Pure: time is handed in.
//
// What is counted: tries that were not right, in three counters that leak.
//
//   a person at a place    10 free, one forgiven each 15 min
//   a place, all names     10 free, one forgiven each 15 min
//   a person, all places  100 free, one forgiven each 90 s
//
// From the last free one on, a counter bids wait: 1 s, 2 s, 4 s ... 15 min. In the long run a place
// gets 4 guesses an hour and a person suffers 40, whoever guesses. A right password takes back its
// own try only, so that nobody guesses in the shadow of another's successes.
//
// Who is not harmed: a place where a person has signed in lately (16 are kept for each) asks the
// first counter only. So neither an attacker elsewhere, nor a crowd of them, nor a stranger behind
// the same address locks a person out of where she works; and one who signs in at a new place is
// held up only by that place, or by five attacking places at once. Who shares her address and
// guesses at *her* password does hold her up, since nothing tells the two apart; on this machine
// the Unix socket is then open to her. Tokens are not asked here when they are right: nobody
// guesses 256 bits. Wrong ones count for their place.
//
// A place is an IPv4 address, the first 64 bits of an IPv6 one, or a uid on the Unix socket. Names
// that nobody has are counted like others, so that waiting tells nothing. The table is bounded;
// when it is full, those who failed least are forgotten first.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"

namespace loa {

class Lockout {
 public:
  static constexpr std::size_t kEntriesMax = 16'384;
  static constexpr std::size_t kPlacesMax = 16;  // where one person has signed in
  static constexpr Duration kWaitMax = std::chrono::minutes(15);

  // `key` is random, so that nobody can aim at one counter by another's name.
  explicit Lockout(std::string key, std::size_t entries_max = kEntriesMax);

  // How long until the next try is heard; zero: now. `user` is "" for a token.
  Duration wait(Tick now, std::string_view user, std::string_view place) const;

  // A try is about to be made. It counts as wrong until succeeded(), so that many at once are no
  // way around.
  void begin(Tick now, std::string_view user, std::string_view place);
  void succeeded(Tick now, std::string_view user, std::string_view place);

  // Signed in here lately.
  bool knows(std::string_view user, std::string_view place) const;

  std::size_t entries() const { return counters_.size(); }

 private:
  struct Rule {
    double free;
    Duration leak;
  };
  struct Counter {
    Tick empty_at{};  // when all is forgiven: its distance is the level, in leaks
    Tick closed_until{};
  };
  using Key = std::uint64_t;

  static const Rule kPair;
  static const Rule kPlace;
  static const Rule kPerson;

  Key key_of(char kind, std::string_view user, std::string_view place) const;
  Duration wait_of(Tick now, Key key) const;
  void add(Tick now, Key key, const Rule& rule);
  void take_back(Tick now, Key key, const Rule& rule);
  void make_room(Tick now);

  std::string secret_;
  std::size_t entries_max_;
  std::unordered_map<Key, Counter> counters_;
  std::map<std::string, std::vector<std::string>, std::less<>> places_;  // latest last
};

}  // namespace loa
