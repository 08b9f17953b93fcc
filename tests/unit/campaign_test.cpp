#include "campaign/campaign.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace loa {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kProject = LOA_PROJECT;

Instant at(const char* text) { return parse_rfc3339(text).value(); }

std::string shown(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults.all()) {
    text += to_string(fault.place) + ": " + fault.text + "\n";
  }
  return text;
}

class CampaignFiles : public testing::Test {
 protected:
  CampaignFiles() {
    std::filesystem::create_directories(folder_ / "templates");
    write("templates/one.yaml", "template: canh-bao\ntitle: t\ntext: \"Chào {ho_ten}\"\n");
    write("templates/twice-a.yaml", "template: hai\ntitle: t\ntext: \"a\"\n");
    write("templates/twice-b.yaml", "template: hai\ntitle: t\ntext: \"a\"\n");
    write("templates/broken.yaml", "template: [\n");
  }
  ~CampaignFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Campaign load(const std::string& text, Faults& faults) const {
    write("c.yaml", text);
    return load_campaign((folder_ / "c.yaml").string(), (folder_ / "templates").string(), faults);
  }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "loa_campaign_test";
};

// A sound campaign; a table row replaces or adds lines.
std::string campaign_with(const std::string& key, const std::string& line) {
  const std::pair<std::string, std::string> lines[] = {
      {"campaign", "campaign: thu-1"},
      {"class", "class: public_info"},
      {"sender", "sender: CALANGSON"},
      {"audience", "audience: {files: [a.csv]}"},
      {"message", "message: {text: 'xin chao'}"},
      {"schedule", "schedule: {hours: {from: \"07:00\", to: \"20:00\"}}"},
  };
  std::string text;
  bool replaced = false;
  for (const auto& [name, written] : lines) {
    replaced = replaced || name == key;
    const std::string& used = name == key ? line : written;
    if (!used.empty()) text += used + "\n";
  }
  return replaced ? text : text + line + "\n";
}

TEST(Campaign, TheExampleIsSound) {
  Faults faults;
  const Campaign campaign = load_campaign(kProject + "/config/campaigns/lua-dao-gia-danh.yaml",
                                          kProject + "/templates", faults);
  ASSERT_TRUE(faults.all().empty()) << shown(faults);
  EXPECT_EQ(campaign.id, "lua-dao-gia-danh-2026-11");
  EXPECT_EQ(campaign.message_class, MessageClass::public_info);
  EXPECT_EQ(campaign.sender, "CALANGSON");
  EXPECT_THAT(campaign.audience.files, ElementsAre(kProject + "/config/audience/lang-son.csv"));
  EXPECT_EQ(campaign.audience.phone_column, "so_dien_thoai");
  EXPECT_THAT(campaign.message.text, HasSubstr("KHÔNG gọi điện"));
  EXPECT_THAT(campaign.message.unaccented, HasSubstr("KHONG goi dien"));
  EXPECT_EQ(campaign.message.parts_max, 2);
  EXPECT_EQ(campaign.schedule.not_before, at("2026-11-24T01:00:00Z"));
  EXPECT_EQ(campaign.schedule.to, minutes(20 * 60));
  EXPECT_EQ(campaign.parts_per_second, 1000);
  EXPECT_EQ(campaign.parts_budget, 600'000U);
  EXPECT_EQ(campaign.priority, Priority::normal);
  EXPECT_EQ(campaign.on_unknown, OnUnknown::hold);
}

TEST(Campaign, EveryTemplateIsSound) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kProject + "/templates")) {
    Faults faults;
    load_template(entry.path().string(), faults);
    EXPECT_TRUE(faults.all().empty()) << shown(faults);
    ++count;
  }
  EXPECT_GE(count, 4U);
}

