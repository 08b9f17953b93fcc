// A made-up audience with the dirt that real lists have, the same for the same seed.
#pragma once

#include <cstdint>
#include <ostream>

namespace loa::sim {

// Writes `rows` CSV rows (so_dien_thoai,ho_ten,quan_huyen) to `out`; 0.2 % of the numbers also go
// to `optout` as a one-column CSV, unless it is null.
void write_audience(std::uint64_t rows, std::uint64_t seed, std::ostream& out,
                    std::ostream* optout);

}  // namespace loa::sim
