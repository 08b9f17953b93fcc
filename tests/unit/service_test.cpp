#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/utf8.hpp"
#include "service/log.hpp"
#include "service/notifier.hpp"
#include "service/one_line.hpp"
#include "support/virtual_clock.hpp"

namespace loa {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Instant kStart{std::chrono::hours(24 * 20'781)};

// The other end: journald, or the service manager.
class Listener {
 public:
  explicit Listener(const std::string& address) {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.copy(name.sun_path, sizeof(name.sun_path) - 1);
    const bool abstract = address.front() == '@';
    if (abstract) name.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() +
                                             (abstract ? 0 : 1));
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&name), size), 0);
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    std::array<char, 65'536> bytes{};
    for (;;) {
      const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (size < 0) return all;
      all.emplace_back(bytes.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  int socket_ = -1;
};

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/loa-service-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class ServiceTest : public testing::Test {
 protected:
  asio::io_context context_;
  VirtualClock clock_{context_, kStart - seconds(1000), seconds(1000)};
  Folder folder_;

  void pass(Duration time) {
    const std::unique_ptr<Alarm> alarm = clock_.make_alarm();
    const auto wait = [&]() -> Task<void> { co_await alarm->wait_until(clock_.now() + time); };
    bool done = false;
    asio::co_spawn(context_, wait(), [&](const std::exception_ptr&) { done = true; });
    clock_.run(time);
    context_.restart();
    context_.poll();
    ASSERT_TRUE(done);
  }
};

struct Heard {
  std::vector<std::string> lines;
  bool works = true;
};

class Kept final : public LogSink {
 public:
  explicit Kept(Heard& heard) : heard_(heard) {}
  bool write(const Line& line) override {
    if (heard_.works) heard_.lines.push_back(fmt::format("{}: {}", line.kind.name, line.message));
    return heard_.works;
  }

 private:
  Heard& heard_;
};

TEST(LogEvents, HaveDistinctNamesAndIds) {
  std::set<std::string_view> names;
  std::set<std::string_view> ids;
  for (const LogEventKind& kind : kLogEvents) {
    names.insert(kind.name);
    ids.insert(kind.id);
    EXPECT_THAT(std::string(kind.id), testing::MatchesRegex("[0-9a-f]{32}"));
  }
  EXPECT_THAT(names, SizeIs(kLogEvents.size()));
  EXPECT_THAT(ids, SizeIs(kLogEvents.size()));
  EXPECT_EQ(static_cast<std::size_t>(LogEvent::suppressed) + 1, kLogEvents.size());
}

TEST_F(ServiceTest, JournaldGetsNativeFields) {
  const Listener journald(folder_ / "journal");
  Log log(clock_, journald_sink(folder_ / "journal"));
  LogFields fields;
  fields.campaign = "lua-dao";
  fields.gateway = "vina";
  fields.batch = 7;
  fields.attempt = 2;
  fields.actor = "lan";
  log.error(LogEvent::gateway_held, "the carrier says:\n wrong password\x1b[31m", fields);
  log.info(LogEvent::ready, "ready");
  const std::vector<std::string> messages = journald.messages();
  ASSERT_THAT(messages, SizeIs(2));
  std::map<std::string, std::string> entry;
  std::istringstream lines(messages[0]);
  for (std::string line; std::getline(lines, line);)
    entry[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  EXPECT_EQ(entry.at("MESSAGE"), "the carrier says:  wrong password\xEF\xBF\xBD[31m");
  EXPECT_EQ(entry.at("PRIORITY"), "3");
  EXPECT_EQ(entry.at("EVENT"), "gateway_held");
  EXPECT_THAT(entry.at("MESSAGE_ID"), SizeIs(32));
  EXPECT_EQ(entry.at("CAMPAIGN"), "lua-dao");
  EXPECT_EQ(entry.at("GATEWAY"), "vina");
  EXPECT_EQ(entry.at("BATCH"), "7");
  EXPECT_EQ(entry.at("ATTEMPT"), "2");
  EXPECT_EQ(entry.at("ACTOR"), "lan");
  EXPECT_THAT(messages[1], AllOf(HasSubstr("PRIORITY=6\n"), Not(HasSubstr("CAMPAIGN="))));
}

TEST_F(ServiceTest, AFieldCannotBringAnother) {
  const Listener journald(folder_ / "journal");
  Log log(clock_, journald_sink(folder_ / "journal"));
  LogFields fields;
  fields.campaign = "x\nPRIORITY=0";
  log.info(LogEvent::campaign_taken, "a\nMESSAGE_ID=0", fields);
  EXPECT_THAT(journald.messages().at(0),
              AllOf(Not(HasSubstr("\nPRIORITY=0")), Not(HasSubstr("\nMESSAGE_ID=0\n"))));
}

TEST_F(ServiceTest, JsonLinesParse) {
  const int file = ::open((folder_ / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  Log log(clock_, json_sink(file));
  LogFields fields;
  fields.gateway = "vina";
  fields.batch = 7;
  log.warning(LogEvent::gateway_slowed, "\"slow\\ down\"\r\n 0912345678 \xff", fields);
  log.info(LogEvent::started, std::string(100'000, '"'));
  ::close(file);
  std::ifstream stream(folder_ / "log");
  std::string line;
  ASSERT_TRUE(std::getline(stream, line));
  const boost::json::object first = boost::json::parse(line).as_object();
  EXPECT_EQ(first.at("time"), "2026-11-24T00:00:00.000Z");
  EXPECT_EQ(first.at("level"), "warning");
  EXPECT_EQ(first.at("event"), "gateway_slowed");
  EXPECT_EQ(first.at("message"), "\"slow\\ down\"\xEF\xBF\xBD  0912•••••• \xEF\xBF\xBD");
  EXPECT_EQ(first.at("gateway"), "vina");
  EXPECT_EQ(first.at("batch"), 7);
  EXPECT_FALSE(first.contains("campaign"));
  ASSERT_TRUE(std::getline(stream, line));
  EXPECT_LE(line.size(), std::size_t{PIPE_BUF});
  EXPECT_EQ(boost::json::parse(line).at("event"), "started");
  EXPECT_FALSE(std::getline(stream, line));
}

TEST_F(ServiceTest, ATerminalGetsWords) {
  const int file = ::open((folder_ / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  Log log(clock_, terminal_sink(file));
  LogFields fields;
  fields.campaign = "lua-dao";
  fields.actor = "lan";
  log.info(LogEvent::campaign_changed, "approved", fields);
  log.error(LogEvent::disk_full, "the disk is full");
  ::close(file);
  std::ifstream stream(folder_ / "log");
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_EQ(text.str(),
            "2026-11-24T00:00:00.000Z approved (campaign lua-dao, by lan)\n"
            "2026-11-24T00:00:00.000Z error: the disk is full\n");
}

// Standard error as the service manager leaves it: the variable counts only while it is true.
TEST_F(ServiceTest, StandardErrorSaysWhereTheLogGoes) {
  const int kept = ::dup(STDERR_FILENO);
  const int file = ::open((folder_ / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ::dup2(file, STDERR_FILENO);
  ::setenv("JOURNAL_STREAM", "1:2", 1);
  Log(clock_, standard_log_sink()).info(LogEvent::ready, "to the file");
  struct stat status{};
  ASSERT_EQ(::fstat(file, &status), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1);
  Log(clock_, standard_log_sink()).info(LogEvent::stopped, "to journald");
  ::unsetenv("JOURNAL_STREAM");
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  ::close(file);
  std::ifstream stream(folder_ / "log");
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_THAT(text.str(), AllOf(HasSubstr("to the file"), Not(HasSubstr("to journald"))));
}

TEST_F(ServiceTest, AReaderThatIsGoneEndsNothing) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  static_cast<void>(standard_log_sink());  // ignores SIGPIPE
  Log log(clock_, json_sink(pipe[1]));
  ::close(pipe[0]);
  log.error(LogEvent::disk_full, "nobody reads this");
  ::close(pipe[1]);
}

// A pipe that nobody empties: no call waits, and the first line that gets through tells the gap.
TEST_F(ServiceTest, AFullPipeLosesLinesAndSaysHowMany) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  ::fcntl(pipe[1], F_SETPIPE_SZ, 8192);
  Log log(clock_, json_sink(pipe[1]));
  for (int i = 0; i < 20; ++i) log.info(LogEvent::campaign_taken, std::string(1000, 'x'));
  std::array<char, 65'536> bytes{};
  const ssize_t first = ::read(pipe[0], bytes.data(), bytes.size());
  ASSERT_GT(first, 0);
  const auto through = std::count(bytes.begin(), bytes.begin() + first, '\n');
  ASSERT_LT(through, 20);
  log.info(LogEvent::ready, "again");
  const ssize_t second = ::read(pipe[0], bytes.data(), bytes.size());
  ASSERT_GT(second, 0);
  EXPECT_THAT(
      std::string(bytes.data(), static_cast<std::size_t>(second)),
      AllOf(HasSubstr(fmt::format("{} lines of the log could not be written", 20 - through)),
            HasSubstr("again")));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

// A file at its limit of size is as a full disk: half a line may get in.
TEST_F(ServiceTest, AfterATornLineTheNextStartsAfresh) {
  const int file = ::open((folder_ / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  Log log(clock_, json_sink(file));
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{.rlim_cur = 50, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  log.info(LogEvent::started, "torn");
  log.info(LogEvent::started, "lost");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, before);
  log.info(LogEvent::ready, "whole");
  ::close(file);
  std::ifstream stream(folder_ / "log");
  std::string line;
  std::getline(stream, line);
  EXPECT_THAT(line, SizeIs(50));
  std::getline(stream, line);
  EXPECT_THAT(line, HasSubstr("2 lines of the log could not be written"));
  std::getline(stream, line);
  EXPECT_EQ(boost::json::parse(line).at("message"), "whole");
}

TEST_F(ServiceTest, AFloodIsCountedAndToldOnce) {
  Heard heard;
  Log log(clock_, std::make_unique<Kept>(heard));
  LogFields vina;
  vina.gateway = "vina";
  LogFields mobi;
  mobi.gateway = "mobi";
  for (int i = 0; i < 1000; ++i)
    log.warning(LogEvent::request_failed, fmt::format("reset {}", i), vina);
  log.warning(LogEvent::request_failed, "another gateway is heard", mobi);
  log.error(LogEvent::disk_full, "another event too", vina);
  EXPECT_THAT(heard.lines, SizeIs(kSameLinesMax + 2));
  heard.lines.clear();
  pass(seconds(61));
  log.turn();
  EXPECT_THAT(
      heard.lines,
      ElementsAre("suppressed: 980 more of 'request_failed' in a minute; the last: reset 999"));
  heard.lines.clear();
  log.warning(LogEvent::request_failed, "a new minute", vina);
  EXPECT_THAT(heard.lines, ElementsAre("request_failed: a new minute"));
}

// Whoever invents campaign names cannot make the log grow without end.
TEST_F(ServiceTest, AFloodOfSubjectsIsBoundedToo) {
  Heard heard;
  Log log(clock_, std::make_unique<Kept>(heard));
  for (int i = 0; i < 5000; ++i) {
    const std::string campaign = std::to_string(i);
    LogFields fields;
    fields.campaign = campaign;
    log.warning(LogEvent::campaign_refused, "no", fields);
  }
  EXPECT_LE(heard.lines.size(), 1000 + kSameLinesMax);
  pass(seconds(61));
  log.turn();
  EXPECT_THAT(heard.lines.back(), HasSubstr("3980 more of 'campaign_refused'"));
}

TEST_F(ServiceTest, LostLinesAreToldWhenTheLogIsBack) {
  Heard heard;
  heard.works = false;
  Log log(clock_, std::make_unique<Kept>(heard));
  for (int i = 0; i < 3; ++i) log.info(LogEvent::campaign_taken, "unheard");
  heard.works = true;
  log.info(LogEvent::ready, "heard");
  log.info(LogEvent::ready, "heard");
  EXPECT_THAT(heard.lines, ElementsAre("suppressed: 3 lines of the log could not be written",
                                       "ready: heard", "ready: heard"));
}

RC_GTEST_PROP(OneLine, IsOneBoundedLineOfUtf8WithoutANumber, ()) {
  std::string text;
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::oneOf(rc::gen::string<std::string>(), rc::gen::just<std::string>("0912345678"),
                     rc::gen::just<std::string>("ễ"), rc::gen::just<std::string>("\n")));
  for (const std::string& piece : pieces) text += piece + " ";
  const std::size_t bytes = *rc::gen::inRange<std::size_t>(8, 200);
  const std::string line = one_line(text, bytes);
  RC_ASSERT(line.size() <= bytes);
  RC_ASSERT(is_utf8(line));
  RC_ASSERT(line.find_first_of("\n\t\x1b") == std::string::npos);
  RC_ASSERT(line.find("09123") == std::string::npos);
}

TEST_F(ServiceTest, TheManagerHearsReadyReloadingStopping) {
  const Listener manager(folder_ / "notify");
  Notifier notifier(folder_ / "notify");
  EXPECT_TRUE(notifier.ready("waiting for\ncampaigns"));
  notifier.reloading(clock_.now());
  EXPECT_TRUE(notifier.ready("waiting"));
  notifier.extend(seconds(30));
  notifier.stopping("two requests under way");
  EXPECT_THAT(
      manager.messages(),
      ElementsAre("READY=1\nSTATUS=waiting for campaigns\n",
                  "RELOADING=1\nMONOTONIC_USEC=1000000000\n", "READY=1\nSTATUS=waiting\n",
                  "EXTEND_TIMEOUT_USEC=30000000\n", "STOPPING=1\nSTATUS=two requests under way\n"));
}

TEST_F(ServiceTest, TheSameStatusIsNotSentAgain) {
  const Listener manager(folder_ / "notify");
  Notifier notifier(folder_ / "notify");
  for (int i = 0; i < 3; ++i) notifier.status("Sending 2 campaigns, 310 of 500 messages a second");
  notifier.status("Waiting");
  EXPECT_THAT(manager.messages(),
              ElementsAre("STATUS=Sending 2 campaigns, 310 of 500 messages a second\n",
                          "STATUS=Waiting\n"));
}

TEST_F(ServiceTest, AbstractSocketsAreServedToo) {
  const std::string name = fmt::format("@loa-service-test-{}", ::getpid());
  const Listener manager(name);
  Notifier notifier(name);
  EXPECT_TRUE(notifier.ready("here"));
  EXPECT_THAT(manager.messages(), SizeIs(1));
}

TEST_F(ServiceTest, WithoutAManagerNothingIsSaid) {
  Notifier notifier("", seconds(30));
  EXPECT_TRUE(notifier.ready("here"));
  notifier.status("x");
  EXPECT_FALSE(notifier.watchdog());
}

TEST_F(ServiceTest, AManagerThatDoesNotHearIsAFault) {
  for (const std::string& socket :
       {folder_ / "nobody", std::string("relative"), std::string("@"), std::string(200, '/')}) {
    Notifier notifier(socket);
    const Result<void> heard = notifier.ready("here");
    ASSERT_FALSE(heard) << socket;
    EXPECT_EQ(heard.error().code, Code::unavailable);
  }
}

TEST_F(ServiceTest, TheEnvironmentNamesSocketAndPatience) {
  const Listener manager(folder_ / "notify");
  ::setenv("NOTIFY_SOCKET", (folder_ / "notify").c_str(), 1);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(Notifier::from_environment().watchdog(), Duration(seconds(30)));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(Notifier::from_environment().watchdog());
  ::unsetenv("WATCHDOG_PID");
  for (const char* usec : {"", "0", "-5", "30s", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", usec, 1);
    EXPECT_FALSE(Notifier::from_environment().watchdog()) << usec;
  }
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("NOTIFY_SOCKET");
}

TEST_F(ServiceTest, TheWatchdogIsFedOnlyWhileTheWorkTurns) {
  const Listener manager(folder_ / "notify");
  Notifier notifier(folder_ / "notify", seconds(30));
  bool turns = true;
  Watchdog watchdog(notifier, clock_, [&] { return turns; });
  bool done = false;
  asio::co_spawn(context_, watchdog.run(), [&](const std::exception_ptr&) { done = true; });
  clock_.run(seconds(60));
  EXPECT_THAT(manager.messages(), SizeIs(7));  // at 0, 10 ... 60 s
  turns = false;
  clock_.run(seconds(60));
  EXPECT_THAT(manager.messages(), IsEmpty());
  watchdog.stop();
  context_.restart();
  context_.run();
  EXPECT_TRUE(done);
}

TEST_F(ServiceTest, WithoutAWatchdogNothingIsFed) {
  Notifier notifier(folder_ / "notify");
  Watchdog watchdog(notifier, clock_, [] { return true; });
  bool done = false;
  asio::co_spawn(context_, watchdog.run(), [&](const std::exception_ptr&) { done = true; });
  context_.run();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace loa
