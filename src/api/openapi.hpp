// The description of the API, as it is built into the program.
#pragma once

#include <string_view>

namespace loa {

extern const std::string_view kOpenApi;  // openapi.yaml

}  // namespace loa