TEST_F(CampaignFiles, ReadsWhatTheExampleDoesNotShow) {
  Faults faults;
  const Campaign campaign = load(
      "campaign: a\nclass: advertising\nsender: Loa 1\n"
      "audience: {files: [a.csv, b.csv], exclude: [no.csv], phone_column: sdt}\n"
      "message: {text: \"[QC] cha\\u0300o\", unaccented: '[QC] chao', encoding: ucs2, max_parts: "
      "10,\n"
      "  registered: {vina: {template: \"81\", parameters: [district]}}}\n"
      "schedule: {hours: {from: \"07:00\", to: \"22:00\"}, zone: Europe/Paris,\n"
      "  if_late: run}\n"
      "pace: {weight: 7}\npriority: high\non_unknown: assume_sent\n",
      faults);
  ASSERT_TRUE(faults.all().empty()) << shown(faults);
  EXPECT_EQ(campaign.message.text, "[QC] chào");  // NFC
  EXPECT_EQ(campaign.message.encoding, EncodingChoice::ucs2);
  EXPECT_EQ(campaign.message.registered.at("vina").template_id, "81");
  EXPECT_THAT(campaign.message.registered.at("vina").parameters, ElementsAre("district"));
  EXPECT_THAT(campaign.audience.exclude, ElementsAre((folder_ / "no.csv").string()));
  EXPECT_EQ(campaign.schedule.zone, "Europe/Paris");
  EXPECT_EQ(campaign.priority, Priority::high);
  EXPECT_EQ(campaign.weight, 7);
  EXPECT_EQ(campaign.if_late, IfLate::run);
  EXPECT_EQ(campaign.on_unknown, OnUnknown::assume_sent);
  EXPECT_EQ(to_string(campaign.message.encoding), "ucs2");
  EXPECT_EQ(to_string(campaign.on_unknown), "assume_sent");
}

