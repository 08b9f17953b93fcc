// A real Redis, the real intake, and a desk that remembers what it was given.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <sstream>

#include "async/task_group.hpp"
#include "base/hash.hpp"
#include "campaign/canonical.hpp"
#include "config/document.hpp"
#include "intake/redis_intake.hpp"
#include "support/redis_server.hpp"

namespace loa {

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Takes each campaign once, by its id and document.
class RememberingDesk final : public Desk {
 public:
  struct Taken {
    Actor actor;
    std::string document;
    std::string audience;  // what stood in the files
    int times = 1;         // it was submitted and found to be the same
  };
  std::map<std::string, Taken> campaigns_taken;
  int not_now = 0;  // so many submissions are put off
  int submissions = 0;
  std::uint64_t accepted = 0;  // of every campaign
  std::function<void(const Change&)> tell;

  Task<Answer<Submitted>> submit(Actor actor, Submission submission) override {
    ++submissions;
    if (not_now > 0) {
      --not_now;
      co_return refusal(Refusal::Kind::not_now, "the disk is full");
    }
    Faults faults;
    const auto document = parse_document(submission.document, submission.name, faults);
    const Node* id = document ? document->find("campaign") : nullptr;
    if (id == nullptr) {
      if (faults.ok()) faults.error({submission.name, 1, 1}, "campaign: 'campaign' is missing");
      Refusal wrong;
      wrong.words = "wrong";
      wrong.faults = faults;
      co_return tl::unexpected(wrong);
    }
    std::string audience;
    for (const std::string& file : submission.audience) audience += read_all(file);
    Submitted submitted;
    submitted.campaign = id->scalar();
    const auto [place, fresh] = campaigns_taken.try_emplace(id->scalar());
    submitted.is_new = fresh;
    if (fresh) {
      place->second = {std::move(actor), submission.document, audience, 1};
    } else if (place->second.document != submission.document) {
      co_return refusal(Refusal::Kind::conflict, "another campaign has this id");
    } else {
      ++place->second.times;
    }
    co_return submitted;
  }
  Answer<CampaignView> campaign(std::string_view id) const override {
    const auto found = campaigns_taken.find(std::string(id));
    if (found == campaigns_taken.end()) return refusal(Refusal::Kind::unknown, "unknown");
    CampaignView view;
    view.id = id;
    view.state = CampaignState::waiting;
    view.reason = "waits for approval";
    view.source = found->second.actor.from;
    Faults none;
    view.document = canonical_json(*parse_document(found->second.document, "", none));
    view.planned = 7;
    view.accepted = accepted;
    return view;
  }

  Task<Answer<PlanView>> check(Submission) override { co_return none(); }
  Task<Answer<Submitted>> revise(Actor, std::string, std::uint64_t, Submission) override {
    co_return none();
  }
  Task<Answer<CampaignView>> act(Actor, std::string, Act, ActInput) override { co_return none(); }
  Task<Answer<GatewayView>> pause_gateway(Actor, std::string, std::string) override {
    co_return none();
  }
  Task<Answer<GatewayView>> resume_gateway(Actor, std::string, std::string) override {
    co_return none();
  }
  Task<void> deny(Actor, std::string, std::string, std::string) override { co_return; }
  std::vector<CampaignView> campaigns() const override {
    std::vector<CampaignView> all;
    all.reserve(campaigns_taken.size());
    for (const auto& [id, taken] : campaigns_taken) all.push_back(*campaign(id));
    return all;
  }
  Task<Answer<PlanView>> plan(std::string) override { co_return none(); }
  std::vector<ActRecord> acts(std::string_view) const override { return {}; }
  std::vector<GatewayView> gateways() const override { return {}; }
  Task<Answer<std::vector<Explanation>>> explain(std::string, std::string) override {
    co_return none();
  }
  Subscription subscribe(std::function<void(const Change&)> on_change) override {
    tell = std::move(on_change);
    return {this, [this](RememberingDesk*) { tell = nullptr; }};
  }
  std::optional<std::vector<Change>> changes_after(std::uint64_t) const override { return {}; }
  std::optional<Remembered> recall(std::string_view) const override { return {}; }
  Task<Answer<void>> remember(std::string, Remembered) override { co_return none(); }
  bool approval_required() const override { return true; }
  std::optional<std::string> trouble() const override { return {}; }

