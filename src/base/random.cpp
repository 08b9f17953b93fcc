#include "base/random.hpp"

#include <random>

namespace loa {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    return (static_cast<std::uint64_t>(device_()) << 32) | device_();
  }

 private:
  std::random_device device_;
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

std::unique_ptr<Random> create_system_random() { return std::make_unique<SystemRandom>(); }
std::unique_ptr<Random> create_seeded_random(std::uint64_t seed) {
  return std::make_unique<SeededRandom>(seed);
}

}  // namespace loa
