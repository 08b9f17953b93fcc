// Shares of one gateway: whatever the weights, the sizes of requests, and who waits when.
#include "dispatch/share.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace loa {
namespace {

struct Campaign {
  double weight = 1;
  bool urgent = false;
  std::uint64_t parts_max = 1;  // of a request
  unsigned idle = 0;            // percent of its time; it idles in stretches
  double given = 0;
  bool waits = true;
};

// A gateway that always has room for one more request.
class Gateway {
 public:
  explicit Gateway(std::vector<Campaign> campaigns) : campaigns_(std::move(campaigns)) {
    for (const Campaign& one : campaigns_) share_.join(&one, one.weight, one.urgent);
  }

  std::vector<Campaign>& campaigns() { return campaigns_; }
  FairShare& share() { return share_; }

  // Gives one request; whose it was, nothing when nobody waits.
  Campaign* give(std::uint64_t drawn) {
    std::vector<FairShare::Flow> ready;
    for (const Campaign& one : campaigns_)
      if (one.waits) ready.push_back(&one);
    if (ready.empty()) return nullptr;
    const FairShare::Flow next = share_.next(ready);
    const auto found = std::find_if(campaigns_.begin(), campaigns_.end(),
                                    [&](const Campaign& one) { return &one == next; });
    const std::uint64_t parts = 1 + drawn % found->parts_max;
    share_.charge(next, parts);
    found->given += static_cast<double>(parts);
    return &*found;
  }

  double given() const {
    return std::accumulate(campaigns_.begin(), campaigns_.end(), 0.0,
                           [](double sum, const Campaign& one) { return sum + one.given; });
  }

 private:
  std::vector<Campaign> campaigns_;
  FairShare share_;
};

std::uint64_t number() { return *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 62); }

struct Draw {
  std::uint64_t state = number();
  std::uint64_t operator()() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
  }
};

std::vector<Campaign> any_campaigns(bool with_urgent, bool with_idle) {
  std::vector<Campaign> campaigns(*rc::gen::inRange<std::size_t>(2, 12));
  for (Campaign& one : campaigns) {
    one.weight = *rc::gen::inRange(1, 1001);
    one.urgent = with_urgent && *rc::gen::inRange(0, 4) == 0;
    one.parts_max = *rc::gen::inRange<std::uint64_t>(1, 400);
    if (with_idle) one.idle = *rc::gen::element(0U, 0U, 30U, 90U);
  }
  return campaigns;
}

void idle_or_not(std::vector<Campaign>& campaigns, Draw& draw) {
  for (Campaign& one : campaigns)
    if (one.idle > 0 && draw() % 20 == 0) one.waits = draw() % 100 >= one.idle;
}

double largest(const std::vector<Campaign>& campaigns) {
  std::uint64_t parts = 1;
  for (const Campaign& one : campaigns) parts = std::max(parts, one.parts_max);
  return static_cast<double>(parts);
}

RC_GTEST_PROP(FairShare, WhoAlwaysWaitsGetsItsWeight, ()) {
  Gateway gateway(any_campaigns(false, true));
  auto& campaigns = gateway.campaigns();
  Draw draw;
  for (int i = 0; i < 5'000; ++i) {
    idle_or_not(campaigns, draw);
    gateway.give(draw());
  }
  for (const Campaign& a : campaigns)
    for (const Campaign& b : campaigns) {
      if (a.idle > 0 || b.idle > 0) continue;
      // Between two that wait, never more than a request of each; so within 2 % in the long run.
      const double apart = std::abs(a.given / a.weight - b.given / b.weight);
      RC_ASSERT(apart <= static_cast<double>(a.parts_max) / a.weight +
                             static_cast<double>(b.parts_max) / b.weight + 1e-6);
    }
}

