// The API over real connections, with a desk in memory behind it.
#include "api/api.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "api/openapi.hpp"
#include "api/password.hpp"
#include "api/pointer.hpp"
#include "api/settings.hpp"
#include "support/fake_desk.hpp"
#include "support/http_world.hpp"
#include "support/raw_peer.hpp"

namespace loa {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Person {
  const char* id;
  RoleSet roles;
  const char* gateway = "";
};

const std::vector<Person> kPeople = {
    {"lan", {Role::author}},
    {"minh", {Role::approver}},
    {"hoa", {Role::operating}},
    {"thu", {Role::auditor}},
    {"noc", {Role::carrier}, "vina"},
    {"both", {Role::author, Role::approver, Role::operating, Role::auditor}},
};

// A campaign that needs approval, as JSON text.
std::string document(const std::string& id) { return "campaign: " + id + "\n"; }

class ApiTest : public testing::Test {
 protected:
  ApiTest() : ApiTest(UploadLimits{}) {}
  explicit ApiTest(UploadLimits limits)
      : clock_(create_system_clock(thread_.context.get_executor())), desk(*clock_) {
    std::filesystem::create_directories(folder_);
    Users users;
    for (const Person& person : kPeople) {
      const NewToken token = make_token(std::string(person.id) + "-k");
      tokens_[person.id] = std::string(token.text.reveal());
      User user;
      user.id = person.id;
      user.name = "Người " + user.id;
      user.roles = person.roles;
      user.gateway = person.gateway;
      user.tokens.push_back(
          {.id = user.id + "-k", .sha256 = token.sha256, .note = "", .expires = {}});
      users.all.push_back(std::move(user));
    }
    access_ = std::make_unique<Access>(*clock_, users);
    auto uploads = Uploads::open(folder_ + "/uploads", *clock_, limits);
    EXPECT_TRUE(uploads);
    std::vector<ReadyCheck> ready;
    ready.push_back({"redis", [this] { return redis_trouble_; }});
    api_ = std::make_unique<Api>(thread_.context.get_executor(), *clock_, desk, *access_,
                                 std::move(*uploads), "0.1.0", std::move(ready));
    HttpServerSettings settings;
    settings.listen.push_back(*read_http_address("127.0.0.1:0"));
    settings.listen.push_back(*read_http_address("unix:" + folder_ + "/api.sock"));
    auto server = start_http_server(thread_.context.get_executor(), *clock_, settings, *api_);
    EXPECT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
    api_->metrics().server = [this] { return server_->counts(); };
    api_->metrics().reload_ok = [] { return true; };
    thread_.start();
  }
  ~ApiTest() override {
    thread_.spawn(stop());
    thread_.join();
    std::filesystem::remove_all(folder_);
  }

  std::uint16_t port() const { return server_->addresses().front().port; }
  RawPeer connect() const { return RawPeer(port()); }
  std::string auth(const std::string& who) const {
    return who.empty() ? "" : "Authorization: Bearer " + tokens_.at(who) + "\r\n";
  }
  std::string request(const std::string& method, const std::string& target, const std::string& who,
                      const std::string& fields = "", const std::string& body = "") const {
    std::string bytes = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + auth(who) + fields;
    if (!body.empty() || method == "POST" || method == "PUT")
      bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return bytes + "\r\n" + body;
  }

  RawAnswer ask(const std::string& method, const std::string& target, const std::string& who,
                const std::string& fields = "", const std::string& body = "") const {
    RawPeer peer = connect();
    peer.say(request(method, target, who, fields, body));
    const RawAnswer answer = peer.answer(method != "HEAD");
    keep(method, target, answer);
    return answer;
  }
  RawAnswer get(const std::string& target, const std::string& who,
                const std::string& fields = "") const {
    return ask("GET", target, who, fields);
  }
  RawAnswer post(const std::string& target, const std::string& who, const std::string& body,
                 const std::string& type = "application/json", std::string key = "") const {
    static int keys = 0;
    if (key.empty()) key = "key-" + std::to_string(++keys);
    return ask("POST", target, who,
               "Idempotency-Key: " + key + "\r\nContent-Type: " + type + "\r\n", body);
  }
  RawAnswer submit(const std::string& id, const std::string& who = "lan",
                   const std::string& key = "") const {
    return post("/api/v1/campaigns", who, document(id), "application/yaml", key);
  }

  static json::object object(const RawAnswer& answer) {
    boost::system::error_code ec;
    const json::value value = json::parse(answer.body, ec);
    EXPECT_FALSE(ec) << answer.head << answer.body;
    return value.is_object() ? value.as_object() : json::object{};
  }
  static std::string text(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
  }
  static std::string code(const RawAnswer& answer) {
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    const json::object problem = object(answer);
    EXPECT_EQ(problem.at("status").as_int64(), answer.status);
    return text(problem, "code");
  }
  template <class F>
  auto inside(F work) {
    return thread_.inside(std::move(work));
  }

