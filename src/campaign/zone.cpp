#include "campaign/zone.hpp"

#include <exception>

namespace loa {

const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

date::local_time<std::chrono::microseconds> local_of(const date::time_zone* zone, Instant at) {
  if (zone != nullptr) return zone->to_local(at);
  return date::local_time<std::chrono::microseconds>(at.time_since_epoch());
}

LocalDay day_of(const date::time_zone* zone, Instant at) {
  return date::floor<date::days>(local_of(zone, at));
}

Instant instant_of(const date::time_zone* zone, LocalDay day, std::chrono::minutes of_day) {
  const date::local_time<std::chrono::microseconds> local = day + of_day;
  if (zone != nullptr) return zone->to_sys(local, date::choose::earliest);
  return Instant(local.time_since_epoch());
}

}  // namespace loa
