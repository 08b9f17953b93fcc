#include "text/fault_text.hpp"

#include <gtest/gtest.h>

namespace loa {
namespace {

TEST(FaultText, ShowsTheLineOfADocumentAndItsPlace) {
  Faults faults;
  faults.error({"c.yaml", 2, 3}, "the key 'sendr' is not known", 5);
  faults.warning({"c.yaml", 0, 0}, "people may be woken");
  EXPECT_EQ(to_text(faults, "c.yaml", "campaign: a\n\xC3\xA1 sendr: x\n"),
            "c.yaml:2:3: error: the key 'sendr' is not known\n"
            "    2 | \xC3\xA1 sendr: x\n"
            "      |   ^^^^^\n"
            "c.yaml: warning: people may be woken\n");
}

TEST(FaultText, ShowsNoNumberAndNoSecretAndStaysInItsLines) {
  Faults faults;
  faults.error({"c.yaml", 1, 7}, "a fault\nwith 0912345678", 10);
  faults.error({"c.yaml", 2, 4}, "a secret", kHiddenWidth);
  faults.error({"other.yaml", 7, 1}, "elsewhere");
  EXPECT_EQ(to_text(faults, "c.yaml", "to:   0912345678\nkey=geheim\x1B[1m\n"),
            "c.yaml:1:7: error: a fault with 0912••••••\n"
            "    1 | to:   0912••••••\n"
            "      |       ^^^^^^^^^^\n"
            "c.yaml:2:4: error: a secret\n"
            "    2 | key•••\n"
            "      |    ^\n"
            "other.yaml:7:1: error: elsewhere\n");
}

}  // namespace
}  // namespace loa
