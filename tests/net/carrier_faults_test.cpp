// What a carrier can do wrong, and what follows: each table row is played by a server on this
// machine, and goes the whole way of an answer, from libcurl through the profile to the decision.
//
//   transport, class of each row: state of each row, what else (one word where all rows are alike)
//
// Nothing is not_sent of which a byte can have left, and no request arrives twice.
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/utf8.hpp"
#include "dispatch/decide.hpp"
#include "net/carrier.hpp"
#include "net/curl_http.hpp"

namespace loa {
namespace {

using End = Play::End;
using std::chrono::milliseconds;

constexpr Duration kLongEnough = std::chrono::seconds(20);  // no row takes it
constexpr Duration kShort = milliseconds(400);              // for rows that end by it

// The protocols: two that are shipped, and what those do not show.
const std::string kSpeedsms = LOA_PROJECT "/config/profiles/speedsms.yaml";      // JSON
const std::string kKannel = LOA_PROJECT "/config/profiles/kannel-sendsms.yaml";  // words
const std::string kNamed = LOA_TEST_DATA "/profiles/named-results.yaml";         // JSON, row by row
const std::string kXml = LOA_TEST_DATA "/profiles/xml-code.yaml";

const std::string kNotSent = "not_sent: planned, unreachable";
const std::string kInDoubt = "in_doubt: in_doubt";

Task<void> exchange(Http& http, const HttpCall& call, HttpReply& reply) {
  HttpReply got = co_await http.perform(call);
  reply = std::move(got);
}

// Each word once when they are all the same.
std::string shown(const std::vector<std::string_view>& words) {
  const bool alike = std::equal(words.begin() + 1, words.end(), words.begin());
  std::string text(words.front());
  for (std::size_t i = 1; i < words.size() && !alike; ++i) text += " " + std::string(words[i]);
  return text;
}

std::string_view to_string(Transport transport) {
  switch (transport) {
    case Transport::answered: return "answered";
    case Transport::not_sent: return "not_sent";
    case Transport::in_doubt: return "in_doubt";
  }
  return "";
}

// A batch of three on its way through a profile, as the dispatcher sends it.
class Sending {
 public:
  explicit Sending(const std::string& profile, std::size_t text_size = 100)
      : text_(text_size, 'x'), parameters_{text_} {
    Faults faults;
    profile_ = Profile::load(profile, faults);
    EXPECT_TRUE(faults.all().empty()) << profile;
    for (const E164 number : {84912000101U, 84912000102U, 84912000103U})
      rows_.push_back({.number = number, .id = "", .text = text_});
    batch_.reference = "abcdefghijklmnopqrstuvwxyz";
    batch_.sender = "CALANGSON";
    batch_.rows = rows_;
    batch_.parameters = parameters_;
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  HttpCall call(const std::string& url) {
    HttpRequest request = profile_.render(url, kAccount, batch_);
    HttpCall call;
    method_ = request.method;
    call.method = method_;
    call.url = std::move(request.url);
    call.headers = std::move(request.headers);
    call.body = std::move(request.body);
    call.allow_plain = profile_.allows_plain_http();
    call.connect_limit = kLongEnough;
    call.total_limit = kLongEnough;
    return call;
  }

  // A line of the tables.
  std::string meaning(const HttpReply& reply) const {
    const Work work{.rows = {{0, rows_.size() - 1}}};
    const Decision decision = decide({.work = work,
                                      .reply = reply,
                                      .batch = batch_,
                                      .profile = profile_,
                                      .now = Tick{},
                                      .jitter = 0.5,
                                      .gateway_of = [](std::string_view) { return ""; }});
    std::string text(to_string(reply.transport));
    if (reply.transport == Transport::answered) text += ", " + classes(reply);
    return text + ": " + states(decision) + besides(decision);
  }

 private:
  std::string classes(const HttpReply& reply) const {
    const Verdict verdict = profile_.read({.status = reply.status,
                                           .body = reply.body,
                                           .retry_after = reply.retry_after,
                                           .end_stated = reply.end_stated},
                                          batch_);
    std::vector<std::string_view> words = {loa::to_string(verdict.whole.value)};
    if (!verdict.rows.empty()) words.clear();
    for (const Verdict::Row& row : verdict.rows) words.push_back(loa::to_string(row.value));
    return shown(words);
  }

  std::string states(const Decision& decision) const {
    std::vector<std::string_view> words(rows_.size());
    for (const Outcome& outcome : decision.outcomes) {
      EXPECT_EQ(to_valid_utf8(outcome.words), outcome.words);
      for_each_row(outcome.rows, [&](std::uint64_t row) {
        EXPECT_TRUE(words[row].empty()) << "row " << row << " is decided twice";
        words[row] = loa::to_string(outcome.state);
      });
    }
    return shown(words);
  }

  static std::string besides(const Decision& decision) {
    std::string text;
    if (decision.unreachable) text += ", unreachable";
    if (decision.hold) text += ", gateway held";
    if (decision.stop) text += ", campaign stopped";
    if (decision.throttled) text += ", slower";
    if (decision.pause && decision.pause->count() > 0)
      text += ", rests " + to_words(*decision.pause);
    for (const Work& work : decision.again)
      if (work.not_before > Tick{}) text += ", again in " + to_words(work.not_before - Tick{});
    return text;
  }

  inline static const AccountValues kAccount{{{"label", "CALANGSON"},
                                              {"agent", "1"},
                                              {"contract", "2"},
                                              {"contract_type", "1"},
                                              {"template", "1001"},
                                              {"user", "loa"},
                                              {"password", "p"},
                                              {"token", "t"}}};
  std::string text_;
  std::vector<std::string_view> parameters_;
  Profile profile_;
  std::vector<BatchRow> rows_;
  Batch batch_;
  std::string method_;
};

// One client; its connections end with it.
class Client {
 public:
  HttpReply perform(const HttpCall& call) {
    HttpReply reply;
    asio::co_spawn(context_, exchange(*http_, call, reply),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    context_.restart();
    context_.run();  // comes back by itself when nothing is under way
    return reply;
  }

 private:
  asio::io_context context_{1};
  std::unique_ptr<Http> http_ = create_curl_http(context_.get_executor(), 4);
};

struct Seen {
  std::string meaning;
  std::string failure;
  int requests = 0;
};

std::string address(const Carrier& carrier, const std::string& scheme) {
  return scheme + "://127.0.0.1:" + std::to_string(carrier.port());
}

// Sends once to a carrier that follows the play.
Seen send_to(const Play& play, Sending& sending, Duration limit = kLongEnough) {
  Carrier carrier({play});
  HttpCall call = sending.call(address(carrier, "http"));
  call.total_limit = limit;
  const HttpReply reply = Client().perform(call);
  return {sending.meaning(reply), reply.failure, carrier.requests()};
}

std::string http(const std::string& status, const std::string& body,
                 const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

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
    const Seen seen = send_to({.answer = fault.answer, .end = fault.end}, sending);
    EXPECT_EQ(seen.meaning, fault.meaning);
    EXPECT_EQ(seen.requests, 1);
  }
}

const std::string kOk = R"({"status":"success","data":{"tranId":7}})";
const std::string kAccepted = "answered, ok: accepted";
const std::string kUnreadable = "answered, in_doubt: in_doubt";
const std::string kHeld = "answered, hold: planned, gateway held";

std::string busy(const std::string& headers) { return http("429 Too Many Requests", "", headers); }

TEST(CarrierFaults, Statuses) {
  const std::string slower = "answered, throttle: planned, slower";
  const std::string date = "Date: Tue, 24 Nov 2026 08:00:00 GMT\r\n";
  check({
      {"all is well", kSpeedsms, http("200 OK", kOk), kAccepted},
      {"429", kSpeedsms, busy(""), slower},
      {"429, seconds", kSpeedsms, busy("Retry-After: 7\r\n"), slower + ", rests 7.0 s"},
      {"429, blanks", kSpeedsms, busy("retry-after:  7 \r\n"), slower + ", rests 7.0 s"},
      {"429, zero", kSpeedsms, busy("Retry-After: 0\r\n"), slower},
      {"429, a date, by the carrier's clock", kSpeedsms,
       busy(date + "Retry-After: Tue, 24 Nov 2026 08:01:30 GMT\r\n"),
       slower + ", rests 1 min 30 s"},
      {"429, a date in the old form", kSpeedsms,
       busy(date + "Retry-After: Tuesday, 24-Nov-26 08:00:20 GMT\r\n"), slower + ", rests 20 s"},
      {"429, a date that is over", kSpeedsms,
       busy(date + "Retry-After: Tue, 24 Nov 2026 07:59:00 GMT\r\n"), slower},
      {"429, a date in 9999", kSpeedsms,
       busy(date + "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
       slower + ", rests 1 h 00 min"},
      {"429, a date without the carrier's own", kSpeedsms,
       busy("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), slower},
      {"429, negative", kSpeedsms, busy("Retry-After: -7\r\n"), slower},
      {"429, very negative", kSpeedsms, busy("Retry-After: -99999999999999999999\r\n"), slower},
      {"429, a week", kSpeedsms, busy("Retry-After: 604800\r\n"), slower + ", rests 1 h 00 min"},
      {"429, 2^63", kSpeedsms, busy("Retry-After: 9223372036854775808\r\n"),
       slower + ", rests 1 h 00 min"},
      {"429, a thousand digits", kSpeedsms, busy("Retry-After: " + std::string(1000, '9') + "\r\n"),
       slower + ", rests 1 h 00 min"},
      {"429, a fraction", kSpeedsms, busy("Retry-After: 1.5\r\n"), slower},
      {"429, garbage", kSpeedsms, busy("Retry-After: soon \xFF\r\n"), slower},
      {"429, empty", kSpeedsms, busy("Retry-After:\r\n"), slower},
      {"429, twice", kSpeedsms, busy("Retry-After: 7\r\nRetry-After: 8\r\n"),
       slower + ", rests 7.0 s"},
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
      {"301", kSpeedsms, http("301 Moved", "", "Location: /elsewhere\r\n"), kHeld},
      {"302 with words of success", kSpeedsms, http("302 Found", kOk, "Location: /\r\n"), kHeld},
      {"307 to another machine", kSpeedsms,
       http("307 Moved", "", "Location: http://127.0.0.1:1/\r\n"), kHeld},
      {"308", kSpeedsms, http("308 Moved", "", "Location: file:///etc/passwd\r\n"), kHeld},
      {"304", kSpeedsms, http("304 Not Modified", ""), kHeld},
      {"401", kSpeedsms, http("401 Who", "", "WWW-Authenticate: Basic realm=x\r\n"), kHeld},
      {"407", kSpeedsms, http("407 Who", "", "Proxy-Authenticate: Basic realm=x\r\n"), kHeld},
      {"417", kSpeedsms, http("417 Expectation Failed", ""), kHeld},
      {"421", kSpeedsms, http("421 Misdirected", ""), kHeld},
      {"408", kSpeedsms, http("408 Request Timeout", ""), kHeld},
      {"204", kSpeedsms, "HTTP/1.1 204 None\r\n\r\n", kUnreadable},
      {"100 before the answer", kSpeedsms, "HTTP/1.1 100 Go on\r\n\r\n" + http("200 OK", kOk),
       kAccepted},
      {"103 before the answer", kSpeedsms, "HTTP/1.1 103 Hints\r\n\r\n" + busy(""), slower},
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
      {"the code is a number", kSpeedsms, json(R"({"status":1})"), kHeld},
      {"the code is true", kSpeedsms, json(R"({"status":true})"), kHeld},
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
      {"another code", kXml, json("<r><code>1</code></r>"), kHeld},
      {"cut XML", kXml, json("<r><code>0</code>"), kUnreadable},
      {"crossed XML", kXml, json("<r><code>0</r></code>"), kUnreadable},
      {"XML without the code", kXml, json("<r><status>0</status></r>"), kUnreadable},
      {"an empty code", kXml, json("<r><code/></r>"), kHeld},
      {"two documents", kXml, json("<r><code>0</code></r><r><code>1</code></r>"), kUnreadable},
      {"a page behind it", kXml, json("<r><code>0</code></r>Fatal error"), kUnreadable},
      {"a page before it", kXml, json("Warning: x<r><code>0</code></r>"), kUnreadable},
      {"a comment beside it", kXml, json("<!-- x --><r><code>0</code></r><!-- y -->"), kAccepted},
      {"no UTF-8 in XML", kXml, json("<r><code>0</code><words>\xC0\xAF\xFF</words></r>"),
       kAccepted},
      {"no UTF-8 in a code", kXml, json("<r><code>0\xFF</code></r>"), kHeld},
      {"entities that grow", kXml,
       json("<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r><code>&b;</code></r>"), kHeld},
      {"an entity from a file", kXml,
       json("<!DOCTYPE r [<!ENTITY a SYSTEM '/etc/hostname'>]><r><code>&a;</code></r>"), kHeld},
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
       "answered, ok recipient hold: accepted refused planned, gateway held"},
      {"no code for the whole", kNamed, http("200 OK", R"({"results":[)" + a + "]}"),
       "answered, ok in_doubt in_doubt: accepted in_doubt in_doubt"},
      {"an error for the whole", kNamed, http("200 OK", R"({"code":"9","results":[)" + a + "]}"),
       kHeld},
      {"with a 500", kNamed,
       http("500 Oops", R"({"code":"0","results":[)" + a + "," + b + "," + c + "]}"), mixed},
  });
}

// Carriers that take their time. The deadline is the end of each.
TEST(CarrierFaults, Silence) {
  constexpr std::size_t kMoreThanSocketsHold = 16 * 1024 * 1024;
  struct Slow {
    const char* name;
    Play play;
    std::string meaning;
    std::size_t text = 100;
  };
  const std::string whole = http("200 OK", kOk);
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::vector<Slow> table = {
      {"the request is not read", {.end = End::hang, .read = 1}, kInDoubt, kMoreThanSocketsHold},
      {"the request is read, no answer", {.end = End::hang}, kInDoubt},
      {"the answer stops in its head", {.answer = head, .end = End::hang}, kInDoubt},
      {"the answer stops in its body",
       {.answer = head + "Content-Length: 999\r\n\r\n" + kOk, .end = End::hang},
       kInDoubt},
      {"a byte now and then", {.answer = whole, .each_byte = milliseconds(20)}, kInDoubt},
      {"a chunk's extension without an end",
       {.answer = head + "Transfer-Encoding: chunked\r\n\r\n1;",
        .endless = std::string(16384, 'x')},
       kInDoubt},
      {"429 before the request is read",
       {.answer = busy("Retry-After: 7\r\n"), .end = End::hang, .read = 1},
       "answered, throttle: planned, slower, rests 7.0 s",
       kMoreThanSocketsHold},
  };
  for (const Slow& slow : table) {
    SCOPED_TRACE(slow.name);
    Sending sending(kSpeedsms, slow.text);
    const Seen seen = send_to(slow.play, sending, kShort);
    EXPECT_EQ(seen.meaning, slow.meaning);
    EXPECT_EQ(seen.requests, 1);
  }
}

// Answers without an end are left before the deadline.
TEST(CarrierFaults, Endless) {
  struct Endless {
    const char* name;
    std::string begin;
    std::string endless;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string filler(16 * 1024, 'x');
  const std::vector<Endless> table = {
      {"body", head + "\r\n", filler},
      {"body of a stated length", head + "Content-Length: 999999999999\r\n\r\n", filler},
      {"chunks", chunked, "4000\r\n" + filler + "\r\n"},
      {"chunk size", chunked, std::string(1024, '0')},
      {"trailer", chunked + "0\r\nX: ", filler},
      {"trailers", chunked + "0\r\n", "X: " + filler + "\r\n"},
      {"status line", "HTTP/1.1 200 ", filler},
      {"header", head + "X: ", filler},
      {"headers", head, "X: " + filler + "\r\n"},
      {"folded header", head + "X: 1\r\n", " " + filler + "\r\n"},
      {"small headers", head, "X: 1\r\n"},
      {"going on", "", "HTTP/1.1 100 Go on\r\n\r\n"},
  };
  for (const Endless& row : table) {
    SCOPED_TRACE(row.name);
    Sending sending(kSpeedsms);
    const Seen seen = send_to({.answer = row.begin, .endless = row.endless}, sending);
    EXPECT_EQ(seen.meaning, kInDoubt);
    EXPECT_NE(seen.failure, "Timeout was reached");
    EXPECT_EQ(seen.requests, 1);
  }
}

TEST(CarrierFaults, NoWayThere) {
  struct Way {
    const char* name;
    std::string url;
  };
  const std::vector<Way> table = {
      {"refused", "http://127.0.0.1:1"},
      {"a name that cannot be", "http://" + std::string(64, 'x')},
      {"a protocol that is not granted", "ftp://127.0.0.1:1"},
      {"no URL", "http://[::1"},
  };
  for (const Way& way : table) {
    SCOPED_TRACE(way.name);
    Sending sending(kSpeedsms);
    EXPECT_EQ(sending.meaning(Client().perform(sending.call(way.url))), kNotSent);
  }
}

TEST(CarrierFaults, Tls) {
  using Protocol = Door::Protocol;
  struct Secure {
    const char* name;
    Door door;
    std::string authority;  // that the caller trusts; "" for the system's
    std::string meaning;
    Play play = {};
    std::string scheme = "https";
  };
  const std::string open_end = "HTTP/1.1 200 OK\r\n\r\n" + kOk;
  const std::vector<Secure> table = {
      {"all is well", {Protocol::https}, "good", kAccepted, {.answer = http("200 OK", kOk)}},
      {"expired", {Protocol::https, "expired"}, "expired", kNotSent},
      {"another's name", {Protocol::https, "elsewhere"}, "elsewhere", kNotSent},
      {"signed by itself", {Protocol::https}, "", kNotSent},
      {"authorities that cannot be read", {Protocol::https}, "missing", kNotSent},
      {"TLS 1.1", {Protocol::tls_1_1}, "good", kNotSent},
      {"no TLS",
       {Protocol::http},
       "good",
       kNotSent,
       {.answer = open_end, .end = End::close, .read = 1}},
      {"closed in the handshake",
       {Protocol::http},
       "good",
       kNotSent,
       {.end = End::close, .read = 1}},
      {"reset in the handshake",
       {Protocol::http},
       "good",
       kNotSent,
       {.end = End::reset, .read = 1}},
      {"silent in the handshake",
       {Protocol::http},
       "good",
       kNotSent,
       {.end = End::hang, .read = 1}},
      {"called without TLS", {Protocol::https}, "good", kInDoubt, {}, "http"},
      {"the answer ends politely",
       {Protocol::https},
       "good",
       kAccepted,
       {.answer = open_end, .end = End::close}},
      {"the answer ends anyhow, and JSON is whole",
       {Protocol::https},
       "good",
       kAccepted,
       {.answer = open_end, .end = End::drop}},
  };
  for (const Secure& row : table) {
    SCOPED_TRACE(row.name);
    Carrier carrier({row.play}, row.door);
    Sending sending(kSpeedsms);
    HttpCall call = sending.call(address(carrier, row.scheme));
    const std::string ca = make_certificates() + "/" + row.authority + ".pem";
    if (!row.authority.empty()) call.ca_file = ca;
    call.connect_limit = row.play.end == End::hang ? kShort : kLongEnough;
    EXPECT_EQ(sending.meaning(Client().perform(call)), row.meaning);
    // Without TLS at the door, what it takes for a request is the caller's hello.
    const bool hello = row.door.protocol == Protocol::http;
    EXPECT_EQ(carrier.requests(),
              hello || row.meaning != kNotSent && row.scheme == "https" ? 1 : 0);
  }
}

// --- HTTP/2, frame by frame -----------------------------------------------------------------

std::string big_endian(std::size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string frame(int type, int flags, std::size_t stream, const std::string& payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         big_endian(stream, 4) + payload;
}

constexpr int kEndStream = 1;
constexpr int kEndHeaders = 4;

std::string settings() { return frame(4, 0, 0, ""); }
std::string data(const std::string& body, int flags) { return frame(0, flags, 1, body); }
std::string rst_stream(std::size_t code) { return frame(3, 0, 1, big_endian(code, 4)); }
std::string goaway(std::size_t last_stream, std::size_t code) {
  return frame(7, 0, 0, big_endian(last_stream, 4) + big_endian(code, 4));
}
// Of the table of RFC 7541, A: 8 is ":status: 200".
std::string ok_headers(int flags) { return frame(1, kEndHeaders | flags, 1, "\x88"); }

TEST(CarrierFaults, Http2) {
  constexpr std::size_t kNoError = 0;
  constexpr std::size_t kInternalError = 2;
  constexpr std::size_t kRefusedStream = 7;
  constexpr std::size_t kCancel = 8;
  constexpr std::size_t kCalm = 11;
  constexpr std::size_t kHttp11Required = 13;
  struct Frames {
    const char* name;
    std::string frames;
    std::string meaning;
    End end = End::keep;
  };
  const std::string whole = ok_headers(0) + data(kOk, kEndStream);
  const std::vector<Frames> table = {
      {"all is well", whole, kAccepted},
      {"GOAWAY that leaves the request out", goaway(0, kNoError), kInDoubt, End::close},
      {"the same, and open", goaway(0, kNoError), kInDoubt, End::hang},
      {"GOAWAY that counts it, and closed", goaway(1, kNoError), kInDoubt, End::close},
      {"GOAWAY that counts it, and answered", goaway(1, kNoError) + whole, kAccepted},
      {"GOAWAY amid the answer", ok_headers(0) + goaway(1, kNoError) + data(kOk, kEndStream),
       kAccepted},
      {"GOAWAY amid the answer, and closed", ok_headers(0) + goaway(1, kNoError), kInDoubt,
       End::close},
      {"GOAWAY for an error", goaway(0, kCalm), kInDoubt, End::close},
      {"the stream refused", rst_stream(kRefusedStream), kInDoubt},
      {"HTTP/1.1 wanted", rst_stream(kHttp11Required), kInDoubt, End::close},
      {"the stream broken", rst_stream(kInternalError), kInDoubt},
      {"the stream cancelled", rst_stream(kCancel), kInDoubt},
      {"the stream ended without an answer", rst_stream(kNoError), kInDoubt},
      {"broken behind the head", ok_headers(0) + rst_stream(kInternalError), kInDoubt},
      {"broken in the body", ok_headers(0) + data(kOk, 0) + rst_stream(kInternalError), kInDoubt},
      {"ended in the body", ok_headers(0) + data(kOk, 0) + rst_stream(kNoError), kInDoubt},
      {"broken behind the end", whole + rst_stream(kNoError), kAccepted},
      {"no body", ok_headers(kEndStream), kUnreadable},
      {"a body without a head", data(kOk, kEndStream), kInDoubt, End::close},
      {"a head that cannot be", frame(1, kEndHeaders, 1, "\xFF\xFF\xFF\xFF\xFF\xFF"), kInDoubt,
       End::close},
      {"another's stream", frame(1, kEndHeaders | kEndStream, 3, "\x88"), kInDoubt, End::close},
      {"HTTP/1.1 after all", http("200 OK", kOk), kInDoubt, End::close},
  };
  for (const Frames& row : table) {
    SCOPED_TRACE(row.name);
    Carrier carrier({{.answer = settings() + row.frames, .end = row.end}}, {Door::Protocol::h2});
    Sending sending(kSpeedsms);
    HttpCall call = sending.call(address(carrier, "https"));
    const std::string ca = make_certificates() + "/good.pem";
    call.ca_file = ca;
    if (row.end == End::hang) call.total_limit = kShort;
    EXPECT_EQ(sending.meaning(Client().perform(call)), row.meaning);
    EXPECT_EQ(carrier.requests(), 1);
  }
}

// --- cut anywhere ---------------------------------------------------------------------------

// A caller, and what it says of a carrier's first and second answer over one connection.
struct Talk {
  explicit Talk(std::vector<Play> plays, Door::Protocol protocol = Door::Protocol::http)
      : carrier(std::move(plays), {protocol}),
        sending(kSpeedsms, 1),
        call(sending.call(address(carrier, protocol == Door::Protocol::http ? "http" : "https"))) {
    if (protocol != Door::Protocol::http) call.ca_file = ca;
  }
  std::string ask() { return sending.meaning(client->perform(call)); }
  int requests() {
    client.reset();
    return carrier.requests();
  }

  std::string ca = make_certificates() + "/good.pem";
  Carrier carrier;
  Sending sending;
  HttpCall call;
  std::optional<Client> client{std::in_place};
};

class CutAnywhere : public testing::TestWithParam<Door::Protocol> {
 protected:
  std::string whole() const {
    return GetParam() == Door::Protocol::h2 ? settings() + ok_headers(0) + data(kOk, kEndStream)
                                            : http("200 OK", kOk, "X: 1\r\n");
  }
  std::size_t request_size() const {
    Talk talk({{.answer = whole()}}, GetParam());
    EXPECT_EQ(talk.ask(), kAccepted);
    EXPECT_EQ(talk.requests(), 1);
    return talk.carrier.request_bytes();
  }
};

TEST_P(CutAnywhere, TheFirstRequest) {
  const std::size_t size = request_size();
  for (std::size_t bytes = 0; bytes <= size; ++bytes) {
    Talk talk({{.end = End::reset, .read = bytes}}, GetParam());
    EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
    EXPECT_EQ(talk.requests(), 1) << bytes;
  }
}

// Where libcurl would send it again by itself.
TEST_P(CutAnywhere, TheSecondRequest) {
  const std::size_t size = request_size();
  for (const End end : {End::reset, End::close}) {
    for (std::size_t bytes = 0; bytes <= size; ++bytes) {
      Talk talk({{.answer = whole()}, {.end = end, .read = bytes}}, GetParam());
      EXPECT_EQ(talk.ask(), kAccepted) << bytes;
      EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
      EXPECT_EQ(talk.requests(), 2) << bytes;
    }
  }
}

TEST_P(CutAnywhere, TheAnswer) {
  const std::string answer = whole();
  for (const End end : {End::close, End::drop, End::reset}) {
    for (std::size_t bytes = 0; bytes < answer.size(); ++bytes) {
      Talk talk({{.answer = answer.substr(0, bytes), .end = end}}, GetParam());
      EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
      EXPECT_EQ(talk.requests(), 1) << bytes;
    }
  }
}

const auto kHttp1 = testing::Values(Door::Protocol::http, Door::Protocol::https);
std::string protocol_name(const testing::TestParamInfo<Door::Protocol>& info) {
  return info.param == Door::Protocol::http ? "http" : "https";
}
INSTANTIATE_TEST_SUITE_P(Protocols, CutAnywhere, kHttp1, protocol_name);

TEST(CarrierFaults, ACutAnswerInChunksIsInDoubt) {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" + kOk + "\r\n0\r\n\r\n";
  for (std::size_t bytes = 0; bytes + 1 < whole.size(); ++bytes) {
    Talk talk({{.answer = whole.substr(0, bytes), .end = End::close}});
    EXPECT_EQ(talk.ask(), kInDoubt) << bytes;
  }
}

// --- what comes unasked ---------------------------------------------------------------------

const std::string kSlower = "answered, throttle: planned, slower";

TEST(CarrierFaults, BytesBehindAnAnswerAreNoAnswer) {
  Talk talk({{.answer = http("200 OK", kOk) + http("200 OK", kOk)}, {.answer = busy("")}});
  EXPECT_EQ(talk.ask(), kAccepted);
  EXPECT_EQ(talk.ask(), kSlower);
  EXPECT_EQ(talk.requests(), 2);
}

class KeptConnection : public CutAnywhere {};

// A carrier's time for idle connections is over.
TEST_P(KeptConnection, IsNotUsedWhenItWasClosed) {
  for (const End end : {End::close, End::drop, End::reset}) {
    SCOPED_TRACE(static_cast<int>(end));
    Talk talk({{.answer = whole(), .end = end, .waits = true}, {.answer = whole()}}, GetParam());
    EXPECT_EQ(talk.ask(), kAccepted);
    talk.carrier.go_on();
    EXPECT_EQ(talk.ask(), kAccepted);
    EXPECT_EQ(talk.requests(), 2);
  }
}

TEST_P(KeptConnection, BringsNoAnswerBeforeItsRequest) {
  Talk talk({{.answer = whole(), .waits = true, .late = whole()}, {.answer = busy("")}},
            GetParam());
  EXPECT_EQ(talk.ask(), kAccepted);
  talk.carrier.go_on();
  EXPECT_EQ(talk.ask(), kSlower);
  EXPECT_EQ(talk.requests(), 2);
}

INSTANTIATE_TEST_SUITE_P(Protocols, KeptConnection, kHttp1, protocol_name);

TEST(CarrierFaults, AConnectionThatSaidGoawayIsNotUsedAgain) {
  const std::string whole = settings() + ok_headers(0) + data(kOk, kEndStream);
  Talk talk({{.answer = whole, .end = End::close, .waits = true, .late = goaway(1, 0)},
             {.answer = whole}},
            Door::Protocol::h2);
  EXPECT_EQ(talk.ask(), kAccepted);
  talk.carrier.go_on();
  EXPECT_EQ(talk.ask(), kAccepted);
  EXPECT_EQ(talk.requests(), 2);
}

}  // namespace
}  // namespace loa
