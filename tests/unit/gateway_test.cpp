// One harness for every profile: a message, the request it must become, and the carrier's answers
// with the class each row must get.
#include "gateway/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace loa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kProject = LOA_PROJECT;

std::string shown(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults.all()) {
    text += to_string(fault.place) + ": " + fault.text + "\n";
  }
  return text;
}

const AccountValues kAccount{{{"label", "CALANGSON"},
                              {"agent", "1"},
                              {"contract", "2"},
                              {"contract_type", "1"},
                              {"template", "1001"},
                              {"user", "loa"},
                              {"password", "p\"&w"},
                              {"token", "tok"}}};

// A batch that owns its rows; numbers count up from 84912000101.
struct Sample {
  std::string text = "Canh bao";
  Encoding encoding = Encoding::gsm7;
  std::size_t rows = 1;
  std::string registered = "";
  std::vector<std::string_view> parameters = {};
  std::vector<BatchRow> made = {};

  Batch batch() {
    static const std::vector<std::string> ids = {"r1", "r2", "r3", "r4"};
    made.clear();
    for (std::size_t i = 0; i < rows; ++i) {
      made.push_back({84912000101 + i, i < ids.size() ? std::string_view(ids[i]) : "", text});
    }
    Batch batch;
    batch.reference = "abcdefghijklmnopqrstuvwxyz";
    batch.sender = "CALANGSON";
    batch.encoding = encoding;
    batch.rows = made;
    batch.registered_template = registered;
    batch.parameters = parameters;
    return batch;
  }
};

Profile shipped(const std::string& name) {
  Faults faults;
  Profile profile = Profile::load(kProject + "/config/profiles/" + name + ".yaml", faults);
  EXPECT_TRUE(faults.all().empty()) << shown(faults);
  return profile;
}

std::string classes(const Verdict& verdict) {
  std::string text;
  for (const Verdict::Row& row : verdict.rows) {
    text += (text.empty() ? "" : " ") + std::string(to_string(row.value));
  }
  return verdict.rows.empty() ? std::string(to_string(verdict.whole.value)) : text;
}

struct AnswerCase {
  const char* name;
  std::size_t rows;
  int status;
  const char* body;
  const char* classes;  // one for each row, or one for the whole
  const char* words;    // a part of the whole's, "" for any
};

void check_answers(const Profile& profile, const std::vector<AnswerCase>& table) {
  for (const AnswerCase& row : table) {
    SCOPED_TRACE(row.name);
    Sample sample;
    sample.rows = row.rows;
    const Verdict verdict = profile.read({row.status, row.body, ""}, sample.batch());
    EXPECT_EQ(classes(verdict), row.classes);
    EXPECT_THAT(verdict.whole.words, HasSubstr(row.words));
    EXPECT_TRUE(verdict.rows.empty() || verdict.rows.size() == row.rows);
  }
}

std::string vnpt_body(const std::string& template_id, const std::string& parameters,
                      const std::string& numbers, const std::string& coding) {
  return R"({"RQST":{"name":"send_sms_list","REQID":"abcdefghijklmnopqrstuvwxyz",)"
         R"("LABELID":"CALANGSON","CONTRACTTYPEID":"1","CONTRACTID":"2","TEMPLATEID":")" +
         template_id + R"(","PARAMS":[)" + parameters + R"(],"SCHEDULETIME":"","MOBILELIST":")" +
         numbers +
         R"(","ISTELCOSUB":"0","AGENTID":"1","APIUSER":"loa","APIPASS":"p\"&w","USERNAME":"loa",)"
         R"("DATACODING":")" +
         coding + R"("}})";
}

TEST(Vnpt, Requests) {
  const Profile profile = shipped("vnpt-smsbn");
  Sample plain;
  HttpRequest request = profile.render("http://127.0.0.1:9102/", kAccount, plain.batch());
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "http://127.0.0.1:9102/smsbn/api");
  EXPECT_THAT(request.headers, ElementsAre("Content-Type: application/json; charset=utf-8"));
  EXPECT_EQ(request.body,
            vnpt_body("1001", R"({"NUM":"1","CONTENT":"Canh bao"})", "84912000101", "0"));

  Sample unicode{.text = "Cảnh \"báo\"\n", .encoding = Encoding::ucs2, .rows = 3};
  request = profile.render("http://h", kAccount, unicode.batch());
  EXPECT_EQ(request.body, vnpt_body("1001", R"({"NUM":"1","CONTENT":"Cảnh \"báo\"\n"})",
                                    "84912000101,84912000102,84912000103", "8"));

  Sample registered{.registered = "81", .parameters = {"Cao Loc", "113"}};
  request = profile.render("http://h", kAccount, registered.batch());
  EXPECT_EQ(request.body,
            vnpt_body("81", R"({"NUM":"1","CONTENT":"Cao Loc"},{"NUM":"2","CONTENT":"113"})",
                      "84912000101", "0"));
}

