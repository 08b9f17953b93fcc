#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "text/fold.hpp"
#include "text/gsm7.hpp"
#include "text/message_template.hpp"
#include "text/parts.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

PartCount count(std::string_view text, Encoding encoding) {
  return count_parts(text, encoding, PartTables{}.of(encoding));
}

// As macOS writes it.
std::string decomposed(const std::string& text) {
  utf8proc_uint8_t* made = utf8proc_NFD(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
  std::string result(reinterpret_cast<const char*>(made));
  std::free(made);
  return result;
}

TEST(Parts, TwelveTexts) {
  std::ifstream file(LOA_TEST_DATA "/twelve_texts.tsv");
  std::string line;
  std::getline(file, line);
  int texts = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string text;
    std::string unaccented;
    std::getline(fields, text, '\t');
    std::getline(fields, unaccented, '\t');
    int gsm7_units = 0, gsm7_parts = 0, ucs2_units = 0, ucs2_parts = 0;
    int decomposed_units = 0, decomposed_parts = 0;
    fields >> gsm7_units >> gsm7_parts >> ucs2_units >> ucs2_parts;
    fields >> decomposed_units >> decomposed_parts;
    ASSERT_TRUE(fields) << line;
    EXPECT_EQ(fold(text), unaccented);
    const PartCount gsm7 = count(unaccented, Encoding::gsm7);
    EXPECT_EQ(std::make_pair(gsm7.units, gsm7.parts), std::make_pair(gsm7_units, gsm7_parts))
        << text;
    const PartCount ucs2 = count(*normalise(text), Encoding::ucs2);
    EXPECT_EQ(std::make_pair(ucs2.units, ucs2.parts), std::make_pair(ucs2_units, ucs2_parts))
        << text;
    // Decomposed input costs more as it stands, and nothing once it is normalised.
    const std::string apart = decomposed(text);
    const PartCount raw = count(apart, Encoding::ucs2);
    EXPECT_EQ(std::make_pair(raw.units, raw.parts),
              std::make_pair(decomposed_units, decomposed_parts))
        << text;
    EXPECT_EQ(normalise(apart), text);
    EXPECT_EQ(fold(apart), unaccented);
    ++texts;
  }
  EXPECT_EQ(texts, 12);
}

TEST(Parts, AnExtensionCharacterNeverStraddles) {
  const std::string a152(152, 'a');
  const PartCount three = count(a152 + "{" + a152, Encoding::gsm7);
  EXPECT_EQ(three.units, 306);
  EXPECT_EQ(three.parts, 3);
  const PartCount two = count(std::string(159, 'a') + "{", Encoding::gsm7);
  EXPECT_EQ(two.units, 161);
  EXPECT_EQ(two.parts, 2);
  EXPECT_EQ(two.over, 1);
}

TEST(Parts, ASurrogatePairNeverStraddles) {
  std::string text(66, 'a');
  text += "😀";
  for (int i = 0; i < 66; ++i) text += 'a';
  const PartCount counted = count(text, Encoding::ucs2);
  EXPECT_EQ(counted.units, 134);
  EXPECT_EQ(counted.parts, 3);
}

TEST(Parts, Borders) {
  EXPECT_EQ(count("", Encoding::gsm7).parts, 1);
  EXPECT_EQ(count(std::string(160, 'a'), Encoding::gsm7).parts, 1);
  EXPECT_EQ(count(std::string(161, 'a'), Encoding::gsm7).parts, 2);
  EXPECT_EQ(count(std::string(306, 'a'), Encoding::gsm7).parts, 2);
  EXPECT_EQ(count(std::string(307, 'a'), Encoding::gsm7).parts, 3);
  EXPECT_EQ(count(std::string(70, 'a'), Encoding::ucs2).parts, 1);
  EXPECT_EQ(count(std::string(71, 'a'), Encoding::ucs2).parts, 2);
  EXPECT_EQ(count(std::string(134, 'a'), Encoding::ucs2).parts, 2);
  EXPECT_EQ(count(std::string(135, 'a'), Encoding::ucs2).parts, 3);
}

TEST(Parts, AGatewaysOwnTable) {
  const PartTable ads{
      {123, 268, 421, 574}};  // Viettel, advertising: the label stands in the first part
  const auto parts = [&](std::size_t size) {
    return count_parts(std::string(size, 'a'), Encoding::gsm7, ads).parts;
  };
  for (int n = 1; n <= 4; ++n) {
    const auto limit = static_cast<std::size_t>(ads.limits[static_cast<std::size_t>(n - 1)]);
    EXPECT_EQ(parts(limit), n);
    EXPECT_EQ(parts(limit + 1), n + 1);
  }
}

TEST(Parts, EveryStepOfATableCounts) {
  for (const PartTable& table :
       {PartTable{{70, 134, 201, 266}}, PartTable{{122, 268, 421, 574}},
        PartTable{{127, 273, 426, 579}}, PartTable{{123, 268}}, PartTable{{160, 306}}})
    for (int n = 1; n <= table.parts_max(); ++n) {
      const auto limit = static_cast<std::size_t>(table.limits[static_cast<std::size_t>(n - 1)]);
      EXPECT_EQ(count_parts(std::string(limit, 'a'), Encoding::gsm7, table).parts, n);
      EXPECT_EQ(count_parts(std::string(limit + 1, 'a'), Encoding::gsm7, table).parts, n + 1);
    }
}

RC_GTEST_PROP(Parts, CuttingWhatIsOverSavesAPart, ()) {
  const auto size = *rc::gen::inRange(161, 900);
  const std::string text(static_cast<std::size_t>(size), 'a');
  const PartCount before = count(text, Encoding::gsm7);
  const std::string cut = text.substr(static_cast<std::size_t>(before.over));
  RC_ASSERT(count(cut, Encoding::gsm7).parts == before.parts - 1);
}

