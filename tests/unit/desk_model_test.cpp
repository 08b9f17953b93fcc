// Random days at the desk: people act, time passes, the daemon is killed. After each step the
// record is what a small model says, the sums are right, and nothing was sent that was not
// approved.
#include <random>

#include "support/seeds.hpp"
#include "unit/desk_world.hpp"

namespace loa::desk_test {
namespace {

// What is known of a campaign from what was answered. The daemon moves it on by itself, too.
struct Model {
  CampaignState state = CampaignState::draft;
  std::string plan;
  std::string author;
  std::string text;  // of its document, and that its window was moved
  bool begun = false;
  bool approved = false;
};

class Day {
 public:
  explicit Day(std::uint64_t seed) : random_(seed) {
    for (Gateway& gateway : world_.gateways) {
      gateway.limits.messages_per_second = 5;
      gateway.batch = 3;
    }
    world_.carriers.delay = milliseconds(400);
    world_.carriers.script = [this](const std::string& gateway, const auto& numbers) {
      return answer(gateway, numbers);
    };
    world_.people("people.csv", 12);
    world_.restart();
  }

  void live() {
    for (int step = 0; step < 40 && !testing::Test::HasFailure(); ++step) {
      do_something();
      look();
    }
    finish();
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  HttpReply answer(const std::string& gateway, const std::vector<std::string>&) {
    if (gateway == broken_) return Carriers::hold();
    return below(4) == 0 ? Carriers::refuse() : Carriers::take();
  }

  std::string some_campaign() { return std::string(1, static_cast<char>('a' + below(3))); }
  const Actor& somebody() {
    static const std::array<Actor, 3> all = {kLan, kBinh, kMai};
    return all[below(all.size())];
  }

  void do_something() {
    switch (below(12)) {
      case 0:
      case 1: submit(); break;
      case 2: crash(); break;
      case 3: world_.pass(milliseconds(below(3'000))); break;
      case 4: world_.pass(minutes(below(20))); break;
      case 5: gateway(); break;
      default: act();
    }
  }

  void submit() {
    const std::string id = some_campaign();
    const std::string text = id + (below(4) == 0 ? " moi" : "");
    std::vector<std::string> schedule = {"useful_until: 2026-11-24T16:00:00+07:00"};
    const Actor author = somebody();
    const CampaignRecord* record = world_.record().find(id);
    const bool returned = record != nullptr && record->life.state == CampaignState::draft;
    const auto answer = world_.submit(
        {.id = id, .text = text, .schedule = schedule, .more = {"guard: {refused_share: 100}"}},
        author);
    const auto known = model_.find(id);
    if (known == model_.end()) {
      ASSERT_TRUE(answer) << words(answer);
      model_[id] = {CampaignState::waiting, answer->plan, author.name, text, false, false};
      return;
    }
    Model& model = known->second;
    if (model.text == text) {
      ASSERT_TRUE(answer) << words(answer);
      EXPECT_FALSE(answer->is_new);
    } else if (returned) {
      ASSERT_TRUE(answer) << words(answer);
      model = {CampaignState::waiting, answer->plan, author.name, text, false, false};
    } else {
      EXPECT_EQ(refused(answer), Refusal::Kind::conflict);
    }
  }

  void act() {
    if (model_.empty()) return;
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(model_.size())));
    const std::string id = at->first;
    Model& model = at->second;
    const Act act = static_cast<Act>(below(kActs));
    if (act == Act::stop && below(3) != 0) return;
    if (act == Act::reject && below(3) != 0) return;
    const Actor actor = somebody();
    ActInput input = because("x");
    input.plan = below(8) == 0 ? "another" : model.plan;
    if (act == Act::schedule) input.useful_until = kMorning + hours(8) + minutes(below(60));
    const CampaignLife before = world_.record().find(id)->life;
    const auto answer = world_.act(actor, id, act, input);
    if (act == Act::retry || act == Act::clone) {
      if (answer) {
        model_[answer->id] = {
            CampaignState::waiting, answer->plan, actor.name, model.text, false, false};
        EXPECT_EQ(to_string(answer->state), "waiting");
        if (act == Act::clone) {  // it would be right to send to the same people again
          EXPECT_TRUE(world_.act(kMai, answer->id, Act::reject, because("x")));
        }
      }
      return;
    }
    if (!after(before.state, act, before.begun)) {
      EXPECT_FALSE(answer) << to_string(act) << " of " << to_string(before.state);
      return;
    }
    if (!answer) return check_refusal(answer.error(), before, model, actor, act, input);
    switch (act) {
      case Act::approve:
        EXPECT_NE(actor.name, model.author);
        EXPECT_EQ(input.plan, model.plan);
        model.approved = true;
        break;
      case Act::schedule:
        model.plan = answer->plan;
        model.text += ", moved";
        model.approved = false;
        EXPECT_EQ(answer->approved_by, "");
        EXPECT_EQ(to_string(answer->state), "waiting");
        break;
      case Act::give_back: model.approved = false; break;
      default: break;
    }
    if (act != Act::schedule) {
      EXPECT_EQ(answer->state, *after(before.state, act, before.begun));
    }
    EXPECT_GT(answer->version, before.version);
  }

  static void check_refusal(const Refusal& refusal, const CampaignLife& before, const Model& model,
                            const Actor& actor, Act act, const ActInput& input) {
    switch (refusal.kind) {
      case Refusal::Kind::forbidden: EXPECT_EQ(act, Act::approve); break;
      case Refusal::Kind::changed: EXPECT_NE(input.plan, model.plan); break;
      case Refusal::Kind::wrong:
        EXPECT_TRUE(act == Act::submit || act == Act::freeze || act == Act::begin ||
                    act == Act::schedule)
            << refusal.words;
        break;
      default:
        EXPECT_EQ(refusal.kind, Refusal::Kind::conflict) << refusal.words;
        EXPECT_EQ(act, Act::approve)
            << actor.name << ": " << refusal.words << " " << to_string(before.state);
    }
  }

  void gateway() {
    if (below(2) == 0) {
      broken_ = broken_.empty() ? "vina" : "";
      return;
    }
    const std::string name = below(2) == 0 ? "vina" : "mobi";
    const auto done = below(2) == 0 ? world_.wait(world_.desk().pause_gateway(kMai, name, "x"))
                                    : world_.wait(world_.desk().resume_gateway(kMai, name, "x"));
    EXPECT_TRUE(done) << words(done);
  }

  // All that was answered is there again. What was under way when the process died is in doubt.
  void crash() {
    const auto campaigns = [&] {
      std::map<std::string, std::string> all;
      for (const auto& [id, record] : world_.record().campaigns())
        all[id] = record.plan + record.life.content + record.life.author + record.life.approved_by +
                  (is_over(record.life.state) ? std::string(to_string(record.life.state)) : "");
      return all;
    };
    if (below(3) == 0) world_.pass(seconds(1));
    const auto before = campaigns();
    const std::size_t acts = world_.desk().acts("").size();
    world_.restart(minutes(below(30)));
    const auto now = campaigns();
    for (const auto& [id, facts] : before) {
      ASSERT_TRUE(now.contains(id)) << id;
      EXPECT_TRUE(now.at(id).starts_with(facts)) << now.at(id) << " was " << facts;
    }
    EXPECT_GE(world_.desk().acts("").size(), acts);
  }

  void look() {
    world_.check_sums();
    for (const auto& [id, model] : model_) {
      const CampaignRecord& record = *world_.record().find(id);
      const CampaignLife& life = record.life;
      const CampaignView view = world_.view(id);
      EXPECT_EQ(view.state, life.state) << id;
      if (life.state != CampaignState::sending) {
        EXPECT_EQ(view.version, life.version) << id;
      }
      EXPECT_EQ(record.plan, model.plan) << id;
      EXPECT_EQ(!life.approved_by.empty(), model.approved) << id;
      EXPECT_TRUE(life.stands) << id;
      if (life.begun) {
        EXPECT_TRUE(model.approved) << id;
      }
      if (!life.begun) {
        EXPECT_TRUE(record.open.empty() && record.accepted == 0) << id;
      }
    }
    EXPECT_EQ(world_.record().campaigns().size(), model_.size());
  }

  // When nobody hinders them any more, all that were approved come to their end.
  void finish() {
    broken_.clear();
    for (const char* name : {"vina", "mobi"})
      EXPECT_TRUE(world_.wait(world_.desk().resume_gateway(kMai, name, "")));
    for (auto& [id, model] : model_)
      if (world_.record().find(id)->life.state == CampaignState::paused) {
        EXPECT_TRUE(world_.act(kMai, id, Act::resume));
      }
    world_.pass(hours(10));
    look();
    for (const auto& [id, model] : model_) {
      const CampaignView view = world_.view(id);
      EXPECT_TRUE(is_over(view.state) || view.state == CampaignState::draft ||
                  view.state == CampaignState::waiting)
          << id << ": " << to_string(view.state) << ", " << view.reason;
      if (view.state == CampaignState::finished) {
        EXPECT_EQ(view.unsent, 0U) << id;
      }
      if (!model.approved) {
        EXPECT_EQ(view.accepted, 0U) << id;
      }
    }
  }

  std::mt19937_64 random_;
  DeskWorld world_;
  std::map<std::string, Model> model_;
  std::string broken_;  // the gateway that refuses
};

TEST(DeskModel, RandomDaysWithCrashes) {
  for_each_seed(20, "desk_test", [](std::uint64_t seed) { Day(seed).live(); });
}

}  // namespace
}  // namespace loa::desk_test