 private:
  static tl::unexpected<Refusal> refusal(Refusal::Kind kind, std::string words) {
    Refusal refusal;
    refusal.kind = kind;
    refusal.words = std::move(words);
    return tl::unexpected(refusal);
  }
  static tl::unexpected<Refusal> none() { return refusal(Refusal::Kind::unknown, "not here"); }
};

// One life of the intake; destroying it is a crash.
class IntakeLife {
 public:
  IntakeLife(const RedisAccess& access, RememberingDesk& desk, const std::string& folder,
             const std::function<void(RedisIntakeOptions&)>& change = {})
      : clock_(create_system_clock(context_.get_executor())),
        random_(create_seeded_random(1)),
        disk_(create_system_disk()),
        reader_(*create_redis(context_.get_executor(), *clock_, *random_, access, "loa-intake")),
        writer_(*create_redis(context_.get_executor(), *clock_, *random_, access, "loa-status")),
        mirror_(*writer_, *clock_, std::chrono::milliseconds(100)) {
    RedisIntakeOptions options;
    options.node = "node-1";
    options.block = std::chrono::milliseconds(200);
    options.answer_limit = std::chrono::milliseconds(500);
    options.takeover_every = std::chrono::milliseconds(100);
    options.gap_after = std::chrono::milliseconds(0);
    options.gap_every = std::chrono::milliseconds(20);
    options.pause_first = std::chrono::milliseconds(10);
    options.pause_max = std::chrono::milliseconds(40);
    if (change) change(options);
    intake_ = std::make_unique<RedisIntake>(
        RedisIntakeNeeds{*clock_, workers_, *disk_, *reader_, desk, mirror_,
                         [this](const IntakeNotice& notice) {
                           notices += notice.campaign + ": " + notice.text + "\n";
                         }},
        std::move(options), folder);
    tasks_ = std::make_unique<TaskGroup>(context_.get_executor(), *clock_);
    tasks_->spawn(intake_->run());
    tasks_->spawn(mirror_.run());
  }
  ~IntakeLife() { stop(); }

  // Ends it, as a signal does.
  void stop() {
    intake_->stop();
    mirror_.stop();
    writer_->close(true);
    context_.restart();
    context_.run();
  }

  bool until(const std::function<bool()>& condition,
             std::chrono::seconds patience = std::chrono::seconds(30)) {
    context_.restart();
    return wait_until(
        [&] {
          context_.poll();
          return condition();
        },
        patience);
  }
  void pass(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    until([&] { return std::chrono::steady_clock::now() > end; });
  }

  const RedisIntakeState& state() const { return intake_->state(); }
  StatusMirror& mirror() { return mirror_; }
  std::string notices;

 private:
  asio::io_context context_{1};
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Disk> disk_;
  Workers workers_{1};
  std::unique_ptr<Redis> reader_;
  std::unique_ptr<Redis> writer_;
  StatusMirror mirror_;
  std::unique_ptr<RedisIntake> intake_;
  std::unique_ptr<TaskGroup> tasks_;
};

inline const std::string kStream = "loa:campaigns";

inline std::string hex(const std::string& text) { return to_hex(sha256(text)); }

class RedisIntakeTest : public testing::Test {
 protected:
  RedisAccess access() const {
    RedisAccess access;
    access.address = *parse_redis_url(server.url());
    access.connect_limit = std::chrono::milliseconds(500);
    access.pause_first = std::chrono::milliseconds(10);
    access.pause_max = std::chrono::milliseconds(50);
    return access;
  }
  std::unique_ptr<IntakeLife> life(const std::function<void(RedisIntakeOptions&)>& change = {}) {
    return std::make_unique<IntakeLife>(access(), desk, folder.path + "/staging", change);
  }
  std::string queue(const std::string& document) {
    return server.ask({"XADD", kStream, "*", "campaign", document});
  }
  std::string queue_part(const std::string& campaign, int index, int count,
                         const std::string& csv) {
    return server.ask({"XADD", kStream, "*", "part", "audience", "campaign", campaign, "index",
                       std::to_string(index), "count", std::to_string(count), "sha256", hex(csv),
                       "csv", csv});
  }
  std::string status(const std::string& campaign, const std::string& field) {
    return server.ask({"HGET", "loa:campaign:" + campaign, field});
  }
  std::string pending() { return server.ask({"XPENDING", kStream, "loa"}).substr(0, 1); }
  bool is_done() {
    return server.ask({"XINFO", "GROUPS", kStream}).find(" lag 0") != std::string::npos &&
           pending() == "0";
  }
  std::size_t staged() const {
    std::error_code none;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path + "/staging", none))
      count += entry.is_regular_file() ? 1U : 0U;
    return count;
  }

  RedisServer server{{"--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no"}};
  RememberingDesk desk;
  TempFolder folder;
};

}  // namespace loa
