// What stands in an answer of the API. What is missing or of another type is empty.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace loa {

std::string text_of(const boost::json::object& object, std::string_view key);
std::int64_t number_of(const boost::json::object& object, std::string_view key);
double decimal_of(const boost::json::object& object, std::string_view key);
const boost::json::object& object_in(const boost::json::object& object, std::string_view key);
const boost::json::array& array_in(const boost::json::object& object, std::string_view key);

// "2026-11-24 08:30" in the zone of whoever reads it; "" for none.
std::string time_of(const boost::json::object& object, std::string_view key);

}  // namespace loa
