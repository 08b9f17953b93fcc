#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <fstream>

#include "plan/forecast.hpp"
#include "plan/freeze.hpp"

namespace loa {
namespace {

class Freezing : public testing::Test {
 protected:
  void SetUp() override {
    Faults faults;
    numbering_ = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
    add("vina", "vnpt-smsbn", {"vinaphone"}, faults);
    add("viettel", "speedsms", {"viettel"}, faults);
    ASSERT_TRUE(faults.ok());
    path_ = testing::TempDir() + "plan-" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".csv";
    people(
        "0912345678,Lan,Cao Lộc\n0982345678,An,Lộc Bình\n0912345679,Bình,Cao "
        "Lộc\n0912345678,Lan,x\n0902345678,Mai,x\n");
    campaign_.id = "c";
    campaign_.sender = "X";
    campaign_.audience.files = {path_};
    campaign_.message.text = "Cảnh báo lừa đảo";
  }

  void add(const std::string& name, const std::string& profile, std::vector<std::string> networks,
           Faults& faults) {
    Gateway gateway;
    gateway.name = name;
    gateway.profile =
        Profile::load(std::string(LOA_PROJECT "/config/profiles/") + profile + ".yaml", faults);
    gateway.networks = std::move(networks);
    gateway.limits.messages_per_second = 500;
    gateway.batch = 100;
    gateway.price_per_part = 350;
    gateways_.push_back(std::move(gateway));
  }

  void people(const std::string& rows) const {
    std::ofstream(path_) << "so_dien_thoai,ten,quan\n" << rows;
  }

  Result<FrozenPlan> frozen() const {
    return freeze({campaign_, gateways_, numbering_, exclusions_});
  }

  static std::string bytes_of(const FrozenPlan& plan) {
    std::string bytes;
    EXPECT_TRUE(plan.write([&](std::string_view piece) -> Result<void> {
      bytes += piece;
      return {};
    }));
    return bytes;
  }

  NumberingPlan numbering_;
  std::vector<Gateway> gateways_;
  std::vector<std::string> exclusions_;
  std::string path_;
  Campaign campaign_;
};

TEST_F(Freezing, EverybodyIsARowOrCounted) {
  const auto plan = frozen();
  ASSERT_TRUE(plan) << plan.error().text;
  EXPECT_EQ(plan->head.audience, 5U);
  EXPECT_EQ(plan->head.rows, 3U);
  EXPECT_EQ(plan->head.excluded[static_cast<std::size_t>(Exclusion::duplicate)], 1U);
  EXPECT_EQ(plan->head.excluded[static_cast<std::size_t>(Exclusion::no_route)], 1U);
}

TEST_F(Freezing, NumbersWrittenInTheCampaignNeedNoFile) {
  campaign_.audience = {};
  campaign_.audience.numbers = {"0912345678", "0982345678"};
  const auto plan = frozen();
  ASSERT_TRUE(plan) << plan.error().text;
  EXPECT_EQ(plan->head.rows, 2U);
  const auto back = Plan::from_bytes(bytes_of(*plan));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->rows()[1].number(), 84982345678U);
}

TEST_F(Freezing, TheSameInputGivesTheSameBytesAndTheyComeBack) {
  const auto first = frozen();
  const auto second = frozen();
  const std::string bytes = bytes_of(*first);
  EXPECT_EQ(bytes, bytes_of(*second));
  const auto plan = Plan::from_bytes(bytes);
  ASSERT_TRUE(plan) << plan.error().text;
  EXPECT_EQ(plan->sha256(), first->sha256());
  std::vector<E164> numbers;
  for (const PlanRow& row : plan->rows()) {
    numbers.push_back(row.number());
    EXPECT_EQ(plan->head().networks[row.network()],
              plan->lane_of(static_cast<std::uint64_t>(&row - plan->rows().data())) == 0
                  ? "vinaphone"
                  : "viettel");
  }
  EXPECT_THAT(numbers, testing::ElementsAre(84912345678U, 84912345679U, 84982345678U));
  EXPECT_EQ(plan->rows()[1].line, 4U);
}

TEST_F(Freezing, NoDamageGoesUnseen) {
  const std::string bytes = bytes_of(*frozen());
  const std::string sha256 = Plan::from_bytes(bytes)->sha256();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    const auto plan = Plan::from_bytes(damaged);
    if (plan) {
      EXPECT_NE(plan->sha256(), sha256) << i;
    }
  }
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(Plan::from_bytes(bytes.substr(0, size))) << size;
}

TEST_F(Freezing, AccentsAreKeptWhereTheyCostNothing) {
  const auto plan = frozen();
  for (const PlanLane& lane : plan->head.lanes)
    EXPECT_EQ(lane.encoding, Encoding::ucs2) << lane.gateway << lane.why;
  campaign_.message.text = std::string(60, 'a') + " cảnh báo lừa đảo";
  const auto longer = frozen();
  for (const PlanLane& lane : longer->head.lanes) {
    EXPECT_EQ(lane.encoding, Encoding::gsm7);
    EXPECT_THAT(lane.why, testing::HasSubstr("2 parts instead of 1"));
  }
  campaign_.message.text = "khong dau";
  const auto plain = frozen();
  EXPECT_EQ(plain->head.lanes[0].encoding, Encoding::gsm7);
}