  // For the comparison with openapi.yaml: what was asked, and what came.
  static void keep(const std::string& method, const std::string& target, const RawAnswer& answer) {
    const char* file = std::getenv("LOA_API_SAMPLES");
    if (file == nullptr || method == "HEAD" || method == "OPTIONS") return;
    JsonWriter out;
    out.open_object()
        .field("method", method)
        .field("target", target)
        .field("status", answer.status);
    out.field("type", answer.header("Content-Type"))
        .field("body", answer.body)
        .key("headers")
        .open_array();
    for (const char* name :
         {"ETag", "Location", "Retry-After", "Idempotent-Replay", "WWW-Authenticate"})
      if (!answer.header(name).empty()) out.value(name);
    std::ofstream(file, std::ios::app) << out.close_array().close_object().take() << "\n";
  }

 private:
  ServerThread thread_;
  std::unique_ptr<Clock> clock_;

 protected:
  FakeDesk desk;
  std::optional<std::string> redis_trouble_;
  std::unique_ptr<Access> access_;

  bool becomes(const std::function<bool()>& true_inside) { return thread_.becomes(true_inside); }
  std::string folder_ = testing::TempDir() + "loa-api-" + std::to_string(::getpid());
  HttpServerCounts counts() {
    return inside([this] { return server_->counts(); });
  }

 private:
  Task<void> stop() {
    co_await api_->stop();
    co_await server_->stop(milliseconds(100));
  }

  std::map<std::string, std::string> tokens_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ApiTest, SubmitsAndShows) {
  const RawAnswer made = submit("lua-dao");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.header("Location"), "/api/v1/campaigns/lua-dao");
  const json::object body = object(made);
  EXPECT_TRUE(body.at("created").as_bool());
  EXPECT_EQ(text(body.at("campaign").as_object(), "author"), "lan");
  EXPECT_EQ(text(body.at("campaign").as_object(), "source"), "127.0.0.1");
  EXPECT_EQ(body.at("warnings").as_array().size(), 1U);

  const RawAnswer shown = get("/api/v1/campaigns/lua-dao", "minh");
  ASSERT_EQ(shown.status, 200);
  const json::object campaign = object(shown);
  EXPECT_EQ(text(campaign, "state"), "waiting");
  EXPECT_EQ(campaign.at("audience").as_int64(), 103);
  EXPECT_EQ(shown.header("ETag"), made.header("ETag"));
  EXPECT_EQ(submit("lua-dao").status, 200) << "the same again is no change";
  EXPECT_EQ(post("/api/v1/campaigns", "lan", "campaign: lua-dao\nmessage: {text: x}\n", "text/yaml")
                .status,
            409);
  EXPECT_EQ(get("/api/v1/campaigns/none", "minh").status, 404);
  for (const char* part : {"plan", "forecast", "history"}) {
    EXPECT_EQ(get("/api/v1/campaigns/lua-dao/" + std::string(part), "thu").status, 200) << part;
    EXPECT_EQ(get("/api/v1/campaigns/none/" + std::string(part), "thu").status, 404) << part;
  }
}

