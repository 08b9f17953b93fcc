#include "api/lockout.hpp"

#include <algorithm>
#include <cmath>

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace loa {

constexpr Duration kQuarter = std::chrono::minutes(15);
const Lockout::Rule Lockout::kPair = {10, kQuarter};
const Lockout::Rule Lockout::kPlace = {10, kQuarter};
const Lockout::Rule Lockout::kPerson = {100, std::chrono::seconds(90)};

Lockout::Lockout(std::string key, std::size_t entries_max)
    : secret_(std::move(key)), entries_max_(entries_max) {}

Duration Lockout::wait(Tick now, std::string_view user, std::string_view place) const {
  if (user.empty()) return wait_of(now, key_of('a', "", place));
  const Duration pair = wait_of(now, key_of('b', user, place));
  if (knows(user, place)) return pair;
  return std::max(
      {pair, wait_of(now, key_of('a', "", place)), wait_of(now, key_of('c', user, ""))});
}

void Lockout::begin(Tick now, std::string_view user, std::string_view place) {
  if (user.empty()) {
    add(now, key_of('a', "", place), kPlace);
    return;
  }
  add(now, key_of('b', user, place), kPair);
  if (knows(user, place)) return;
  add(now, key_of('a', "", place), kPlace);
  add(now, key_of('c', user, ""), kPerson);
}

void Lockout::succeeded(Tick now, std::string_view user, std::string_view place) {
  take_back(now, key_of('b', user, place), kPair);
  if (!knows(user, place)) {
    take_back(now, key_of('a', "", place), kPlace);
    take_back(now, key_of('c', user, ""), kPerson);
  }
  std::vector<std::string>& places = places_[std::string(user)];
  std::erase(places, place);
  if (places.size() == kPlacesMax) places.erase(places.begin());
  places.emplace_back(place);
}

bool Lockout::knows(std::string_view user, std::string_view place) const {
  const auto found = places_.find(user);
  return found != places_.end() &&
         std::find(found->second.begin(), found->second.end(), place) != found->second.end();
}

Lockout::Key Lockout::key_of(char kind, std::string_view user, std::string_view place) const {
  std::string text(1, kind);
  text.append(user).push_back('\0');
  text.append(place);
  const Digest digest = hmac_sha256(secret_, text);
  return get_int<Key>({reinterpret_cast<const char*>(digest.data()), digest.size()}, 0);
}

Duration Lockout::wait_of(Tick now, Key key) const {
  const auto found = counters_.find(key);
  if (found == counters_.end()) return {};
  return std::max(Duration{}, found->second.closed_until - now);
}

void Lockout::add(Tick now, Key key, const Rule& rule) {
  if (!counters_.contains(key) && counters_.size() >= entries_max_) make_room(now);
  Counter& counter = counters_[key];
  counter.empty_at = std::max(counter.empty_at, now) + rule.leak;
  const auto level = std::ceil(std::chrono::duration<double>(counter.empty_at - now) / rule.leak);
  if (level >= rule.free) {
    constexpr double kDoublingsMax = 10;  // 1024 s
    const double seconds = std::exp2(std::min(level - rule.free, kDoublingsMax));
    const auto wait = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    counter.closed_until = std::max(counter.closed_until, now + std::min(wait, kWaitMax));
  }
}

// A wait that its try has begun stays, unless the level is below the free ones again.
void Lockout::take_back(Tick now, Key key, const Rule& rule) {
  const auto found = counters_.find(key);
  if (found == counters_.end()) return;
  Counter& counter = found->second;
  counter.empty_at -= rule.leak;
  const auto free = std::chrono::duration_cast<Duration>(rule.leak * (rule.free - 1));
  if (counter.empty_at - now <= free) counter.closed_until = now;
  if (counter.empty_at <= now) counters_.erase(found);
}

void Lockout::make_room(Tick now) {
  std::erase_if(counters_, [&](const auto& entry) { return entry.second.empty_at <= now; });
  if (counters_.size() < entries_max_) return;
  // A quarter at once, so that a crowd of new places does not cost a search each.
  std::vector<Tick> ends;
  ends.reserve(counters_.size());
  for (const auto& [key, counter] : counters_) ends.push_back(counter.empty_at);
  const auto border = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 4);
  std::nth_element(ends.begin(), border, ends.end());
  const Tick last = *border;
  std::erase_if(counters_, [&](const auto& entry) { return entry.second.empty_at <= last; });
}

}  // namespace loa
