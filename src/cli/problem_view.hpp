// Problems that the API reports (RFC 9457), for people.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/fault.hpp"
#include "cli/client.hpp"

namespace loa {

// Prints the places of its faults, if `file` was brought, and gives what is left to say.
Error tell_problem(const boost::json::object& problem, const ApiReply& reply,
                   const std::string& file);

// [{line, column, width, code, detail}], as they stand in `file`.
Faults faults_of(const boost::json::object& object, std::string_view key, const std::string& file);

}  // namespace loa