TEST_F(ApiTest, NotModifiedIsSaidWithoutABody) {
  submit("a");
  const std::string etag = get("/api/v1/campaigns/a", "minh").header("ETag");
  const RawAnswer unchanged =
      get("/api/v1/campaigns/a", "minh", "If-None-Match: \"x\", " + etag + "\r\n");
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");
  inside([&] { desk.progress("a", 5); });
  EXPECT_EQ(get("/api/v1/campaigns/a", "minh", "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(ApiTest, FaultsSayWhereByPointerLineAndColumn) {
  const RawAnswer wrong = post("/api/v1/campaigns?name=lua-dao.yaml", "lan",
                               "campaign: x\nmessage:\n  txt: hello\nfoo: 1\n", "application/yaml");
  ASSERT_EQ(wrong.status, 422);
  EXPECT_EQ(code(wrong), "invalid");
  const json::array errors = object(wrong).at("errors").as_array();
  ASSERT_EQ(errors.size(), 2U) << wrong.body;
  std::vector<std::string> pointers;
  for (const json::value& error : errors) pointers.push_back(text(error.as_object(), "pointer"));
  EXPECT_THAT(pointers, testing::UnorderedElementsAre("/message/txt", "/foo"));
  for (const json::value& error : errors) {
    if (text(error.as_object(), "pointer") != "/message/txt") continue;
    EXPECT_EQ(error.at("line").as_int64(), 3);
    EXPECT_EQ(error.at("column").as_int64(), 3);
    EXPECT_THAT(text(error.as_object(), "detail"), HasSubstr("text"));
  }
  EXPECT_EQ(
      post("/api/v1/campaigns", "lan", R"({"campaign": "json", "message": {"text": "x"}})").status,
      201);
  EXPECT_EQ(post("/api/v1/campaigns/check", "lan", R"({"campaign": "json", "mesage": 1})").status,
            422);
  EXPECT_EQ(post("/api/v1/campaigns/check", "lan", document("new"), "application/yaml").status,
            200);
  EXPECT_EQ(get("/api/v1/campaigns/new", "lan").status, 404) << "a check keeps nothing";
}

TEST(Pointers, NameWhatStandsThere) {
  const Pointers pointers("a:\n  - b: 1\n    c/d: {e~f: 2}\ng: 3\n");
  const auto at = [&](int line, int column) { return pointers.at({"", line, column}); };
  EXPECT_EQ(at(1, 1), "/a");
  EXPECT_EQ(at(2, 5), "/a/0/b");
  EXPECT_EQ(at(2, 8), "/a/0/b");
  EXPECT_EQ(at(3, 11), "/a/0/c~1d/e~0f");
  EXPECT_EQ(at(4, 4), "/g");
  EXPECT_EQ(at(9, 1), "");
  EXPECT_EQ(Pointers("{ no").at({"", 1, 1}), "");
}

TEST_F(ApiTest, RevisesOnlyWhatWasLookedAt) {
  submit("a");
  const std::string type = "Content-Type: application/yaml\r\n";
  const std::string changed = "campaign: a\nmessage: {text: new}\n";
  EXPECT_EQ(code(ask("PUT", "/api/v1/campaigns/a", "lan", type, changed)), "precondition-required");
  EXPECT_EQ(
      ask("PUT", "/api/v1/campaigns/a", "lan", type + "If-Match: \"999\"\r\n", changed).status,
      412);
  EXPECT_EQ(
      ask("PUT", "/api/v1/campaigns/a", "lan", type + "If-Match: nonsense\r\n", changed).status,
      412);
  const std::string etag = get("/api/v1/campaigns/a", "lan").header("ETag");
  const RawAnswer done =
      ask("PUT", "/api/v1/campaigns/a", "lan", type + "If-Match: " + etag + "\r\n", changed);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_NE(done.header("ETag"), etag);
  EXPECT_EQ(
      ask("PUT", "/api/v1/campaigns/a", "lan", type + "If-Match: " + etag + "\r\n", changed).status,
      412);
  EXPECT_EQ(ask("PUT", "/api/v1/campaigns/a", "minh", type + "If-Match: *\r\n", changed).status,
            403);
}

TEST_F(ApiTest, ActsFollowTheLifeOfACampaign) {
  submit("a");
  const std::string plan(64, 'a');
  const std::string approve = R"({"plan": ")" + plan + R"("})";
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "lan", approve).status, 403);
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "minh", R"({"plan": "0"})").status, 409);
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "minh", "{}", "text/plain").status, 415);
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "minh", R"({"plann": "0"})").status, 422);
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "minh", "{\"plan\"").status, 422);
  const RawAnswer approved = post("/api/v1/campaigns/a/approve", "minh", approve);
  ASSERT_EQ(approved.status, 200) << approved.body;
  EXPECT_EQ(text(object(approved), "state"), "scheduled");
  EXPECT_EQ(post("/api/v1/campaigns/a/approve", "minh", approve).status, 409);
  EXPECT_EQ(post("/api/v1/campaigns/a/pause", "hoa", R"({"reason": "wait"})").status, 200);
  EXPECT_EQ(post("/api/v1/campaigns/a/freeze", "hoa", "{}").status, 404);
  EXPECT_EQ(post("/api/v1/campaigns/a/dance", "hoa", "{}").status, 404);
  EXPECT_EQ(post("/api/v1/campaigns/none/pause", "hoa", "{}").status, 404);
  const RawAnswer copy = post("/api/v1/campaigns/a/clone", "lan",
                              R"({"id": "b", "not_before": "2026-11-25T08:00:00+07:00"})");
  ASSERT_EQ(copy.status, 201) << copy.body;
  EXPECT_EQ(copy.header("Location"), "/api/v1/campaigns/b");
  EXPECT_EQ(post("/api/v1/campaigns/a/clone", "lan", R"({"not_before": "tomorrow"})").status, 422);
  for (const char* act : {"return", "reject", "schedule", "resume", "stop", "retry"}) {
    const RawAnswer answer = post("/api/v1/campaigns/b/" + std::string(act), "both",
                                  R"({"reason": "x", "confirm": "b"})");
    EXPECT_THAT(answer.status, testing::AnyOf(200, 201, 409)) << act << answer.body;
  }
}

TEST_F(ApiTest, NobodyApprovesWhatHeWrote) {
  submit("a", "both");
  const RawAnswer answer = post("/api/v1/campaigns/a/approve", "both", R"({"plan": "x"})");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(code(answer), "forbidden");
}