RC_GTEST_PROP(FairShare, ALongRunIsWithinTwoPercent, ()) {
  std::vector<Campaign> some = any_campaigns(false, false);
  for (Campaign& one : some) {
    one.weight = 1 + std::fmod(one.weight, 10);
    one.parts_max = 10;
  }
  Gateway gateway(some);
  Draw draw;
  for (int i = 0; i < 8'000; ++i) gateway.give(draw());
  double weights = 0;
  for (const Campaign& one : gateway.campaigns()) weights += one.weight;
  for (const Campaign& one : gateway.campaigns()) {
    const double due = gateway.given() * one.weight / weights;
    RC_ASSERT(std::abs(one.given - due) <= 0.02 * due);
  }
}

// The bound that share.hpp states.
RC_GTEST_PROP(FairShare, NobodyWaitsLongerThanTheBound, ()) {
  Gateway gateway(any_campaigns(true, true));
  auto& campaigns = gateway.campaigns();
  const double most = largest(campaigns);
  const auto alarms = static_cast<double>(std::count_if(
      campaigns.begin(), campaigns.end(), [](const Campaign& one) { return one.urgent; }));
  std::map<const Campaign*, double> waits_since;  // parts given to anybody when it began to wait
  Draw draw;
  for (int i = 0; i < 2'000; ++i) {
    idle_or_not(campaigns, draw);
    for (const Campaign& one : campaigns) {
      if (!one.waits) {
        waits_since.erase(&one);
      } else {
        waits_since.try_emplace(&one, gateway.given());
      }
    }
    const Campaign* next = gateway.give(draw());
    if (next == nullptr) continue;
    waits_since.erase(next);
    for (const auto& [one, since] : waits_since) {
      double kin = 0;
      for (const Campaign& other : campaigns)
        if (&other != one && other.urgent == one->urgent)
          kin += most + other.weight * most / one->weight;
      const double others = one->urgent ? (kin + most) / 9 + 2 * most : 9 * (kin + most) + 2 * most;
      RC_ASSERT(gateway.given() - since <= kin + others + alarms * most + 1e-6);
    }
  }
}

RC_GTEST_PROP(FairShare, IdleTimeEarnsNothing, ()) {
  std::vector<Campaign> some = any_campaigns(false, false);
  Gateway gateway(some);
  auto& campaigns = gateway.campaigns();
  Campaign& late = campaigns.front();
  late.waits = false;
  Draw draw;
  for (int i = 0; i < 2'000; ++i) gateway.give(draw());
  std::vector<double> before;
  before.reserve(campaigns.size());
  for (const Campaign& one : campaigns) before.push_back(one.given);
  late.waits = true;
  for (int i = 0; i < 2'000; ++i) {
    gateway.give(draw());
    for (std::size_t other = 1; other < campaigns.size(); ++other) {
      const Campaign& one = campaigns[other];
      const double ahead = late.given / late.weight - (one.given - before[other]) / one.weight;
      RC_ASSERT(ahead <= static_cast<double>(late.parts_max) / late.weight +
                             static_cast<double>(one.parts_max) / one.weight + 1e-6);
    }
  }
}

RC_GTEST_PROP(FairShare, TheUrgentGetNineTenthsAndTheRestGoesOn, ()) {
  std::vector<Campaign> some = any_campaigns(true, false);
  some.front().urgent = true;
  some.back().urgent = false;
  Gateway gateway(some);
  Draw draw;
  for (int i = 0; i < 2'000; ++i) gateway.give(draw());
  double urgent = 0;
  for (const Campaign& one : gateway.campaigns())
    if (one.urgent) urgent += one.given;
  const double most = largest(gateway.campaigns());
  RC_ASSERT(std::abs(urgent - 0.9 * gateway.given()) <= 2 * most);
  // Among themselves by weight.
  for (const Campaign& a : gateway.campaigns())
    for (const Campaign& b : gateway.campaigns())
      if (a.urgent == b.urgent)
        RC_ASSERT(std::abs(a.given / a.weight - b.given / b.weight) <=
                  most * (1 / a.weight + 1 / b.weight));
}

RC_GTEST_PROP(FairShare, ANewUrgentOneIsNext, ()) {
  Gateway gateway(any_campaigns(true, true));
  auto& campaigns = gateway.campaigns();
  Draw draw;
  for (int i = 0; i < 2'000; ++i) {
    idle_or_not(campaigns, draw);
    gateway.give(draw());
  }
  for (Campaign& one : campaigns) one.waits = true;
  const Campaign alarm{.urgent = true};
  gateway.share().join(&alarm, 1, true);
  std::vector<FairShare::Flow> ready;
  ready.reserve(campaigns.size() + 1);
  for (const Campaign& one : campaigns) ready.push_back(&one);
  ready.push_back(&alarm);
  const bool at_once = gateway.share().next(ready) == &alarm;
  RC_ASSERT(at_once);
  // Its second request goes by the shares.
  gateway.share().charge(&alarm, 1);
  for (int i = 0; i < 100; ++i) {
    const FairShare::Flow next = gateway.share().next(ready);
    if (next != &alarm) return;
    gateway.share().charge(next, 400);
  }
  RC_FAIL("it goes on alone");
}

// A weight that is changed on the way holds from then on.
RC_GTEST_PROP(FairShare, AChangedWeightHoldsFromThenOn, ()) {
  Gateway gateway(any_campaigns(false, false));
  auto& campaigns = gateway.campaigns();
  Draw draw;
  for (int i = 0; i < 10'000; ++i) gateway.give(draw());
  const double most = largest(campaigns);
  double slowest = most;  // of a request, by the weights before
  for (Campaign& one : campaigns) {
    slowest = std::max(slowest, most / one.weight);
    one.given = 0;
    one.weight = static_cast<double>(1 + draw() % 1000);
    gateway.share().set_weight(&one, one.weight);
  }
  for (int i = 0; i < 10'000; ++i) gateway.give(draw());
  for (const Campaign& a : campaigns)
    for (const Campaign& b : campaigns)
      RC_ASSERT(std::abs(a.given / a.weight - b.given / b.weight) <=
                most * (1 / a.weight + 1 / b.weight) + slowest);
}

// Who leaves and comes again gets no more for it than one request each time.
RC_GTEST_PROP(FairShare, LeavingAndComingAgainEarnsNothing, ()) {
  std::vector<Campaign> some(2);
  some[0].weight = *rc::gen::inRange(1, 101);
  some[1].weight = *rc::gen::inRange(1, 101);
  some[0].parts_max = some[1].parts_max = 50;
  Gateway gateway(some);
  auto& campaigns = gateway.campaigns();
  Draw draw;
  const int times = *rc::gen::inRange(1, 20);
  for (int i = 0; i < times; ++i) {
    for (int j = 0; j < 100; ++j) gateway.give(draw());
    gateway.share().leave(&campaigns[0]);
    gateway.share().join(&campaigns[0], campaigns[0].weight, false);
  }
  const double ahead =
      campaigns[0].given / campaigns[0].weight - campaigns[1].given / campaigns[1].weight;
  RC_ASSERT(ahead <= 50 * (times + 1) / campaigns[0].weight + 50 / campaigns[1].weight);
}

TEST(PressedWeight, IsWhatMakesItInTime) {
  // 6000 parts in 45 s take two thirds of 200 a second: beside a weight of 2, it needs a little
  // over 4.
  EXPECT_NEAR(pressed_weight(2, 0.5, 200, 6000, 45), 2 * 0.7 / 0.3, 0.01);
}

RC_GTEST_PROP(PressedWeight, GrowsWithWhatIsLeftAndIsBounded, ()) {
  const double weight = *rc::gen::inRange(1, 1001);
  const double share = static_cast<double>(*rc::gen::inRange(1, 1001)) / 1000;
  const double rate = *rc::gen::inRange(0, 5001);
  const double parts = *rc::gen::inRange(0, 10'000'000);
  const double seconds = *rc::gen::inRange(-1000, 1'000'000);
  const double pressed = pressed_weight(weight, share, rate, parts, seconds);
  RC_ASSERT(pressed >= weight);
  RC_ASSERT(pressed <= 8 * weight);
  RC_ASSERT(pressed_weight(weight, share, rate, parts + 1000, seconds) >= pressed);
  RC_ASSERT(pressed_weight(weight, share, rate, parts, seconds - 100) >= pressed - 1e-9);
  RC_ASSERT(pressed_weight(weight, share / 2, rate, parts, seconds) >= pressed);
  // Who has time enough is not pressed.
  if (seconds > 0 && 1.06 * parts / seconds <= rate * share) RC_ASSERT(pressed == weight);
}

}  // namespace
}  // namespace loa
