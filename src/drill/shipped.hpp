// The numbering plan and the profiles as shipped, built in: a drill needs no configuration.
#pragma once

#include <array>
#include <string_view>

namespace loa {

struct ShippedFile {
  std::string_view path;  // below config/
  std::string_view text;
};

extern const std::array<ShippedFile, 4> kShippedFiles;

}  // namespace loa
