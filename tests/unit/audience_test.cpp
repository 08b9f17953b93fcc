#include "audience/audience.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "audience/csv.hpp"
#include "audience/exclusions.hpp"
#include "audience/numbering.hpp"

namespace loa {
namespace {

using Rows = std::vector<std::pair<std::uint32_t, std::vector<std::string>>>;
using CsvFaults = std::vector<std::pair<CsvFault, std::uint32_t>>;

struct Parsed {
  Rows rows;
  CsvFaults faults;
};

// Feeds the text in pieces of `piece` bytes.
Parsed parse(std::string_view text, std::size_t piece = std::string::npos) {
  Parsed parsed;
  CsvParser parser(
      [&](const CsvRecord& record) {
        std::vector<std::string> fields(record.fields.begin(), record.fields.end());
        parsed.rows.emplace_back(record.line, std::move(fields));
      },
      [&](CsvFault fault, std::uint32_t line) { parsed.faults.emplace_back(fault, line); });
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
    parser.feed(text.substr(at, piece));
  parser.finish();
  return parsed;
}

TEST(Csv, WhatOfficesSave) {
  const Parsed parsed =
      parse("\xEF\xBB\xBFso;ten\r\n1;\"A; \"\"B\"\"\"\r\n\r\n2;\"hai\nhàng\"\n3;");
  EXPECT_TRUE(parsed.faults.empty());
  EXPECT_EQ(
      parsed.rows,
      (Rows{{1, {"so", "ten"}}, {2, {"1", "A; \"B\""}}, {4, {"2", "hai\nhàng"}}, {6, {"3", ""}}}));
  EXPECT_EQ(parse("a\tb\n1,2\t3\n").rows[1].second, (std::vector<std::string>{"1,2", "3"}));
}

TEST(Csv, TheSeparatorIsKnownBeforeTheFirstQuote) {
  // Found by the fuzzer: a quote behind a character that turned out not to be the separator.
  const Parsed parsed = parse("a,b,c;\"d\n1,2,3\n");
  EXPECT_TRUE(parsed.faults.empty());
  ASSERT_EQ(parsed.rows.size(), 2U);
  EXPECT_EQ(parsed.rows[0].second[2], "c;\"d");
}

TEST(Csv, ABadRowDoesNotTakeItsNeighboursAlong) {
  using namespace std::string_literals;
  const Parsed parsed = parse("a,b\n1,\"x\"y\n2,\xff\n3,\0\n4,\"never\n5,c\n"s);
  EXPECT_EQ(parsed.faults, (CsvFaults{{CsvFault::bytes_after_quote, 2},
                                      {CsvFault::not_utf8, 3},
                                      {CsvFault::nul, 4},
                                      {CsvFault::unclosed_quote, 5}}));
  ASSERT_EQ(parsed.rows.size(), 2U);
  EXPECT_EQ(parsed.rows[1].first, 6U);
}

TEST(Csv, AStrayQuoteDoesNotSwallowAQuotedNeighbour) {
  const Parsed parsed = parse("a,b\n1,\"x\n2,\"y\"\n3,z\n");
  EXPECT_EQ(parsed.faults, (CsvFaults{{CsvFault::bytes_after_quote, 2}}));
  ASSERT_EQ(parsed.rows.size(), 3U);
  EXPECT_EQ(parsed.rows[1].first, 3U);
  EXPECT_EQ(parsed.rows[2].first, 4U);
}

TEST(Csv, AQuoteOpenForTooLongIsGivenUp) {
  std::string text = "a\n\"open\n";
  for (int i = 0; i < 500; ++i) text += "row\n";
  const Parsed parsed = parse(text);
  EXPECT_EQ(parsed.faults, (CsvFaults{{CsvFault::unclosed_quote, 2}}));
  EXPECT_EQ(parsed.rows.size(), 501U);
}

TEST(Csv, ALineOfAGigabyteIsRefusedInBoundedMemory) {
  struct rusage before = {};
  getrusage(RUSAGE_SELF, &before);
  Rows rows;
  CsvFaults faults;
  CsvParser parser(
      [&](const CsvRecord& record) { rows.emplace_back(record.line, std::vector<std::string>{}); },
      [&](CsvFault fault, std::uint32_t line) { faults.emplace_back(fault, line); });
  parser.feed("a\n");
  const std::string piece(1024 * 1024, 'x');
  for (int i = 0; i < 1024; ++i) parser.feed(piece);
  parser.feed("\nlast\n");
  parser.finish();
  EXPECT_EQ(faults, (CsvFaults{{CsvFault::too_long, 2}}));
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.back().first, 3U);
  struct rusage after = {};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024);
}

