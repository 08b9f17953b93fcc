// A desk in memory, for what stands in front of it. It keeps the rules of a campaign's life and
// remembers keys; it freezes nothing and sends nothing.
#pragma once

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>

#include "base/json.hpp"
#include "config/document.hpp"
#include "desk/desk.hpp"

namespace loa {

class FakeDesk final : public Desk {
 public:
  explicit FakeDesk(Clock& clock) : clock_(clock), gate(clock.make_alarm()) {
    GatewayView vina;
    vina.name = "vina";
    vina.profile = "vnpt-smsbn";
    vina.networks = {"vina"};
    vina.state = "up";
    vina.limit = 500;
    gateways_.push_back(vina);
    vina.name = "mobi";
    gateways_.push_back(vina);
  }

  Task<Answer<Submitted>> submit(Actor actor, Submission submission) override {
    ++submits;
    if (hold_submits) co_await gate->wait_until(clock_.now() + std::chrono::seconds(10));
    Refusal wrong;
    const std::string id = id_of(submission, wrong.faults);
    if (!wrong.faults.ok()) {
      wrong.words = "the campaign has faults";
      co_return tl::unexpected(wrong);
    }
    if (const auto known = find(id); known != campaigns_.end()) {
      if (known->document == quoted(submission.document))
        co_return Submitted{id, known->plan, false, {}};
      co_return tl::unexpected(
          Refusal{Refusal::Kind::conflict, "there is another campaign of that id"});
    }
    last_audience.clear();
    for (const std::string& file : submission.audience) {
      std::ifstream in(file, std::ios::binary);
      last_audience.append(std::istreambuf_iterator<char>(in), {});
    }
    CampaignView view;
    view.id = id;
    view.title = "Lừa đảo";
    view.state = CampaignState::waiting;
    view.author = actor.name;
    view.source = actor.from;
    view.priority = "normal";
    view.plan = std::string(64, 'a');
    view.content = std::string(64, 'b');
    view.document = quoted(submission.document);
    view.audience = planned + 3;
    view.excluded = {{"duplicate", 3}};
    view.planned = planned;
    view.unsent = planned;
    view.version = 1;
    GatewayProgress progress;
    progress.gateway = "vina";
    progress.rows = progress.unsent = planned;
    progress.bound = "limit";
    progress.bound_words = "the carrier's limit";
    view.gateways.push_back(progress);
    campaigns_.push_front(view);
    record(actor, "submit", id, "");
    Submitted done{id, view.plan, true, {}};
    done.warnings.warning({submission.name, 1, 1}, "short notice");
    co_return done;
  }

  Task<Answer<PlanView>> check(Submission submission) override {
    Refusal wrong;
    const std::string id = id_of(submission, wrong.faults);
    if (!wrong.faults.ok()) co_return tl::unexpected(wrong);
    PlanView plan;
    plan.campaign.id = id;
    plan.campaign.priority = "low";
    plan.samples.push_back({"first", "+8491•••5678", "vina", "Canh bao", "gsm7", 1});
    co_return plan;
  }

  Task<Answer<Submitted>> revise(Actor actor, std::string campaign, std::uint64_t version,
                                 Submission submission) override {
    const auto found = find(campaign);
    if (found == campaigns_.end()) co_return tl::unexpected(unknown(campaign));
    if (found->version != version)
      co_return tl::unexpected(Refusal{Refusal::Kind::changed, "somebody else changed it"});
    found->document = quoted(submission.document);
    record(actor, "submit", campaign, "");
    co_return Submitted{campaign, found->plan, true, {}};
  }

  Task<Answer<CampaignView>> act(Actor actor, std::string campaign, Act act,
                                 ActInput input) override {
    const auto found = find(campaign);
    if (found == campaigns_.end()) co_return tl::unexpected(unknown(campaign));
    if (act == Act::approve && actor.name == found->author)
      co_return tl::unexpected(Refusal{Refusal::Kind::forbidden, "nobody approves what he wrote"});
    if (act == Act::approve && input.plan != found->plan)
      co_return tl::unexpected(Refusal{Refusal::Kind::changed, "the plan is another one now"});
    if (act == Act::retry || act == Act::clone) {
      CampaignView copy = *found;
      copy.id = input.id.empty() ? campaign + "-2" : input.id;
      campaigns_.push_front(copy);
      record(actor, std::string(to_string(act)), copy.id, input.why);
      co_return campaigns_.front();
    }
    const auto next = after(found->state, act, false);
    if (!next) {
      const std::string words = "it is " + std::string(to_string(found->state));
      co_return tl::unexpected(Refusal{Refusal::Kind::conflict, words});
    }
    found->state = *next;
    ++acts_done;
    record(actor, std::string(to_string(act)), campaign, input.why);
    co_return *find(campaign);
  }

  Task<Answer<GatewayView>> pause_gateway(Actor actor, std::string gateway,
                                          std::string why) override {
    return set_gateway(std::move(actor), std::move(gateway), std::move(why), "paused");
  }
  Task<Answer<GatewayView>> resume_gateway(Actor actor, std::string gateway,
                                           std::string why) override {
    return set_gateway(std::move(actor), std::move(gateway), std::move(why), "up");
  }

  Task<void> deny(Actor actor, std::string act, std::string campaign, std::string why) override {
    record(actor, std::move(act), std::move(campaign), std::move(why));
    acts_.back().denied = true;
    co_return;
  }

