// Failpoints: named places at which the process can be made to end as a power cut would end it, by
// SIGKILL of itself. With LOA_FAILPOINT="block.before_sync:3" in the environment it ends at the
// third passage of that place. `loa drill` goes through them all. Without the CMake option
// LOA_FAILPOINTS, which is off in release builds, the macro is nothing.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace loa {

struct Failpoint {
  std::string_view name;
  bool repeats = false;  // passed with every batch, not only once or twice in a run
};

// In the order in which a campaign passes them.
inline constexpr auto kFailpoints = std::to_array<Failpoint>({
    {"plan.before_write"},
    {"plan.before_sync"},
    {"plan.before_rename"},
    {"plan.before_directory_sync"},
    {"plan.after_directory_sync"},
    {"segment.before_create"},
    {"segment.before_sync"},
    {"segment.before_directory_sync"},
    {"segment.after_directory_sync"},
    {"opened.before_commit"},
    {"opened.after_commit"},
    {"frozen.before_commit"},
    {"frozen.after_commit"},
    {"block.before_write", true},
    {"block.before_sync", true},
    {"block.after_sync", true},
    {"settled.before_commit"},
    {"settled.after_commit"},
    {"intent.before_commit", true},
    {"intent.after_commit", true},
    {"request.before_connect", true},
    {"request.before_send", true},
    {"answer.before_read", true},
    {"answer.after_read", true},
    {"answer.before_commit", true},
    {"answer.after_commit", true},
    {"ended.before_commit"},
    {"ended.after_commit"},
    {"snapshot.before_create"},
    {"snapshot.before_sync"},
    {"snapshot.before_rename"},
    {"snapshot.before_directory_sync"},
    {"snapshot.after_directory_sync"},
});

#ifdef LOA_FAILPOINTS
inline constexpr bool kFailpointsBuiltIn = true;
#else
inline constexpr bool kFailpointsBuiltIn = false;
#endif

// In a constant expression, as in the macro, a name that is not in the table does not compile.
constexpr std::size_t index_of_failpoint(std::string_view name) {
  for (std::size_t i = 0; i < kFailpoints.size(); ++i)
    if (kFailpoints[i].name == name) return i;
  throw "no such failpoint";
}

void pass_failpoint(std::size_t index);

}  // namespace loa

#ifdef LOA_FAILPOINTS
#define LOA_FAILPOINT(name) \
  ::loa::pass_failpoint(std::integral_constant<std::size_t, ::loa::index_of_failpoint(name)>::value)
#else
#define LOA_FAILPOINT(name) static_cast<void>(0)
#endif
