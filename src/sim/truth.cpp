#include "sim/truth.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace loa::sim {
namespace {

void write_time(JsonWriter& json, std::string_view key, std::optional<Tick> time, Tick start) {
  json.key(key);
  if (time) {
    json.value(std::chrono::duration<double>(*time - start).count());
  } else {
    json.null();
  }
}

}  // namespace

std::uint64_t SecondWindow::in_window(Tick now) {
  while (!arrivals_.empty() && now - arrivals_.front().first >= std::chrono::seconds(1)) {
    sum_ -= arrivals_.front().second;
    arrivals_.pop_front();
  }
  return sum_;
}

void SecondWindow::add(Tick now, std::uint64_t messages) {
  in_window(now);
  arrivals_.emplace_back(now, messages);
  sum_ += messages;
  fullest_ = std::max(fullest_, sum_);
}

void Truth::arrive(Tick now, std::uint64_t messages) {
  if (!first) first = now;
  last = now;
  largest_batch = std::max(largest_batch, messages);
  arrivals.add(now, messages);
}

void Truth::accept(std::uint64_t number) {
  ++numbers;
  ++counts[number];
}

void Truth::merge(const Truth& other) {
  requests += other.requests;
  numbers += other.numbers;
  refused += other.refused;
  throttled += other.throttled;
  largest_batch = std::max(largest_batch, other.largest_batch);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) faults[kind] += other.faults[kind];
  if (other.first && (!first || *other.first < *first)) first = other.first;
  if (other.last && (!last || *other.last > *last)) last = other.last;
  for (const auto& [number, count] : other.counts) counts[number] += count;
}

void Truth::write(JsonWriter& json, Tick start) const {
  const auto doubles = std::count_if(counts.begin(), counts.end(),
                                     [](const auto& entry) { return entry.second > 1; });
  json.field("requests", requests).field("numbers", numbers);
  json.field("distinct", std::uint64_t{counts.size()});
  json.field("doubles", static_cast<std::uint64_t>(doubles));
  json.field("refused", refused).field("throttled", throttled);
  json.field("fullest_second", arrivals.fullest()).field("largest_batch", largest_batch);
  json.key("faults").open_object();
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    json.field(kFaultNames[kind], faults[kind]);
  }
  json.close_object();
  write_time(json, "first_arrival", first, start);
  write_time(json, "last_arrival", last, start);
}

std::string to_lines(const Counts& counts) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  std::string out;
  out.reserve(sorted.size() * 16);
  for (const auto& [number, count] : sorted) {
    out.append(std::to_string(number)).append(" ").append(std::to_string(count)).append("\n");
  }
  return out;
}

}  // namespace loa::sim
