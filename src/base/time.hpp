// Points in time as the record holds them: wall clock, UTC, microseconds. Nothing here reads a
// clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace loa {

using Duration = std::chrono::nanoseconds;
using Instant =
    std::chrono::sys_time<std::chrono::microseconds>;  // wall clock: only for records and schedules
using Tick =
    std::chrono::time_point<std::chrono::steady_clock, Duration>;  // monotonic: pace and deadlines

// RFC 3339 with milliseconds, in UTC: "2026-11-24T01:00:00.123Z".
std::string to_rfc3339(Instant instant);

// RFC 3339 with a zone ("Z" or "+07:00"); nothing when the text is not a time that exists.
std::optional<Instant> parse_rfc3339(std::string_view text);

// For people: "4 min 20 s", "3 h 05 min", "0.8 s".
std::string to_words(Duration duration);

}  // namespace loa