  std::vector<CampaignView> campaigns() const override {
    return {campaigns_.begin(), campaigns_.end()};
  }
  Answer<CampaignView> campaign(std::string_view id) const override {
    for (const CampaignView& one : campaigns_)
      if (one.id == id) return one;
    return tl::unexpected(unknown(std::string(id)));
  }
  Task<Answer<PlanView>> plan(std::string id) override {
    auto found = campaign(id);
    if (!found) co_return tl::unexpected(found.error());
    PlanView plan;
    plan.campaign = *found;
    plan.samples.push_back({"longest", "+8491•••5678", "vina", "Cảnh báo", "ucs2", 1});
    co_return plan;
  }
  std::vector<ActRecord> acts(std::string_view campaign) const override {
    std::vector<ActRecord> out;
    for (const ActRecord& act : acts_)
      if (campaign.empty() || act.campaign == campaign) out.push_back(act);
    return out;
  }
  std::vector<GatewayView> gateways() const override { return gateways_; }
  Task<Answer<std::vector<Explanation>>> explain(std::string number,
                                                 std::string campaign) override {
    asked_number = number;
    Explanation one{campaign, "accepted", {"2026-11-24 08:00: sent to vina, accepted"}};
    std::vector<Explanation> all{one};
    co_return all;
  }

  Subscription subscribe(std::function<void(const Change&)> on_change) override {
    auto listener = std::make_shared<std::function<void(const Change&)>>(std::move(on_change));
    listeners_.push_back(listener);
    return listener;
  }
  std::optional<std::vector<Change>> changes_after(std::uint64_t lsn) const override {
    if (lsn < forgotten_up_to || lsn > lsn_) return std::nullopt;
    std::vector<Change> out;
    for (const Change& change : changes_)
      if (change.lsn > lsn) out.push_back(change);
    return out;
  }
  std::optional<Remembered> recall(std::string_view key) const override {
    const auto found = keys.find(std::string(key));
    return found == keys.end() ? std::nullopt : std::optional(found->second);
  }
  Task<Answer<void>> remember(std::string key, Remembered what) override {
    keys[key] = std::move(what);
    co_return Answer<void>{};
  }
  bool approval_required() const override { return true; }
  std::optional<std::string> trouble() const override { return trouble_words; }

  // A line of the journal.
  void change(const std::string& campaign, const std::string& line) {
    const Change change{++lsn_, campaign, line};
    changes_.push_back(change);
    for (const auto& listener : listeners_)
      if (const auto alive = listener.lock()) (*alive)(change);
  }
  void progress(const std::string& campaign, std::uint64_t accepted) {
    const auto found = find(campaign);
    found->accepted = accepted;
    found->unsent = found->planned - accepted;
    ++found->version;
    change(campaign, "{\"event\":\"answer\",\"ms\":12}");
  }

  void begin_sending(const std::string& campaign, std::uint64_t accepted) {
    const auto found = find(campaign);
    found->state = CampaignState::sending;
    found->began = clock_.wall();
    progress(campaign, accepted);
    found->gateways[0].accepted = accepted;
    found->gateways[0].unsent = found->unsent;
    GatewayView& vina = gateways_[0];
    vina.state = "slowed";
    vina.share = 0.5;
    vina.waiting = found->unsent;
    vina.counts.accepted = accepted;
    vina.counts.answers[1] = 1;
  }

 private:
  Clock& clock_;

 public:
  std::unique_ptr<Alarm> gate;
  bool hold_submits = false;
  std::uint64_t planned = 100;
  int submits = 0;
  int acts_done = 0;
  std::string asked_number;
  std::string last_audience;
  std::optional<std::string> trouble_words;
  std::uint64_t forgotten_up_to = 0;
  std::map<std::string, Remembered> keys;

 private:
  static Refusal unknown(const std::string& id) {
    return {Refusal::Kind::unknown, "there is no '" + id + "'"};
  }
  static std::string quoted(const std::string& text) {
    JsonWriter out;
    out.open_object().field("text", text).close_object();
    return out.take();
  }
  static std::string id_of(const Submission& submission, Faults& faults) {
    const auto root = parse_document(submission.document, submission.name, faults);
    if (!root) return {};
    MapReader reader(*root, "campaign", faults);
    const std::string id = reader.text("campaign");
    reader.optional("audience");
    if (const Node* message = reader.optional("message")) {
      MapReader words(*message, "message", faults);
      words.text_or("text", "");
      words.finish();
    }
    reader.finish();
    return id;
  }
  std::deque<CampaignView>::iterator find(const std::string& id) {
    return std::find_if(campaigns_.begin(), campaigns_.end(),
                        [&](const CampaignView& one) { return one.id == id; });
  }
  void record(const Actor& actor, std::string act, std::string about, std::string why) {
    change(about, "{\"event\":\"act\"}");
    ActRecord line;
    line.lsn = lsn_;
    line.at = clock_.wall();
    line.campaign = std::move(about);
    line.act = std::move(act);
    line.who = actor.name;
    line.from = actor.from;
    line.why = std::move(why);
    acts_.push_back(std::move(line));
    const auto found = find(acts_.back().campaign);
    if (found != campaigns_.end()) ++found->version;
  }
  Task<Answer<GatewayView>> set_gateway(Actor actor, std::string gateway, std::string why,
                                        std::string state) {
    for (GatewayView& one : gateways_) {
      if (one.name != gateway) continue;
      one.state = state;
      one.reason = why;
      ++acts_done;
      record(actor, "gateway", "", why);
      co_return one;
    }
    co_return tl::unexpected(unknown(gateway));
  }

  std::deque<CampaignView> campaigns_;
  std::vector<GatewayView> gateways_;
  std::vector<ActRecord> acts_;
  std::vector<Change> changes_;
  std::vector<std::weak_ptr<std::function<void(const Change&)>>> listeners_;
  std::uint64_t lsn_ = 0;
};

}  // namespace loa
