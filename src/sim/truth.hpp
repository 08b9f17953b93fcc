// The ground truth: what reached a gateway and what it accepted, whatever it answered. Numbers are
// kept to be counted and never logged.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/json.hpp"
#include "base/time.hpp"
#include "sim/options.hpp"

namespace loa::sim {

// Messages in the one-second window that ends now. Half-open: exactly one second apart is apart.
class SecondWindow {
 public:
  std::uint64_t in_window(Tick now);
  void add(Tick now, std::uint64_t messages);
  std::uint64_t fullest() const { return fullest_; }

 private:
  std::deque<std::pair<Tick, std::uint64_t>> arrivals_;
  std::uint64_t sum_ = 0;
  std::uint64_t fullest_ = 0;
};

using Counts = std::unordered_map<std::uint64_t, std::uint32_t>;  // number to times accepted

struct Truth {
  std::uint64_t requests = 0;
  std::uint64_t numbers = 0;    // messages accepted
  std::uint64_t refused = 0;    // messages refused by the rule on the number
  std::uint64_t throttled = 0;  // requests above the rate
  std::uint64_t largest_batch = 0;
  std::array<std::uint64_t, kFaultKinds> faults{};
  std::optional<Tick> first;
  std::optional<Tick> last;
  SecondWindow arrivals;
  Counts counts;

  void arrive(Tick now, std::uint64_t messages);
  void accept(std::uint64_t number);
  void merge(const Truth& other);  // all but the arrivals, which do not add up

  // The fields of one JSON object; times in seconds from `start`.
  void write(JsonWriter& json, Tick start) const;
};

// "number count" a line, by number.
std::string to_lines(const Counts& counts);

}  // namespace loa::sim
