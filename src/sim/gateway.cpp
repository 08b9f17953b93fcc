#include "sim/gateway.hpp"

#include <algorithm>

namespace loa::sim {
namespace {

// Partial results are a property of the number, not of the request: that share is left out here.
std::optional<FaultKind> draw(const GatewayOptions& options, Random& random) {
  double point = random.fraction();
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    const auto fault = static_cast<FaultKind>(kind);
    if (fault == FaultKind::partial) continue;
    if (fault == FaultKind::duplicate && options.shape != Shape::vnpt_smsbn) continue;
    if (point < options.faults[kind]) return fault;
    point -= options.faults[kind];
  }
  return std::nullopt;
}

}  // namespace

Gateway::Gateway(GatewayOptions options) : options_(std::move(options)), random_(options_.seed) {
  truth_.counts.reserve(1U << 16U);
}

Reply Gateway::handle(const Request& request, Tick now) {
  Reply reply;
  reply.delay = delay();
  ++truth_.requests;
  last_size_ = 0;
  if (options_.shape == Shape::kannel_sendsms && request.path != "/cgi-bin/sendsms") {
    reply.bytes = response(404, "text/plain", "not found");
    return reply;
  }
  const auto order = read_order(options_.shape, request);
  if (!order) {
    reply.bytes = answer(options_.shape, Verdict::malformed, Order{}, {});
    return reply;
  }
  last_size_ = order->recipients.size();
  truth_.arrive(now, last_size_);
  reply.bytes = decide(*order, now, reply);
  return reply;
}

std::string Gateway::decide(const Order& order, Tick now, Reply& reply) {
  const auto size = order.recipients.size();
  if (options_.batch != 0 && size > options_.batch) {
    return answer(options_.shape, Verdict::too_many, order, {});
  }
  if (options_.rate != 0 && accepted_.in_window(now) + size > options_.rate) {
    ++truth_.throttled;
    return answer(options_.shape, Verdict::throttled, order, {});
  }
  drawn_ = draw(options_, random_);
  if (drawn_) ++truth_.faults[static_cast<std::size_t>(*drawn_)];
  if (draws(FaultKind::http500)) return response(500, "text/plain", "internal error");
  if (draws(FaultKind::throttle)) {
    return response(429, "text/plain", "too many requests", "Retry-After: 1\r\n");
  }

  const bool repeated = !order.id.empty() && order_ids_.contains(order.id);
  const auto refused = repeated ? std::vector<std::size_t>{} : find_refused(order);
  const bool takes = !repeated && (refused.empty() || !refuses_whole(options_.shape));
  if (takes) {
    if (!order.id.empty()) order_ids_.insert(order.id);
    accepted_.add(now, size);
    auto next_refused = refused.begin();
    for (std::size_t i = 0; i < size; ++i) {
      if (next_refused != refused.end() && *next_refused == i) {
        ++next_refused;
      } else {
        truth_.accept(order.recipients[i].number);
      }
    }
  }

  if (draws(FaultKind::reset)) reply.action = Reply::Action::reset;
  if (draws(FaultKind::timeout)) reply.action = Reply::Action::hold;
  if (draws(FaultKind::badjson)) return response(200, "application/json", R"({"status": "suc)");
  const bool says_duplicate = repeated || (draws(FaultKind::duplicate) && takes);
  return answer(options_.shape, says_duplicate ? Verdict::duplicate : Verdict::accepted, order,
                refused);
}

std::vector<std::size_t> Gateway::find_refused(const Order& order) {
  const double share = options_.faults[static_cast<std::size_t>(FaultKind::partial)];
  std::vector<std::size_t> refused;
  for (std::size_t i = 0; i < order.recipients.size(); ++i) {
    const auto number = order.recipients[i].number;
    const bool by_rule = share > 0 && to_fraction(mix(number ^ mix(options_.seed))) < share;
    if (number == 0 || by_rule) refused.push_back(i);
  }
  truth_.refused += refused.size();
  if (!refused.empty()) ++truth_.faults[static_cast<std::size_t>(FaultKind::partial)];
  return refused;
}

Duration Gateway::delay() {
  if (options_.jitter.count() == 0) return options_.latency;
  const double swing = (2 * random_.fraction() - 1) * static_cast<double>(options_.jitter.count());
  const auto wait = std::chrono::duration<double, std::milli>(
      std::max(0.0, static_cast<double>(options_.latency.count()) + swing));
  return std::chrono::duration_cast<Duration>(wait);
}

}  // namespace loa::sim