TEST_F(CampaignFiles, NamesWhatIsWrong) {
  struct Row {
    const char* key;
    const char* line;
    const char* fault;
  };
  const Row table[] = {
      {"campaign", "", "c.yaml:1:1: campaign: the key 'campaign' is missing"},
      {"campaign", "campaign: Thu 1", "c.yaml:1:11: campaign: its name has"},
      {"campaign", "campaign: -a", "its name has"},
      {"class", "", "the key 'class' is missing"},
      {"class", "class: advertizing", "did you mean 'advertising'?"},
      {"sender", "sender: CALANGSON-ABC", "more than 11 characters"},
      {"sender", "sender: '113'", "digits alone"},
      {"sender", "sender: Công an", "only Latin letters"},
      {"sender", "sender: ' CA'", "begins or ends with a space"},
      {"audience", "", "the key 'audience' is missing"},
      {"audience", "audience: {}", "at least one CSV file"},
      {"audience", "audience: {files: [a.csv, ./a.csv]}", "twice"},
      {"audience", "audience: {files: [a.csv], upload: b}", "'upload' cannot stand beside 'files'"},
      {"audience", "audience: {numbers: ['0912345678'], redis: {set: k}}",
       "'redis' cannot stand beside 'numbers'"},
      {"audience", "audience: {numbers: []}", "a list with at least one phone number"},
      {"audience", "audience: {numbers: '0912345678'}", "must be a list"},
      {"audience", "audience: {numbers: [[1]]}", "1 to 40 plain characters"},
      {"audience", "audience: {numbers: {count: 1, sha256: 0}}", "64 hexadecimal digits"},
      {"audience", "audience: {upload: ../etc/passwd}", "1 to 64 of a-z, 0-9 and '-'"},
      {"audience", "audience: {redis: {}}", "either a 'set' or a 'list'"},
      {"audience", "audience: {redis: {set: a, list: b}}", "either a 'set' or a 'list'"},
      {"audience", "audience: {redis: {stream: a, set: b}}", "'stream' is not known"},
      {"audience", "audience: {redis: 'loa:a'}", "must be a map"},
      {"audience", "audience: {redis: {set: \"a\\nb\"}}", "plain characters"},
      {"audience", "audience: {chunks: 3}", "'sha256' is missing"},
      {"audience", "audience: {chunks: 3, sha256: abc}", "64 hexadecimal digits"},
      {"audience", "audience: {files: [a.csv], sha256: abc}", "belongs to 'chunks'"},
      {"audience", "audience: {file: [a.csv]}", "did you mean 'files'?"},
      {"message", "", "the key 'message' is missing"},
      {"message", "message: {encoding: auto}", "name a 'template', or write the 'text'"},
      {"message", "message: {template: canh-bap}", "did you mean 'canh-bao'?"},
      {"message", "message: {template: xyzxyzxyz}", "is no template that can be read"},
      {"message", "message: {template: hai}", "stands in two files"},
      {"message", "message: {template: canh-bao, text: x}", "cannot stand beside 'template'"},
      {"message", "message: {text: 'a {b'}", "message: 'text', character"},
      {"message", "message: {text: a, unaccented: 'b}'}", "message: 'unaccented', character"},
      {"message", "message: {text: a, encoding: utf8}", "must be one of auto, gsm7, ucs2"},
      {"message", "message: {text: a, max_parts: 11}", "from 1 to 10"},
      {"message", "message: {text: a, registered: {vina: {}}}", "'template' is missing"},
      {"message", "message: {text: a, registered: x}", "registered must be a map"},
      {"schedule", "schedule: {not_before: 2026-11-24 08:00}",
       "c.yaml:6:24: schedule: 'not_before'"},
      {"schedule", "schedule: {not_before: 2026-02-30T08:00:00Z}", "must be a date and time"},
      {"schedule", "schedule: {hours: {from: \"7:00\", to: \"20:00\"}}", "'from' must be an hour"},
      {"schedule", "schedule: {hours: {from: \"07:00\", to: \"24:01\"}}", "'to' must be an hour"},
      {"schedule", "schedule: {hours: {from: \"20:00\", to: \"07:00\"}}", "later than 'from'"},
      {"schedule", "schedule: {hours: {from: \"07:00\"}}", "'to' is missing"},
      {"schedule", "schedule: {zone: Asia/Lang_Son}", "there is no time zone 'Asia/Lang_Son'"},
      {"schedule", "schedule: {zone: ../../etc/passwd}", "there is no time zone"},
      {"schedule",
       "schedule: {not_before: 2026-11-24T08:00:00Z, useful_until: 2026-11-24T08:00:00Z, "
       "hours: {from: \"07:00\", to: \"20:00\"}}",
       "later than 'not_before'"},
      {"schedule",
       "schedule: {not_before: 2026-11-24T20:00:00+07:00, useful_until: 2026-11-25T06:00:00+07:00, "
       "hours: {from: \"07:00\", to: \"20:00\"}}",
       "no moment lies within"},
      {"schedule", "schedule: {useful_til: x}", "did you mean 'useful_until'?"},
      {"schedule", "schedule: {if_late: later}", "must be one of ask, skip, run"},
      {"pace", "pace: {weight: 0}", "from 1 to 1000"},
      {"pace", "pace: {weight: 1001}", "from 1 to 1000"},
      {"guard", "guard: {canary: on}", "must be off, or a list"},
      {"guard", "guard: {canary: []}", "must be off, or a list"},
      {"guard", "guard: {canary: [5, 5]}", "above the ring before it"},
      {"guard", "guard: {canary: [0]}", "above 0, below 100"},
      {"guard", "guard: {canary: [100]}", "above 0, below 100"},
      {"guard", "guard: {canary: [5%]}", "share in percent"},
      {"guard", "guard: {observe: 1}", "such as 30s"},
      {"guard", "guard: {refused_share: 101}", "from 0 to 100"},
      {"guard", "guard: {throttled_share: x}", "from 0 to 100"},
      {"guard", "guard: {after: 0}", "from 1 to 1000000"},
      {"guard", "guard: {canarie: off}", "did you mean 'canary'?"},
      {"pace", "pace: {parts_per_second: -1}", "from 0 to 100000"},
      {"pace", "pace: 7", "pace must be a map"},
      {"budget", "budget: {parts: viele}", "whole number"},
      {"budget", "budget: {part: 1}", "did you mean 'parts'?"},
      {"priority", "priority: hihg2", "must be one of low, normal, high, emergency"},
      {"on_unknown", "on_unknown: resent", "did you mean 'resend'?"},
      {"shedule", "shedule: {}", "did you mean 'schedule'?"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(std::string(row.key) + " / " + row.line);
    Faults faults;
    load(campaign_with(row.key, row.line), faults);
    EXPECT_EQ(faults.errors(), 1U) << shown(faults);
    EXPECT_THAT(shown(faults), HasSubstr(row.fault));
  }
}

TEST_F(CampaignFiles, HoursAndLabelFollowTheClass) {
  const std::string head = "campaign: a\nsender: CA\naudience: {files: [a.csv]}\n";
  struct Row {
    const char* rest;
    std::size_t errors;
    std::size_t warnings;
  };
  const Row table[] = {
      {"class: care\nmessage: {text: x}\n", 0, 1},
      {"class: care\nmessage: {text: x}\npriority: emergency\n", 0, 1},
      {"class: care\nmessage: {text: x}\nschedule: {hours: {from: \"07:00\", to: \"22:00\"}}\n", 0,
       0},
      {"class: advertising\nmessage: {text: x}\n", 2, 0},
      {"class: advertising\nmessage: {text: '[AD] x'}\npriority: emergency\n", 1, 0},
      {"class: advertising\nmessage: {text: ' [AD] x'}\n"
       "schedule: {hours: {from: \"07:00\", to: \"22:00\"}}\n",
       1, 0},
      {"class: advertising\nmessage: {text: '[QC] x', unaccented: x}\n"
       "schedule: {hours: {from: \"07:00\", to: \"22:00\"}}\n",
       1, 0},
      {"class: advertising\nmessage: {text: '[QC] x'}\n"
       "schedule: {hours: {from: \"07:00\", to: \"22:01\"}}\n",
       1, 0},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.rest);
    Faults faults;
    load(head + row.rest, faults);
    EXPECT_EQ(faults.errors(), row.errors) << shown(faults);
    EXPECT_EQ(faults.warnings(), row.warnings) << shown(faults);
  }
}