TEST(Csv, LinesKeepTheirNumbersBehindALineThatIsTooLong) {
  const std::string text =
      "a,b\n1,\"u\nx\"y,\"z\n" + std::string(CsvParser::kRecordMax + 1, 'x') + "\n5,v\n";
  const Parsed parsed = parse(text);
  EXPECT_EQ(parsed.faults, (CsvFaults{{CsvFault::unclosed_quote, 2},
                                      {CsvFault::unclosed_quote, 3},
                                      {CsvFault::too_long, 4}}));
  EXPECT_EQ(parsed.rows, (Rows{{1, {"a", "b"}}, {5, {"5", "v"}}}));
}

TEST(Csv, ASeparatorInAQuotedHeaderIsNone) {
  const Parsed parsed = parse("\"a;b;c\",d\n1,2\n");
  EXPECT_TRUE(parsed.faults.empty());
  EXPECT_EQ(parsed.rows, (Rows{{1, {"a;b;c", "d"}}, {2, {"1", "2"}}}));
}

TEST(Csv, AnyCutGivesTheSameRecords) {
  using namespace std::string_literals;
  const std::string text =
      "\xEF\xBB\xBFso;ten\r\n1;\"A; \"\"B\"\"\"\r\n\r\n2;\"hai\nhàng\"\n3;\0\n4;\"x\"y\n5;\xFF\n6;\"open\n7;z"s;
  const Parsed whole = parse(text);
  EXPECT_EQ(whole.rows.size(), 4U);
  EXPECT_EQ(whole.faults.size(), 4U);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Parsed parsed;
    CsvParser parser(
        [&](const CsvRecord& record) {
          parsed.rows.emplace_back(
              record.line, std::vector<std::string>(record.fields.begin(), record.fields.end()));
        },
        [&](CsvFault fault, std::uint32_t line) { parsed.faults.emplace_back(fault, line); });
    parser.feed(std::string_view(text).substr(0, cut));
    parser.feed(std::string_view(text).substr(cut));
    parser.finish();
    EXPECT_EQ(parsed.rows, whole.rows) << cut;
    EXPECT_EQ(parsed.faults, whole.faults) << cut;
  }
}

RC_GTEST_PROP(Csv, PiecesDoNotMatter, ()) {
  auto text = *rc::gen::container<std::string>(
      rc::gen::element('a', ',', ';', '\t', '"', '\n', '\r', '\0', '\xC3', '\xA9'));
  if (*rc::gen::arbitrary<bool>()) text.insert(0, "\xEF\xBB\xBF");
  const auto piece = *rc::gen::inRange<std::size_t>(1, 8);
  const Parsed whole = parse(text);
  const Parsed pieces = parse(text, piece);
  RC_ASSERT(whole.rows == pieces.rows);
  RC_ASSERT(whole.faults == pieces.faults);
}

class Numbering : public testing::Test {
 protected:
  void SetUp() override {
    plan_ = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults_);
    ASSERT_TRUE(faults_.ok()) << (faults_.all().empty() ? "" : faults_.all()[0].text);
  }
  std::string network(const ParsedNumber& parsed) const { return plan_.networks()[parsed.network]; }

  Faults faults_;
  NumberingPlan plan_;
};

TEST_F(Numbering, EveryWayToWriteIt) {
  for (const char* written : {"0912345678", "912345678", "84912345678", "+84912345678",
                              "0084912345678", " 0912 345 678 ", "0912.345.678", "(091) 234-5678",
                              "+84 (0) 912 345 678", "'0912345678", "0912\u00A0345\u00A0678"}) {
    const ParsedNumber parsed = plan_.parse(written);
    EXPECT_TRUE(parsed.ok) << written;
    EXPECT_EQ(parsed.number, 84912345678U) << written;
    EXPECT_EQ(network(parsed), "vinaphone");
  }
}

TEST_F(Numbering, OldNumbersAreConverted) {
  for (const auto& [old, now] :
       {std::pair("01201234567", 84701234567U), std::pair("01691234567", 84391234567U),
        std::pair("+841881234567", 84581234567U), std::pair("841991234567", 84591234567U)}) {
    const ParsedNumber parsed = plan_.parse(old);
    EXPECT_TRUE(parsed.ok && parsed.converted) << old;
    EXPECT_EQ(parsed.number, now) << old;
  }
}

