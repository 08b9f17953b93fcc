#include "cli/json_view.hpp"

#include <array>
#include <ctime>

#include "base/time.hpp"

namespace loa {

std::string text_of(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

double decimal_of(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return 0;
  return value->to_number<double>();
}

std::int64_t number_of(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return 0;
  return value->get_int64();
}

const boost::json::object& object_in(const boost::json::object& object, std::string_view key) {
  static const boost::json::object none;
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : none;
}

const boost::json::array& array_in(const boost::json::object& object, std::string_view key) {
  static const boost::json::array none;
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

std::string time_of(const boost::json::object& object, std::string_view key) {
  const auto instant = parse_rfc3339(text_of(object, key));
  if (!instant) return "";
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(*instant).time_since_epoch().count();
  std::tm parts = {};
  std::array<char, 40> text{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "";
  if (std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M %Z", &parts) == 0) return "";
  return text.data();
}

}  // namespace loa
