// What can go wrong at run time, as a value. Result<T> is T or an Error; an Error says what
// happened, where, and how to mend it, in words for an operator, and never carries a phone number.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace loa {

// Callers branch on the code, never on the text. Each code has one exit status (exit_status).
enum class Code {
  usage,         // the command line is wrong                      64 EX_USAGE
  data,          // an input file is wrong                         65 EX_DATAERR
  no_input,      // an input file is not there or not readable     66 EX_NOINPUT
  unavailable,   // a carrier or a service cannot be reached       69 EX_UNAVAILABLE
  internal,      // our own fault                                  70 EX_SOFTWARE
  cannot_write,  // a file or the disk takes no more               73 EX_CANTCREAT
  io,            // reading or writing failed half-way             74 EX_IOERR
  temporary,     // not now; trying again later is right           75 EX_TEMPFAIL
  permission,    // the system refuses us                          77 EX_NOPERM
  config,        // the configuration is wrong                     78 EX_CONFIG
};

int exit_status(Code code);

// A place in a text file. Lines and columns count from 1, columns in characters; 0 means unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  friend bool operator==(const Place&, const Place&) = default;
};

// "file:12:5", "file:12", "file", or "" when nothing is known.
std::string to_string(const Place& place);

struct Error {
  Code code = Code::internal;
  std::string text;
  Place place = {};

  // Puts what was being done in front: "campaign x: " + text.
  Error wrap(const std::string& doing) &&;
};

// "file:1:2: text", for people.
std::string to_string(const Error& error);

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string text, Place place = {}) {
  return tl::unexpected<Error>(Error{code, std::move(text), std::move(place)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace loa