TEST_F(Freezing, RowsOfOneTextLieTogether) {
  campaign_.message.text = "Gui {quan}";
  const auto plan = frozen();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->texts.size(), 2U);
  people("0912345671,a,B\n0912345672,a,A\n0912345673,a,B\n0912345674,a,A\n");
  const auto mixed = frozen();
  std::vector<std::uint32_t> texts;
  for (const PlanRow& row : mixed->lanes[0]) texts.push_back(row.text);
  EXPECT_THAT(texts, testing::ElementsAre(0U, 0U, 1U, 1U));
}

TEST_F(Freezing, ARegisteredTextCarriesItsParameters) {
  campaign_.message.registered["vina"] = {"81", {"quan", "ten"}};
  const auto plan = Plan::from_bytes(bytes_of(*frozen()));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->head().lanes[0].registered_template, "81");
  EXPECT_EQ(plan->head().lanes[1].registered_template, "");
  EXPECT_THAT(plan->text(plan->rows()[0].text).parameters, testing::ElementsAre("Cao Lộc", "Lan"));
}

TEST_F(Freezing, WhatCannotBeSentIsRefusedWithTheCut) {
  campaign_.message.text = std::string(310, 'a');
  const auto too_long = frozen();
  ASSERT_FALSE(too_long);
  EXPECT_THAT(too_long.error().text, testing::HasSubstr("cut 4 characters"));
  campaign_.message.text = "giá ½";
  campaign_.message.encoding = EncodingChoice::gsm7;
  EXPECT_THAT(frozen().error().text, testing::HasSubstr("U+00BD"));
  campaign_.message.text = "ok";
  campaign_.parts_budget = 2;
  EXPECT_THAT(frozen().error().text, testing::HasSubstr("takes 3 parts, and its budget is 2"));
}

TEST_F(Freezing, DifferencesAreNamed) {
  const PlanHead before = frozen()->head;
  EXPECT_TRUE(differences(before, frozen()->head).empty());
  campaign_.message.text = "Khác";
  campaign_.sender = "Y";
  EXPECT_THAT(differences(before, frozen()->head),
              testing::ElementsAre("the text of the message", testing::HasSubstr("sender")));
  people("0912345678,Lan,x\n");
  EXPECT_THAT(differences(before, frozen()->head),
              testing::Contains(testing::HasSubstr("audience (frozen: 3 recipients, now: 1)")));
}

class Forecasting : public Freezing {
 protected:
  PlanHead head(std::uint64_t rows) const {
    PlanHead head;
    PlanLane lane;
    lane.gateway = "vina";
    lane.rows = lane.parts = rows;
    lane.batch = 100;
    head.lanes = {lane};
    head.rows = head.parts = rows;
    return head;
  }
  const Instant morning_ = *parse_rfc3339("2026-11-24T01:00:00Z");  // 08:00
  Schedule schedule_;
};

TEST_F(Forecasting, EndsWhereTheLimitSays) {
  const Forecast when = forecast(head(500 * 600), gateways_, schedule_, 0, morning_);
  ASSERT_TRUE(when.end);
  EXPECT_NEAR(std::chrono::duration<double>(*when.end - morning_).count(), 600 * 1.007, 1);
  EXPECT_EQ(when.gateways[0].bound, "messages_per_second 500");
}

TEST_F(Forecasting, WaitsForTheNextMorning) {
  schedule_.from = std::chrono::hours(7);
  schedule_.to = std::chrono::hours(20);
  const Instant evening = *parse_rfc3339("2026-11-24T12:30:00Z");  // 19:30
  const Forecast when = forecast(head(500 * 3600), gateways_, schedule_, 0, evening);
  ASSERT_TRUE(when.end);
  EXPECT_EQ(to_local(schedule_.zone, *when.end), "2026-11-25 07:30");
}

TEST_F(Forecasting, AGatewayKeepsItsOwnHours) {
  Schedule hours;
  hours.from = std::chrono::hours(9);
  hours.to = std::chrono::hours(10);
  gateways_[0].hours = hours;
  const Forecast when = forecast(head(500 * 5400), gateways_, schedule_, 0, morning_);
  ASSERT_TRUE(when.end);
  EXPECT_EQ(to_local(schedule_.zone, *when.end), "2026-11-25 09:30");
  schedule_.from = std::chrono::hours(10);  // never together
  EXPECT_FALSE(forecast(head(500), gateways_, schedule_, 0, morning_).end);
}

TEST_F(Forecasting, SaysWhenItCannotEnd) {
  schedule_.useful_until = morning_ + std::chrono::minutes(10);
  const Forecast when = forecast(head(500 * 1200), gateways_, schedule_, 0, morning_);
  EXPECT_FALSE(when.end);
  EXPECT_NEAR(static_cast<double>(when.rows_late), 300'000, 6'000);
}

TEST_F(Forecasting, SpreadsADailyLimitOverDays) {
  gateways_[0].limits.per_day = 1000;
  const Forecast when = forecast(head(2500), gateways_, schedule_, 0, morning_);
  ASSERT_TRUE(when.end);
  EXPECT_EQ(to_local(schedule_.zone, *when.end).substr(0, 10), "2026-11-26");
}

RC_GTEST_PROP(PlanRow, KeepsWhatItIsGiven, ()) {
  const auto number = *rc::gen::inRange<E164>(0, kNumberMax);
  const auto network = static_cast<NetworkId>(*rc::gen::inRange(0, 63));
  const auto file = static_cast<std::uint8_t>(*rc::gen::inRange(0, 256));
  const PlanRow row = pack_row(number, network, file, 7, 9);
  RC_ASSERT(row.number() == number && row.network() == network && row.file() == file);
}

}  // namespace
}  // namespace loa
