#include "cli/watch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "cli/campaign_view.hpp"
#include "cli/json_view.hpp"
#include "cli/output.hpp"

namespace loa {
namespace {

constexpr Duration kAskEvery = std::chrono::seconds(2);
constexpr Duration kLineEvery = std::chrono::seconds(10);
constexpr Duration kGiveUpAfter = std::chrono::minutes(5);

volatile std::sig_atomic_t interrupted = 0;

// Ctrl-C leaves, while this is here.
class Leaving {
 public:
  Leaving() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    ::sigaction(SIGINT, &action, &before_);
  }
  ~Leaving() { ::sigaction(SIGINT, &before_, nullptr); }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

 private:
  struct sigaction before_ = {};
};

Tick now() { return std::chrono::steady_clock::now(); }

// One line that is painted over on a terminal; elsewhere a line when the state changes, and every
// ten seconds.
class Display {
 public:
  Display() {
    const char* term = std::getenv("TERM");
    terminal_ = ::isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
  }

  void show(const boost::json::object& campaign) {
    const std::string text = progress_text(campaign);
    const std::string state = text_of(campaign, "state");
    if (terminal_) {
      if (text == text_) return;
      say("\r{}{}\x1b[K", bar(campaign), text);
      drawn_ = true;
    } else if (state != state_ || now() >= next_) {
      say("{}\n", text);
      next_ = now() + kLineEvery;
    }
    text_ = text;
    state_ = state;
  }

  void note(const std::string& text) {
    end();
    say("{}\n", text);
  }

  void end() {
    if (drawn_) say("\n");
    drawn_ = false;
    text_.clear();
  }

 private:
  static std::string bar(const boost::json::object& campaign) {
    constexpr std::int64_t kWidth = 30;
    const std::int64_t planned = number_of(campaign, "planned");
    if (planned <= 0) return "";
    const std::int64_t left = std::clamp<std::int64_t>(number_of(campaign, "unsent"), 0, planned);
    std::string text;
    for (std::int64_t i = 0; i < kWidth; ++i)
      text += i < (planned - left) * kWidth / planned ? "█" : "░";
    return text + " ";
  }

  bool terminal_ = false;
  bool drawn_ = false;
  std::string text_;
  std::string state_;
  Tick next_{};
};

class Watch {
 public:
  Watch(ApiClient& client, std::string id, bool json)
      : client_(client), id_(std::move(id)), json_(json) {}

  Result<int> run() {
    const Leaving leaving;
    if (auto first = ask(); !first) return fail(first.error());
    while (!over_ && interrupted == 0) {
      const auto how = streams_ ? follow() : ApiClient::Followed::refused;
      streams_ = streams_ && how != ApiClient::Followed::refused;
      if (over_ || interrupted != 0) break;
      pause(streams_ ? std::chrono::seconds(1) : kAskEvery);
      if (interrupted != 0) break;
      if (auto again = ask_until_it_answers(); !again) return fail(again.error());
    }
    display_.end();
    return over_ ? finish() : leave();
  }

 private:
  ApiClient::Followed follow() {
    return client_.follow(
        "/api/v1/events?topics=campaign/" + url_part(id_), last_id_,
        [this](const ApiEvent& event) {
          last_id_ = event.id;
          if (event.name == "reset") return false;  // read anew
          if (event.name == "campaign") take(event.data);
          return !over_;
        },
        [] { return interrupted == 0; });
  }

  void take(const std::string& json) {
    boost::system::error_code ec;
    const boost::json::value value = boost::json::parse(json, ec);
    if (ec || !value.is_object() || text_of(value.get_object(), "id") != id_) return;
    over_ = is_over(value.get_object());
    display_.show(value.get_object());
  }

  Result<void> ask() {
    const auto reply = client_.send({"GET", "/api/v1/campaigns/" + url_part(id_)});
    if (!reply) return fail(reply.error());
    if (reply->status != 200) {
      const auto told = client_.call({"GET", "/api/v1/campaigns/" + url_part(id_)});
      if (!told) return fail(told.error());
    }
    take(reply->body);
    return {};
  }

  // A daemon that is started anew is waited for.
  Result<void> ask_until_it_answers() {
    const Tick until = now() + kGiveUpAfter;
    for (bool told = false;; told = true) {
      const auto done = ask();
      if (done || interrupted != 0) return {};
      if (done.error().code != Code::unavailable && done.error().code != Code::temporary)
        return fail(done.error());
      if (now() > until) return fail(done.error());
      if (!told) display_.note("The daemon does not answer; trying again.");
      pause(kAskEvery);
    }
  }

  static void pause(Duration time) {
    const Tick until = now() + time;
    while (now() < until && interrupted == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  Result<int> finish() {
    const auto reply = client_.send({"GET", "/api/v1/campaigns/" + url_part(id_)});
    if (!reply) return fail(reply.error());
    boost::system::error_code ec;
    const boost::json::value value = boost::json::parse(reply->body, ec);
    if (ec || !value.is_object())
      return fail(Code::unavailable, "the daemon's answer is not in order");
    const boost::json::object& campaign = value.get_object();
    fmt::print("{}{}", json_ ? reply->body : campaign_text(campaign), json_ ? "\n" : "");
    const bool settled = text_of(campaign, "state") == "finished" &&
                         number_of(campaign, "in_doubt") == 0 && number_of(campaign, "unsent") == 0;
    return settled ? 0 : 1;
  }

  Result<int> leave() const {
    say("The campaign goes on. To see it again: loa show {} --watch\n"
        "To stop it: loa stop {} --reason WHY\n",
        id_, id_);
    return exit_status(Code::temporary);
  }

  ApiClient& client_;
  std::string id_;
  bool json_;
  Display display_;
  std::string last_id_;
  bool streams_ = true;
  bool over_ = false;
};

}  // namespace

Result<int> watch_campaign(ApiClient& client, const std::string& id, bool json) {
  return Watch(client, id, json).run();
}

}  // namespace loa
