#include "net/curl_http.hpp"

#include <curl/curl.h>
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace loa {
namespace {

// Keys for localhost, made once for this run.
const std::string& key_folder() {
  static const std::string folder = [] {
    const std::string path = testing::TempDir() + "loa-net-keys";
    const std::string command =
        "mkdir -p " + path +
        " && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
        path + "/key.pem -out " + path + "/cert.pem 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    return path;
  }();
  return folder;
}

std::string ca() { return key_folder() + "/cert.pem"; }

Task<void> exchange(Http& http, const HttpCall& call, HttpReply& reply) {
  HttpReply got = co_await http.perform(call);
  reply = std::move(got);
}

class Server {
 public:
  explicit Server(const std::string& mode) : secure_(mode != "http"), ca_(secure_ ? ca() : "") {
    const std::string command = std::string("exec node ") + LOA_TEST_SERVER + " " + mode +
                                (secure_ ? " " + key_folder() + "/key.pem " + ca() : "");
    pipe_ = ::popen(command.c_str(), "r");
    int port = 0;
    EXPECT_EQ(std::fscanf(pipe_, "%d %d", &process_, &port), 2);
    base_ = (secure_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port);
  }
  ~Server() {
    // A signal, not a request: that could meet a connection which the server is closing.
    if (process_ > 0) ::kill(process_, SIGKILL);
    ::pclose(pipe_);
  }

  HttpCall call(std::string_view method, const std::string& path) const {
    HttpCall call;
    call.method = method;
    call.url = base_ + path;
    call.allow_plain = !secure_;
    call.ca_file = ca_;
    if (method == "POST") call.body = "to=84912345678";
    return call;
  }
  // One after the other, over the same kept connection.
  HttpReply ask(std::string_view method, const std::string& path) {
    return perform(call(method, path));
  }
  HttpReply perform(const HttpCall& call) {
    HttpReply reply;
    asio::co_spawn(context_, exchange(*http_, call, reply),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    context_.restart();
    context_.run();  // comes back by itself when nothing is under way
    return reply;
  }
  const std::string& base() const { return base_; }

 private:
  bool secure_;
  std::string ca_;
  std::string base_;
  std::FILE* pipe_ = nullptr;
  pid_t process_ = 0;
  asio::io_context context_{1};
  std::unique_ptr<Http> http_ = create_curl_http(context_.get_executor(), 4);
};

class Resend : public testing::TestWithParam<const char*> {};

TEST_P(Resend, ADyingConnectionLeavesTheRequestInDoubtAndItIsSentOnce) {
  Server server(GetParam());
  const HttpReply first = server.ask("POST", "/dies");
  ASSERT_EQ(first.transport, Transport::answered) << first.failure;
  const HttpReply second = server.ask("POST", "/dies");
  EXPECT_EQ(second.transport, Transport::in_doubt) << second.status;
  EXPECT_EQ(server.ask("GET", "/count").body, "2");
}

INSTANTIATE_TEST_SUITE_P(Protocols, Resend, testing::Values("http", "https", "h2"));

std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

// What the guard is for: without it libcurl sends the second request twice and says all is well.
TEST(Resend, BareLibcurlSendsItTwice) {
  Server server("http");
  CURL* easy = curl_easy_init();
  const std::string url = server.base() + "/dies";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "to=84912345678");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &drop);
  EXPECT_EQ(curl_easy_perform(easy), CURLE_OK);
  EXPECT_EQ(curl_easy_perform(easy), CURLE_OK);
  curl_easy_cleanup(easy);
  EXPECT_EQ(server.ask("GET", "/count").body, "3");
}

TEST(CurlHttp, WhatCannotHaveArrivedIsNotSent) {
  Server server("https");
  HttpCall refused = server.call("POST", "/dies");
  refused.url = "https://127.0.0.1:1/";
  EXPECT_EQ(server.perform(refused).transport, Transport::not_sent);
  HttpCall untrusted = server.call("POST", "/dies");
  untrusted.ca_file = "";
  EXPECT_EQ(server.perform(untrusted).transport, Transport::not_sent);
  HttpCall plain = server.call("POST", "/dies");
  plain.url = "http://127.0.0.1:1/";
  const HttpReply reply = server.perform(plain);
  EXPECT_EQ(reply.transport, Transport::not_sent);
  HttpCall other = server.call("POST", "/dies");
  other.url = "file:///etc/passwd";
  EXPECT_EQ(server.perform(other).transport, Transport::not_sent);
  EXPECT_EQ(server.ask("GET", "/count").body, "0");
}

TEST(CurlHttp, WhatMayHaveArrivedIsInDoubt) {
  Server server("http");
  HttpCall slow = server.call("GET", "/slow");
  slow.total_limit = std::chrono::milliseconds(200);
  EXPECT_EQ(server.perform(slow).transport, Transport::in_doubt);
  const HttpReply large = server.ask("GET", "/large");
  EXPECT_EQ(large.transport, Transport::in_doubt);
  EXPECT_EQ(large.failure, "the answer is larger than 1 MiB");
  EXPECT_TRUE(large.body.empty());
}

// libcurl calls an answer whole that a clean close ends inside its head.
TEST(CurlHttp, AnAnswerCutAnywhereIsInDoubt) {
  Server server("http");
  constexpr std::size_t kWhole =
      std::string_view("HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater")
          .size();
  for (const std::string way : {"/cut/", "/reset/"})
    for (std::size_t bytes = 0; bytes < kWhole; ++bytes)
      EXPECT_EQ(server.ask("GET", way + std::to_string(bytes)).transport, Transport::in_doubt)
          << way << bytes;
  const HttpReply reply = server.ask("GET", "/cut/" + std::to_string(kWhole));
  EXPECT_EQ(reply.transport, Transport::answered) << reply.failure;
  EXPECT_EQ(reply.body, "later");
}

TEST(CurlHttp, AnswersAreTakenAsTheyAre) {
  Server server("http");
  EXPECT_EQ(server.ask("GET", "/moved").status, 302);  // and not followed
  const HttpReply busy = server.ask("GET", "/busy");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.retry_after, "7");
}

TEST(CurlHttp, ManyAtOnce) {
  Server server("http");
  asio::io_context context(1);
  const auto http = create_curl_http(context.get_executor(), 50);
  const HttpCall call = server.call("GET", "/count");
  std::vector<HttpReply> replies(300);
  for (HttpReply& reply : replies)
    asio::co_spawn(context, exchange(*http, call, reply),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  context.run();
  for (const HttpReply& reply : replies) EXPECT_EQ(reply.body, "0");
}

}  // namespace
}  // namespace loa