TEST_F(ApiTest, TheGraveIsConfirmedByName) {
  inside([&] { desk.planned = 260'000; });
  submit("big");
  const std::string plan = R"("plan": ")" + std::string(64, 'a') + "\"";
  const RawAnswer unconfirmed = post("/api/v1/campaigns/big/approve", "minh", "{" + plan + "}");
  EXPECT_EQ(code(unconfirmed), "confirmation-required");
  EXPECT_THAT(unconfirmed.body, HasSubstr("260000"));
  EXPECT_EQ(
      post("/api/v1/campaigns/big/approve", "minh", "{" + plan + R"(, "confirm": "other"})").status,
      422);
  EXPECT_EQ(inside([&] { return desk.acts_done; }), 0);
  EXPECT_EQ(
      post("/api/v1/campaigns/big/approve", "minh", "{" + plan + R"(, "confirm": "big"})").status,
      200);
  const RawAnswer stop = post("/api/v1/campaigns/big/stop", "hoa", R"({"reason": "wrong text"})");
  EXPECT_EQ(code(stop), "confirmation-required");
  EXPECT_THAT(stop.body, HasSubstr("cannot be called back"));
}

TEST_F(ApiTest, APostIsDoneOnce) {
  EXPECT_EQ(code(ask("POST", "/api/v1/campaigns", "lan", "Content-Type: application/yaml\r\n",
                     document("a"))),
            "idempotency-key-missing");
  const RawAnswer first = submit("a", "lan", "k1");
  const RawAnswer again = submit("a", "lan", "k1");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.header("Idempotent-Replay"), "true");
  EXPECT_EQ(text(object(again).at("campaign").as_object(), "id"), "a");
  EXPECT_EQ(inside([&] { return desk.submits; }), 1);
  EXPECT_EQ(code(submit("b", "lan", "k1")), "idempotency-key-reused");
  EXPECT_EQ(submit("b", "both", "k1").status, 201) << "keys belong to users";
  EXPECT_EQ(
      post("/api/v1/gateways/vina/pause", "hoa", R"({"reason": "x"})", "application/json", "k2")
          .status,
      200);
  EXPECT_EQ(
      post("/api/v1/gateways/vina/pause", "hoa", R"({"reason": "x"})", "application/json", "k2")
          .header("Idempotent-Replay"),
      "true");
  EXPECT_EQ(inside([&] { return desk.acts_done; }), 1);
  EXPECT_THAT(inside([&] { return desk.keys.begin()->first; }), testing::SizeIs(64))
      << "a hash, not what was sent";
  // What was refused may be tried again under the same key, once it can be done.
  EXPECT_EQ(post("/api/v1/campaigns/none/clone", "lan", "{}", "application/json", "k3").status,
            404);
  submit("none");
  EXPECT_EQ(post("/api/v1/campaigns/none/clone", "lan", "{}", "application/json", "k3").status,
            201);
}

TEST_F(ApiTest, AKeyUnderWayIsAConflict) {
  inside([&] { desk.hold_submits = true; });
  RawPeer slow = connect();
  const std::string bytes =
      request("POST", "/api/v1/campaigns", "lan",
              "Idempotency-Key: k\r\nContent-Type: application/yaml\r\n", document("a"));
  slow.say(bytes);
  ASSERT_TRUE(becomes([&] { return desk.submits == 1; }));
  RawPeer second = connect();
  const RawAnswer conflict = second.ask(bytes);
  keep("POST", "/api/v1/campaigns", conflict);
  EXPECT_EQ(code(conflict), "idempotency-key-in-flight");
  EXPECT_EQ(conflict.header("Retry-After"), "1");
  inside([&] { desk.gate->wake(); });
  EXPECT_EQ(slow.answer().status, 201);
}

