#include "plan/subset.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "plan/samples.hpp"

namespace loa {
namespace {

using testing::HasSubstr;

std::string bytes_of(const FrozenPlan& plan) {
  std::string bytes;
  EXPECT_TRUE(plan.write([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

Instant at(const char* text) { return parse_rfc3339(text).value(); }

class Subset : public testing::Test {
 protected:
  // 60 people of two networks; everyone's text has his name.
  static Plan plan_of(const std::string& text) {
    Faults faults;
    const NumberingPlan numbering =
        NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
    std::vector<Gateway> gateways;
    for (const auto& [name, profile, network] : {std::tuple("vina", "vnpt-smsbn", "vinaphone"),
                                                 std::tuple("viettel", "speedsms", "viettel")}) {
      Gateway gateway;
      gateway.name = name;
      gateway.profile =
          Profile::load(std::string(LOA_PROJECT "/config/profiles/") + profile + ".yaml", faults);
      gateway.networks = {network};
      gateway.limits.messages_per_second = 500;
      gateway.batch = 100;
      gateway.price_per_part = 350;
      gateways.push_back(std::move(gateway));
    }
    EXPECT_TRUE(faults.ok());
    const std::string path = testing::TempDir() + "subset.csv";
    std::ofstream file(path);
    file << "so_dien_thoai,ten\n";
    for (int i = 0; i < 60; ++i)
      file << (i % 3 == 0 ? "09821234" : "09121234") << 10 + i << ",N"
           << std::string(i == 41 ? 9 : 1, 'x') << i % 7 << "\n";
    file << "0205381234,x\n0912123411,twice\n";  // two that are excluded
    file.close();
    Campaign campaign;
    campaign.id = "old";
    campaign.title = "Cảnh báo";
    campaign.sender = "X";
    campaign.audience.files = {path};
    campaign.message.text = text;
    campaign.message.registered["vina"] = {"81", {"ten"}};
    const std::vector<std::string> exclusions;
    const auto frozen = freeze({campaign, gateways, numbering, exclusions});
    EXPECT_TRUE(frozen);
    return Plan::from_bytes(bytes_of(*frozen)).value();
  }
};

// What a row is to the person who gets it.
std::map<E164, std::string> people(const Plan& plan) {
  std::map<E164, std::string> found;
  for (std::uint64_t row = 0; row < plan.rows().size(); ++row) {
    const PlanRow& one = plan.rows()[row];
    const PlanLane& lane = plan.head().lanes[plan.lane_of(row)];
    const PlanText& text = plan.text(one.text);
    found[one.number()] = lane.gateway + "|" + std::string(to_string(lane.encoding)) + "|" +
                          lane.registered_template + "|" + std::to_string(text.parts) + "|" +
                          std::string(text.text) + "|" + plan.head().networks[one.network()] + "|" +
                          std::to_string(one.file()) + ":" + std::to_string(one.line);
  }
  return found;
}

TEST_F(Subset, HasANewHeadAndNothingElseIsNew) {
  const Plan plan = plan_of("Chào {ten}");
  const auto made = subset(plan, [](std::uint64_t row) { return row % 2 == 0; },
                           {.campaign = "old-retry-1",
                            .title = "",
                            .not_before = at("2026-11-25T01:00:00Z"),
                            .useful_until = at("2026-11-25T09:00:00Z"),
                            .parts_budget = 100});
  ASSERT_TRUE(made) << made.error().text;
  const auto next = Plan::from_bytes(bytes_of(*made));
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_EQ(next->sha256(), made->sha256());
  EXPECT_EQ(next->head().campaign, "old-retry-1");
  EXPECT_EQ(next->head().title, "Cảnh báo");
  EXPECT_EQ(next->head().sender, "X");
  EXPECT_EQ(next->head().not_before, at("2026-11-25T01:00:00Z"));
  EXPECT_EQ(next->head().useful_until, at("2026-11-25T09:00:00Z"));
  EXPECT_EQ(next->head().parts_budget, 100U);
  EXPECT_EQ(next->head().audience, 30U);
  for (const std::uint64_t excluded : next->head().excluded) EXPECT_EQ(excluded, 0U);
}

TEST_F(Subset, AllRowsHaveTheHashesTheyHadBefore) {
  const Plan plan = plan_of("Chào {ten}");
  const auto all = subset(plan, [](std::uint64_t) { return true; }, {.campaign = "again"});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->head.audience_sha256, plan.head().audience_sha256);
  EXPECT_EQ(all->head.texts_sha256, plan.head().texts_sha256);
  EXPECT_EQ(all->head.parts, plan.head().parts);
}

TEST_F(Subset, NobodyLeftAndTooDearAreRefused) {
  const Plan plan = plan_of("Chào {ten}");
  const auto none = subset(plan, [](std::uint64_t) { return false; }, {.campaign = "n"});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text, HasSubstr("no recipient of the campaign 'old'"));
  const auto dear = subset(
      plan, [](std::uint64_t) { return true; },
      {.campaign = "n", .title = "", .not_before = {}, .useful_until = {}, .parts_budget = 59});
  ASSERT_FALSE(dear);
  EXPECT_THAT(dear.error().text, HasSubstr("takes 60 parts, and its budget is 59"));
}

RC_GTEST_FIXTURE_PROP(Subset, KeepsExactlyWhatIsAskedFor, ()) {
  static const Plan plan = plan_of("Chào {ten}");
  const auto chosen =
      *rc::gen::container<std::vector<bool>>(plan.rows().size(), rc::gen::arbitrary<bool>());
  const auto keep = [&](std::uint64_t row) { return static_cast<bool>(chosen[row]); };
  const auto made = subset(plan, keep, {.campaign = "new"});
  const auto count = static_cast<std::uint64_t>(std::count(chosen.begin(), chosen.end(), true));
  RC_ASSERT(made.has_value() == (count > 0));
  if (count == 0) return;
  const auto next = Plan::from_bytes(bytes_of(*made));
  RC_ASSERT(next.has_value());
  const PlanHead& head = next->head();
  RC_ASSERT(head.audience == count);
  RC_ASSERT(head.rows == count);
  std::uint64_t rows = 0;
  std::uint64_t parts = 0;
  for (const PlanLane& lane : head.lanes) {
    RC_ASSERT(lane.rows > 0U);
    RC_ASSERT(lane.batch > 0);
    rows += lane.rows;
    parts += lane.parts;
  }
  RC_ASSERT(rows == head.rows);
  RC_ASSERT(parts == head.parts);
  std::map<E164, std::string> expected = people(plan);
  for (std::uint64_t row = 0; row < plan.rows().size(); ++row)
    if (!keep(row)) expected.erase(plan.rows()[row].number());
  RC_ASSERT(people(*next) == expected);
  std::set<std::uint32_t> texts;
  for (const PlanRow& row : next->rows()) texts.insert(row.text);
  RC_ASSERT(texts.size() == next->texts());
  // The same again gives the same bytes, also from the new plan.
  RC_ASSERT(bytes_of(*subset(plan, keep, {.campaign = "new"})) == bytes_of(*made));
  const auto whole = subset(*next, [](std::uint64_t) { return true; }, {.campaign = "new"});
  RC_ASSERT(bytes_of(*whole) == bytes_of(*made));
}

TEST_F(Subset, SamplesShowTheFirstTheShortestAndTheLongest) {
  const Plan plan = plan_of("Chào {ten}");
  const auto shown = samples(plan);
  ASSERT_EQ(shown.size(), 2U);  // the first is as short as any
  EXPECT_EQ(shown[0].what, "first");
  EXPECT_EQ(shown[0].row, 0U);
  EXPECT_EQ(shown[0].gateway, plan.head().lanes[0].gateway);
  EXPECT_EQ(shown[0].number, masked(plan.rows()[0].number()));
  EXPECT_THAT(shown[0].number, HasSubstr("•••"));
  EXPECT_EQ(shown[1].what, "longest");
  EXPECT_EQ(shown[1].text, "Chào Nxxxxxxxxx6");
  EXPECT_EQ(shown[1].rows, 1U);
  EXPECT_EQ(shown[1].parts, 1);
}

}  // namespace
}  // namespace loa