TEST(Vnpt, Answers) {
  const Profile profile = shipped("vnpt-smsbn");
  check_answers(
      profile,
      {
          {"plain", 1, 200, R"({"RPLY":{"name":"x","ERROR":"0","ERROR_DESC":"success"}})", "ok",
           "success"},
          {"number as code", 2, 200, R"({"RPLY":{"ERROR":0}})", "ok", "HTTP 200"},
          {"duplicate", 1, 200, R"({"RPLY":{"ERROR":"33","ERROR_DESC":"dup"}})", "duplicate",
           "dup"},
          {"401", 1, 401, "", "hold", "unknown answer: HTTP 401"},
          {"403", 1, 403, "<html>", "hold", ""},
          {"404", 1, 404, "", "hold", ""},
          {"429", 1, 429, "", "throttle", ""},
          {"500", 1, 500, "oops", "in_doubt", ""},
          {"503", 1, 503, "", "in_doubt", ""},
          {"redirect", 1, 302, "", "unknown", ""},
          {"no status", 1, 0, "", "in_doubt", ""},
          {"unparseable", 1, 200, "<html>welcome</html>", "in_doubt", "unreadable"},
          {"empty", 1, 200, "", "in_doubt", "unreadable"},
          {"cut", 1, 200, R"({"RPLY":{"ERROR":"0")", "in_doubt", "unreadable"},
          {"two values", 1, 200, R"({"RPLY":{"ERROR":"0"}}{})", "in_doubt", "unreadable"},
          {"no code", 1, 200, R"({"RPLY":{}})", "in_doubt", "unknown answer"},
          {"null code", 1, 200, R"({"RPLY":{"ERROR":null}})", "in_doubt", "unknown answer"},
          {"code is a list", 1, 200, R"({"RPLY":{"ERROR":["0"]}})", "in_doubt", ""},
          {"leading zero", 1, 200, R"({"RPLY":{"ERROR":"00"}})", "unknown", "unknown answer"},
          {"float", 1, 200, R"({"RPLY":{"ERROR":0.0}})", "unknown", "code 0.0"},
          {"unknown", 1, 200, R"({"RPLY":{"ERROR":"999","ERROR_DESC":"?"}})", "unknown",
           "unknown answer: HTTP 200, code 999: ?"},
          {"-1", 2, 200, R"({"RPLY":{"ERROR":"-1"}})", "split", ""},
          {"23", 2, 200, R"({"RPLY":{"ERROR":"23"}})", "split", ""},
          {"25", 1, 200, R"({"RPLY":{"ERROR":"25"}})", "reroute", ""},
          {"26", 1, 200, R"({"RPLY":{"ERROR":"26"}})", "recipient", ""},
          {"16", 1, 200, R"({"RPLY":{"ERROR":"16"}})", "throttle", ""},
      });
  const auto each = [&](std::initializer_list<int> codes, std::string_view expected) {
    for (const int code : codes) {
      Sample sample;
      const std::string body = R"({"RPLY":{"ERROR":")" + std::to_string(code) + "\"}}";
      EXPECT_EQ(to_string(profile.read({200, body, ""}, sample.batch()).whole.value), expected)
          << code;
    }
  };
  const auto network = [&](const char* words) {
    Sample sample;
    const std::string body =
        R"({"RPLY":{"ERROR":"25","ERROR_DESC":")" + std::string(words) + "\"}}";
    return profile.read({200, body, ""}, sample.batch()).whole.network;
  };
  EXPECT_EQ(network("wrong network: right network [VIETTEL], label invalid"), "viettel");
  EXPECT_EQ(network("right network [VMS]"), "mobifone");
  EXPECT_EQ(network("wrong"), "");
  each({1, 2, 3, 9, 10, 13, 14, 15, 20, 21, 22, 24, 31, 101}, "hold");
  each({7, 11, 17, 30, 32}, "message");
  each({8, 12}, "window");
}

TEST(Vnpt, Properties) {
  const Profile profile = shipped("vnpt-smsbn");
  EXPECT_EQ(profile.name(), "vnpt-smsbn");
  EXPECT_EQ(profile.mode(), BatchMode::join);
  EXPECT_TRUE(profile.registered_texts_only());
  EXPECT_TRUE(profile.allows_plain_http());
  // It refuses a REQID that it knows, nobody says for how long.
  EXPECT_EQ(profile.recourse().idempotency_window.count(), 0);
  EXPECT_TRUE(profile.takes_ucs2("vinaphone"));
  EXPECT_FALSE(profile.takes_ucs2("viettel"));
  EXPECT_EQ(profile.forbidden("a\"b"), U'"');
  EXPECT_EQ(profile.forbidden("Cảnh báo"), std::nullopt);
  EXPECT_EQ(profile.parts().gsm7.parts_max(), 4);
  EXPECT_THAT(profile.account_keys(),
              testing::UnorderedElementsAre("label", "agent", "contract", "contract_type",
                                            "template", "user", "password"));
}

TEST(Speedsms, Requests) {
  const Profile profile = shipped("speedsms");
  Sample plain;
  HttpRequest request = profile.render("https://api.speedsms.vn", kAccount, plain.batch());
  EXPECT_EQ(request.url, "https://api.speedsms.vn/index.php/sms/send");
  EXPECT_THAT(request.headers, ElementsAre("Content-Type: application/json; charset=utf-8",
                                           "Authorization: Basic dG9rOng="));
  EXPECT_EQ(request.body,
            R"({"to":["84912000101"],"content":"Canh bao","sms_type":3,"sender":"CALANGSON"})");

  Sample unicode{.text = "Cảnh báo \\ \t", .encoding = Encoding::ucs2, .rows = 2};
  Batch batch = unicode.batch();
  batch.message_class = MessageClass::advertising;
  request = profile.render("https://h", kAccount, batch);
  EXPECT_EQ(request.body,
            "{\"to\":[\"84912000101\",\"84912000102\"],"
            "\"content\":\"Cảnh báo \\\\ \\u0009\",\"sms_type\":1,"
            "\"sender\":\"CALANGSON\"}");
}

