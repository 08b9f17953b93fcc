// The desk of a running daemon.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <set>

#include "async/gate.hpp"
#include "async/workers.hpp"
#include "audience/numbering.hpp"
#include "campaign/campaign.hpp"
#include "desk/desk.hpp"
#include "desk/reading.hpp"
#include "dispatch/dispatcher.hpp"
#include "journal/disk.hpp"
#include "plan/freeze.hpp"

namespace loa {

class CampaignsDesk final : public Desk {
 public:
  // All must outlive the desk.
  struct World {
    asio::any_io_executor executor;
    Clock& clock;
    Disk& disk;
    Recorder& recorder;
    Dispatcher& dispatcher;
    Workers& workers;
    DispatchObserver& observer;
  };
  CampaignsDesk(const World& world, DeskSettings settings);
  ~CampaignsDesk() override;

  // Brings each campaign to its end in its time, until drain() or the journal fails.
  Task<Result<void>> run();
  // No new requests; run() returns when those under way have their outcomes.
  void drain();
  // Takes over what a reload may change: templates, exclusions, zone, numbering.
  void replace(DeskSettings settings);

  Task<Answer<Submitted>> submit(Actor actor, Submission submission) override;
  Task<Answer<PlanView>> check(Submission submission) override;
  Task<Answer<Submitted>> revise(Actor actor, std::string campaign, std::uint64_t version,
                                 Submission submission) override;
  Task<Answer<CampaignView>> act(Actor actor, std::string campaign, Act act,
                                 ActInput input) override;
  Task<Answer<GatewayView>> pause_gateway(Actor actor, std::string gateway,
                                          std::string why) override;
  Task<Answer<GatewayView>> resume_gateway(Actor actor, std::string gateway,
                                           std::string why) override;
  Task<void> deny(Actor actor, std::string act, std::string campaign, std::string why) override;
  std::vector<CampaignView> campaigns() const override;
  Answer<CampaignView> campaign(std::string_view id) const override;
  Task<Answer<PlanView>> plan(std::string id) override;
  std::vector<ActRecord> acts(std::string_view campaign) const override;
  std::vector<GatewayView> gateways() const override;
  Task<Answer<std::vector<Explanation>>> explain(std::string number, std::string campaign) override;
  Subscription subscribe(std::function<void(const Change&)> on_change) override;
  std::optional<std::vector<Change>> changes_after(std::uint64_t lsn) const override;
  std::optional<Remembered> recall(std::string_view key) const override;
  Task<Answer<void>> remember(std::string key, Remembered what) override;
  bool approval_required() const override { return settings_->approval_required; }
  std::optional<std::string> trouble() const override;

 private:
  // A campaign as its document and plan say, read when first asked for.
  struct Known {
    int revision = -1;
    Campaign campaign;
    PlanHead head;
  };
  using Settings = std::shared_ptr<const DeskSettings>;  // a thread may outlive a reload

  // submit.cpp
  Task<Answer<Submitted>> take(Actor actor, Submission submission,
                               std::optional<std::uint64_t> revised);
  Task<Answer<Submitted>> record(Actor actor, Reading reading, PlanHead head, std::string sha256);
  Task<Answer<Submitted>> derive(Actor actor, std::string from, Act act, ActInput input);

  // campaigns_desk.cpp
  Task<Answer<CampaignView>> do_act(Actor actor, std::string campaign, Act act, ActInput input);
  Task<Answer<void>> commit(Event event);
  Task<Answer<void>> commit_act(const Actor& actor, const std::string& campaign, Act act,
                                std::string why, std::string plan = "");
  Task<Answer<GatewayView>> act_on_gateway(Actor actor, std::string gateway, Act act,
                                           std::string why);
  Gate& gate(const std::string& campaign);
  void on_recorded(const Recorded& recorded);
  Event event(Event::Kind kind, std::string campaign) const;

  // tend.cpp: what time brings
  Task<void> settle_crashes();
  Task<Tick> tend_all();
  Task<void> tend(std::string campaign, Tick& again);
  Task<void> tend_repeat(std::string campaign, const Campaign& document, Tick& again);
  Task<void> send(std::string campaign);
  Tick tick_of(Instant at) const;

  // view.cpp
  static void put_plan(CampaignView& view, const PlanHead& head);
  const Known& known(const std::string& campaign, const CampaignRecord& record) const;
  CampaignView view(const std::string& campaign, const CampaignRecord& record) const;
  CampaignView fresh_view(const std::string& campaign, const CampaignRecord& record) const;
  void add_gateways(CampaignView& view, const CampaignRecord& record, const Known& known) const;
  std::string reason_of(const CampaignView& view, const CampaignRecord& record) const;
  GatewayView gateway_view(const Outlet& outlet) const;

  World world_;
  Settings settings_;
  TaskGroup sendings_;
  std::set<std::string> being_sent_;
  std::map<std::string, std::unique_ptr<Gate>> gates_;
  std::unique_ptr<Alarm> alarm_;  // of run()
  bool draining_ = false;
  Tick started_;

  mutable std::map<std::string, Known> known_;
  struct CachedView {
    Tick made;
    Instant acted;  // the last act it knows
    CampaignView view;
  };
  mutable std::map<std::string, CachedView> views_;

  std::deque<Change> changes_;  // the newest
  std::list<std::function<void(const Change&)>> subscribers_;
};

}  // namespace loa