TEST_F(CampaignFiles, EachKindOfAudienceIsReadAsItIs) {
  const std::string sha256(64, 'a');
  const auto source = [&](const std::string& audience) {
    Faults faults;
    AudienceSource read =
        load(campaign_with("audience", "audience: {" + audience + "}"), faults).audience;
    EXPECT_TRUE(faults.ok()) << shown(faults);
    return read;
  };
  EXPECT_EQ(source("files: a.csv").kind(), AudienceKind::files);
  const AudienceSource numbers = source("numbers: ['0912 345 678', 0987654321]");
  EXPECT_EQ(numbers.kind(), AudienceKind::numbers);
  EXPECT_EQ(to_csv(numbers), "\"so_dien_thoai\"\n\"0912 345 678\"\n\"0987654321\"\n");
  const NumbersDigest digest = digest_of(numbers.numbers);
  EXPECT_EQ(source("numbers: {count: 2, sha256: " + digest.sha256 + "}").digest, digest);
  EXPECT_EQ(source("upload: xa-1").upload, "xa-1");
  EXPECT_EQ(source("redis: {list: \"loa:a\"}").redis,
            (RedisAudience{RedisAudience::Type::list, "loa:a"}));
  EXPECT_EQ(source("chunks: 12, sha256: " + sha256).chunked, (ChunkedAudience{12, sha256}));

  const AudienceSource found =
      with_files(source("upload: xa-1, exclude: [no.csv], phone_column: sdt"), {"/spool/1.csv"});
  EXPECT_EQ(found.kind(), AudienceKind::files);
  EXPECT_THAT(found.files, ElementsAre("/spool/1.csv"));
  EXPECT_EQ(found.phone_column, "sdt");
  EXPECT_THAT(found.exclude, ElementsAre((folder_ / "no.csv").string()));
}

TEST_F(CampaignFiles, NumbersWrittenInAreFewAndNeverQuoted) {
  const auto with = [](int count) {
    std::string numbers;
    for (int i = 0; i < count; ++i) numbers += "'09" + std::to_string(12'000'000 + i) + "',";
    return campaign_with("audience", "audience: {numbers: [" + numbers + "]}");
  };
  Faults faults;
  EXPECT_EQ(load(with(1000), faults).audience.numbers.size(), 1000U);
  EXPECT_TRUE(faults.ok()) << shown(faults);
  load(with(1001), faults);
  EXPECT_THAT(shown(faults), HasSubstr("at most 1000"));
  Faults odd;
  load(campaign_with("audience", "audience: {numbers: ['0912345678" + std::string(40, '9') + "']}"),
       odd);
  EXPECT_EQ(odd.errors(), 1U);
  EXPECT_THAT(shown(odd), testing::Not(HasSubstr("0912345678")));
}

TEST_F(CampaignFiles, PriorityGivesTheWeightAndAnEmergencyHasNoHours) {
  const std::pair<const char*, int> table[] = {
      {"low", 1}, {"normal", 2}, {"high", 4}, {"emergency", 16}};
  for (const auto& [priority, weight] : table) {
    Faults faults;
    const Campaign campaign =
        load(campaign_with("priority", std::string("priority: ") + priority), faults);
    EXPECT_EQ(campaign.weight, weight);
    const bool any_hour = std::string(priority) == "emergency";
    EXPECT_EQ(campaign.schedule.from, minutes(any_hour ? 0 : 7 * 60));
    EXPECT_EQ(campaign.schedule.to, minutes((any_hour ? 24 : 20) * 60));
    EXPECT_EQ(faults.warnings(), any_hour ? 1U : 0U) << shown(faults);
  }
}