TEST_F(Numbering, TheWholeMigrationTable) {
  for (const auto& [old, now, name] :
       {std::tuple("0120", 70U, "mobifone"),     std::tuple("0121", 79U, "mobifone"),
        std::tuple("0122", 77U, "mobifone"),     std::tuple("0126", 76U, "mobifone"),
        std::tuple("0128", 78U, "mobifone"),     std::tuple("0123", 83U, "vinaphone"),
        std::tuple("0124", 84U, "vinaphone"),    std::tuple("0125", 85U, "vinaphone"),
        std::tuple("0127", 81U, "vinaphone"),    std::tuple("0129", 82U, "vinaphone"),
        std::tuple("0162", 32U, "viettel"),      std::tuple("0163", 33U, "viettel"),
        std::tuple("0164", 34U, "viettel"),      std::tuple("0165", 35U, "viettel"),
        std::tuple("0166", 36U, "viettel"),      std::tuple("0167", 37U, "viettel"),
        std::tuple("0168", 38U, "viettel"),      std::tuple("0169", 39U, "viettel"),
        std::tuple("0186", 56U, "vietnamobile"), std::tuple("0188", 58U, "vietnamobile"),
        std::tuple("0199", 59U, "gmobile")}) {
    const ParsedNumber parsed = plan_.parse(std::string(old) + "1234567");
    ASSERT_TRUE(parsed.ok && parsed.converted) << old;
    EXPECT_EQ(parsed.number, (8400U + now) * 10'000'000ULL + 1'234'567U) << old;
    EXPECT_EQ(network(parsed), name) << old;
  }
}

TEST_F(Numbering, WhatIsNoMobileNumberSaysWhy) {
  for (const auto& [written, fault] :
       {std::pair("", NumberFault::empty), std::pair("  ", NumberFault::empty),
        std::pair("O912345678", NumberFault::characters),
        std::pair("09123x5678", NumberFault::characters),
        std::pair("091234567", NumberFault::too_short),
        std::pair("09123456789", NumberFault::too_long),
        std::pair("02053812345", NumberFault::not_mobile),
        std::pair("0951234567", NumberFault::prefix),
        std::pair("+12125551234", NumberFault::prefix), std::pair("113", NumberFault::too_short),
        std::pair("123456789012345678901234", NumberFault::too_long)}) {
    const ParsedNumber parsed = plan_.parse(written);
    EXPECT_FALSE(parsed.ok) << written;
    EXPECT_EQ(parsed.fault, fault) << written;
  }
  EXPECT_EQ(plan_.parse("09１2345678").detail, "１");
}

TEST_F(Numbering, TheLongestPrefixDecides) {
  EXPECT_EQ(network(plan_.parse("0993123456")), "gmobile");
  EXPECT_EQ(network(plan_.parse("0871234567")), "itel");
  EXPECT_EQ(network(plan_.parse("0559123456")), "wintel");
  EXPECT_FALSE(plan_.parse("0990123456").ok);
}

TEST(NumberingPlan, TheLongerPrefixDecidesAlsoForFixedLines) {
  const std::string path = testing::TempDir() + "plan-landline.yaml";
  std::ofstream(path) << "country_code: \"84\"\ntrunk_prefix: \"0\"\n"
                         "networks: {gmobile: [\"099\"]}\nlandline: [\"0995\", \"09\"]\n";
  Faults faults;
  const NumberingPlan plan = NumberingPlan::load(path, faults);
  std::filesystem::remove(path);
  ASSERT_TRUE(faults.ok());
  EXPECT_TRUE(plan.parse("0991234567").ok);
  EXPECT_EQ(plan.parse("0995123456").fault, NumberFault::not_mobile);
  EXPECT_EQ(plan.parse("0912345678").fault, NumberFault::not_mobile);
}

RC_GTEST_PROP(NumberingPlan, IsTotal, (const std::string& bytes)) {
  Faults faults;
  static const NumberingPlan plan =
      NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
  const ParsedNumber parsed = plan.parse(bytes);
  if (parsed.ok) RC_ASSERT(parsed.number >= 84'000'000'000U && parsed.number <= 84'999'999'999U);
}

class AudienceFiles : public Numbering {
 protected:
  void SetUp() override {
    Numbering::SetUp();
    folder_ = testing::TempDir() + "audience-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
    return folder_ + "/" + name;
  }

