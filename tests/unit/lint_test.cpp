#include "campaign/lint.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>

#include "campaign/lint_text.hpp"
#include "config/document.hpp"
#include "text/message_template.hpp"

namespace loa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LintSettings settings() {
  LintSettings settings;
  settings.links = {"congan.langson.gov.vn", "bocongan.gov.vn"};
  settings.phones = {"113", "114", "115", "156", "5656", "19001234", "02053812345"};
  settings.names = {"CA tinh Lang Son"};
  return settings;
}

// The rules that a text offends, in their order.
std::string rules(const std::string& text, const LintSettings& with = settings()) {
  Campaign campaign;
  campaign.sender = "CALANGSON";
  campaign.message.text = text;
  std::string names;
  for (const LintFinding& finding : lint(campaign, with))
    names += (names.empty() ? "" : " ") + std::string(to_string(finding.rule));
  return names;
}

// The sender is named by these words in front.
std::string from_us(const std::string& text) { return "CA tỉnh Lạng Sơn: " + text; }

TEST(Lint, TheTextsThatAreShippedAreSound) {
  for (const auto& entry : std::filesystem::directory_iterator(LOA_PROJECT "/templates")) {
    Faults faults;
    const MessageTemplate message = load_template(entry.path().string(), faults);
    EXPECT_EQ(rules(message.text), "") << entry.path();
    if (!message.unaccented.empty()) {
      EXPECT_EQ(rules(message.unaccented), "") << entry.path();
    }
  }
  std::ifstream file(LOA_TEST_DATA "/twelve_texts.tsv");
  std::string line;
  std::size_t texts = 0;
  while (std::getline(file, line)) {
    for (std::size_t at = 0; at != std::string::npos;) {
      const std::size_t tab = line.find('\t', at);
      const std::string field = line.substr(at, tab - at);
      at = tab == std::string::npos ? tab : tab + 1;
      if (!field.starts_with("CA t")) continue;
      EXPECT_EQ(rules(field), "") << field;
      ++texts;
    }
  }
  EXPECT_GE(texts, 12U);
}

