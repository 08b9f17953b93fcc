#include "intake/folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "campaign/campaign.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string kSound =
    "campaign: thu-1\nclass: care\nsender: CA\naudience: {upload: a}\nmessage: {text: x}\n";

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_ / "incoming");
    start();
  }
  void TearDown() override {
    stop();
    fs::remove_all(root_);
  }

  void start() {
    clock_ = create_system_clock(context_.get_executor());
    FolderIntake::World world{
        .executor = context_.get_executor(),
        .clock = *clock_,
        .workers = workers_,
        .submit =
            [this](Actor actor, Submission submission) {
              return submit(std::move(actor), std::move(submission));
            },
        .notice = [this](const FolderNotice& notice) { notices_.push_back(notice); }};
    intake_ = std::make_unique<FolderIntake>(std::move(world), (root_ / "incoming/").string());
    ended_ = false;
    asio::co_spawn(context_, intake_->run(), [this](const std::exception_ptr& failure) {
      EXPECT_FALSE(failure);
      ended_ = true;
    });
  }

  void stop() {
    if (!intake_) return;
    intake_->stop();
    until("the end", [this] { return ended_; });
    intake_.reset();
  }

  // What a desk would say of a document.
  Task<Answer<Submitted>> submit(Actor actor, Submission submission) {
    actors_.push_back(actor);
    submissions_.push_back(submission);
    if (on_submit) on_submit();
    if (refuse_with) co_return tl::unexpected<Refusal>(*refuse_with);
    Faults faults;
    const Campaign campaign =
        parse_campaign(submission.document, submission.name, "", submission.folder, faults);
    if (!faults.ok())
      co_return tl::unexpected<Refusal>(
          Refusal{Refusal::Kind::wrong, "the campaign is wrong, and was not taken", faults});
    const auto known = known_.find(campaign.id);
    if (known != known_.end() && known->second != submission.document)
      co_return tl::unexpected<Refusal>(
          Refusal{Refusal::Kind::conflict, "there is another campaign of that id already", {}});
    const bool is_new = known_.emplace(campaign.id, submission.document).second;
    co_return Submitted{campaign.id, "plan", is_new, {}};
  }

  template <class Condition>
  void until(const char* what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    context_.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << what << ": not in time";
        return;
      }
      if (context_.run_one_for(std::chrono::milliseconds(20)) == 0) context_.restart();
    }
  }

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::vector<std::string> names(const std::string& folder) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(root_ / folder))
      found.push_back(entry.path().filename().string());
    return found;
  }
  void gone(const std::string& name) {
    until(name.c_str(), [&] { return !fs::exists(fs::symlink_status(path("incoming/" + name))); });
  }

  fs::path root_ = fs::path(testing::TempDir()) / ("loa-folder-" + std::to_string(::getpid()));
  asio::io_context context_;
  Workers workers_{1};
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<FolderIntake> intake_;
  bool ended_ = false;
  std::vector<Actor> actors_;
  std::vector<Submission> submissions_;
  std::vector<FolderNotice> notices_;
  std::map<std::string, std::string> known_;
  std::function<void()> on_submit;
  std::optional<Refusal> refuse_with;
};

TEST_F(Folder, TakesAFileThatIsWrittenAndClosed) {
  until("the watch", [&] { return fs::exists(path("taken")); });
  write("incoming/a.yaml", kSound);
  gone("a.yaml");
  EXPECT_EQ(read("taken/a.yaml"), kSound);
  ASSERT_EQ(submissions_.size(), 1U);
  EXPECT_EQ(submissions_[0].document, kSound);
  EXPECT_EQ(submissions_[0].name, "a.yaml");
  EXPECT_EQ(submissions_[0].folder, path("incoming"));
  EXPECT_EQ(actors_[0].from, "folder:a.yaml");
  EXPECT_FALSE(actors_[0].name.empty());
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].kind, FolderNotice::Kind::taken);
  EXPECT_EQ(notices_[0].campaign, "thu-1");
}

TEST_F(Folder, TakesWhatIsMovedInAndWhatLayThereBefore) {
  stop();
  write("incoming/before.yml", kSound);
  start();
  gone("before.yml");
  write(
      "c.json.part",
      R"({"campaign":"thu-2","class":"care","sender":"CA","audience":{"upload":"a"},"message":{"text":"x"}})");
  fs::rename(path("c.json.part"), path("incoming/c.json"));
  gone("c.json");
  EXPECT_THAT(names("taken"), UnorderedElementsAre("before.yml", "c.json"));
}

