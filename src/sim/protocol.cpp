#include "sim/protocol.hpp"

#include <boost/json.hpp>
#include <cstddef>

#include "base/json.hpp"
#include "sim/random.hpp"

namespace loa::sim {
namespace {

namespace json = boost::json;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain";

// "0912345678", "84912345678" and "+84912345678" are the same subscriber.
std::uint64_t to_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool national = text.starts_with('0');
  if (national) text.remove_prefix(1);
  if (text.size() < 8 || text.size() > 13) return 0;
  std::uint64_t number = national ? 84 : 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

void add_recipient(Order& order, std::string_view written) {
  order.recipients.push_back({to_number(written), std::string(written)});
}

void add_list(Order& order, std::string_view list, char separator) {
  while (!list.empty()) {
    const auto end = list.find(separator);
    const auto written = list.substr(0, end);
    if (!written.empty()) add_recipient(order, written);
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
}

// The member as text; carriers' clients write numbers with and without quotes.
std::optional<std::string_view> text_member(const json::object& object, std::string_view key) {
  const auto* const value = object.if_contains({key.data(), key.size()});
  const auto* const text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return std::nullopt;
  return std::string_view(text->data(), text->size());
}

std::optional<Order> read_speedsms(const json::object& object) {
  const auto* const to = object.if_contains("to");
  const auto* const list = to == nullptr ? nullptr : to->if_array();
  if (list == nullptr || list->empty() || !text_member(object, "content")) return std::nullopt;
  Order order;
  order.recipients.reserve(list->size());
  for (const auto& item : *list) {
    const auto* const text = item.if_string();
    if (text == nullptr) return std::nullopt;
    add_recipient(order, {text->data(), text->size()});
  }
  return order;
}

std::optional<Order> read_vnpt(const json::object& object) {
  const auto* const outer = object.if_contains("RQST");
  const auto* const body = outer == nullptr ? nullptr : outer->if_object();
  if (body == nullptr || text_member(*body, "name") != "send_sms_list") return std::nullopt;
  const auto id = text_member(*body, "REQID");
  const auto list = text_member(*body, "MOBILELIST");
  const auto* const parameters = body->if_contains("PARAMS");
  if (!id || id->empty() || !list || parameters == nullptr || !parameters->is_array() ||
      !text_member(*body, "TEMPLATEID") || !text_member(*body, "LABELID")) {
    return std::nullopt;
  }
  Order order;
  order.id = *id;
  add_list(order, *list, ',');
  if (order.recipients.empty()) return std::nullopt;
  return order;
}

std::optional<Order> read_kannel(const Request& request) {
  if (request.method != "GET" || query_field(request.query, "username").empty() ||
      query_field(request.query, "text").empty()) {
    return std::nullopt;
  }
  Order order;
  add_list(order, query_field(request.query, "to"), ' ');
  if (order.recipients.empty()) return std::nullopt;
  return order;
}

// Looks like a transaction number; nothing is looked up by it.
std::uint64_t transaction_id(const Order& order) {
  return 1'000'000 + mix(order.recipients.front().number) % 1'000'000'000;
}

std::string speedsms_error(std::string_view code, std::string_view message) {
  JsonWriter json;
  json.open_object().field("status", "error").field("code", code).field("message", message);
  return json.close_object().take();
}

std::string speedsms(Verdict verdict, const Order& order, const std::vector<std::size_t>& refused) {
  switch (verdict) {
    case Verdict::accepted: break;
    case Verdict::malformed:
      return response(200, kJson, speedsms_error("101", "Invalid or missing parameters"));
    case Verdict::too_many:
      return response(200, kJson, speedsms_error("101", "Too many phone numbers in one request"));
    case Verdict::throttled:
      return response(429, kJson, speedsms_error("429", "Too many requests"), "Retry-After: 1\r\n");
    case Verdict::duplicate:
      return response(200, kJson, speedsms_error("101", "Duplicate request"));
  }
  const std::uint64_t sent = order.recipients.size() - refused.size();
  JsonWriter json;
  json.open_object().field("status", "success").field("code", "00").key("data").open_object();
  json.field("tranId", transaction_id(order))
      .field("totalSMS", sent)
      .field("totalPrice", sent * 350);
  json.key("invalidPhone").open_array();
  for (const auto index : refused) json.value(std::string_view(order.recipients[index].written));
  json.close_array().close_object().close_object();
  return response(200, kJson, json.text());
}

std::string vnpt(Verdict verdict, const std::vector<std::size_t>& refused) {
  std::string_view code = "0";
  std::string_view words = "success";
  switch (verdict) {
    case Verdict::accepted:
      if (!refused.empty()) code = "23", words = "MOBILELIST has an invalid number";
      break;
    case Verdict::malformed: code = "101", words = "syntax error"; break;
    case Verdict::too_many: code = "-1", words = "data too long"; break;
    case Verdict::throttled: code = "16", words = "sending faster than allowed"; break;
    case Verdict::duplicate: code = "33", words = "duplicate REQID"; break;
  }
  JsonWriter json;
  json.open_object().key("RPLY").open_object().field("name", "send_sms_list");
  json.field("ERROR", code).field("ERROR_DESC", words).close_object().close_object();
  return response(200, kJson, json.text());
}

std::string kannel(Verdict verdict, const Order& order, const std::vector<std::size_t>& refused) {
  switch (verdict) {
    case Verdict::accepted: break;
    case Verdict::malformed:
      return response(400, kText, "Empty receiver number not allowed, rejected");
    case Verdict::too_many: return response(400, kText, "Too many receivers, rejected");
    case Verdict::throttled: return response(503, kText, "Temporal failure, try again later.");
    case Verdict::duplicate: return response(202, kText, "0: Accepted for delivery");
  }
  if (refused.empty()) return response(202, kText, "0: Accepted for delivery");
  if (refused.size() == order.recipients.size()) {
    return response(403, kText, "Not routable. Do not try again.");
  }
  std::string text = "Sent. Denied receivers are:";
  for (const auto index : refused) text.append(" ").append(order.recipients[index].written);
  return response(202, kText, text);
}

}  // namespace

std::optional<Order> read_order(Shape shape, const Request& request) {
  if (shape == Shape::kannel_sendsms) return read_kannel(request);
  if (request.method != "POST") return std::nullopt;
  // A scratch arena: one allocation a request, and none of the tree is freed piece by piece.
  alignas(std::max_align_t) unsigned char scratch[4096];
  json::monotonic_resource arena(scratch, sizeof scratch);
  boost::system::error_code ec;
  const auto document =
      json::parse({request.body.data(), request.body.size()}, ec, json::storage_ptr(&arena));
  if (ec || !document.is_object()) return std::nullopt;
  return shape == Shape::speedsms ? read_speedsms(document.get_object())
                                  : read_vnpt(document.get_object());
}

bool refuses_whole(Shape shape) { return shape == Shape::vnpt_smsbn; }

std::string answer(Shape shape, Verdict verdict, const Order& order,
                   const std::vector<std::size_t>& refused) {
  switch (shape) {
    case Shape::speedsms: return speedsms(verdict, order, refused);
    case Shape::vnpt_smsbn: return vnpt(verdict, refused);
    case Shape::kannel_sendsms: return kannel(verdict, order, refused);
  }
  return {};
}

}  // namespace loa::sim
