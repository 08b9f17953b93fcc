// What a carrier can answer, and what follows. A server on this machine plays each row of the
// tables.
#include "net/sending.hpp"

namespace loa {
namespace {

using End = Play::End;

struct Fault {
  const char* name;
  std::string profile;
  std::string answer;
  std::string meaning;
  End end = End::keep;
};

void check(const std::vector<Fault>& table) {
  for (const Fault& fault : table) {
    SCOPED_TRACE(fault.name);
    Sending sending(fault.profile);
    Carrier carrier({{.answer = fault.answer, .end = fault.end}});
    const HttpCall call = sending.call(address(carrier, "http"));
    EXPECT_EQ(sending.meaning(Client().perform(call)), fault.meaning);
    EXPECT_EQ(carrier.requests(), 1);
  }
}

TEST(CarrierFaults, Statuses) {
  const std::string date = "Date: Tue, 24 Nov 2026 08:00:00 GMT\r\n";
  check({
      {"all is well", kSpeedsms, http("200 OK", kOk), kAccepted},
      {"429", kSpeedsms, busy(""), kSlower},
      {"429, seconds", kSpeedsms, busy("Retry-After: 7\r\n"), kSlower + ", rests 7.0 s"},
      {"429, blanks", kSpeedsms, busy("retry-after:  7 \r\n"), kSlower + ", rests 7.0 s"},
      {"429, zero", kSpeedsms, busy("Retry-After: 0\r\n"), kSlower},
      {"429, a date, by the carrier's clock", kSpeedsms,
       busy(date + "Retry-After: Tue, 24 Nov 2026 08:01:30 GMT\r\n"),
       kSlower + ", rests 1 min 30 s"},
      {"429, a date in the old form", kSpeedsms,
       busy(date + "Retry-After: Tuesday, 24-Nov-26 08:00:20 GMT\r\n"), kSlower + ", rests 20 s"},
      {"429, a date that is over", kSpeedsms,
       busy(date + "Retry-After: Tue, 24 Nov 2026 07:59:00 GMT\r\n"), kSlower},
      {"429, a date in 9999", kSpeedsms,
       busy(date + "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
       kSlower + ", rests 1 h 00 min"},
      {"429, a date without the carrier's own", kSpeedsms,
       busy("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), kSlower},
      {"429, negative", kSpeedsms, busy("Retry-After: -7\r\n"), kSlower},
      {"429, very negative", kSpeedsms, busy("Retry-After: -99999999999999999999\r\n"), kSlower},
      {"429, a week", kSpeedsms, busy("Retry-After: 604800\r\n"), kSlower + ", rests 1 h 00 min"},
      {"429, 2^63", kSpeedsms, busy("Retry-After: 9223372036854775808\r\n"),
       kSlower + ", rests 1 h 00 min"},
      {"429, a thousand digits", kSpeedsms, busy("Retry-After: " + std::string(1000, '9') + "\r\n"),
       kSlower + ", rests 1 h 00 min"},
      {"429, a fraction", kSpeedsms, busy("Retry-After: 1.5\r\n"), kSlower},
      {"429, garbage", kSpeedsms, busy("Retry-After: soon \xFF\r\n"), kSlower},
      {"429, empty", kSpeedsms, busy("Retry-After:\r\n"), kSlower},
      {"429, twice", kSpeedsms, busy("Retry-After: 7\r\nRetry-After: 8\r\n"),
       kSlower + ", rests 7.0 s"},
      {"500", kSpeedsms, http("500 Oops", ""), kUnreadable},
      {"500 with words of success", kSpeedsms, http("500 Oops", kOk), kUnreadable},
      {"502 with a page", kSpeedsms, http("502 Bad Gateway", "<html>"), kUnreadable},
      {"503 with Retry-After", kSpeedsms, http("503 Busy", "", "Retry-After: 7\r\n"), kUnreadable},
      {"503 that the carrier documents", kKannel, http("503 Busy", "Temporal failure, try later"),
       "answered, retry: planned, again in 1.0 s"},
      {"and its Retry-After", kKannel,
       http("503 Busy", "Temporal failure, try later", "Retry-After: 7\r\n"),
       "answered, retry: planned, again in 7.0 s"},
      {"504", kSpeedsms, http("504 Timeout", ""), kUnreadable},
      {"a status beyond all", kSpeedsms, http("999 What", kOk), kUnreadable},
      {"301", kSpeedsms, http("301 Moved", "", "Location: /elsewhere\r\n"), kUnknown},
      {"302 with words of success", kSpeedsms, http("302 Found", kOk, "Location: /\r\n"), kUnknown},
      {"307 to another machine", kSpeedsms,
       http("307 Moved", "", "Location: http://127.0.0.1:1/\r\n"), kUnknown},
      {"308", kSpeedsms, http("308 Moved", "", "Location: file:///etc/passwd\r\n"), kUnknown},
      {"304", kSpeedsms, http("304 Not Modified", ""), kUnknown},
      {"401", kSpeedsms, http("401 Who", "", "WWW-Authenticate: Basic realm=x\r\n"), kHeld},
      {"407", kSpeedsms, http("407 Who", "", "Proxy-Authenticate: Basic realm=x\r\n"), kHeld},
      {"417", kSpeedsms, http("417 Expectation Failed", ""), kHeld},
      {"421", kSpeedsms, http("421 Misdirected", ""), kHeld},
      {"408", kSpeedsms, http("408 Request Timeout", ""), kHeld},
      {"204", kSpeedsms, "HTTP/1.1 204 None\r\n\r\n", kUnreadable},
      {"100 before the answer", kSpeedsms, "HTTP/1.1 100 Go on\r\n\r\n" + http("200 OK", kOk),
       kAccepted},
      {"103 before the answer", kSpeedsms, "HTTP/1.1 103 Hints\r\n\r\n" + busy(""), kSlower},
      {"100 and then nothing", kSpeedsms, "HTTP/1.1 100 Go on\r\n\r\n", kInDoubt, End::close},
      {"101", kSpeedsms, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", kInDoubt, End::close},
  });
}

// Where an answer ends.
TEST(CarrierFaults, Lengths) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string head = "HTTP/1.1 200 OK\r\n";
  check({
      {"in chunks", kSpeedsms, chunked + "28\r\n" + kOk + "\r\n0\r\n\r\n", kAccepted},
      {"in chunks, with a trailer", kSpeedsms,
       chunked + "28\r\n" + kOk + "\r\n0\r\nX-Sum: 1\r\n\r\n", kAccepted},
      {"to the end", kSpeedsms, head + "\r\n" + kOk, kAccepted, End::close},
      {"to the end, but cut", kSpeedsms, head + "\r\n" + kOk.substr(0, 30), kUnreadable,
       End::close},
      {"words to the end, which may be cut before the refused", kKannel,
       "HTTP/1.1 202 Accepted\r\n\r\nSent.", kUnreadable, End::close},
      {"words of a stated length", kKannel, http("202 Accepted", "Sent."), kAccepted},
      {"words in chunks", kKannel,
       "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nSent.\r\n0\r\n\r\n",
       kAccepted},
      {"to the end, but reset", kSpeedsms, head + "\r\n" + kOk, kInDoubt, End::reset},
      {"longer than it is", kSpeedsms, head + "Content-Length: 999\r\n\r\n" + kOk, kInDoubt,
       End::close},
      {"shorter than it is", kSpeedsms, head + "Content-Length: 20\r\n\r\n" + kOk, kUnreadable},
      {"no length", kSpeedsms, head + "Content-Length: many\r\n\r\n" + kOk, kInDoubt, End::close},
      {"a negative length", kSpeedsms, head + "Content-Length: -1\r\n\r\n" + kOk, kInDoubt,
       End::close},
      {"a length of 2^64, which counts as none", kSpeedsms,
       head + "Content-Length: 18446744073709551616\r\n\r\n" + kOk, kAccepted, End::close},
      {"a chunk size that is none", kSpeedsms, chunked + "zz\r\n" + kOk + "\r\n0\r\n\r\n", kInDoubt,
       End::close},
      {"a chunk size of 2^64", kSpeedsms, chunked + "10000000000000000\r\n" + kOk + "\r\n0\r\n\r\n",
       kInDoubt, End::close},
      {"a negative chunk", kSpeedsms, chunked + "-28\r\n" + kOk + "\r\n0\r\n\r\n", kInDoubt,
       End::close},
      {"a chunk longer than its size", kSpeedsms, chunked + "20\r\n" + kOk + "\r\n0\r\n\r\n",
       kInDoubt, End::close},
      {"no last chunk", kSpeedsms, chunked + "28\r\n" + kOk + "\r\n", kInDoubt, End::close},
      {"no status line", kSpeedsms, kOk, kInDoubt, End::close},
      {"a status that is none", kSpeedsms, "HTTP/1.1 OK\r\n\r\n" + kOk, kInDoubt, End::close},
      {"another protocol", kSpeedsms, "SSH-2.0-OpenSSH_9.2\r\n", kInDoubt, End::close},
      {"TLS where there should be none", kSpeedsms, std::string("\x15\x03\x01\0\x02\x02\x16", 7),
       kInDoubt, End::close},
      {"nothing, and closed", kSpeedsms, "", kInDoubt, End::close},
      {"nothing, and reset", kSpeedsms, "", kInDoubt, End::reset},
  });
}

// What an answer says.
TEST(CarrierFaults, Bodies) {
  const auto json = [](const std::string& body) { return http("200 OK", body); };
  check({
      {"200 with an error", kSpeedsms, json(R"({"status":"error","message":"balance"})"), kHeld},
      {"200 with a page", kSpeedsms, json("<html>welcome</html>"), kUnreadable},
      {"200 with nothing", kSpeedsms, json(""), kUnreadable},
      {"cut JSON", kSpeedsms, json(R"({"status":"success")"), kUnreadable},
      {"two values", kSpeedsms, json(kOk + kOk), kUnreadable},
      {"a byte order mark", kSpeedsms, json("\xEF\xBB\xBF" + kOk), kUnreadable},
      {"no UTF-8 in JSON", kSpeedsms, json("{\"status\":\"success\",\"message\":\"\xC0\xAF\"}"),
       kUnreadable},
      {"half a character in JSON", kSpeedsms, json(R"({"status":"success","message":"\ud800"})"),
       kUnreadable},
      {"a NUL in JSON", kSpeedsms, json(std::string("{\"status\":\"success\0\"}", 20)),
       kUnreadable},
      {"JSON that is deep", kSpeedsms, json(std::string(100'000, '[')), kUnreadable},
      {"compressed, unasked", kSpeedsms,
       http("200 OK", "\x1F\x8B\x08", "Content-Encoding: gzip\r\n"), kUnreadable},
      {"a list", kSpeedsms, json("[" + kOk + "]"), kUnreadable},
      {"a string", kSpeedsms, json("\"success\""), kUnreadable},
      {"null", kSpeedsms, json("null"), kUnreadable},
      {"the code is a number", kSpeedsms, json(R"({"status":1})"), kUnknown},
      {"the code is true", kSpeedsms, json(R"({"status":true})"), kUnknown},
      {"the code is null", kSpeedsms, json(R"({"status":null})"), kUnreadable},
      {"the code is a list", kSpeedsms, json(R"({"status":["success"]})"), kUnreadable},
      {"the code is a map", kSpeedsms, json(R"({"status":{"success":1}})"), kUnreadable},
      {"the code is elsewhere", kSpeedsms, json(R"({"Status":"success"})"), kUnreadable},
      {"the words are a list", kSpeedsms, json(R"({"status":"success","message":[1]})"), kAccepted},
      {"the id is a map", kSpeedsms, json(R"({"status":"success","data":{"tranId":{}}})"),
       kAccepted},
      {"the refused are maps", kSpeedsms,
       json(R"({"status":"success","data":{"invalidPhone":[{"n":"84912000101"}]}})"), kUnreadable},
      {"the refused are a number", kSpeedsms,
       json(R"({"status":"success","data":{"invalidPhone":84912000102}})"),
       "answered, ok recipient ok: accepted refused accepted"},
      {"a refused one that was not sent", kSpeedsms,
       json(R"({"status":"success","data":{"invalidPhone":["84912000102","84900000000"]}})"),
       "answered, in_doubt recipient in_doubt: in_doubt refused in_doubt"},
      {"XML", kXml, json("<?xml version='1.0'?>\n<r><code>0</code></r>\n"), kAccepted},
      {"XML with a byte order mark", kXml, json("\xEF\xBB\xBF<r><code>0</code></r>"), kAccepted},
      {"another code", kXml, json("<r><code>1</code></r>"), kUnknown},
      {"cut XML", kXml, json("<r><code>0</code>"), kUnreadable},
      {"crossed XML", kXml, json("<r><code>0</r></code>"), kUnreadable},
      {"XML without the code", kXml, json("<r><status>0</status></r>"), kUnreadable},
      {"an empty code", kXml, json("<r><code/></r>"), kUnknown},
      {"two documents", kXml, json("<r><code>0</code></r><r><code>1</code></r>"), kUnreadable},
      {"a page behind it", kXml, json("<r><code>0</code></r>Fatal error"), kUnreadable},
      {"a page before it", kXml, json("Warning: x<r><code>0</code></r>"), kUnreadable},
      {"a comment beside it", kXml, json("<!-- x --><r><code>0</code></r><!-- y -->"), kAccepted},
      {"no UTF-8 in XML", kXml, json("<r><code>0</code><words>\xC0\xAF\xFF</words></r>"),
       kAccepted},
      {"no UTF-8 in a code", kXml, json("<r><code>0\xFF</code></r>"), kUnknown},
      {"entities that grow", kXml,
       json("<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r><code>&b;</code></r>"),
       kUnknown},
      {"an entity from a file", kXml,
       json("<!DOCTYPE r [<!ENTITY a SYSTEM '/etc/hostname'>]><r><code>&a;</code></r>"), kUnknown},
      {"XML that is deep", kXml, json([] {
         std::string deep;
         for (int i = 0; i < 50'000; ++i) deep += "<a>";
         return deep;
       }()),
       kUnreadable},
      {"JSON for XML", kXml, json(kOk), kUnreadable},
      {"blank words", kKannel, http("202 Accepted", " \n"), kUnreadable},
  });
}

// Answers that tell of each recipient.
TEST(CarrierFaults, Recipients) {
  const auto results = [](const std::string& list) {
    return http("200 OK", R"({"code":"0","results":)" + list + "}");
  };
  const std::string a = R"({"to":"84912000101","code":"0","id":"1"})";
  const std::string b = R"({"to":"84912000102","code":"7"})";
  const std::string c = R"({"to":"84912000103","code":"8"})";
  const std::string mixed =
      "answered, ok recipient retry: accepted refused planned, again in 1.0 s";
  check({
      {"in order", kNamed, results("[" + a + "," + b + "," + c + "]"), mixed},
      {"in another order", kNamed, results("[" + c + "," + a + "," + b + "]"), mixed},
      {"one twice, the same", kNamed, results("[" + a + "," + b + "," + c + "," + b + "]"), mixed},
      {"one twice, not the same", kNamed,
       results("[" + a + "," + b + "," + c + R"(,{"to":"84912000102","code":"0"}])"),
       "answered, ok in_doubt retry: accepted in_doubt planned, again in 1.0 s"},
      {"one three times, not the same", kNamed,
       results("[" + a + "," + b + R"(,{"to":"84912000101","code":"7"},)" + a + "," + c + "]"),
       "answered, in_doubt recipient retry: in_doubt refused planned, again in 1.0 s"},
      {"only some", kNamed, results("[" + b + "]"),
       "answered, in_doubt recipient in_doubt: in_doubt refused in_doubt"},
      {"none", kNamed, results("[]"), kUnreadable},
      {"no list", kNamed, results("null"), kUnreadable},
      {"a map for a list", kNamed, results(R"({"84912000101":"0"})"), kUnreadable},
      {"a text for a list", kNamed, results(R"("84912000101")"), kUnreadable},
      {"only others", kNamed, results(R"([{"to":"84900000000","code":"0"}])"), kUnreadable},
      {"others too", kNamed,
       results("[" + a + "," + b + "," + c + R"(,{"to":"84900000000","code":"0"}])"), mixed},
      {"written in other ways", kNamed,
       results(R"([{"to":84912000101,"code":0},{"to":"0912000102","code":"7"},)"
               R"({"to":"+84 912 000 103","code":8}])"),
       mixed},
      {"no numbers", kNamed,
       results(R"([{"to":"","code":"0"},{"to":null,"code":"0"},{"to":[],"code":"0"},)"
               R"({"to":"0","code":"0"},{"to":"999999999999999999999","code":"0"},null,7,[]])"),
       kUnreadable},
      {"codes of other types", kNamed,
       results(R"([{"to":"84912000101","code":["0"]},{"to":"84912000102","code":null},)"
               R"({"to":"84912000103"}])"),
       kUnreadable},
      {"a code that nobody knows", kNamed,
       results("[" + a + "," + b + R"(,{"to":"84912000103","code":"12"}])"),
       "answered, ok recipient unknown: accepted refused in_doubt, gateway held"},
      {"no code for the whole", kNamed, http("200 OK", R"({"results":[)" + a + "]}"),
       "answered, ok in_doubt in_doubt: accepted in_doubt in_doubt"},
      {"an error for the whole", kNamed, http("200 OK", R"({"code":"9","results":[)" + a + "]}"),
       kUnknown},
      {"with a 500", kNamed,
       http("500 Oops", R"({"code":"0","results":[)" + a + "," + b + "," + c + "]}"), mixed},
  });
}

}  // namespace
}  // namespace loa