TEST_F(Folder, LeavesOtherFilesAlone) {
  stop();
  for (const char* name : {"notes.txt", ".hidden.yaml", "x.yaml.part", "x.yaml~", "people.csv"})
    write(std::string("incoming/") + name, kSound);
  fs::create_directories(path("incoming/folder.yaml"));
  start();
  write("incoming/last.yaml", kSound);
  gone("last.yaml");
  EXPECT_EQ(submissions_.size(), 1U);
  EXPECT_EQ(names("incoming").size(), 6U);
}

TEST_F(Folder, ARefusedFileLiesBesideItsFaults) {
  write("incoming/bad.yaml",
        "campaign: Thử\nclass: care\nsendr: CA\naudience: {numbers: ['0912345678', [1]]}\n");
  gone("bad.yaml");
  EXPECT_THAT(names("refused"), UnorderedElementsAre("bad.yaml", "bad.yaml.faults.txt"));
  const std::string faults = read("refused/bad.yaml.faults.txt");
  EXPECT_THAT(faults, HasSubstr("the campaign is wrong, and was not taken\n"));
  EXPECT_THAT(faults,
              HasSubstr("bad.yaml:3:1: error: campaign: the key 'sendr' is not known; did you "
                        "mean 'sender'?\n    3 | sendr: CA\n      | ^^^^^\n"));
  EXPECT_THAT(faults, HasSubstr("bad.yaml:4:36: error: audience: a phone number has"));
  EXPECT_THAT(faults, testing::Not(HasSubstr("0912345678")));
  EXPECT_EQ(notices_.at(0).kind, FolderNotice::Kind::refused);
  EXPECT_THAT(notices_.at(0).words, HasSubstr("bad.yaml:1:11"));
}

TEST_F(Folder, ANameThatIsThereAlreadyIsKept) {
  write("incoming/a.yaml", kSound);
  gone("a.yaml");
  const std::string other = "campaign: thu-2" + kSound.substr(15);
  write("incoming/a.yaml", other);
  gone("a.yaml");
  EXPECT_EQ(read("taken/a.yaml"), kSound);
  ASSERT_EQ(names("taken").size(), 2U);
  for (const std::string& name : names("taken")) {
    if (name == "a.yaml") continue;
    EXPECT_THAT(name, testing::MatchesRegex("a\\.[0-9]+T[0-9]+Z\\.yaml"));
    EXPECT_EQ(read("taken/" + name), other);
  }
}

TEST_F(Folder, KilledBetweenSubmissionAndMoveIsNoChangeTheNextTime) {
  stop();
  known_["thu-1"] = kSound;  // what the record says
  write("incoming/a.yaml", kSound);
  start();
  gone("a.yaml");
  EXPECT_THAT(names("taken"), ElementsAre("a.yaml"));
  EXPECT_EQ(notices_.at(0).kind, FolderNotice::Kind::known);
  write("incoming/b.yaml", kSound + "title: other\n");
  gone("b.yaml");
  EXPECT_THAT(read("refused/b.yaml.faults.txt"), HasSubstr("another campaign of that id"));
}

TEST_F(Folder, NotNowIsTriedAgainAndNothingIsLost) {
  stop();
  write("incoming/a.yaml", kSound);
  refuse_with = Refusal{Refusal::Kind::not_now, "the disk is full", {}};
  start();
  until("the first try", [&] { return !notices_.empty(); });
  EXPECT_EQ(notices_[0].kind, FolderNotice::Kind::trouble);
  EXPECT_THAT(names("incoming"), ElementsAre("a.yaml"));
  refuse_with.reset();
  write("incoming/a.yaml", kSound);  // sooner than by itself
  gone("a.yaml");
  EXPECT_THAT(names("taken"), ElementsAre("a.yaml"));
}

