// Runs a history for each seed. LOA_SEED=N replays one, LOA_SEEDS=N runs so many.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

namespace loa {

inline void for_each_seed(std::uint64_t count, const std::string& program,
                          const std::function<void(std::uint64_t)>& run) {
  const auto number = [](const char* name) -> std::uint64_t {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  };
  if (const std::uint64_t wanted = number("LOA_SEEDS"); wanted > 0) count = wanted;
  const std::uint64_t replayed = number("LOA_SEED");
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  for (std::uint64_t seed = replayed > 0 ? replayed : 1; seed <= (replayed > 0 ? replayed : count);
       ++seed) {
    run(seed);
    ASSERT_FALSE(testing::Test::HasFailure())
        << "to replay: LOA_SEED=" << seed << " " << program
        << " --gtest_filter=" << test->test_suite_name() << "." << test->name();
  }
}

}  // namespace loa
