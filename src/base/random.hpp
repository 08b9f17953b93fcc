// Randomness as an effect: tests bring a seeded one, so that one seed is one history.
#pragma once

#include <cstdint>
#include <memory>

namespace loa {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // Evenly in [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

std::unique_ptr<Random> create_system_random();  // seeded by the system; not for secrets
std::unique_ptr<Random> create_seeded_random(std::uint64_t seed);

}  // namespace loa