Schedule daytime() {
  Schedule schedule;
  schedule.not_before = at("2026-11-24T08:00:00+07:00");
  schedule.useful_until = at("2026-11-25T19:00:00+07:00");
  schedule.from = minutes(7 * 60);
  schedule.to = minutes(20 * 60);
  return schedule;
}

TEST(Schedule, NextAllowed) {
  const Schedule schedule = daytime();
  const auto next = [&](const char* text) { return next_allowed(schedule, at(text)); };
  EXPECT_EQ(next("2026-11-01T00:00:00+07:00"), at("2026-11-24T08:00:00+07:00"));
  EXPECT_EQ(next("2026-11-24T12:00:00+07:00"), at("2026-11-24T12:00:00+07:00"));
  EXPECT_EQ(next("2026-11-24T19:59:59.999999+07:00"), at("2026-11-24T19:59:59.999999+07:00"));
  EXPECT_EQ(next("2026-11-24T20:00:00+07:00"), at("2026-11-25T07:00:00+07:00"));
  EXPECT_EQ(next("2026-11-25T03:00:00+07:00"), at("2026-11-25T07:00:00+07:00"));
  EXPECT_EQ(next("2026-11-25T19:00:00+07:00"), std::nullopt);
  EXPECT_EQ(next("2026-11-25T21:00:00+07:00"), std::nullopt);
}

TEST(Schedule, AllowedUntil) {
  Schedule schedule = daytime();
  EXPECT_EQ(allowed_until(schedule, at("2026-11-24T12:00:00+07:00")),
            at("2026-11-24T20:00:00+07:00"));
  EXPECT_EQ(allowed_until(schedule, at("2026-11-25T12:00:00+07:00")),
            at("2026-11-25T19:00:00+07:00"));
  schedule.from = minutes(0);
  schedule.to = minutes(24 * 60);
  EXPECT_EQ(allowed_until(schedule, at("2026-11-24T12:00:00+07:00")), *schedule.useful_until);
  schedule.useful_until.reset();
  EXPECT_EQ(allowed_until(schedule, at("2026-11-24T12:00:00+07:00")),
            at("2026-11-25T00:00:00+07:00"));
}

TEST(Schedule, HoursOfCampaignAndGatewayHoldTogether) {
  Schedule gateway;
  gateway.from = minutes(9 * 60);
  gateway.to = minutes(21 * 60);
  gateway.zone = "Asia/Tokyo";  // 07:00 to 19:00 here
  const Schedule both[] = {daytime(), gateway};
  const auto next = [&](const char* text) { return next_allowed(both, at(text)); };
  EXPECT_EQ(next("2026-11-24T12:00:00+07:00"), at("2026-11-24T12:00:00+07:00"));
  EXPECT_EQ(next("2026-11-24T19:00:00+07:00"), at("2026-11-25T07:00:00+07:00"));
  EXPECT_EQ(next("2026-11-25T19:00:00+07:00"), std::nullopt);
  EXPECT_EQ(allowed_until(both, at("2026-11-24T12:00:00+07:00")), at("2026-11-24T19:00:00+07:00"));
  gateway.from = minutes(22 * 60);
  gateway.to = minutes(22 * 60 + 1);
  const Schedule apart[] = {daytime(), gateway};
  EXPECT_EQ(next_allowed(apart, at("2026-11-24T12:00:00+07:00")), std::nullopt);
}

TEST(Schedule, ClocksThatChange) {
  Schedule schedule;
  schedule.zone = "Europe/Paris";  // 2026-03-29 has no hour from 02:00 to 03:00
  schedule.from = minutes(2 * 60);
  schedule.to = minutes(2 * 60 + 30);
  EXPECT_EQ(next_allowed(schedule, at("2026-03-29T00:00:00+01:00")),
            at("2026-03-30T02:00:00+02:00"));
  EXPECT_EQ(end_of_day("Europe/Paris", at("2026-03-29T12:00:00+02:00")),
            at("2026-03-30T00:00:00+02:00"));
}

TEST(Schedule, LocalTimes) {
  EXPECT_EQ(end_of_day("Asia/Ho_Chi_Minh", at("2026-11-24T16:59:59Z")), at("2026-11-24T17:00:00Z"));
  EXPECT_EQ(end_of_day("Asia/Ho_Chi_Minh", at("2026-11-24T17:00:00Z")), at("2026-11-25T17:00:00Z"));
  EXPECT_EQ(to_local("Asia/Ho_Chi_Minh", at("2026-11-24T01:05:59Z")), "2026-11-24 08:05");
}

}  // namespace
}  // namespace loa