TEST(Speedsms, Answers) {
  const Profile profile = shipped("speedsms");
  check_answers(
      profile,
      {
          {"plain", 1, 200, R"({"status":"success","data":{"tranId":7,"invalidPhone":[]}})", "ok",
           ""},
          {"no list", 2, 200, R"({"status":"success","data":{}})", "ok ok", ""},
          {"partial", 3, 200, R"({"status":"success","data":{"invalidPhone":["0912000102"]}})",
           "ok recipient ok", ""},
          {"partial, numbers", 2, 200,
           R"({"status":"success","data":{"invalidPhone":[84912000101,"+84912000102"]}})",
           "recipient recipient", ""},
          {"partial, text", 2, 200,
           R"({"status":"success","data":{"invalidPhone":"84912000101, 84912000102"}})",
           "recipient recipient", ""},
          {"a number that was not sent", 2, 200,
           R"({"status":"success","data":{"invalidPhone":["84912000101","84999"]}})",
           "recipient in_doubt", ""},
          {"a list of objects", 2, 200,
           R"({"status":"success","data":{"invalidPhone":[{"phone":"84912000101"}]}})",
           "in_doubt in_doubt", ""},
          {"200 with error", 2, 200, R"({"status":"error","message":"balance"})", "hold",
           "balance"},
          {"refused", 1, 400, R"({"status":"error","message":"sender not found"})", "hold",
           "sender"},
          {"no duplicates here", 1, 409, R"({"status":"dup"})", "hold", "unknown answer"},
          {"401", 1, 401, "Unauthorized", "hold", ""},
          {"429", 1, 429, "", "throttle", ""},
          {"429 with a body", 1, 429, R"({"status":"error","code":"429"})", "throttle", ""},
          {"500 with a body", 1, 500, R"({"status":"error","message":"x"})", "in_doubt", ""},
          {"502", 1, 502, "<html>", "in_doubt", ""},
          {"unparseable", 1, 200, "ok", "in_doubt", ""},
      });
  Sample sample;
  const Verdict verdict = profile.read(
      {200, R"({"status":"success","data":{"tranId":123456789}})", ""}, sample.batch());
  EXPECT_EQ(verdict.rows.at(0).carrier_id, "123456789");
}

TEST(Kannel, Requests) {
  const Profile profile = shipped("kannel-sendsms");
  Sample plain;
  HttpRequest request = profile.render("http://127.0.0.1:13013", kAccount, plain.batch());
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.url,
            "http://127.0.0.1:13013/cgi-bin/sendsms?username=loa&password=p%22%26w&from=CALANGSON"
            "&to=84912000101&text=Canh%20bao&charset=UTF-8&coding=0");
  EXPECT_EQ(request.body, "");
  EXPECT_TRUE(request.headers.empty());

  Sample unicode{.text = "Cảnh+báo", .encoding = Encoding::ucs2, .rows = 2};
  request = profile.render("http://h", kAccount, unicode.batch());
  EXPECT_THAT(request.url, HasSubstr("&to=84912000101%2084912000102"
                                     "&text=C%E1%BA%A3nh%2Bb%C3%A1o&charset=UTF-8&coding=2"));
}

TEST(Kannel, Answers) {
  check_answers(
      shipped("kannel-sendsms"),
      {
          {"plain", 1, 202, "0: Accepted for delivery", "ok", "0: Accepted"},
          {"queued", 1, 202, "3: Queued for later delivery", "ok", ""},
          {"sent", 2, 202, "Sent.", "ok ok", ""},
          {"partial", 3, 202, "Sent. Denied receivers are: 84912000102 Message splits: 2",
           "ok recipient ok", ""},
          {"partial failure", 2, 500, "Sending failed. Failed receivers are: 84912000101",
           "retry ok", ""},
          {"failure without a list", 2, 500, "Sending failed.", "in_doubt", ""},
          {"not routable", 1, 403, "Not routable. Do not try again.", "recipient", ""},
          {"busy", 1, 503, "Temporal failure, try again later.", "retry", ""},
          {"login", 1, 403, "Authorization failed for sendsms", "hold", ""},
          {"denied", 1, 400, "Number(s) has/have been denied by white- and/or black-lists.",
           "recipient", ""},
          {"refused", 1, 400, "Empty receiver number not allowed, rejected", "hold", ""},
          {"no duplicates here", 1, 409, "duplicate", "hold", "unknown answer"},
          {"401", 1, 401, "", "hold", ""},
          {"429", 1, 429, "", "throttle", ""},
          {"504", 1, 504, "", "in_doubt", ""},
          {"200 with error", 1, 200, "Authorization failed", "unknown", "unknown answer"},
          {"empty", 1, 202, " \n", "in_doubt", "unreadable"},
          {"a page", 1, 202, "<html>hello</html>", "unknown", "unknown answer"},
      });
}

TEST(Kannel, LongLists) {
  const Profile profile = shipped("kannel-sendsms");
  Sample sample;
  sample.rows = 500;
  std::string body = "Sending failed. Failed receivers are:";
  for (std::size_t i = 0; i < 500; ++i) body += " " + std::to_string(84912000101 + i);
  EXPECT_GT(body.size(), 4096U);
  const Verdict verdict = profile.read({500, body, ""}, sample.batch());
  // Nothing may pass as sent that was listed behind what is searched.
  for (const Verdict::Row& row : verdict.rows) EXPECT_NE(row.value, AnswerClass::ok);
  EXPECT_EQ(verdict.rows.front().value, AnswerClass::retry);
}

// --- the language ---------------------------------------------------------------------------

class ProfileFiles : public testing::Test {
 protected:
  ProfileFiles() { std::filesystem::create_directories(folder_); }
  ~ProfileFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Profile load(const std::string& text, Faults& faults) const {
    write("p.yaml", text);
    return Profile::load((folder_ / "p.yaml").string(), faults);
  }
  Profile sound(const std::string& text) const {
    Faults faults;
    Profile profile = load(text, faults);
    EXPECT_TRUE(faults.all().empty()) << shown(faults);
    return profile;
  }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "loa_gateway_test";
};