TEST(Lint, Links) {
  const std::pair<const char*, const char*> table[] = {
      {"Xem congan.langson.gov.vn", ""},
      {"Xem https://congan.langson.gov.vn/canh-bao?id=1", ""},
      {"Xem HTTPS://CONGAN.LANGSON.GOV.VN.", ""},
      {"Xem www.congan.langson.gov.vn/x", ""},
      {"Xem http://a.congan.langson.gov.vn:8080/x", ""},
      {"Thư về pa05@congan.langson.gov.vn", ""},
      {"Xem (congan.langson.gov.vn), chi tiết tại trang đó", ""},
      {"Xem https://congan-langson.gov.vn", "link"},
      {"Xem https://xcongan.langson.gov.vn", "link"},
      {"Xem https://congan.langson.gov.vn.evil.com/x", "link"},
      {"Xem https://congan.langson.gov.vn@evil.com/x", "disguise link"},
      {"Xem https://evil.com/congan.langson.gov.vn", "link"},
      {"Xem https://evil.com?congan.langson.gov.vn", "link"},
      {"Xem https://evil.com#@congan.langson.gov.vn", "link"},
      {"Tải vneid-app.com", "link"},
      {"Tải abc.com/x", "link"},
      {"Tải ABC.XYZ ngay", "link"},
      {"Tải dichvucong.gov.vn", "link"},
      {"tại:abc.top,nhé", "link"},
      {"Xem abc.me/x", "link"},
      {"Thư về a@abc.me", "link"},
      {"Vào bit.ly/abc", "shortener"},
      {"Vào https://bit.ly/abc", "shortener"},
      {"Vào BIT.LY/abc", "shortener"},
      {"Vào bit.ly", "shortener"},
      {"Vào tinyurl.com/abc", "shortener"},
      {"Vào bom.so/abc", "shortener"},
      {"Vào by.com.vn/abc", "shortener"},
      {"Vào https://cutt.ly/abc và https://s.net.vn/x", "shortener shortener"},
      {"Vào hxxps://evil.com/x", "disguise link"},
      {"Vào hxxp://congan.langson.gov.vn", "disguise"},
      {"Vào evil[.]com", "disguise link"},
      {"Vào evil(.)com/x", "disguise link"},
      {"Vào evil。com", "disguise link"},
      {"Vào ｅｖｉｌ．ｃｏｍ", "disguise link"},
      {"Vào ev\u200Bil.com", "disguise link"},
      {"Vào congan.langsоn.gov.vn", "disguise"},  // a Cyrillic o
      {"Vào https://congan.lạngson.gov.vn", "disguise link"},
      {"Vào xn--cngan-2ya.vn/x", "disguise link"},
      {"Vào http://192.168.1.1/x", "disguise link"},
      {"Vào 103.1.2.3/login", "disguise link"},
      {"Vào https://{ten_mien}/x", "link"},
      {"Vào https://congan.langson.gov.vn/{ma}", ""},
      // No links.
      {"Phạt tới 30.000.000 đồng từ 01.12.2026, điều 5.1.2", ""},
      {"Đề phòng lừa đảo.Không chuyển tiền", ""},
      {"De phong lua dao.Co dau hieu la goi 113.Me va be", ""},
      {"Trực 24/7, xã/phường, và/hoặc km 12.5", ""},
      {"Nhiệt độ 3.5 đến 10.5 độ... cẩn thận", ""},
      {"TP.HCM, Q.1, P.Tam Thanh, H.Cao Loc", ""},
      {"Giá {gia}/{don_vi} cho {{ten}}", ""},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(rules(from_us(text)), expected) << text;
}

TEST(Lint, NumbersToCall) {
  const std::pair<const char*, const char*> table[] = {
      {"Gọi 113", ""},
      {"Gọi 113, 114 hoặc 115", ""},
      {"Nhắn tin 5656, gọi 156", ""},
      {"Gọi 1900 1234", ""},
      {"Gọi 1900.1234 hoặc 19001234", ""},
      {"ĐT 0205 3812 345", ""},
      {"ĐT (0205) 3812345, +84 205 3812 345", ""},
      {"Gọi 0912345678", "phone"},
      {"Gọi 0912 345 678", "phone"},
      {"Gọi 0912.345.678", "phone"},
      {"Gọi 0912-345-678.", "phone"},
      {"Gọi 09 12 34 56 78", "phone"},
      {"Gọi +84912345678", "phone"},
      {"Gọi +84 (0)912 345 678", "phone"},
      {"Gọi 84912345678", "phone"},
      {"Gọi 0084912345678", "phone"},
      {"Zalo:0912345678", "phone"},
      {"gap0912345678", ""},  // part of a word
      {"0912345678 0987654321", "phone phone"},
      {"０９１２３４５６７８", "phone"},
      {"Gọi 024 3825 1234", "phone"},
      {"Gọi 1900 9999", "phone"},
      {"Gọi 18001234", "phone"},
      {"Gọi 9999", "phone"},
      {"Gọi số 9999", "phone"},
      {"Tổng đài 1022 và 8088", "phone phone"},
      {"Gọi 113 hoặc 9999", "phone"},
      {"Soạn HUY gửi tới 8088", "phone"},
      {"+1 202 555 0100", "phone"},
      // No numbers to call.
      {"Nghị định số 168/2024/NĐ-CP, quyết định số 1234 ngày 01/12/2026", ""},
      {"Phạt 19000000 đồng, 18.000.000 đ, 1.900.000 đồng", ""},
      {"Từ 08.00-20.00 01.12.2026", ""},
      {"Từ năm 1900-1975 đến nay là 2026", ""},
      {"Từ 07:00 24/11/2026 đến 20:00 25/11/2026", ""},
      {"QL1A km 123, 260000 người, mã 123456", ""},
      {"Xe 12A-123.45 và 29B 12345", ""},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(rules(from_us(text)), expected) << text;
}

TEST(Lint, TheSenderIsNamed) {
  LintSettings bare = settings();
  bare.names = {};
  EXPECT_EQ(rules("CALANGSON: hãy cảnh giác", bare), "");
  EXPECT_EQ(rules("Hãy cảnh giác. Ca Lạng Sơn", bare), "");
  EXPECT_EQ(rules("CA tinh Lang Son: hay canh giac", bare), "");
  EXPECT_EQ(rules("Hãy cảnh giác", bare), "sender");
  EXPECT_EQ(rules("CA tỉnh Cao Bằng: hãy cảnh giác", bare), "sender");
  bare.names = {"Công an xã Hữu Lũng"};
  EXPECT_EQ(rules("Cong an xa Huu Lung: hay canh giac", bare), "");
}

TEST(Lint, HasteAboutMoney) {
  const std::pair<const char*, const char*> table[] = {
      {"Anh chị nộp phạt ngay hôm nay", "money"},
      {"Chuyển khoản gấp để tránh bị khóa SIM", "money"},
      {"Yêu cầu thanh toán trong vòng 24 giờ", "money"},
      {"Nộp phí ngay. Nếu không nộp sẽ bị khởi tố", "money"},
      {"Neu khong chuyen tien tai khoan se bi khoa", "money"},
      {"Không nộp phạt ngay qua đường link lạ", ""},
      {"Nếu lỡ chuyển tiền, gọi ngay ngân hàng và báo 113", ""},
      {"Kẻ gian giục chuyển tiền gấp", ""},
      {"Người thân gọi video vay tiền gấp? Hãy dừng lại", ""},
      {"Nộp phạt tại kho bạc. Gọi ngay 113 khi nghi ngờ", ""},
      {"Khẩn cấp: lũ về, sơ tán ngay", ""},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(rules(from_us(text)), expected) << text;
}

TEST(Lint, TheUnaccentedTextIsReadToo) {
  Campaign campaign;
  campaign.sender = "CALANGSON";
  campaign.message.text = from_us("gọi 113");
  campaign.message.unaccented = "CA tinh Lang Son: goi 0912345678, 0912345678";
  const auto findings = lint(campaign, settings());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].words, HasSubstr("the number 0912••• to call"));
  EXPECT_THAT(findings[0].words, HasSubstr("[lint: phone]"));
  campaign.message.text = campaign.message.unaccented;
  EXPECT_EQ(lint(campaign, settings()).size(), 1U);  // said once
}

TEST(Lint, SeveritiesAreSet) {
  Faults faults;
  const auto document = parse_document(
      "links: [a.vn]\nphones: ['1900 1234', +84912345678]\nnames: [Cong an xa]\nshorteners: "
      "[ngan.vn]\n"
      "rules: {link: warning, phone: 'off', sender: error}\n",
      "lint", faults);
  const LintSettings read = read_lint(*document, faults);
  ASSERT_TRUE(faults.ok());
  EXPECT_THAT(read.phones, ElementsAre("19001234", "0912345678"));
  Campaign campaign;
  campaign.sender = "CALANGSON";
  campaign.message.text = "b.vn 0999999999 ngan.vn/x";
  std::vector<std::pair<LintRule, LintSeverity>> found;
  for (const LintFinding& finding : lint(campaign, read))
    found.emplace_back(finding.rule, finding.severity);
  EXPECT_THAT(found, ElementsAre(std::pair(LintRule::link, LintSeverity::warning),
                                 std::pair(LintRule::shortener, LintSeverity::error),
                                 std::pair(LintRule::sender, LintSeverity::error)));
}

TEST(Lint, SettingsNameWhatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"links: ['https://a.vn']", "'https://a.vn' is no domain"},
      {"links: [A.VN]", "is no domain"},
      {"links: [vn]", "is no domain"},
      {"phones: ['12']", "3 to 15 digits"},
      {"rules: {link: fatal}", "must be one of error, warning, off"},
      {"rules: {links: off}", "did you mean 'link'?"},
      {"link: [a.vn]", "did you mean 'links'?"},
  };
  for (const auto& [text, fault] : table) {
    SCOPED_TRACE(text);
    Faults faults;
    read_lint(*parse_document(text, "lint", faults), faults);
    ASSERT_EQ(faults.errors(), 1U);
    EXPECT_THAT(faults.all().front().text, HasSubstr(fault));
  }
}

