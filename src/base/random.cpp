#include "base/random.hpp"

#include <random>

namespace loa {
namespace {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

std::unique_ptr<Random> create_system_random() {
  std::random_device device;  // the kernel's or the processor's: too slow for each request
  return create_seeded_random((std::uint64_t{device()} << 32) | device());
}

std::unique_ptr<Random> create_seeded_random(std::uint64_t seed) {
  return std::make_unique<SeededRandom>(seed);
}

}  // namespace loa