  Result<AudienceCounts> read(const AudienceSource& source,
                              const std::vector<std::string>& columns = {}) {
    used_.clear();
    excluded_.clear();
    return read_audience(
        source, plan_, columns,
        [&](const AudienceRow& row) {
          used_.emplace_back(row.line, row.number);
          return RowVerdict{};
        },
        [&](const ExcludedRow& row) { excluded_.emplace_back(row.line, row.reason); });
  }

  std::string folder_;
  std::vector<std::pair<std::uint32_t, E164>> used_;
  std::vector<std::pair<std::uint32_t, Exclusion>> excluded_;
};

TEST_F(AudienceFiles, EveryRowIsUsedOrCountedWithItsReasonAndLine) {
  const std::string people =
      file("people.csv",
           "So_Dien_Thoai ,ten\n0912345678,A\n+84 912 345 678,B\n0912345679,C\n"
           "0205381234,D\nx,E\n0912345670,\n\"0912345671\n");
  const std::string optout = file("optout.csv", "0912345679\n");
  const auto counts = read({{people}, {optout}, "so_dien_thoai"}, {"ten"});
  ASSERT_TRUE(counts) << counts.error().text;
  EXPECT_THAT(used_, testing::ElementsAre(std::pair(2U, 84912345678U)));
  EXPECT_THAT(excluded_,
              testing::ElementsAre(
                  std::pair(3U, Exclusion::duplicate), std::pair(4U, Exclusion::opted_out),
                  std::pair(5U, Exclusion::not_mobile), std::pair(6U, Exclusion::number_characters),
                  std::pair(7U, Exclusion::value_missing), std::pair(8U, Exclusion::bad_row)));
  EXPECT_EQ(counts->rows, 7U);
}

TEST_F(AudienceFiles, NumbersWrittenInTheCampaignAreReadLikeRows) {
  AudienceSource source;
  source.numbers = {"0912 345 678", "+84912345678", "x", "0912345679", "0912345670"};
  source.exclude = {file("optout.csv", "0912345679\n")};
  const auto counts = read(source);
  ASSERT_TRUE(counts) << counts.error().text;
  EXPECT_EQ(counts->rows, 5U);
  EXPECT_THAT(used_,
              testing::ElementsAre(std::pair(1U, 84912345678U), std::pair(5U, 84912345670U)));
  EXPECT_THAT(excluded_, testing::ElementsAre(std::pair(2U, Exclusion::duplicate),
                                              std::pair(3U, Exclusion::number_characters),
                                              std::pair(4U, Exclusion::opted_out)));
  const auto named = read(source, {"ten"});
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().text, testing::HasSubstr("'ten', and 'numbers' has none"));
}

TEST_F(AudienceFiles, AnAudienceThatWasNotBroughtInIsNobodysSilence) {
  AudienceSource source;
  source.upload = "xa-1";
  const auto counts = read(source);
  ASSERT_FALSE(counts);
  EXPECT_THAT(counts.error().text, testing::HasSubstr("an audience of 'upload'"));
}

TEST_F(AudienceFiles, AFileThatCannotBeUsedSaysWhatToDo) {
  const auto words = [&](const AudienceSource& source,
                         const std::vector<std::string>& columns = {}) {
    const auto counts = read(source, columns);
    return counts ? std::string() : counts.error().text;
  };
  EXPECT_EQ(words({{file("a.csv", "phone,ten\n1,2\n")}, {}, "so_dien_thoai"}),
            "the file needs a column called 'so_dien_thoai'; right now it has: phone, ten");
  EXPECT_THAT(
      words({{file("b.csv", "so_dien_thoai\n0912345678\n")}, {}, "so_dien_thoai"}, {"quan"}),
      testing::HasSubstr("missing a column called 'quan'"));
  EXPECT_EQ(words({{file("c.csv", "so_dien_thoai\n")}, {}, "so_dien_thoai"}),
            "the file has no rows");
  EXPECT_THAT(words({{folder_ + "/none.csv"}, {}, "so_dien_thoai"}),
              testing::HasSubstr("cannot be opened"));
}

TEST_F(AudienceFiles, AnEmptyFileHasNoRows) {
  for (const std::string content : {"", "\xEF\xBB\xBF", "\r\n\r\n"}) {
    const auto counts = read({{file("empty.csv", content)}, {}, "so_dien_thoai"});
    ASSERT_FALSE(counts);
    EXPECT_EQ(counts.error().text, "the file has no rows");
  }
}