TEST(Lint, FaultsStandAtTheText) {
  Faults faults;
  const std::string text =
      "campaign: c\nclass: care\nsender: CA\naudience: {upload: a}\nmessage:\n  text: bit.ly/x\n";
  const Campaign campaign = parse_campaign(text, "c.yaml", "", "", faults);
  Faults found;
  lint(campaign, *parse_document(text, "c.yaml", faults), settings(), found);
  ASSERT_EQ(found.all().size(), 2U);
  EXPECT_EQ(found.all()[0].place, (Place{"c.yaml", 6, 9}));
  EXPECT_EQ(found.errors(), 1U);
  EXPECT_EQ(found.warnings(), 1U);
}

// What an office writes day by day, also with its slips of typing, offends no rule.
RC_GTEST_PROP(Lint, OrdinaryTextsPass, ()) {
  const auto words = *rc::gen::container<std::vector<std::string>>(
      rc::gen::elementOf(std::vector<std::string>{"người",
                                                  "dân",
                                                  "cảnh",
                                                  "giác",
                                                  "lừa",
                                                  "đảo",
                                                  "Không",
                                                  "cung",
                                                  "cấp",
                                                  "OTP",
                                                  "QL1A",
                                                  "km",
                                                  "12",
                                                  "3.5",
                                                  "24/7",
                                                  "ngày",
                                                  "24/11/2026",
                                                  "từ",
                                                  "07:00",
                                                  "đến",
                                                  "20.00",
                                                  "có",
                                                  "Me",
                                                  "to",
                                                  "in",
                                                  "ai",
                                                  "la",
                                                  "xã,",
                                                  "phường",
                                                  "gọi 113",
                                                  "hoặc 115",
                                                  "báo",
                                                  "Công an",
                                                  "(CSGT)",
                                                  "\"việc nhẹ lương cao\"",
                                                  "30.000.000 đồng",
                                                  "so",
                                                  "5",
                                                  "dau",
                                                  "Co"}));
  const auto glue = *rc::gen::container<std::vector<std::string>>(
      words.size(),
      rc::gen::elementOf(std::vector<std::string>{" ", " ", " ", ". ", ".", ", ", "\n"}));
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    // A stop between two figures makes another figure.
    const bool figures =
        i > 0 && (std::isdigit(static_cast<unsigned char>(words[i].front())) != 0 ||
                  std::isdigit(static_cast<unsigned char>(words[i - 1].back())) != 0);
    text += (figures ? " x " : glue[i]) + words[i];
  }
  RC_LOG() << text;
  RC_ASSERT(rules(from_us(text)) == "");
}

// No bytes break it, and no finding shows a whole number.
RC_GTEST_PROP(Lint, IsTotalAndShowsNoNumber, (const std::string& bytes)) {
  rules(bytes);
  const auto tail = *rc::gen::inRange(1'000'000, 9'999'999);
  const std::string number = "091" + std::to_string(tail);
  Campaign campaign;
  campaign.sender = "X";
  campaign.message.text = "Gọi " + number + " hay https://" + number + ".vn/" + bytes;
  for (const LintFinding& finding : lint(campaign, settings()))
    RC_ASSERT(finding.words.find(number) == std::string::npos);
}

}  // namespace
}  // namespace loa
