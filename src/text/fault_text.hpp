// Faults as people read them: "file:1:2: error: what, and how to mend it", the line of the file, a
// caret under the place.
#pragma once

#include <string>

#include "base/fault.hpp"

namespace loa {

// Lines are read from the files that the faults name.
std::string to_text(const Faults& faults);

// The same where `name` is not a file but a document at hand.
std::string to_text(const Faults& faults, const std::string& name, const std::string& document);

}  // namespace loa