std::string profile_with(const std::string& key, const std::string& line) {
  const std::pair<std::string, std::string> lines[] = {
      {"profile", "profile: p"},
      {"request", "request: {json: {to: \"{{number}}\", text: \"{{text}}\"}}"},
      {"answer", "answer: {code: /c, words: /w}"},
      {"rules", "rules: [{code: \"0\", class: ok}]"},
  };
  std::string text;
  bool replaced = false;
  for (const auto& [name, written] : lines) {
    replaced = replaced || name == key;
    const std::string& used = name == key ? line : written;
    if (!used.empty()) text += used + "\n";
  }
  return replaced ? text : text + line + "\n";
}

TEST_F(ProfileFiles, ItemsInXml) {
  const Profile profile = sound(
      "profile: p\nnumber: \"+84\"\n"
      "batch: {mode: items, max: 10, item: '<m id=\"{{item.id}}\" n=\"{{item.number}}\" "
      "h=\"{{item.text|md5}}\">{{item.text}}</m>'}\n"
      "request: {path: \"/{{account.label}}/send\", headers: {X-Sign: "
      "\"{{reference|hmac_sha256(account.key)}}\"}, xml: '<r>{{items}}</r>'}\n"
      "answer: {format: xml, code: //result, recipients: {items: //details, match: id, key: "
      "\"@id\", "
      "code: code, words: text, message_id: mid}}\n"
      "rules: [{code: [\"1\", ok], class: ok}, {code: [bad], class: recipient}]\n");
  Sample sample{.text = "a<&>\"'\x01z", .rows = 2};
  const AccountValues account{{{"label", "a/b c\r\nX: y"}, {"key", "k"}}};
  const HttpRequest request = profile.render("https://h/x", account, sample.batch());
  EXPECT_EQ(request.url, "https://h/x/a%2Fb%20c%0D%0AX%3A%20y/send");
  EXPECT_EQ(request.headers.at(0).size(), std::string("X-Sign: ").size() + 64);
  EXPECT_THAT(request.body, HasSubstr("<r><m id=\"r1\" n=\"+84912000101\" h=\""));
  EXPECT_THAT(request.body, HasSubstr("\">a&lt;&amp;&gt;&quot;&apos;z</m><m id=\"r2\""));

  const auto read = [&](const char* body) { return profile.read({200, body, ""}, sample.batch()); };
  const Verdict both = read(
      "<s:E xmlns:s='urn:x'><s:result>1</s:result>"
      "<s:details id='r2'><code>bad</code><text>no such 84912000102</text></s:details>"
      "<s:details id='r1'><code>ok</code><mid>84911111111</mid></s:details></s:E>");
  EXPECT_EQ(classes(both), "ok recipient");
  EXPECT_EQ(both.rows[0].carrier_id, "84911111111");
  EXPECT_EQ(both.rows[1].words, "no such •••");
  EXPECT_EQ(classes(read("<E><result>1</result><details id='r1'><code>ok</code></details></E>")),
            "ok in_doubt");
  EXPECT_EQ(classes(read("<E><result>1</result><details id='r1'><code>7</code></details>"
                         "<details id='r2'/></E>")),
            "unknown in_doubt");
  EXPECT_EQ(classes(read("<E><result>1</result><details id='r1'><code>ok</code></details>"
                         "<details id='r1'><code>bad</code></details></E>")),
            "in_doubt in_doubt");
  EXPECT_EQ(classes(read("<E><result>1</result></E>")), "in_doubt");
  EXPECT_EQ(classes(read("<E><result>9</result></E>")), "unknown");
  EXPECT_EQ(classes(read("<E><result>1</result>")), "in_doubt");
}

TEST_F(ProfileFiles, JsonItemsMatchedByPosition) {
  const Profile profile = sound(
      "profile: p\nnumber: \"0\"\n"
      "batch: {mode: items, item: {to: \"{{item.number}}\", n: \"{{item.id|digits|int}}\", "
      "text: \"x {{item.text}}\", k: [1, true, ~, \"1\", 007]}}\n"
      "request: {json: {messages: \"{{items}}\"}}\n"
      "answer: {recipients: {items: /m, match: position, code: /c}, retry_after: /wait}\n"
      "rules: [{code: 0, class: ok}, {http: \"5xx\", match: later, class: retry}]\n");
  Sample sample{.rows = 2};
  EXPECT_EQ(
      profile.render("https://h", {}, sample.batch()).body,
      "{\"messages\":[{\"to\":\"0912000101\",\"n\":1,\"text\":\"x Canh bao\",\"k\":[1,true,null,"
      "\"1\",\"007\"]},{\"to\":\"0912000102\",\"n\":2,\"text\":\"x Canh bao\",\"k\":[1,true,null,"
      "\"1\",\"007\"]}]}");
  const auto read = [&](int status, const char* body, const char* header = "") {
    return profile.read({status, body, header}, sample.batch());
  };
  EXPECT_EQ(classes(read(200, "{\"m\":[{\"c\":0},{\"c\":\"5\"}]}")), "ok unknown");
  EXPECT_EQ(classes(read(200, "{\"m\":[{\"c\":0}]}")), "in_doubt");
  EXPECT_EQ(classes(read(503, "see you later")), "retry");
  EXPECT_EQ(read(429, "{\"wait\":7}").retry_after, std::chrono::seconds(7));
  EXPECT_EQ(read(429, "{\"wait\":7}", "99999").retry_after, std::chrono::seconds(3600));
  EXPECT_EQ(read(429, "{\"wait\":\"soon\"}", "Tue, 24 Nov").retry_after, std::nullopt);
}

