#include "campaign/canonical.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "campaign/campaign.hpp"

namespace loa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Campaign parse(std::string_view text, Faults& faults) {
  return parse_campaign(text, "c", LOA_PROJECT "/templates", "/base", faults);
}

std::string canonical(std::string_view text) {
  Faults faults;
  const auto document = parse_document(text, "c", faults);
  EXPECT_TRUE(document && faults.ok()) << text;
  return document ? canonical_json(*document) : "";
}

TEST(Canonical, YamlAndJsonOfTheSameFactsAreTheSameBytes) {
  const std::string yaml =
      "campaign: thu-1\nclass: public_info\nsender: CALANGSON\n"
      "audience: {files: a.csv}\n"
      "message:\n  text: \"Chào 😀 / \\\"b\\\"\"\n  max_parts: 2\n"
      "pace: {parts_per_second: 10.50, weight: '3'}\nguard: {canary: [0.50, 5]}\n";
  const std::string json =
      R"({"guard":{"canary":[0.5,5.0]},"pace":{"weight":3,"parts_per_second":10.5},)"
      "\n\t"
      R"("message" : {"max_parts":2,"text":"Ch\u00e0o \uD83D\uDE00 \/ \"b\""},)"
      R"("audience":{"files":["a.csv"]},"sender":"CALANGSON","class":"public_info","campaign":"thu-1"})";
  const std::string expected =
      R"({"audience":{"files":["a.csv"]},"campaign":"thu-1","class":"public_info",)"
      R"("guard":{"canary":[0.5,5]},"message":{"max_parts":2,"text":"Chào 😀 / \"b\""},)"
      R"("pace":{"parts_per_second":10.5,"weight":3},"sender":"CALANGSON"})";
  EXPECT_EQ(canonical(yaml), expected);
  EXPECT_EQ(canonical(json), expected);
  EXPECT_EQ(canonical(expected), expected);
  // As other writers of JSON put numbers.
  EXPECT_EQ(canonical(R"({"pace":{"parts_per_second":1.05E1},"guard":{"canary":[5e-1]}})"),
            R"({"guard":{"canary":[0.5]},"pace":{"parts_per_second":10.5}})");
  Faults faults;
  const Campaign campaign = parse(yaml, faults);
  EXPECT_EQ(campaign, parse(json, faults));
  EXPECT_EQ(campaign, parse(expected, faults));
  EXPECT_TRUE(faults.ok());
  EXPECT_THAT(campaign.audience.files, ElementsAre("/base/a.csv"));
  EXPECT_EQ(campaign.message.text, "Chào 😀 / \"b\"");
}

TEST(Canonical, OtherFactsAreOtherBytes) {
  const std::string base = "campaign: a\nmessage: {text: x}\n";
  EXPECT_NE(canonical(base), canonical("campaign: a\nmessage: {text: X}\n"));
  EXPECT_NE(canonical("message: {text: 1.0}"), canonical("message: {text: 1.00}"));
  EXPECT_NE(canonical("title: ''"), canonical("title:"));
}

TEST(Canonical, HoldsNoRecipientsNumber) {
  const std::string text =
      "campaign: thu-1\nclass: public_info\nsender: CALANGSON\nmessage: {text: x}\n"
      "audience: {numbers: ['0912345678', 0987654321]}\n";
  const std::string kept = canonical(text);
  EXPECT_THAT(kept, Not(HasSubstr("0912345678")));
  EXPECT_THAT(kept, Not(HasSubstr("987654321")));
  EXPECT_EQ(canonical(kept), kept);
  Faults faults;
  const Campaign campaign = parse(text, faults);
  Campaign back = parse(kept, faults);
  ASSERT_TRUE(faults.ok());
  EXPECT_EQ(back.audience.digest, digest_of(campaign.audience.numbers));
  EXPECT_EQ(back.audience.kind(), AudienceKind::numbers);
  back.audience = campaign.audience;
  EXPECT_EQ(back, campaign);
  EXPECT_NE(kept, canonical("audience: {numbers: ['0912345678', '0987654322']}"));
}

