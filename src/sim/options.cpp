#include "sim/options.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace loa::sim {
namespace {

// Cuts the text up to the separator off the front.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

template <class T>
Result<T> parse_number(std::string_view key, std::string_view text, T most) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value < T{} || value > most) {
    return fail(Code::usage,
                std::string(key) + "=" + std::string(text) + ": not a number it takes");
  }
  return value;
}

Result<Shape> parse_shape(std::string_view text) {
  for (const auto shape : {Shape::speedsms, Shape::vnpt_smsbn, Shape::kannel_sendsms}) {
    if (text == to_string(shape)) return shape;
  }
  return fail(Code::usage, "shape=" + std::string(text) +
                               ": unknown; there are speedsms, vnpt-smsbn and kannel-sendsms");
}

Result<void> parse_faults(std::string_view text, GatewayOptions& options) {
  double sum = 0;
  while (!text.empty()) {
    auto share_text = take(text, ',');
    const auto name = take(share_text, ':');
    const auto* const found = std::find(kFaultNames.begin(), kFaultNames.end(), name);
    if (found == kFaultNames.end()) {
      return fail(Code::usage, "faults: unknown kind '" + std::string(name) + "'");
    }
    const auto share = parse_number<double>(name, share_text, 1.0);
    if (!share) return tl::unexpected<Error>(share.error());
    options.faults.at(static_cast<std::size_t>(found - kFaultNames.begin())) = *share;
    sum += *share;
  }
  if (sum > 1.0) return fail(Code::usage, "faults: the shares add up to more than 1");
  return {};
}

Result<void> parse_listen(std::string_view text, GatewayOptions& options) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(Code::usage, "listen=" + std::string(text) + ": write HOST:PORT");
  }
  const auto port = parse_number<std::uint16_t>("listen", text.substr(colon + 1),
                                                std::numeric_limits<std::uint16_t>::max());
  if (!port) return tl::unexpected<Error>(port.error());
  options.host = text.substr(0, colon);
  options.port = *port;
  return {};
}

Result<void> parse_pair(std::string_view key, std::string_view value, GatewayOptions& options) {
  constexpr std::uint64_t kMost = 1'000'000'000;
  const auto into = [&](std::uint64_t& target) -> Result<void> {
    const auto number = parse_number<std::uint64_t>(key, value, kMost);
    if (!number) return tl::unexpected<Error>(number.error());
    target = *number;
    return {};
  };
  const auto into_time = [&](std::chrono::milliseconds& target) -> Result<void> {
    const auto number = parse_number<std::int64_t>(key, value, 3'600'000);
    if (!number) return tl::unexpected<Error>(number.error());
    target = std::chrono::milliseconds(*number);
    return {};
  };
  if (key == "name") return options.name = value, Result<void>{};
  if (key == "listen") return parse_listen(value, options);
  if (key == "rate") return into(options.rate);
  if (key == "batch") return into(options.batch);
  if (key == "seed") return into(options.seed);
  if (key == "latency") return into_time(options.latency);
  if (key == "jitter") return into_time(options.jitter);
  if (key == "faults") return parse_faults(value, options);
  if (key == "shape") {
    const auto shape = parse_shape(value);
    if (!shape) return tl::unexpected<Error>(shape.error());
    options.shape = *shape;
    return {};
  }
  return fail(Code::usage, "unknown key '" + std::string(key) + "'");
}

}  // namespace

std::string_view to_string(Shape shape) {
  switch (shape) {
    case Shape::speedsms: return "speedsms";
    case Shape::vnpt_smsbn: return "vnpt-smsbn";
    case Shape::kannel_sendsms: return "kannel-sendsms";
  }
  return "";
}

Result<GatewayOptions> parse_gateway(std::string_view text) {
  GatewayOptions options;
  bool has_shape = false;
  while (!text.empty()) {
    auto pair = take(text, ' ');
    if (pair.empty()) continue;
    const auto key = take(pair, '=');
    auto parsed = parse_pair(key, pair, options);
    if (!parsed) return fail(std::move(parsed.error()).wrap("--gateway"));
    has_shape = has_shape || key == "shape";
  }
  if (options.name.empty()) return fail(Code::usage, "--gateway: name= is missing");
  if (!has_shape) return fail(Code::usage, "--gateway: shape= is missing");
  return options;
}

}  // namespace loa::sim
