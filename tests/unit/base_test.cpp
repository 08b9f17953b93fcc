#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <limits>

#include "base/fault.hpp"
#include "base/hash.hpp"
#include "base/input_file.hpp"
#include "base/json.hpp"
#include "base/number.hpp"
#include "base/printable.hpp"
#include "base/time.hpp"

namespace loa {
namespace {

TEST(Hash, KnownVectors) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283U);
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::array<std::uint8_t, 6> foobar{'f', 'o', 'o', 'b', 'a', 'r'};
  EXPECT_EQ(to_base32(foobar), "mzxw6ytboi");
}

TEST(Time, Rfc3339) {
  const auto instant = parse_rfc3339("2026-11-24T08:00:00+07:00");
  ASSERT_TRUE(instant);
  EXPECT_EQ(to_rfc3339(*instant), "2026-11-24T01:00:00.000Z");
  EXPECT_EQ(parse_rfc3339("2026-11-24T01:00:00.5Z"), *instant + std::chrono::milliseconds(500));
  for (const char* wrong :
       {"", "2026-11-24", "2026-02-30T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T08:00:00",
        "2026-11-24T08:00:00+07", "2026-11-24T08:00:00Zx"})
    EXPECT_FALSE(parse_rfc3339(wrong)) << wrong;
}

RC_GTEST_PROP(Time, RoundTrips, ()) {
  const auto ms = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000);
  const Instant instant{std::chrono::milliseconds(ms)};
  RC_ASSERT(parse_rfc3339(to_rfc3339(instant)) == instant);
}

TEST(Number, IsMasked) {
  EXPECT_EQ(masked(84912345678), "+8491•••5678");
  EXPECT_EQ(masked(84113), "+84•••");
}

TEST(Json, EscapesWhatComesFromOutside) {
  JsonWriter json;
  json.open_object().field("a", "x\"\\\n\x1b\xff").field("n", 3).key("l").open_array();
  json.value(true).null().close_array().close_object();
  EXPECT_EQ(json.text(),
            "{\"a\":\"x\\\"\\\\\\u000a\\u001b\xEF\xBF\xBD\",\"n\":3,\"l\":[true,null]}");
}

TEST(Printable, LeavesNothingThatPaintsOrTellsANumber) {
  EXPECT_EQ(printable("giá\t1.000 đ\n"), "giá\t1.000 đ\n");
  EXPECT_EQ(printable("a\x1b[2J\r\x7f\xC2\x9B\xE2\x80\xAE\xff"), "a�[2J�����");
  EXPECT_EQ(printable("0912345678, +84912345678"), "0912••••••, +8491•••••••");
  EXPECT_EQ(printable("at most 1000000000, on 20261124"), "at most 1000000000, on 20261124");
}

TEST(InputFile, TakesRegularFilesOnly) {
  const std::string path = testing::TempDir() + "input";
  std::ofstream(path) << "three";
  EXPECT_EQ(*read_start(path, 100), "three");
  EXPECT_EQ(*read_start(path, 2), "th");
  EXPECT_THAT(read_start("/dev/zero", 2).error().text, testing::HasSubstr("a device"));
  EXPECT_THAT(read_start("/", 2).error().text, testing::HasSubstr("is a folder"));
  EXPECT_THAT(read_start(path + ".none", 2).error().text, testing::HasSubstr("No such file"));
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  EXPECT_EQ(nearest("shedule", {"schedule", "sender"}), "schedule");
  EXPECT_EQ(nearest("zzz", {"schedule", "sender"}), "");
}

}  // namespace
}  // namespace loa
