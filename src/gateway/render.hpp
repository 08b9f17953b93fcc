// A profile's request, compiled: literal pieces, already escaped, between values that are escaped
// as they are written. Which escaper is used follows from where the value stands, never from the
// profile: JSON, URL, XML, header.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/escape.hpp"
#include "gateway/placeholder.hpp"

namespace loa {

enum class BodyKind { json, form, query, xml, text };

struct BatchShape {
  BatchMode mode = BatchMode::single;
  int min = 1;
  int max = 1;
  std::string separator = ",";
  NumberForm number = NumberForm::international;
};

// One literal and the value after it.
struct Op {
  enum class Value {
    none,
    text,              // escaped
    json_int,          // bare when it is a whole number, a string otherwise
    json_numbers,      // array of strings
    json_int_numbers,  // array of numbers
    json_parameters,   // array of strings, or of numbered objects
    items,
  };
  std::string literal;
  Value value = Value::none;
  Placeholder placeholder;
};

struct Program {
  Escape escape = Escape::none;
  std::vector<Op> ops;
};

struct RequestTemplate {
  std::string method;
  BodyKind kind = BodyKind::json;
  BatchShape batch;
  Program path;
  std::vector<std::pair<std::string, Program>> headers;
  bool basic = false;  // Authorization: Basic user:password
  Program user;
  Program password;
  Program body;
  Program item;
  std::string item_separator;
  std::vector<std::string> account_keys;
  bool uses_reference = false;

  HttpRequest render(std::string_view url, const AccountValues& account, const Batch& batch) const;
};

// Reads the keys request, number and batch of a profile (request.cpp).
RequestTemplate read_request(MapReader& profile, Faults& faults);

// Reads the key request of a profile's query: numbers are written as the profile's batch says.
RequestTemplate read_query_request(MapReader& query, const BatchShape& batch, Faults& faults);

}  // namespace loa
