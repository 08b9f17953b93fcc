// A campaign's document in one form, which is kept in the record and hashed as its content: JSON
// without spaces, keys sorted, the same whether the campaign came as YAML or as JSON.
#pragma once

#include <string>

#include "config/document.hpp"

namespace loa {

// What the schema reads as a number becomes a number in its shortest form, a single value where a
// list may stand becomes a list, and all else a text as it was written (so "60s" and "1m" differ).
// Recipients' numbers that stand in the campaign are replaced by their count and SHA-256
// (NumbersDigest). Reading the result gives the same campaign, but for them.
std::string canonical_json(const Node& campaign);

}  // namespace loa
