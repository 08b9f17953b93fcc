// A daemon's heart in a test: the real desk, dispatcher and journal on a real directory; carriers
// that are the ground truth; time that passes when the test says so.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "desk/campaigns_desk.hpp"
#include "dispatch/store.hpp"
#include "support/context.hpp"
#include "support/virtual_clock.hpp"

namespace loa::desk_test {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline const Instant kMorning = *parse_rfc3339("2026-11-24T08:00:00+07:00");  // a Tuesday
inline const std::string kZone = "Asia/Ho_Chi_Minh";
inline const Actor kLan{"lan", "unix:1000"};    // writes
inline const Actor kBinh{"binh", "unix:1001"};  // approves
inline const Actor kMai{"mai", "unix:1002"};    // operates

// One message at a carrier. Every text begins with its campaign's id.
struct Arrival {
  std::string gateway;
  std::string text;
  std::string number;
  Tick at;
};

// What the carriers got, over all lives of the daemon.
struct Carriers {
  // What a gateway answers to a request with these numbers. Absent: it takes them.
  std::function<HttpReply(const std::string& gateway, const std::vector<std::string>& numbers)>
      script;
  Duration delay = milliseconds(20);
  std::vector<Arrival> arrivals;     // of requests that arrived, in order
  std::map<std::string, int> taken;  // by text and number: how often it was accepted
  std::size_t requests = 0;

  static HttpReply take() { return {Transport::answered, 202, "0: Accepted for delivery", "", ""}; }
  static HttpReply refuse() {
    return {Transport::answered, 403, "Not routable. Do not try again.", "", ""};
  }
  static HttpReply hold() {
    return {Transport::answered, 403, "Authorization failed for sendsms", "", ""};
  }
  static HttpReply lost() { return {Transport::in_doubt, 0, "", "", "Timeout was reached"}; }

  std::vector<std::string> numbers_of(const std::string& text) const;  // that arrived, sorted
};

// How a campaign is written. What is empty is left out.
struct Written {
  std::string id = "bao-lu";
  std::string text = {};  // absent: its id
  std::string files = "people.csv";
  std::vector<std::string> schedule = {};  // "useful_until: ..."
  std::vector<std::string> more = {};      // at the top
  std::string yaml() const;
};

class DeskWorld {
 public:
  DeskWorld();
  ~DeskWorld();
  DeskWorld(const DeskWorld&) = delete;
  DeskWorld& operator=(const DeskWorld&) = delete;

  // The process. It runs from the constructor on.
  void crash();  // at once: nothing more comes from it
  void start();  // on the same directory; the wall clock has gone on by `downtime`
  void restart(Duration downtime = Duration{0}) {
    crash();
    pass_without(downtime);
    start();
  }
  // From now on two messages a second at each gateway, one a request, half a second under way.
  void slow_down();
  void drain();                               // ends it in order; start() may follow
  std::optional<Result<void>> ended() const;  // what run() came to
  void pass_without(Duration time) { elapsed_ += time; }
  void pass(Duration time);
  void skip(Duration time);  // the same, by the wall clock mostly
  void set_wall(Duration by);
  Instant wall() const;

  Desk& desk();
  CampaignsDesk& campaigns_desk();
  const Record& record();
  Dispatcher& dispatcher();

  // Runs a task to its end; nothing when it has none within a virtual minute.
  template <class T>
  T wait(Task<T> task) {
    auto result = begin(std::move(task));
    for (int i = 0; i < 800 && !*result; ++i) pass(milliseconds(i < 200 ? 1 : 100));
    if (!*result) ADD_FAILURE() << "the task does not end";
    return std::move(**result);
  }
  // Begins one, and gives what will hold its result.
  template <class T>
  std::shared_ptr<std::optional<T>> begin(Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    asio::co_spawn(context(), keep(std::move(task), result),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    settle();
    return result;
  }
  void settle();  // all that needs no time

  Answer<Submitted> submit(const std::string& yaml, const Actor& author = kLan);
  Answer<Submitted> submit(const Written& written, const Actor& author = kLan) {
    return submit(written.yaml(), author);
  }
  Answer<CampaignView> act(const Actor& actor, const std::string& campaign, Act act,
                           ActInput input = {});
  Answer<CampaignView> approve(const std::string& campaign, const Actor& actor = kBinh);
  CampaignView view(const std::string& campaign);
  std::string state(const std::string& campaign) {
    return std::string(to_string(view(campaign).state));
  }
  // Submitted, approved.
  void bring(const Written& written);

  void people(const std::string& file, int count, int first = 1'000'000);
  void write(const std::string& path, const std::string& text);  // below the directory
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  Submission submission(const std::string& yaml) const;
  void check_sums();  // of every campaign, and what the daemon promises

  DeskSettings settings;
  std::vector<Gateway> gateways;
  Carriers carriers;
  std::vector<std::string> notes;
  Duration sync_time = milliseconds(1);  // of the journal
  // The disk takes nothing more, until it does.
  bool disk_full = false;
  bool disk_dead = false;

 private:
  struct Life;
  template <class T>
  static Task<void> keep(Task<T> task, std::shared_ptr<std::optional<T>> result) {
    T got = co_await std::move(task);
    result->emplace(std::move(got));
  }
  asio::io_context& context();

  std::string directory_;
  Duration elapsed_{0};
  Duration wall_set_{0};
  std::uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
};

inline ActInput because(std::string why) {
  ActInput input;
  input.why = std::move(why);
  return input;
}

// What a refusal says, "" for none.
template <class T>
std::string words(const Answer<T>& answer) {
  if (answer) return "";
  std::string text = answer.error().words;
  for (const Fault& fault : answer.error().faults.all())
    text += "\n" + to_string(fault.place) + ": " + fault.text;
  return text;
}

template <class T>
std::optional<Refusal::Kind> refused(const Answer<T>& answer) {
  return answer ? std::nullopt : std::optional(answer.error().kind);
}

}  // namespace loa::desk_test
