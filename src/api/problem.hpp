// Why a request was not done, as application/problem+json (RFC 9457). A problem's code is stable;
// its words are for people, and may change.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "desk/desk.hpp"
#include "net/http_message.hpp"

namespace loa {

struct Problem {
  int status = 500;
  std::string_view code = "internal";
  std::string detail;
  Faults faults = {};  // of the document that was brought
  std::optional<Duration> retry_after = {};
};

// `document` is where the faults stand, to say where by JSON Pointer too; "" when there is none.
HttpResponse to_response(const Problem& problem, std::string_view path,
                         std::string_view document = {});

Problem problem_of(const Refusal& refusal);
// What the server itself refuses: 400, 408, 413 and the like.
Problem problem_of(const HttpFault& fault);

// [{pointer, line, column, code, detail}], of errors or of warnings.
void put_faults(JsonWriter& out, const Faults& faults, Fault::Severity severity,
                std::string_view document);

}  // namespace loa
