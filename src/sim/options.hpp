// One simulated gateway as the command line describes it:
// "name=viettel shape=speedsms listen=127.0.0.1:9101 rate=500 batch=100 latency=20 jitter=10
//  faults=reset:0.01,timeout:0.01 seed=1"
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace loa::sim {

enum class Shape { speedsms, vnpt_smsbn, kannel_sendsms };
std::string_view to_string(Shape shape);

enum class FaultKind { reset, timeout, http500, throttle, badjson, partial, duplicate };
inline constexpr std::size_t kFaultKinds = 7;
inline constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "reset", "timeout", "http500", "throttle", "badjson", "partial", "duplicate"};

struct GatewayOptions {
  std::string name;
  Shape shape = Shape::speedsms;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;   // 0: the system picks one
  std::uint64_t rate = 0;   // messages in any one-second window, 0: no limit
  std::uint64_t batch = 0;  // recipients a request, 0: no limit
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};  // the answer waits latency ± jitter
  std::array<double, kFaultKinds> faults{};
  std::uint64_t seed = 1;
};

Result<GatewayOptions> parse_gateway(std::string_view text);

}  // namespace loa::sim