TEST_F(AudienceFiles, AFileWithoutAHeaderShowsNoNumber) {
  for (const std::string content : {"0912345678,A\n0912345679,B\n", "\"+84 912-345.678\",A\n"}) {
    const auto counts = read({{file("bare.csv", content)}, {}, "so_dien_thoai"});
    ASSERT_FALSE(counts);
    const std::string& text = counts.error().text;
    EXPECT_THAT(text, testing::HasSubstr("so_dien_thoai"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("5678"))) << text;
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("5.678"))) << text;
  }
}

TEST_F(AudienceFiles, ARowThatIsRefusedLeavesItsNumberToALaterRow) {
  const AudienceSource source{
      {file("people.csv", "so_dien_thoai,ten\n0912345678,long\n0912345678,A\n0912345678,B\n")},
      {},
      "so_dien_thoai"};
  std::vector<std::pair<std::uint32_t, Exclusion>> excluded;
  const auto counts = read_audience(
      source, plan_, {"ten"},
      [](const AudienceRow& row) {
        return RowVerdict{
            .used = row.values[0] != "long", .reason = Exclusion::too_long, .detail = ""};
      },
      [&](const ExcludedRow& row) { excluded.emplace_back(row.line, row.reason); });
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->usable, 1U);
  EXPECT_THAT(excluded, testing::ElementsAre(std::pair(2U, Exclusion::too_long),
                                             std::pair(4U, Exclusion::duplicate)));
}

TEST_F(AudienceFiles, AnOptOutListThatCannotBeReadStopsTheCampaign) {
  using namespace std::string_literals;
  const std::string people = file("people.csv", "so_dien_thoai\n0912345678\n");
  for (const std::string& list :
       {"ten,phone\nA,0912345678\n"s, "A;0912345678\n"s, "so_dien_thoai,b\n0912345678,\"x\"y\n"s,
        "so_dien_thoai\n0912345678\xff\n"s, "O912345678\n"s, "0912345678\n091234567\n"s,
        "\xFF\xFE\0\0\n"s, "b,so_dien_thoai\n0912345678\n"s}) {
    const auto counts = read({{people}, {file("optout.csv", list)}, "so_dien_thoai"});
    ASSERT_FALSE(counts) << list;
    EXPECT_EQ(counts.error().code, Code::data);
    EXPECT_GT(counts.error().place.line, 0);
    EXPECT_TRUE(used_.empty());
  }
  // Empty lists, and numbers that no message goes to, do no harm.
  for (const std::string& list : {""s, "so_dien_thoai\n"s, "02053812345\n+12125551234\n"s})
    EXPECT_TRUE(read({{people}, {file("optout.csv", list)}, "so_dien_thoai"})) << list;
}

TEST_F(AudienceFiles, ListsOfOptedOutNumbersAreReadByThemselves) {
  const auto out = read_exclusions(
      {file("a.csv", "so_dien_thoai,ly_do\n0912345678,x\n"), file("b.csv", "+84 912 345 679\n")},
      plan_);
  ASSERT_TRUE(out) << out.error().text;
  EXPECT_TRUE(out->contains(84912345678));
  EXPECT_TRUE(out->contains(84912345679));
  EXPECT_FALSE(out->contains(84912345670));
  EXPECT_FALSE(read_exclusions({folder_ + "/none.csv"}, plan_));
}

TEST_F(AudienceFiles, AnUnknownPrefixIsShownWhole) {
  std::string detail;
  const AudienceSource source{
      {file("people.csv", "so_dien_thoai\n095\u00A01234567\n")}, {}, "so_dien_thoai"};
  const auto counts = read_audience(
      source, plan_, {}, [](const AudienceRow&) { return RowVerdict{}; },
      [&](const ExcludedRow& row) { detail = row.detail; });
  ASSERT_TRUE(counts);
  EXPECT_EQ(detail, "Phone number prefix 0951 is not in the numbering plan");
}

TEST_F(AudienceFiles, RowsAddUpWhateverTheBytes) {
  rc::check([&] {
    const auto bytes = *rc::gen::container<std::string>(
        rc::gen::element('0', '9', '1', '2', ',', '"', '\n', '\r', ' ', '\xff', 'x'));
    const auto counts = read(
        {{file("random.csv", "so_dien_thoai,b\n0912345678,x\n" + bytes)}, {}, "so_dien_thoai"});
    RC_ASSERT(counts.has_value());
    const auto excluded =
        std::accumulate(counts->excluded.begin(), counts->excluded.end(), std::uint64_t{0});
    RC_ASSERT(counts->rows == counts->usable + excluded);
    RC_ASSERT(used_.size() == counts->usable);
    RC_ASSERT(excluded_.size() == excluded);
  });
}

}  // namespace
}  // namespace loa
