// The three carrier protocols the simulator speaks: what a request asks for, and how the carrier
// words each answer. Sources: SpeedSMS's client library (POST, JSON array, invalidPhone), VNPT's
// send_sms_list (JSON, one ERROR for the whole list), Kannel's smsbox sendsms (GET, plain text).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/http.hpp"
#include "sim/options.hpp"

namespace loa::sim {

struct Recipient {
  std::uint64_t number = 0;  // E.164 digits, 0 when it is no number
  std::string written;       // as the request has it, to be named in answers
};

struct Order {
  std::vector<Recipient> recipients;
  std::string id;  // VNPT's REQID
};

// Nothing when the request is not one of the protocol.
std::optional<Order> read_order(Shape shape, const Request& request);

enum class Verdict {
  accepted,   // all but the refused recipients
  malformed,  // not a request of this protocol
  too_many,   // more recipients than a request may have
  throttled,  // above the contract's rate
  duplicate,  // the order id was accepted before
};

// Whether one bad recipient makes the carrier refuse the whole request.
bool refuses_whole(Shape shape);

// `refused` are positions in order.recipients; complete HTTP response.
std::string answer(Shape shape, Verdict verdict, const Order& order,
                   const std::vector<std::size_t>& refused);

}  // namespace loa::sim
