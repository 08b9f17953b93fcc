// For tests of what a carrier does wrong: a batch goes the whole way, from the profile through
// libcurl and back to the decision, and what comes of it is one line of text.
//
//   transport, class of each row: state of each row, what else
//
// One word stands where all rows are alike.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "dispatch/decide.hpp"
#include "net/carrier.hpp"
#include "net/curl_http.hpp"

namespace loa {

constexpr Duration kLongEnough =
    std::chrono::seconds(20);  // nothing takes it that does not wait for it

// The protocols: two that are shipped, and what those do not show.
inline const std::string kSpeedsms = LOA_PROJECT "/config/profiles/speedsms.yaml";      // JSON
inline const std::string kKannel = LOA_PROJECT "/config/profiles/kannel-sendsms.yaml";  // words
inline const std::string kNamed = LOA_TEST_DATA "/profiles/named-results.yaml";  // JSON, row by row
inline const std::string kXml = LOA_TEST_DATA "/profiles/xml-code.yaml";

inline const std::string kNotSent = "not_sent: planned, unreachable";
inline const std::string kInDoubt = "in_doubt: in_doubt";
inline const std::string kAccepted = "answered, ok: accepted";
inline const std::string kUnreadable = "answered, in_doubt: in_doubt";
inline const std::string kSlower = "answered, throttle: planned, slower";
inline const std::string kHeld = "answered, hold: planned, gateway held";
inline const std::string kUnknown = "answered, unknown: in_doubt, gateway held";

// What Speedsms says when all is well.
inline const std::string kOk = R"({"status":"success","data":{"tranId":7}})";

inline Task<void> exchange(Http& http, const HttpCall& call, HttpReply& reply) {
  HttpReply got = co_await http.perform(call);
  reply = std::move(got);
}

// Each word once when they are all the same.
inline std::string shown(const std::vector<std::string_view>& words) {
  const bool alike = std::equal(words.begin() + 1, words.end(), words.begin());
  std::string text(words.front());
  for (std::size_t i = 1; i < words.size() && !alike; ++i) text += " " + std::string(words[i]);
  return text;
}

inline std::string_view to_string(Transport transport) {
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
  void start(const HttpCall& call, HttpReply& reply) {
    asio::co_spawn(context_, exchange(*http_, call, reply),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  }
  // Until nothing is under way.
  void run() {
    context_.restart();
    context_.run();
  }
  HttpReply perform(const HttpCall& call) {
    HttpReply reply;
    start(call, reply);
    run();
    return reply;
  }

 private:
  asio::io_context context_{1};
  std::unique_ptr<Http> http_ = create_curl_http(context_.get_executor(), 4);
};

inline std::string http(const std::string& status, const std::string& body,
                        const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string busy(const std::string& headers) {
  return http("429 Too Many Requests", "", headers);
}

inline std::string address(const Carrier& carrier, const std::string& scheme) {
  return scheme + "://127.0.0.1:" + std::to_string(carrier.port());
}

}  // namespace loa