TEST(Canonical, ACampaignIsBoundedAsItIsAndAsItIsKept) {
  const auto faults_of = [](const std::string& text) {
    Faults faults;
    parse(text, faults);
    return faults.ok() ? std::string() : faults.all().front().text;
  };
  EXPECT_THAT(faults_of("title: " + std::string(50'000, 'x')), HasSubstr("larger than 50000"));
  std::string list = "message: {registered: {vina: {parameters: [";
  for (int i = 0; i < 20'000; ++i) list += "a,";
  EXPECT_THAT(faults_of(list + "]}}}"), HasSubstr("the form in which it is kept"));
}

struct Spelling {
  const char* json;
  const char* value;  // of the key a; null when it is refused
};

TEST(Json, IsReadAsTheStandardSays) {
  const Spelling table[] = {
      {R"({"a":"\uD83D\uDE00"})", "😀"},
      {R"({"a":"\u1ea1\u0041"})", "ạA"},
      {R"({"a":"x\/y\\z\"\b\f\n\r\t"})", "x/y\\z\"\b\f\n\r\t"},
      {"{\n\t\"a\"\n:\n\"b\"\n}\n", "b"},
      {"\r\n{\r\n\"a\" :\t\"b\"\r\n}\r\n", "b"},
      {R"({"a":-1.5e3})", "-1.5e3"},
      {R"({"a":0})", "0"},
      {R"({"a":true})", "true"},
      {R"({"a":"x: y #z, {k} [l] --- &b *c !d"})", "x: y #z, {k} [l] --- &b *c !d"},
      {R"({"a":"\uD83D"})", nullptr},
      {R"({"a":"\uDE00\uD83D"})", nullptr},
      {R"({"a":"\uD83Dx"})", nullptr},
      {R"({"a":"\u0000"})", nullptr},
      {R"({"a":"b","a":"c"})", nullptr},
      {R"({"a":"b","\u0061":"c"})", nullptr},
      {R"({"a":"b"} {"a":"c"})", nullptr},
      {R"({"a":"b"}x)", nullptr},
      {R"({"a":"b")", nullptr},
      {R"({"a":"b)", nullptr},
      {R"({"a" "b"})", nullptr},
      {R"({"a":&b "c"})", nullptr},
      {"{\"a\":\"\xC3\"}", nullptr},
  };
  for (const Spelling& row : table) {
    SCOPED_TRACE(row.json);
    Faults faults;
    const auto document = parse_document(row.json, "j", faults);
    EXPECT_EQ(document.has_value(), row.value != nullptr);
    EXPECT_EQ(faults.ok(), row.value != nullptr);
    if (document && row.value != nullptr) {
      EXPECT_EQ(document->find("a")->scalar(), row.value);
    }
  }
}

TEST(Json, FaultsHaveTheirPlaces) {
  Faults faults;
  parse("{\n  \"campaign\": \"ok\",\n  \"á\": \"\\uD83D\\uDE00\", \"x\": 1\n}", faults);
  bool found = false;
  for (const Fault& fault : faults.all()) {
    if (fault.text.find("the key 'x'") == std::string::npos) continue;
    found = true;
    EXPECT_EQ(fault.place, (Place{"c", 3, 24}));
  }
  EXPECT_TRUE(found);
}

TEST(Json, LongKeysAndDeepNestingEndInWords) {
  Faults faults;
  EXPECT_TRUE(parse_document("{\"" + std::string(5000, 'k') + "\":1}", "j", faults));
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100'000; ++i) deep += "[\"]\",";
  EXPECT_FALSE(parse_document(deep.substr(0, 200'000), "j", faults));
  std::string levels = "{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}";
  EXPECT_FALSE(parse_document(levels, "j", faults));
  EXPECT_THAT(faults.all().back().text, HasSubstr("more than 16 levels"));
}

// Every campaign comes back from its canonical form, whichever way it was written.
RC_GTEST_PROP(Canonical, GivesTheCampaignAgain, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("ab c.,:#-'\"\\/[]!?&*%@0179")));
  const std::string json_text = [&] {
    std::string out;
    for (const char c : "x" + text)
      out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + R"(\u1ea1\uD83D\uDE00\n)";
  }();
  const std::string yaml_text = [&] {
    std::string out;
    for (const char c : "x" + text)
      out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "ạ😀\\n";
  }();
  const int weight = *rc::gen::inRange(1, 1000);
  const int parts = *rc::gen::inRange(0, 1'000'000);
  const int pace = *rc::gen::inRange(0, 100'000);
  const auto priority = *rc::gen::elementOf(std::vector<std::string>{"low", "high", "emergency"});
  const auto audience = *rc::gen::elementOf(
      std::vector<std::string>{R"({"files":["a.csv","b.csv"],"exclude":["c.csv"]})",
                               R"({"upload":"xa-1"})", R"({"redis":{"list":"loa:a"}})"});
  const std::string json = fmt::format(
      R"({{"campaign":"c-1","class":"care","sender":"CA","audience":{},"message":{{"text":"{}"}},)"
      R"("pace":{{"parts_per_second":{}.25,"weight":{}}},"budget":{{"parts":{}}},"priority":"{}",)"
      R"("schedule":{{"if_late":"run","repeat":{{"every":"day","at":"08:00"}}}},)"
      R"("guard":{{"canary":[0.5,5],"observe":"90s"}}}})",
      audience, json_text, pace, weight, parts, priority);
  const std::string yaml = fmt::format(
      "guard:\n  observe: 90s\n  canary:\n    - 0.5\n    - 5\nschedule:\n  repeat: {{at: "
      "\"08:00\", every: "
      "day}}\n  if_late: run\npriority: {}\nbudget: {{parts: {}}}\npace: {{weight: '{}', "
      "parts_per_second: "
      "{}.250}}\nmessage:\n  text: \"{}\"\naudience: {}\nsender: CA\nclass: care\ncampaign: c-1\n",
      priority, parts, weight, pace, yaml_text, audience);
  Faults faults;
  const auto from_json = parse(json, faults);
  const auto from_yaml = parse(yaml, faults);
  // Braces are taken for placeholders, and none is among the characters above.
  RC_ASSERT(faults.ok());
  RC_ASSERT(from_json == from_yaml);
  RC_ASSERT(from_json.message.text == "x" + text + "ạ😀\n");
  const std::string kept = canonical(json);
  RC_ASSERT(kept == canonical(yaml));
  RC_ASSERT(kept == canonical(kept));
  RC_ASSERT(parse(kept, faults) == from_json);
}

}  // namespace
}  // namespace loa
