// Local times of the IANA time zones, by date/tz. Only for this folder's own sources.
#pragma once

#include <date/tz.h>

#include <chrono>
#include <string>

#include "base/time.hpp"

namespace loa {

using LocalDay = date::local_days;

// Null when there is no such zone, or the system has no zone data. Who computes with null gets UTC.
const date::time_zone* find_zone(const std::string& name);

date::local_time<std::chrono::microseconds> local_of(const date::time_zone* zone, Instant at);
LocalDay day_of(const date::time_zone* zone, Instant at);

// When the clocks change, a time that does not exist is the moment of the change, and one that
// exists twice is its first.
Instant instant_of(const date::time_zone* zone, LocalDay day, std::chrono::minutes of_day);

}  // namespace loa