TEST_F(Folder, AFileThatIsStillBeingWrittenWaits) {
  stop();
  const int writer = ::open(path("incoming/a.yaml").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_GE(writer, 0);
  ASSERT_GT(::write(writer, kSound.data(), 20), 0);
  write("incoming/b.yaml", "campaign: thu-2" + kSound.substr(15));
  start();
  gone("b.yaml");  // it came behind, and is done
  EXPECT_EQ(submissions_.size(), 1U);
  ASSERT_GT(::write(writer, kSound.data() + 20, kSound.size() - 20), 0);
  ::close(writer);
  gone("a.yaml");
  EXPECT_EQ(read("taken/a.yaml"), kSound);
}

TEST_F(Folder, AnAudienceThatIsStillBeingWrittenIsWaitedFor) {
  const int writer = ::open(path("people.csv").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_GE(writer, 0);
  const std::string with_file =
      "campaign: thu-1\nclass: care\nsender: CA\naudience: {files: [../people.csv]}\nmessage: "
      "{text: x}\n";
  write("incoming/a.yaml", with_file);
  write("incoming/b.yaml", "campaign: thu-2" + kSound.substr(15));
  gone("b.yaml");
  EXPECT_TRUE(fs::exists(path("incoming/a.yaml")));
  ::close(writer);
  gone("a.yaml");
  EXPECT_THAT(names("taken"), UnorderedElementsAre("a.yaml", "b.yaml"));
}

TEST_F(Folder, LinksAndPipesAreRefusedUnread) {
  write("secret", kSound);
  fs::create_symlink(path("secret"), path("new.yaml"));
  fs::rename(path("new.yaml"), path("incoming/link.yaml"));
  gone("link.yaml");
  ASSERT_EQ(::mkfifo(path("pipe.yaml").c_str(), 0644), 0);
  fs::rename(path("pipe.yaml"), path("incoming/pipe.yaml"));
  gone("pipe.yaml");
  EXPECT_TRUE(submissions_.empty());
  EXPECT_THAT(read("refused/link.yaml.faults.txt"), HasSubstr("it is a link"));
  EXPECT_THAT(read("refused/pipe.yaml.faults.txt"), HasSubstr("a pipe"));
  EXPECT_EQ(read("secret"), kSound);
}

TEST_F(Folder, AFileReplacedMeanwhileIsSubmittedByItself) {
  const std::string other = "campaign: thu-2" + kSound.substr(15);
  on_submit = [&] {
    on_submit = nullptr;
    write("new.part", other);
    fs::rename(path("new.part"), path("incoming/a.yaml"));
  };
  write("incoming/a.yaml", kSound);
  gone("a.yaml");
  ASSERT_EQ(submissions_.size(), 2U);
  EXPECT_EQ(submissions_[1].document, other);
  EXPECT_EQ(read("taken/a.yaml"), other);
}

TEST_F(Folder, ATooLargeFileIsRefusedAndNotReadWhole) {
  write("incoming/big.yaml", "title: " + std::string(5'000'000, 'x'));
  gone("big.yaml");
  ASSERT_EQ(submissions_.size(), 1U);
  EXPECT_EQ(submissions_[0].document.size(), kCampaignBytesMax + 1);
  EXPECT_THAT(read("refused/big.yaml.faults.txt"), HasSubstr("larger than 50000 bytes"));
}

TEST_F(Folder, AFolderThatIsTakenAwayIsMadeAndWatchedAgain) {
  until("the watch", [&] { return fs::exists(path("taken")); });
  write("incoming/a.yaml", kSound);
  gone("a.yaml");
  fs::remove_all(path("incoming"));
  until("the folder", [&] { return fs::exists(path("incoming")); });
  write("incoming/b.yaml", "campaign: thu-2" + kSound.substr(15));
  gone("b.yaml");
  EXPECT_THAT(names("taken"), UnorderedElementsAre("a.yaml", "b.yaml"));
}

TEST_F(Folder, WhatCannotBeMovedIsSaidAndNotSubmittedAgain) {
  until("the watch", [&] { return fs::exists(path("refused")); });
  fs::remove_all(path("taken"));
  write("taken", "in the way");
  write("incoming/a.yaml", kSound);
  until("the trouble", [&] { return intake_->trouble().has_value(); });
  EXPECT_THAT(*intake_->trouble(), HasSubstr("cannot move"));
  fs::remove(path("taken"));
  fs::create_directories(path("taken"));
  // Another file wakes it, and the first is moved with it when its turn comes.
  fs::rename(path("incoming/a.yaml"), path("a"));
  fs::rename(path("a"), path("incoming/a.yaml"));
  gone("a.yaml");
  EXPECT_EQ(submissions_.size(), 1U);
  EXPECT_THAT(names("taken"), ElementsAre("a.yaml"));
}

TEST_F(Folder, NamesThatMeanHarmAreShownPlain) {
  write("incoming/a\x1B[1m\n0912345678\xFF.yaml", "campaign: [");
  until("the notice", [&] { return !notices_.empty(); });
  EXPECT_EQ(notices_[0].file.find('\x1B'), std::string::npos);
  EXPECT_EQ(notices_[0].file.find('\n'), std::string::npos);
  EXPECT_EQ(notices_[0].file.find("0912345678"), std::string::npos);
  EXPECT_EQ(notices_[0].words.find('\n'), std::string::npos);
}

TEST_F(Folder, MoreFilesThanOneLookFindsAreAllTaken) {
  stop();
  constexpr int kFiles = 250;  // more than one look finds
  for (int i = 0; i < kFiles; ++i)
    write("incoming/f" + std::to_string(i) + ".yaml",
          "campaign: c-" + std::to_string(i) + kSound.substr(15));
  start();
  until("the last file", [&] { return names("incoming").empty(); });
  EXPECT_EQ(names("taken").size(), static_cast<std::size_t>(kFiles));
  EXPECT_EQ(submissions_.size(), static_cast<std::size_t>(kFiles));
}

}  // namespace
}  // namespace loa