TEST(Gsm7, OfTheVietnameseLettersOnlySevenAreInIt) {
  const std::string_view all =
      "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
      "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴĐ";
  std::string in;
  int letters = 0;
  for (std::string_view left = all; !left.empty(); ++letters) {
    const char32_t letter = take_character(left);
    if (gsm7_septets(letter) > 0) in += encode_utf8(std::u32string(1, letter));
  }
  EXPECT_EQ(letters, 134);
  EXPECT_EQ(in, "àèéìòùÉ");
  const auto folded = fold(all);
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->find_first_not_of("aeiouydAEIOUYD"), std::string::npos);
}

TEST(Gsm7, TheAlphabetIsWhole) {
  int plain = 0;
  int extended = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    plain += gsm7_septets(c) == 1 ? 1 : 0;
    extended += gsm7_septets(c) == 2 ? 1 : 0;
  }
  EXPECT_EQ(plain, 127);
  EXPECT_EQ(extended, 10);
}

TEST(Gsm7, OffendersAreNamedOnceWithTheirPlace) {
  const auto offenders = not_gsm7("ạbạ ễ");
  ASSERT_EQ(offenders.size(), 2U);
  EXPECT_EQ(offenders[0].character, U'ạ');
  EXPECT_EQ(offenders[0].position, 1U);
  EXPECT_EQ(offenders[1].position, 5U);
}

TEST(Fold, TypographyAndLookAlikes) {
  EXPECT_EQ(fold("“Đừng” – ðừng… 5₫\u00A0x\u200By\uFEFF"), "\"Dung\" - dung... 5d xy");
  EXPECT_EQ(fold("Cảnh báo lừa đảo"), "Canh bao lua dao");
  // Decomposed input, as macOS writes it.
  EXPECT_EQ(fold("Ca\u0309nh ba\u0301o"), "Canh bao");
}

TEST(Fold, WhatCannotBeSentIsNamedAndNeverAQuestionMark) {
  for (const auto& [text, words] : {std::pair("Số Ａ", "character 4 of the text, U+FF21 (Ａ)"),
                                    std::pair("½ giá", "character 1 of the text, U+00BD (½)"),
                                    std::pair("số №", "character 4 of the text, U+2116 (№)"),
                                    std::pair("ok 👍", "character 4 of the text, U+1F44D (👍)"),
                                    std::pair("a`b", "character 2 of the text, U+0060 (`)")}) {
    const auto folded = fold(text);
    ASSERT_FALSE(folded) << text;
    EXPECT_THAT(folded.error().text, testing::HasSubstr(words));
  }
}

TEST(Fold, LookAlikesOfDStroke) { EXPECT_EQ(fold("đĐðÐɖƉ"), "dDdDdD"); }

TEST(Fold, AMarkThatIsNoAccentIsNotDropped) {
  // Without its stroke, "not equal" says the opposite.
  for (const char* text : {"a ≠ b", "a =\u0338 b", "a ≮ b", "a ≯ b"}) {
    const auto folded = fold(text);
    ASSERT_FALSE(folded) << text << " became " << *folded;
    EXPECT_THAT(folded.error().text, testing::HasSubstr("character 3 of the text"));
  }
}

TEST(Normalise, InvisibleCharactersGo) {
  EXPECT_EQ(normalise("a\u200E\u200F\u202A\u202C\u202E\u2066\u2069\u200Bb"), "ab");
  EXPECT_EQ(fold("a\u200E\u202Eb"), "ab");
}

TEST(Normalise, RefusesControlCharactersAndBrokenUtf8) {
  EXPECT_FALSE(normalise("a\x1b[31m"));
  EXPECT_FALSE(normalise("a\xff"));
  EXPECT_FALSE(normalise(std::string_view("a\0b", 3)));
  EXPECT_EQ(normalise("Ca\u0309nh"), "Cảnh");
}

TEST(TextPattern, FillsPlaceholders) {
  const auto pattern = TextPattern::parse("{{x}} {ten}, {quan} {ten}");
  ASSERT_TRUE(pattern);
  EXPECT_THAT(pattern->placeholders(), testing::ElementsAre("ten", "quan"));
  const std::vector<std::string_view> values{"{quan}", "B"};  // a value is never a pattern
  EXPECT_EQ(pattern->render(values), "{x} {quan}, B {quan}");
}

TEST(TextPattern, NamesThePlaceOfWhatIsWrong) {
  for (const auto& [text, column] :
       {std::pair("ạ{ten", 2), std::pair("a}b", 2), std::pair("{}", 1), std::pair("ab {a b}", 4)}) {
    const auto pattern = TextPattern::parse(text);
    ASSERT_FALSE(pattern) << text;
    EXPECT_EQ(pattern.error().place.column, column) << text;
  }
}

RC_GTEST_PROP(TextPattern, IsTotal, (const std::string& bytes)) {
  const auto pattern = TextPattern::parse(bytes);
  if (pattern) {
    const std::vector<std::string_view> values(pattern->placeholders().size(), "v");
    RC_ASSERT(pattern->render(values).size() <= bytes.size() + values.size());
  }
}

RC_GTEST_PROP(Fold, GivesGsm7OrAnError, (const std::u32string& text)) {
  std::u32string letters;
  for (const char32_t c : text) letters += static_cast<char32_t>(1 + c % 0x2FFF);
  const auto folded = fold(encode_utf8(letters));
  if (folded) RC_ASSERT(is_gsm7(*folded));
}

}  // namespace
}  // namespace loa