TEST_F(ProfileFiles, FormsTextsAndFilters) {
  const Profile form =
      sound(profile_with("request",
                         "request: {form: {to: \"{{number}}\", m: \"<{{text|hex_utf16be}}>\", b: "
                         "\"{{text|base64}}\", s: \"{{account.kind|default(a b)}}\"}}"));
  Sample sample{.text = "Ả😀"};
  HttpRequest request = form.render("https://h", {}, sample.batch());
  EXPECT_EQ(request.body, "to=84912000101&m=%3C1EA2D83DDE00%3E&b=4bqi8J%2BYgA%3D%3D&s=a%20b");
  EXPECT_THAT(request.headers, ElementsAre("Content-Type: application/x-www-form-urlencoded"));

  const Profile text = sound(profile_with(
      "request",
      "request: {method: PUT, headers: {Content-Type: text/x, X: \"{{account.label}}\"}, "
      "text: \"{{number}};{{text}}\"}"));
  request = text.render("https://h", {{{"label", "a\r\nEvil: 1"}}}, sample.batch());
  EXPECT_EQ(request.body, "84912000101;Ả😀");
  EXPECT_THAT(request.headers, ElementsAre("Content-Type: text/x", "X: aEvil: 1"));
}

TEST_F(ProfileFiles, WordsFromOutsideAreHarmless) {
  const Profile profile = sound(profile_with("", "title: t"));
  Sample sample;
  const auto words = [&](const std::string& text) {
    const std::string body = "{\"c\":\"0\",\"w\":\"" + text + "\"}";
    return profile.read({200, body, ""}, sample.batch()).whole.words;
  };
  EXPECT_EQ(words("to 84912345678 and 1234567"), "to ••• and 1234567");
  EXPECT_EQ(words("a\\nb\\u0000c"), "a b c");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "ả";
  EXPECT_EQ(words(many).size(), 198U);
  const Verdict verdict =
      profile.read({200, "{\"c\":\"" + std::string(500, 'x') + "\"}", ""}, sample.batch());
  EXPECT_EQ(verdict.whole.code.size(), 64U);
}

