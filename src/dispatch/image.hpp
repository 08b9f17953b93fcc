// A record as bytes, for the journal's snapshots. The same record makes the same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dispatch/record.hpp"

namespace loa {

std::string image_of(const Record& record);

// Nothing when the bytes are not an image that this program makes for the zone: then the journal is
// read from its beginning.
std::optional<Record> record_of(std::string_view image, const std::string& zone);

}  // namespace loa