TEST_F(ApiTest, ListsInPages) {
  for (int i = 0; i < 5; ++i) submit("c" + std::to_string(i));
  post("/api/v1/campaigns/c3/reject", "minh", R"({"reason": "no"})");
  const auto ids = [&](const std::string& query) {
    std::vector<std::string> out;
    std::string cursor;
    do {
      const json::object page = object(get("/api/v1/campaigns?limit=2" + query + cursor, "minh"));
      EXPECT_LE(page.at("items").as_array().size(), 2U);
      for (const json::value& item : page.at("items").as_array())
        out.push_back(text(item.as_object(), "id"));
      cursor = text(page, "next").empty() ? "" : "&cursor=" + text(page, "next");
    } while (!cursor.empty());
    return out;
  };
  EXPECT_THAT(ids(""), ElementsAre("c4", "c3", "c2", "c1", "c0"));
  EXPECT_THAT(ids("&state=waiting"), ElementsAre("c4", "c2", "c1", "c0"));
  EXPECT_EQ(get("/api/v1/campaigns?state=lost", "minh").status, 400);
  EXPECT_EQ(get("/api/v1/campaigns?limit=0", "minh").status, 400);
  EXPECT_EQ(get("/api/v1/campaigns?limit=1000", "minh").status, 400);
  EXPECT_EQ(get("/api/v1/campaigns?cursor=none", "minh").status, 400);

  std::vector<std::int64_t> lines;
  std::string cursor;
  do {
    const json::object page = object(get("/api/v1/acts?limit=4" + cursor, "thu"));
    for (const json::value& item : page.at("items").as_array())
      lines.push_back(item.at("lsn").as_int64());
    cursor = text(page, "next").empty() ? "" : "&cursor=" + text(page, "next");
  } while (!cursor.empty());
  EXPECT_THAT(lines, ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(get("/api/v1/acts?cursor=x", "thu").status, 400);
}

TEST_F(ApiTest, WhoIsNotSignedInSeesNothing) {
  for (const char* target : {"/api/v1/campaigns", "/api/v1/campaigns/a", "/api/v1/gateways",
                             "/api/v1/acts", "/api/v1/me", "/api/v1/events"}) {
    const RawAnswer answer = get(target, "");
    EXPECT_EQ(answer.status, 401) << target;
    EXPECT_EQ(code(answer), "unauthenticated");
    EXPECT_THAT(answer.header("WWW-Authenticate"), HasSubstr("Bearer"));
    EXPECT_EQ(get(target, "", "Authorization: Bearer loa_lan-k_wrong\r\n").status, 401) << target;
  }
  EXPECT_EQ(post("/api/v1/campaigns", "", document("a"), "application/yaml").status, 401);
  EXPECT_EQ(inside([&] { return desk.submits; }), 0);
}

TEST_F(ApiTest, GuessingIsSlowedDown) {
  RawAnswer answer;
  for (int i = 0; i < 12; ++i)
    answer = get("/api/v1/me", "", "Authorization: Bearer loa_x_guess\r\n");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(code(answer), "slowed");
  EXPECT_NE(answer.header("Retry-After"), "");
  EXPECT_EQ(get("/api/v1/me", "lan").status, 200) << "a right token is no guess";
}

TEST_F(ApiTest, ACarrierSeesItsOwnGatewayOnly) {
  submit("a");
  const RawAnswer answer = get("/api/v1/gateways", "noc");
  ASSERT_EQ(answer.status, 200);
  const json::array items = object(answer).at("items").as_array();
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(text(items[0].as_object(), "name"), "vina");
  EXPECT_EQ(object(get("/api/v1/gateways", "lan")).at("items").as_array().size(), 2U);
  for (const char* target :
       {"/api/v1/campaigns", "/api/v1/campaigns/a", "/api/v1/campaigns/a/plan", "/api/v1/acts",
        "/api/v1/events?topics=campaigns", "/api/v1/events?topics=record"})
    EXPECT_EQ(get(target, "noc").status, 403) << target;
  EXPECT_EQ(post("/api/v1/gateways/mobi/pause", "noc", R"({"reason": "x"})").status, 403);
  EXPECT_EQ(get("/metrics", "noc").status, 403);
}

TEST_F(ApiTest, ARefusedActIsOnRecordAndCannotFloodIt) {
  submit("a");
  EXPECT_EQ(post("/api/v1/campaigns/a/stop", "lan", R"({"reason": "x", "confirm": "a"})").status,
            403);
  const json::array acts = object(get("/api/v1/campaigns/a/history", "thu")).at("acts").as_array();
  const json::object last = acts.back().as_object();
  EXPECT_TRUE(last.at("denied").as_bool());
  EXPECT_EQ(text(last, "who"), "lan");
  EXPECT_EQ(text(last, "act"), "stop");
  EXPECT_THAT(text(last, "why"), HasSubstr("operator"));
  EXPECT_EQ(post("/api/v1/campaigns/0912345678/stop", "lan", "{}").status, 403);
  EXPECT_EQ(post("/api/v1/gateways/0912345678/pause", "lan", "{}").status, 403);
  const std::string record = get("/api/v1/acts", "thu").body;
  EXPECT_THAT(record, Not(HasSubstr("0912345678"))) << "a path is not put on record as it is";
  int slowed = 0;
  for (int i = 0; i < 40; ++i)
    slowed += post("/api/v1/campaigns/a/stop", "lan", "{}").status == 429 ? 1 : 0;
  EXPECT_GT(slowed, 0);
  EXPECT_LT(inside([&] { return desk.acts("a").size(); }), 42U);
}

TEST_F(ApiTest, UploadsAnAudience) {
  std::string csv = "so_dien_thoai\r\n";
  for (int i = 0; i < 300'000; ++i) csv += "09123" + std::to_string(100'000 + i % 899'999) + "\r\n";
  ASSERT_GT(csv.size(), 3U * 1024 * 1024) << "more than a body may have elsewhere";
  const std::string type = "Content-Type: text/csv\r\n";
  const RawAnswer sent = ask("PUT", "/api/v1/audiences/lang-son", "lan", type, csv);
  ASSERT_EQ(sent.status, 200) << sent.body;
  EXPECT_EQ(text(object(sent), "sha256"), to_hex(sha256(csv)));
  const std::string file = folder_ + "/uploads/lan/lang-son";
  struct stat found{};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);

  const std::string campaign = "campaign: a\naudience: {upload: lang-son}\n";
  EXPECT_EQ(post("/api/v1/campaigns", "both", campaign, "application/yaml").status, 422)
      << "it is another's";
  EXPECT_EQ(post("/api/v1/campaigns", "lan", campaign, "application/yaml").status, 201);
  EXPECT_EQ(inside([&] { return desk.last_audience; }), csv);

  ASSERT_EQ(ask("PUT", "/api/v1/audiences/more", "lan", type, "0912345678").status, 200);
  EXPECT_EQ(post("/api/v1/campaigns?upload=more&upload=lang-son", "lan", document("two"),
                 "application/yaml")
                .status,
            201);
  EXPECT_EQ(inside([&] { return desk.last_audience; }), "0912345678" + csv);
  EXPECT_EQ(post("/api/v1/campaigns?upload=none", "lan", document("no"), "application/yaml").status,
            422);

  EXPECT_EQ(ask("PUT", "/api/v1/audiences/lang-son", "minh", type, csv).status, 403);
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/lang-son", "", type, csv).status, 401);
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/Lang.Son", "lan", type, csv).status, 400);
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/x", "lan", "Content-Type: text/html\r\n", "x").status,
            415);
  EXPECT_EQ(ask("DELETE", "/api/v1/audiences/lang-son", "lan").status, 204);
  EXPECT_EQ(ask("DELETE", "/api/v1/audiences/lang-son", "lan").status, 404);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(ApiTest, AnUploadThatBreaksOffChangesNothing) {
  const std::string type = "Content-Type: text/csv\r\n";
  ASSERT_EQ(ask("PUT", "/api/v1/audiences/a", "lan", type, "old").status, 200);
  {
    RawPeer peer = connect();
    peer.say("PUT /api/v1/audiences/a HTTP/1.1\r\nHost: x\r\n" + auth("lan") + type +
             "Content-Length: 1000000\r\n\r\n" + std::string(200'000, 'x'));
    ASSERT_TRUE(
        becomes([&] { return std::filesystem::exists(folder_ + "/uploads/lan/a.2.part"); }));
    peer.reset();
  }
  ASSERT_TRUE(becomes([&] { return !std::filesystem::exists(folder_ + "/uploads/lan/a.2.part"); }));
  EXPECT_EQ(
      post("/api/v1/campaigns", "lan", "campaign: a\naudience: {upload: a}\n", "application/yaml")
          .status,
      201);
  EXPECT_EQ(inside([&] { return desk.last_audience; }), "old");
}

class SmallUploads : public ApiTest {
 protected:
  SmallUploads() : ApiTest({.file_bytes = 1000, .all_bytes = 1500, .at_once = 1}) {}
};

TEST_F(SmallUploads, HaveBounds) {
  const std::string type = "Content-Type: text/csv\r\n";
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/a", "lan", type, std::string(1001, 'x')).status, 413);
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/a", "lan", type, std::string(1000, 'x')).status, 200);
  const RawAnswer full = ask("PUT", "/api/v1/audiences/b", "lan", type, std::string(1000, 'x'));
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(code(full), "no-room");
  RawPeer slow = connect();
  slow.say("PUT /api/v1/audiences/c HTTP/1.1\r\nHost: x\r\n" + auth("lan") + type +
           "Content-Length: 100\r\n\r\nx");
  ASSERT_TRUE(becomes([&] {
    for (const auto& file : std::filesystem::directory_iterator(folder_ + "/uploads/lan"))
      if (file.path().native().ends_with(".part")) return true;
    return false;
  }));
  EXPECT_EQ(ask("PUT", "/api/v1/audiences/d", "lan", type, "x").status, 503);
}

TEST_F(ApiTest, ANumberIsAskedForInTheBody) {
  const RawAnswer answer =
      post("/api/v1/explain", "thu", R"({"number": "0912 345 678", "campaign": "a"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(inside([&] { return desk.asked_number; }), "0912 345 678");
  EXPECT_THAT(answer.body, Not(HasSubstr("345")));
  EXPECT_EQ(post("/api/v1/explain", "lan", R"({"number": "0912345678"})").status, 403);
  EXPECT_EQ(post("/api/v1/explain", "thu", "{}").status, 422);
  const RawAnswer wrong = get("/api/v1/0912345678", "thu");
  EXPECT_EQ(wrong.status, 404);
  EXPECT_THAT(wrong.body, Not(HasSubstr("0912345678"))) << "not even when it was asked for";
}

TEST_F(ApiTest, PausesAndResumesGateways) {
  const RawAnswer paused =
      post("/api/v1/gateways/vina/pause", "hoa", R"({"reason": "0912345678 complains"})");
  ASSERT_EQ(paused.status, 200);
  EXPECT_THAT(text(object(paused), "reason"), Not(HasSubstr("345678")))
      << "a reason goes on record";
  EXPECT_EQ(text(object(paused), "state"), "paused");
  EXPECT_EQ(post("/api/v1/gateways/vina/resume", "hoa", R"({"reason": "done"})").status, 200);
  EXPECT_EQ(post("/api/v1/gateways/none/pause", "hoa", R"({"reason": "x"})").status, 404);
}

TEST_F(ApiTest, SaysWhoIAmAndWhatIMay) {
  const json::object me = object(get("/api/v1/me", "noc"));
  EXPECT_EQ(text(me, "user"), "noc");
  EXPECT_EQ(text(me, "gateway"), "vina");
  EXPECT_EQ(me.at("roles").as_array().size(), 1U);
  EXPECT_THAT(json::serialize(object(get("/api/v1/me", "minh")).at("permissions")),
              HasSubstr("approve"));
}

TEST_F(ApiTest, MethodsAndPaths) {
  const RawAnswer wrong = ask("DELETE", "/api/v1/campaigns", "lan");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(ask("OPTIONS", "/api/v1/campaigns/a", "").header("Allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(ask("OPTIONS", "*", "").status, 204);
  EXPECT_EQ(get("/api/v2/campaigns", "lan").status, 404);
  EXPECT_EQ(get("/", "lan").status, 404);
  const RawAnswer head = ask("HEAD", "/api/v1/campaigns", "lan");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  RawPeer peer = connect();
  EXPECT_EQ(code(peer.ask("GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n")), "bad-request");
}

TEST_F(ApiTest, HealthNeedsNobody) {
  EXPECT_EQ(get("/livez", "").body, "ok\n");
  EXPECT_EQ(get("/readyz", "").body, "ready\n");
  EXPECT_THAT(get("/readyz?verbose", "").body, HasSubstr("[+] redis: ok\n"));
  inside([&] { redis_trouble_ = "no connection for 12 s"; });
  const RawAnswer not_ready = get("/readyz", "");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_THAT(not_ready.body, HasSubstr("[-] redis: no connection for 12 s\n"));
  EXPECT_EQ(text(object(get("/version", "")), "version"), "0.1.0");
  EXPECT_EQ(get("/api/v1/openapi.yaml", "").body, kOpenApi);
}

TEST_F(ApiTest, CountsForPrometheus) {
  submit("a");
  post("/api/v1/campaigns/a/approve", "minh", R"({"plan": ")" + std::string(64, 'a') + R"("})");
  inside([&] { desk.begin_sending("a", 40); });
  get("/metrics", "");
  const RawAnswer answer = get("/metrics", "");
  EXPECT_THAT(answer.header("Content-Type"), StartsWith("text/plain; version=0.0.4"));
  for (const char* line :
       {"loa_campaign_recipients{campaign=\"a\",state=\"accepted\"} 40\n",
        "loa_campaign_recipients{campaign=\"a\",state=\"unsent\"} 60\n",
        "loa_campaigns{state=\"sending\"} 1\n",
        "loa_messages_total{gateway=\"vina\",outcome=\"accepted\"} 40\n",
        "loa_batch_duration_seconds_bucket{gateway=\"vina\",le=\"0.025\"} 1\n",
        "loa_batch_duration_seconds_bucket{gateway=\"vina\",le=\"+Inf\"} 1\n",
        "loa_throttle_wait_seconds_total{gateway=\"vina\",reason=\"throttle\"}",
        "loa_queue_messages{queue=\"vina\"} 60\n", "loa_circuit_state{gateway=\"vina\"} 1\n",
        "loa_circuit_state{gateway=\"mobi\"} 0\n", "loa_journal_shortage 0\n",
        "loa_config_last_reload_successful 1\n", "loa_build_info{version=\"0.1.0\"} 1\n"})
    EXPECT_THAT(answer.body, HasSubstr(line));
  const std::string file = folder_ + "/metrics";
  std::ofstream(file) << answer.body;
  EXPECT_EQ(std::system(("promtool check metrics < " + file).c_str()), 0);
}

TEST_F(ApiTest, EventsAreGatheredAndResumed) {
  submit("a");
  submit("b");
  RawPeer peer = connect();
  const RawAnswer head = peer.ask(request("GET", "/api/v1/events?topics=campaigns", "minh"));
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(peer.hear_until("\n\n"), "retry: 2000\n\n");
  inside([&] {
    for (std::uint64_t i = 1; i <= 50; ++i) desk.progress("a", i);
  });
  const std::string event = peer.hear_until("\n\n");
  EXPECT_THAT(event, StartsWith("event: campaign\nid: 52\ndata: {\"id\":\"a\""));
  EXPECT_THAT(event, HasSubstr("\"accepted\":50")) << "one event for fifty changes";
  const auto begun = std::chrono::steady_clock::now();
  inside([&] { desk.progress("a", 51); });
  EXPECT_THAT(peer.hear_until("\n\n"), HasSubstr("\"accepted\":51"));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(300))
      << "twice a second, no more";
  peer.close();

  inside([&] { desk.progress("b", 7); });
  RawPeer again = connect();
  again.ask(request("GET", "/api/v1/events?topics=campaigns", "minh", "Last-Event-ID: 53\r\n"));
  again.hear_until("\n\n");
  EXPECT_THAT(again.hear_until("\n\n"), StartsWith("event: campaign\nid: 54\ndata: {\"id\":\"b\""));

  inside([&] { desk.forgotten_up_to = 10; });
  RawPeer late = connect();
  late.ask(request("GET", "/api/v1/events?topics=campaigns", "minh", "Last-Event-ID: 5\r\n"));
  late.hear_until("\n\n");
  EXPECT_EQ(late.hear_until("\n\n"), "event: reset\nid: 54\ndata: {}\n\n");
  EXPECT_EQ(get("/api/v1/events", "minh", "Last-Event-ID: x\r\n").status, 400);
  EXPECT_EQ(get("/api/v1/events?topics=weather", "minh").status, 400);
}

TEST_F(ApiTest, TheRecordComesLineByLineAndWithoutGaps) {
  RawPeer peer = connect();
  peer.ask(request("GET", "/api/v1/events?topics=record", "thu"));
  peer.hear_until("\n\n");
  for (int i = 0; i < 30; ++i)
    inside([&] { desk.change("", "{\"n\":" + std::to_string(i) + "}"); });
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(peer.hear_until("\n\n"), "event: record\nid: " + std::to_string(i + 1) +
                                           "\ndata: {\"n\":" + std::to_string(i) + "}\n\n");
  RawPeer again = connect();
  again.ask(request("GET", "/api/v1/events?topics=record", "thu", "Last-Event-ID: 28\r\n"));
  again.hear_until("\n\n");
  EXPECT_THAT(again.hear_until("\n\n"), StartsWith("event: record\nid: 29\n"));
  EXPECT_THAT(again.hear_until("\n\n"), StartsWith("event: record\nid: 30\n"));
}

TEST_F(ApiTest, OneCampaignCanBeFollowedAndGatewaysToo) {
  submit("a");
  submit("b");
  RawPeer one = connect();
  one.ask(request("GET", "/api/v1/events?topics=campaign/b", "minh"));
  one.hear_until("\n\n");
  RawPeer carrier = connect();
  carrier.ask(request("GET", "/api/v1/events?topics=gateways", "noc"));
  carrier.hear_until("\n\n");
  inside([&] {
    desk.progress("a", 1);
    desk.progress("b", 2);
  });
  EXPECT_THAT(one.hear_until("\n\n"), HasSubstr("\"id\":\"b\""));
  post("/api/v1/gateways/mobi/pause", "hoa", R"({"reason": "x"})");
  post("/api/v1/gateways/vina/pause", "hoa", R"({"reason": "x"})");
  const std::string event = carrier.hear_until("\n\n");
  EXPECT_THAT(event, HasSubstr("\"name\":\"vina\""));
  EXPECT_THAT(event, HasSubstr("\"state\":\"paused\""));
}

TEST_F(ApiTest, AStreamEndsWithItsRights) {
  RawPeer peer = connect();
  peer.ask(request("GET", "/api/v1/events", "minh"));
  peer.hear_until("\n\n");
  inside([&] { access_->replace(Users{}); });
  EXPECT_EQ(peer.hear_all(), "");
}

TEST_F(ApiTest, ThousandIdleReadersDisturbNobody) {
  std::vector<RawPeer> peers;
  for (int i = 0; i < 1000; ++i) {
    peers.push_back(connect());
    peers.back().say(request("GET", "/api/v1/events", "minh"));
  }
  for (RawPeer& peer : peers) ASSERT_THAT(peer.hear_until("retry: 2000\n\n"), HasSubstr("200 OK"));
  EXPECT_EQ(counts().streams, 1000U);
  submit("a");
  for (RawPeer& peer : peers) ASSERT_THAT(peer.hear_until("\n\n"), HasSubstr("\"id\":\"a\""));
}

TEST(ApiSettings, AreReadStrictly) {
  const auto read = [](const std::string& text, Faults& faults) {
    const auto node = parse_document(text, "loa.yaml", faults);
    return read_api_settings(*node, "config/loa.yaml", faults);
  };
  Faults none;
  EXPECT_EQ(to_string(read("{}", none).listen[0]), "127.0.0.1:8460");
  const auto several = read("listen: [unix:/run/loa/api.sock, \"[::1]:1\"]", none);
  EXPECT_EQ(several.listen.size(), 2U);
  const auto tls = read("listen: 0.0.0.0:443\ntls: {certificate: a.pem, key: /b.pem}", none);
  EXPECT_EQ(tls.tls->certificate, "config/a.pem");
  EXPECT_EQ(tls.tls->key, "/b.pem");
  EXPECT_TRUE(read("listen: 0.0.0.0:80\nbehind_proxy: true", none).behind_proxy);
  EXPECT_TRUE(none.ok());
  for (const char* bad : {"listen: 0.0.0.0:80", "listen: localhost:80", "behind_proxy: yes",
                          "listn: x", "tls: {key: a}"}) {
    Faults faults;
    read(bad, faults);
    EXPECT_FALSE(faults.ok()) << bad;
    EXPECT_EQ(faults.all()[0].place.line, 1) << bad;
  }
}

}  // namespace
}  // namespace loa