TEST_F(ProfileFiles, AnyBytesGiveAVerdict) {
  Sample sample{.rows = 2};
  const Batch batch = sample.batch();
  for (const char* name : {"vnpt-smsbn", "speedsms", "kannel-sendsms"}) {
    const Profile profile = shipped(name);
    const std::string bodies[] = {std::string(100'000, '['),
                                  std::string(2 << 20, ' '),
                                  std::string("\0\xFF\xFE", 3),
                                  "{\"RPLY\":{\"ERROR\":\"" + std::string(100'000, 'x') + "\"}}",
                                  "\xEF\xBB\xBF{}",
                                  std::string(5000, 'F') + "Failed receivers are: 1"};
    for (const std::string& body : bodies) {
      for (const int status : {-1, 0, 100, 200, 202, 500, 999}) {
        const Verdict verdict = profile.read({status, body, ""}, batch);
        EXPECT_NE(verdict.whole.value, AnswerClass::ok);
        EXPECT_LE(verdict.whole.words.size(), 200U);
      }
    }
  }
}

Profile sample(const std::string& name) {
  Faults faults;
  Profile profile = Profile::load(LOA_TEST_DATA "/profiles/" + name + ".yaml", faults);
  EXPECT_TRUE(faults.all().empty()) << shown(faults);
  return profile;
}

TEST(Recourses, EachProfileStatesItsOwn) {
  EXPECT_EQ(sample("idempotent").recourse().idempotency_window, std::chrono::hours(2));
  EXPECT_FALSE(sample("idempotent").recourse().can_ask);
  EXPECT_TRUE(sample("askable").recourse().read_after_write);
  EXPECT_EQ(sample("askable").recourse().settle, std::chrono::seconds(30));
  EXPECT_TRUE(sample("receipted").recourse().receipt_echoes_reference);
  const Recourse none = shipped("speedsms").recourse();
  EXPECT_FALSE(none.can_ask || none.receipt_echoes_reference ||
               none.idempotency_window.count() > 0);
}

TEST(Recourses, TheQuestionNamesTheReferenceAndNoNumber) {
  Sample sent{.rows = 3};
  const HttpRequest request =
      sample("askable").render_query("https://sms.example", kAccount, sent.batch());
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.url, "https://sms.example/messages/abcdefghijklmnopqrstuvwxyz");
  EXPECT_THAT(request.headers, testing::Contains("Authorization: Bearer tok"));
  EXPECT_EQ(request.body, "");
}

TEST(Recourses, OnlyTheCarriersOwnWordsDecide) {
  Sample sent{.rows = 3};
  const Profile profile = sample("askable");
  const auto read = [&](int status, std::string_view body) {
    return profile.read_query({status, body, ""}, sent.batch());
  };
  EXPECT_EQ(read(200, R"({"state":"sent"})"), true);
  EXPECT_EQ(read(404, R"({"state":"unknown"})"), false);
  for (const auto& [status, body] : {std::pair(404, "<html>"),
                                     {404, ""},
                                     {404, R"({"state":"sent"})"},
                                     {200, "{}"},
                                     {200, R"({"state":"new"})"},
                                     {200, R"({"state":"unknown"})"},
                                     {500, ""},
                                     {429, ""},
                                     {302, ""}})
    EXPECT_EQ(read(status, body), std::nullopt) << status << body;
}

TEST(Recourses, AQueryThatCannotDecideIsNamed) {
  const std::string whole = R"(profile: p
request: {path: /x, json: {id: "{{reference}}", to: "{{number}}", text: "{{text}}"}}
answer: {code: /c}
rules: [{code: [a], class: ok}]
query: )";
  const auto problem = [&](const std::string& query) {
    const std::string path = testing::TempDir() + "p.yaml";
    std::ofstream(path) << whole << query << "\n";
    Faults faults;
    Profile::load(path, faults);
    return shown(faults);
  };
  const std::string request = R"(request: {method: GET, path: "/{{reference}}"})";
  EXPECT_THAT(problem("{answer: {code: /c}, rules: [{code: [a], class: found}]}"),
              HasSubstr("'request' is missing"));
  EXPECT_THAT(problem("{request: {method: GET, path: /q}, answer: {code: /c}, "
                      "rules: [{code: [a], class: found}]}"),
              HasSubstr("query: it never sends {{reference}}"));
  EXPECT_THAT(problem("{" + request + ", answer: {code: /c}, rules: [{code: [a], class: ok}]}"),
              HasSubstr("must be one of found, not_found"));
  EXPECT_THAT(
      problem("{" + request + ", answer: {code: /c}, rules: [{code: [a], class: not_found}]}"),
      HasSubstr("none has class: found"));
  EXPECT_THAT(problem("{" + request +
                      ", answer: {code: /c, recipients: {failed: /f}}, "
                      "rules: [{code: [a], class: found}]}"),
              HasSubstr("'recipients' is not known"));
  EXPECT_EQ(problem("{" + request + ", answer: {code: /c}, rules: [{code: [a], class: found}]}"),
            "");
  EXPECT_THAT(problem("{" + request +
                      ", settle: 30, answer: {code: /c}, "
                      "rules: [{code: [a], class: found}]}"),
              HasSubstr("such as 30s, 10m, 24h or 7d; it is '30'"));
}

TEST_F(ProfileFiles, NamesWhatIsWrong) {
  struct Row {
    const char* key;
    const char* line;
    const char* fault;
  };
  const Row table[] = {
      {"profile", "", "'profile' is missing"},
      {"profile", "profile: q", "p.yaml:1:10: profile: it is called 'q', but its file 'p.yaml'"},
      {"request", "", "'request' is missing"},
      {"request", "request: {}", "one of json, form, query, xml, text is missing"},
      {"request", "request: {json: {a: \"{{nuber}}\"}}",
       "p.yaml:2:21: there is no placeholder '{{nuber}}'; did you mean 'number'?"},
      {"request", "request: {json: {a: \"{{number|basse64}}\"}}", "did you mean 'base64'?"},
      {"request", "request: {json: {a: \"{{number|map(1)}}\"}}", "is written map("},
      {"request", "request: {json: {a: \"{{number|map(a: b}}\"}}", "lacks its ')'"},
      {"request", "request: {json: {a: \"{{number|md5(x)}}\"}}", "takes nothing in parentheses"},
      {"request", "request: {json: {a: \"{{number|hmac_sha256(x)}}\"}}", "names its key"},
      {"request", "request: {json: {a: \"{{encoding|map(gsm7: 0)}}\"}}", "says nothing for 'ucs2'"},
      {"request", "request: {json: {a: \"{{encoding|map(gsm7: 0, ucs2: 8, ucs3: 1)}}\"}}",
       "did you mean 'ucs2'?"},
      {"request", "request: {json: {a: \"{{account.}}\"}}", "an account key has"},
      {"request", "request: {json: {a: \"{{number\"}}", "without its '}}'"},
      {"request", "request: {json: {a: \"{{numbers}}\"}}", "needs batch: {mode: join}"},
      {"request", "request: {json: {a: \"{{items}}\"}}", "needs batch: {mode: items"},
      {"request", "request: {json: {a: \"{{item.id}}\"}}", "may only stand in batch.item"},
      {"request", "request: {json: {a: \"x{{registered.parameters}}\"}}",
       "must be the whole value"},
      {"request", "request: {json: {a: \"{{registered.parameters|md5}}\"}}", "cannot go through"},
      {"request", "request: {json: {a: \"{{text|numbered(A, B)}}\"}}", "cannot go through"},
      {"request", "request: {json: {a: \"{{registered.parameters|numbered(A)}}\"}}",
       "names two keys"},
      {"request", "request: {json: {\"{{number}}\": x}}", "a key cannot hold a placeholder"},
      {"request", "request: {json: {a: \"{{text}}\"}}", "never sends the number"},
      {"request", "request: {json: {a: \"{{number}}\"}}", "never sends the text"},
      {"request", "request: {json: {}, xml: x}", "only one of"},
      {"request", "request: {form: [a]}", "must be a map"},
      {"request", "request: {form: {a: [b]}}", "must be one text"},
      {"request", "request: {xml: {a: b}}", "must be one text"},
      {"request", "request: {method: GET, xml: \"{{number}}{{text}}\"}", "a GET has no body"},
      {"request", "request: {method: FETCH, xml: \"{{number}}{{text}}\"}", "must be one of POST"},
      {"request", "request: {path: x, xml: \"{{number}}{{text}}\"}", "begins with '/'"},
      {"request", "request: {path: \"/a\\r\\nb\", xml: \"{{number}}{{text}}\"}", "begins with '/'"},
      {"request", "request: {path: \"/{{text}}\", xml: \"{{number}}{{text}}\"}",
       "only stand in the body"},
      {"request", "request: {headers: {X: \"a\\nb\"}, xml: \"{{number}}{{text}}\"}",
       "a line break"},
      {"request", "request: {headers: {\"X Y\": a}, xml: \"{{number}}{{text}}\"}",
       "is no header name"},
      {"request", "request: {headers: {X: \"{{text}}\"}, xml: \"{{number}}{{text}}\"}",
       "only stand"},
      {"request", "request: {headers: x, xml: \"{{number}}{{text}}\"}", "headers must be a map"},
      {"request", "request: {basic_auth: {user: a}, xml: \"{{number}}{{text}}\"}",
       "'password' is missing"},
      {"request", "request: {jsn: {}, xml: \"{{number}}{{text}}\"}", "did you mean 'json'?"},
      {"number", "number: 0084", "must be one of 84, +84, 0"},
      {"batch", "batch: {mode: single, max: 2}", "from 1 to 1"},
      {"batch", "batch: {mode: single, separator: x}", "belongs to mode join or items"},
      {"batch", "batch: {item: x}", "mode items needs 'item'"},
      {"text", "text: {ucs2_networks: some}", "a list of networks, all or none"},
      {"text", "text: {segments: {gsm7: [160, 100]}}", "growing numbers"},
      {"text", "text: {segments: {gsm7: [1x]}}", "growing numbers"},
      {"text", "text: {forbidd: x}", "did you mean 'forbid'?"},
      {"idempotency", "idempotency: {field: a, duplicate_means: accepted}",
       "never sends {{reference}}"},
      {"receipt_echoes_reference", "receipt_echoes_reference: true", "never sends {{reference}}"},
      {"plain_http", "plain_http: 1", "true or false"},
      {"answer", "answer: {code: c}", "did you mean '/c'?"},
      {"answer", "answer: {format: jsn, code: /c}", "did you mean 'json'?"},
      {"answer", "answer: {format: xml, code: \"//a[b]\"}", "path of names"},
      {"answer", "answer: {format: xml, code: \"@a/b\"}", "path of names"},
      {"answer", "answer: {format: text, code: \"a.*\"}", "needs a group"},
      {"answer", "answer: {format: text, code: \"(a\"}", "no regular expression"},
      {"answer", "answer: {format: text, code: \"((a+)+)\"}", "repeats a group"},
      {"answer", "answer: {format: text, code: \"(a|a)*\"}", "repeats a group"},
      {"answer", "answer: {format: text, code: \"(a)\\\\1\"}", "refers back"},
      {"answer", "answer: {format: text, code: \"(a{1,5000})\"}", "more than 100 times"},
      {"answer", "answer: {code: /c, recipients: {items: /i, match: number}}", "'key' says where"},
      {"answer", "answer: {code: /c, recipients: {items: /i, match: id, key: /k}}", "needs batch"},
      {"answer", "answer: {code: /c, recipients: {class: recipient}}", "'failed' is missing"},
      {"answer", "answer: {code: /c, recipients: {failed: /f, class: lost}}", "must be one of ok"},
      {"rules", "", "'rules' is missing"},
      {"rules", "rules: {}", "rules must be a list"},
      {"rules", "rules: [{code: \"0\", class: ok}, {class: hold}]",
       "needs 'http', 'code' or 'match'"},
      {"rules", "rules: [{code: \"0\", class: ok}, {code: \"1\"}]", "'class' is missing"},
      {"rules", "rules: [{code: \"0\", class: retr}, {http: 201, class: ok}]",
       "did you mean 'retry'?"},
      {"rules", "rules: [{code: \"0\", class: ok}, {http: 6xx, class: hold}]", "no HTTP status"},
      {"rules", "rules: [{code: \"0\", class: ok}, {code: \"0\", class: hold}]",
       "decided in line 4"},
      {"rules", "rules: [{code: \"0\", class: hold}]", "none has class: ok"},
      {"rules", "rules: [{code: \"0\", class: ok}, {match: \"[\", class: hold}]",
       "no regular expression"},
      {"rules", "rules: [{code: \"0\", class: ok, network: \"(a)\"}]", "belongs to class: reroute"},
      {"answer", "answer: {code: /c, networks: x}", "'networks' is a map"},
      {"receipts", "receipts: {}", "the key 'receipts' is not known"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.line);
    Faults faults;
    load(profile_with(row.key, row.line), faults);
    EXPECT_EQ(faults.errors(), 1U) << shown(faults);
    EXPECT_THAT(shown(faults), HasSubstr(row.fault));
  }
}

// --- gateways -------------------------------------------------------------------------------

NumberingPlan numbering() {
  Faults faults;
  NumberingPlan plan = NumberingPlan::load(kProject + "/config/networks.yaml", faults);
  EXPECT_TRUE(faults.ok()) << shown(faults);
  return plan;
}

TEST(Gateways, TheExampleIsSound) {
  Faults faults;
  const auto document = load_document(kProject + "/config/loa.yaml", faults);
  ASSERT_TRUE(document) << shown(faults);
  const auto gateways = read_gateways(*document->find("gateways"), kProject + "/config/profiles",
                                      numbering(), faults);
  ASSERT_TRUE(faults.all().empty()) << shown(faults);
  ASSERT_EQ(gateways.size(), 3U);
  const Gateway& vina = gateways[1];
  EXPECT_EQ(vina.name, "vina");
  EXPECT_EQ(vina.profile.name(), "vnpt-smsbn");
  EXPECT_THAT(vina.networks, ElementsAre("vinaphone", "itel"));
  EXPECT_EQ(vina.batch, 200);
  EXPECT_EQ(vina.limits.messages_per_second, 500);
  EXPECT_EQ(vina.limits.in_flight, 8);
  EXPECT_EQ(vina.price_per_part, 350);
  EXPECT_EQ(vina.account.find("label"), "CALANGSON");
  ASSERT_EQ(vina.secrets.size(), 2U);
  EXPECT_EQ(vina.secrets[1].second.name, kProject + "/config/secrets/vina");
}

TEST_F(ProfileFiles, AGatewayHasHoursOfItsOwn) {
  write("tls.yaml",
        "profile: tls\nrequest: {json: {to: \"{{number}}\", text: \"{{text}}\"}}\n"
        "answer: {code: /c}\nrules: [{code: \"0\", class: ok}]\n");
  Faults faults;
  const auto document = parse_document(
      "g: {profile: tls, url: \"https://h/\", networks: [viettel], hours: {from: '07:00', to: "
      "'21:30'}}",
      "g", faults);
  const auto gateways =
      read_gateways(*document, folder_.string(), numbering(), faults, "Asia/Bangkok");
  ASSERT_TRUE(faults.all().empty()) << shown(faults);
  const std::optional<Schedule>& hours = gateways.front().hours;
  ASSERT_TRUE(hours);
  EXPECT_EQ(hours->from, std::chrono::minutes(7 * 60));
  EXPECT_EQ(hours->to, std::chrono::minutes(21 * 60 + 30));
  EXPECT_EQ(hours->zone, "Asia/Bangkok");
}

TEST_F(ProfileFiles, GatewaysNameWhatIsWrong) {
  write("tls.yaml",
        "profile: tls\nrequest: {json: {to: \"{{number}}\", text: \"{{text}}\", k: "
        "\"{{account.label}}\", p: \"{{account.password}}\"}}\n"
        "answer: {code: /c}\nrules: [{code: \"0\", class: ok}]\n");
  const std::string sound =
      "profile: tls, url: \"https://h:8443/x\", networks: [viettel], account: {label: a, password: "
      "{env: P}}";
  struct Row {
    const char* from;  // replaced in the sound entry
    const char* to;
    const char* fault;
  };
  const Row table[] = {
      {"profile: tls", "profile: tsl", "there is no profile 'tsl'"},
      {"profile: tls", "profile: ../tls", "there is no profile '../tls'"},
      {"profile: tls, ", "", "'profile' is missing"},
      {"https://h:8443/x", "http://h", "does not grant http"},
      {"https://h:8443/x", "ftp://h", "must begin with https://"},
      {"https://h:8443/x", "https://", "names no host"},
      {"https://h:8443/x", "https://h:99999", "no port"},
      {"https://h:8443/x", "https://h:", "no port"},
      {"https://h:8443/x", "https://u:p@h", "holds a user"},
      {"https://h:8443/x", "https://h/?a=b", "holds a user, a query"},
      {"https://h:8443/x", "https://h/\\r\\n", "holds a user, a query, a space"},
      {"[viettel]", "[viettell]", "did you mean 'viettel'?"},
      {"[viettel]", "[viettel, viettel]", "is served by 'g' already"},
      {"[viettel]", "[]", "serves no network"},
      {", networks: [viettel]", "", "'networks' is missing"},
      {"label: a", "labell: a", "lacks 'label'"},
      {"label: a, ", "label: a, more: b, ", "has no use for the account key 'more'"},
      {"label: a", "label: \"a\\nb\"", "a line break"},
      {"label: a", "label: [a]", "must be one value"},
      {"{env: P}", "hunter2", "is a secret: name it"},
      {"{env: P}", "{envv: P}", "did you mean 'env'?"},
      {"profile: tls", "profile: tls, limits: {batch: 2}",
       "'batch' must be a whole number from 1 to 1"},
      {"profile: tls", "profile: tls, limits: {in_flight: 0}", "from 1 to 256"},
      {"profile: tls", "profile: tls, hours: {from: '21:00', to: '07:00'}", "later than 'from'"},
      {"profile: tls", "profile: tls, limits: {message_per_second: 1}", "did you mean"},
      {"profile: tls", "profile: tls, price_per_part: -1", "from 0 to"},
      {"profile: tls", "profile: tls, tls: {ca: none.pem}", "is not there"},
      {"profile: tls", "profile: tls, prize_per_part: 1", "did you mean 'price_per_part'?"},
  };
  const NumberingPlan plan = numbering();
  for (const Row& row : table) {
    SCOPED_TRACE(row.to);
    std::string entry = sound;
    const std::size_t at = entry.find(row.from);
    ASSERT_NE(at, std::string::npos);
    entry.replace(at, std::string(row.from).size(), row.to);
    Faults faults;
    const auto document =
        parse_document("g: {" + entry + "}", (folder_ / "loa.yaml").string(), faults);
    ASSERT_TRUE(document) << shown(faults);
    read_gateways(*document, folder_.string(), plan, faults);
    EXPECT_GE(faults.errors(), 1U);
    EXPECT_LE(faults.errors(), 2U) << shown(faults);
    EXPECT_THAT(shown(faults), HasSubstr(row.fault));
    EXPECT_THAT(shown(faults), Not(HasSubstr("hunter2")));
  }
  for (const char* text : {"[a]", "{}", "{Big: {profile: tls}}"}) {
    Faults faults;
    read_gateways(*parse_document(text, "loa.yaml", faults), folder_.string(), plan, faults);
    EXPECT_FALSE(faults.ok()) << text;
  }
}

TEST(Gateways, Unlock) {
  Gateway gateway;
  gateway.name = "vina";
  gateway.account.values = {{"label", "CA"}};
  gateway.secrets = {{"password", {SecretRef::From::env, "LOA_TEST_PASSWORD", {}}}};
  ::setenv("LOA_TEST_PASSWORD", "s3cret", 1);
  const auto account = unlock(gateway);
  ASSERT_TRUE(account);
  EXPECT_EQ(account->find("label"), "CA");
  EXPECT_EQ(account->find("password"), "s3cret");
  EXPECT_EQ(account->find("none"), "");

  ::setenv("LOA_TEST_PASSWORD", "a\nb", 1);
  EXPECT_THAT(unlock(gateway).error().text, HasSubstr("gateway 'vina', account key 'password'"));
  EXPECT_THAT(unlock(gateway).error().text, Not(HasSubstr("a\nb")));
  ::unsetenv("LOA_TEST_PASSWORD");
  EXPECT_EQ(unlock(gateway).error().code, Code::config);
}

}  // namespace
}  // namespace loa
