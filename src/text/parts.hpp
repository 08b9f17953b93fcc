// How many billed parts a text costs. GSM 03.38 (3GPP TS 23.038) counts septets, with the ten
// extension characters at two; UCS-2 counts UTF-16 units. In a text of several parts neither an
// extension character nor a surrogate pair is split: it moves to the next part whole.
#pragma once

#include <string_view>
#include <vector>

namespace loa {

enum class Encoding { gsm7, ucs2 };

std::string_view to_string(Encoding encoding);  // "gsm7", "ucs2"

// A gateway's own table: limits[n-1] is how many units a text of n parts holds. Standard: 160, 306,
// 459, ... A part of a longer text holds limits[n-1] - limits[n-2]; the first part of such a text
// holds the rest (for advertising it is shorter: the carrier's label stands in it).
struct PartTable {
  std::vector<int> limits;

  int parts_max() const { return static_cast<int>(limits.size()); }
};

struct PartTables {
  PartTable gsm7{{160, 306, 459, 612, 765, 918, 1071, 1224, 1377, 1530}};
  PartTable ucs2{{70, 134, 201, 268, 335, 402, 469, 536, 603, 670}};

  const PartTable& of(Encoding encoding) const { return encoding == Encoding::gsm7 ? gsm7 : ucs2; }
};

struct PartCount {
  int units = 0;  // septets or UTF-16 units, padding between parts not counted
  int parts = 0;  // parts needed; counted on beyond the table with its last step, so it may exceed
                  // parts_max()
  int spare = 0;  // units that still fit into the last part
  int over = 0;   // units to cut so that one part less is enough; 0 when parts is 1
};

// The text must be valid UTF-8, and for gsm7 hold only characters of that alphabet (is_gsm7).
PartCount count_parts(std::string_view text, Encoding encoding, const PartTable& table);

}  // namespace loa
