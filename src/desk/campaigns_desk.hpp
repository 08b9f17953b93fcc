// The desk of a running daemon.
#pragma once

#include <deque>
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
#include "plan/subset.hpp"

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
  // Takes over what a reload may change: all but the gateways, which are the dispatcher's.
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
  static constexpr std::string_view kStopping = "the daemon is stopping; try again when it is back";
  using Settings = std::shared_ptr<const DeskSettings>;  // a thread may outlive a reload
  // What was looked at by who brings another document.
  struct Revised {
    std::string campaign;
    std::uint64_t version = 0;
  };
  // At a campaign, alone, while it lives. run() passes over a campaign that is visited, and looks
  // at it when the visitor has gone.
  class Visit {
   public:
    Visit(CampaignsDesk& desk, std::string campaign, Gate::Pass pass);
    Visit(Visit&& other) noexcept;
    Visit& operator=(Visit&&) = delete;
    ~Visit();

   private:
    CampaignsDesk* desk_;
    std::string campaign_;
    std::optional<Gate::Pass> pass_;
  };

  // submit.cpp
  Task<Answer<Submitted>> take(Actor actor, Submission submission, std::optional<Revised> revised);
  Task<Answer<Submitted>> record(Actor actor, Reading reading, WrittenPlan plan);
  static Answer<void> may_change(const std::string& id, const CampaignLife& life,
                                 const std::optional<Revised>& revised);

  // derive.cpp
  Task<Answer<Submitted>> reschedule(Actor actor, std::string campaign, ActInput input);
  Task<Answer<Submitted>> derive(Actor actor, std::string from, Act act, ActInput input);
  Task<Answer<Submitted>> choose(Actor actor, std::string from, Act act, SubsetChanges changes,
                                 std::string why);
  Answer<SubsetChanges> window(const std::string& from, Act act, const ActInput& input) const;
  std::string name_for(const std::string& from, Act act, const std::string& wanted) const;
  Answer<void> may_retry(const std::string& from) const;

  // campaigns_desk.cpp
  Task<Answer<CampaignView>> do_act(Actor actor, std::string campaign, Act act, ActInput input);
  Task<Answer<void>> commit(Event event);
  Task<Answer<void>> commit_act(const Actor& actor, const std::string& campaign, Act act,
                                std::string why, std::string plan = "");
  Task<Answer<GatewayView>> act_on_gateway(Actor actor, std::string gateway, Act act,
                                           std::string why);
  Task<Visit> visit(std::string campaign);
  std::optional<Visit> visit_now(const std::string& campaign);
  bool may_not_approve(const std::string& who, const std::string& campaign) const;
  const std::optional<Error>& failure() const;
  void on_recorded(const Recorded& recorded);
  Event event(Event::Kind kind, std::string campaign) const;

  // tend.cpp: what time brings
  Task<void> settle_crashes();
  Task<Tick> tend_all();
  Task<Tick> tend(std::string campaign);
  Task<Answer<void>> tell_late(std::string campaign, IfLate if_late, Instant due);
  Task<Tick> end(std::string campaign, CampaignState state);
  Task<Tick> tend_repeat(std::string campaign, Campaign document);
  std::optional<Occurrence> next_to_make(const std::string& campaign,
                                         const Campaign& document) const;
  Task<void> make(std::string campaign, Occurrence one, std::string zone);
  void start_sending(const std::string& campaign);
  Task<void> send(std::string campaign);
  Tick tick_of(Instant at) const;

  // view.cpp
  static void put_plan(CampaignView& view, const PlanHead& head);
  const Known& known(const std::string& campaign, const CampaignRecord& record) const;
  CampaignView view(const std::string& campaign, const CampaignRecord& record) const;
  CampaignView fresh_view(const std::string& campaign, const CampaignRecord& record) const;
  void add_gateways(CampaignView& view, const CampaignRecord& record, const Known& known) const;
  std::string reason_of(const CampaignView& view, const CampaignRecord& record,
                        const Known& known) const;
  std::string reason_of_repeat(const std::string& campaign, const Campaign& document) const;
  GatewayView gateway_view(const Outlet& outlet) const;

  World world_;
  Settings settings_;
  TaskGroup sendings_;
  std::set<std::string> being_sent_;
  // The next one of a campaign that repeats.
  struct Making {
    bool busy = false;
    Tick again = Tick::min();  // not before, after trouble
    std::string trouble;
  };
  std::map<std::string, Making> making_;
  std::map<std::string, std::unique_ptr<Gate>> gates_;  // of campaigns that are visited
  std::set<std::string> passed_over_;                   // by run(), since they were
  std::unique_ptr<Alarm> alarm_;                        // of run()
  bool draining_ = false;
  std::optional<Error> failure_;  // of the journal, if the desk met it first

  mutable std::map<std::string, Known> known_;
  struct CachedView {
    Tick made;
    CampaignView view;
  };
  mutable std::map<std::string, CachedView> views_;

  std::deque<Change> changes_;  // the newest
  std::size_t changes_bytes_ = 0;
  std::uint64_t next_change_ = 0;  // its lsn
  using Subscriber = std::function<void(const Change&)>;
  std::vector<std::weak_ptr<Subscriber>> subscribers_;
};

}  // namespace loa
