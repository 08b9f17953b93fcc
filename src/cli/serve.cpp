// `loa serve`: the daemon. Here it is put together; what it does is in desk/, dispatch/, intake/
// and api/.
#include <fmt/format.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>

#include "api/api.hpp"
#include "async/run.hpp"
#include "audience/exclusions.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "desk/campaigns_desk.hpp"
#include "intake/folder.hpp"
#include "intake/redis_service.hpp"
#include "net/curl_http.hpp"
#include "service/log.hpp"
#include "service/notifier.hpp"

namespace loa {
namespace {

constexpr std::size_t kThreads = 2;                 // for planning
constexpr std::uint64_t kOtherDescriptors = 2'000;  // connections of the API, files
constexpr std::chrono::seconds kStatusEvery(2);
constexpr std::chrono::seconds kServerPatience(10);  // for requests under way at the end

DeskSettings desk_settings(const Settings& settings, const std::string& data) {
  return {.data = data,
          .zone = settings.zone,
          .templates = settings.templates,
          .incoming = settings.incoming,
          .exclusions = settings.exclusions,
          .numbering = settings.numbering,
          .gateways = settings.gateways,
          .lint = settings.lint,
          .approval_required = settings.approval_required};
}

// What the record tells of, as the log tells it. Requests are not told one by one.
void tell(Log& log, const Change& change) {
  if (change.line.starts_with(R"({"event":"intent")") ||
      change.line.starts_with(R"({"event":"answer")"))
    return;
  const auto event = parse_event(change.line);
  if (!event) return;
  const LogFields fields{
      .campaign = event->campaign, .gateway = event->gateway, .actor = event->who};
  const std::string why = event->why.empty() ? "" : ": " + event->why;
  const std::string code =
      event->code.empty() ? "" : fmt::format(": code {} ({})", event->code, event->words);
  std::string what;  // nothing where somebody was not let, and it was of neither
  if (!event->gateway.empty())
    what = fmt::format("gateway {}: ", event->gateway);
  else if (!event->campaign.empty())
    what = fmt::format("campaign {}: ", event->campaign);
  switch (event->kind) {
    case Event::Kind::submitted:
      log.info(LogEvent::campaign_taken,
               fmt::format("{}brought by {} ({})", what, event->who, event->from), fields);
      return;
    case Event::Kind::act:
      log.info(event->gateway.empty() ? LogEvent::campaign_changed : LogEvent::gateway_resumed,
               fmt::format("{}{} by {}{}", what, event->act, event->who, why), fields);
      return;
    case Event::Kind::denied:
      log.warning(LogEvent::act_refused,
                  fmt::format("{}{} refused to {}{}", what, event->act, event->who, why), fields);
      return;
    case Event::Kind::held:
      log.error(LogEvent::gateway_held,
                fmt::format("{}held, it answers {} ({})", what, event->code, event->words), fields);
      return;
    case Event::Kind::ended:
      log.info(LogEvent::campaign_ended, what + event->why + code, fields);
      return;
    case Event::Kind::clock:
      log.warning(LogEvent::clock_set, fmt::format("the clock was set by {} ms", event->moved_ms));
      return;
    default: return;
  }
}

class Daemon final : public DispatchObserver {
 public:
  Daemon(Settings settings, std::unique_ptr<Session> session)
      : settings_(std::move(settings)),
        session_(std::move(session)),
        context_(session_->context()),
        clock_(create_system_clock(context_.get_executor())),
        random_(create_system_random()),
        log_(*clock_, standard_log_sink()),
        notifier_(Notifier::from_environment()),
        signals_(context_, SIGINT, SIGTERM, SIGHUP),
        stop_(clock_->make_alarm()) {}

  Result<int> run() {
    auto gateways = open_gateways(settings_, [](const std::string&) { return true; });
    if (!gateways) return fail(std::move(gateways.error()));
    int connections = 0;
    for (const OpenGateway& one : *gateways) connections += one.gateway.limits.in_flight;
    http_ = create_curl_http(context_.get_executor(), connections);
    auto opened = session_->open(
        *random_, [this](const std::string& text) { log_.warning(LogEvent::disk_full, text); });
    if (!opened) return fail(std::move(opened.error()));
    subscribers_.emplace(settings_.subscriber);
    auto recalled =
        recall_subscribers(*subscribers_, session_->record(), session_->data(), clock_->wall());
    if (!recalled) return fail(std::move(recalled.error()));
    dispatcher_.emplace(
        Dispatcher::World{context_.get_executor(), *clock_, *random_, session_->recorder(), *http_,
                          *this, settings_.subscriber.any() ? &*subscribers_ : nullptr},
        std::move(*gateways));
    desk_.emplace(CampaignsDesk::World{context_.get_executor(), *clock_, session_->disk(),
                                       session_->recorder(), *dispatcher_, workers_, *this},
                  desk_settings(settings_, session_->data()));
    auto ready = make_api();
    if (!ready) return fail(std::move(ready.error()));
    make_folder();
    auto reached = make_redis();
    if (!reached) return fail(std::move(reached.error()));
    auto done = run_task<void>(context_, serve());
    if (!done) return fail(std::move(done.error()));
    return 0;
  }

  // Said by dispatcher and desk.
  void note(const std::string& message) override { log_.info(LogEvent::campaign_changed, message); }

 private:
  Result<void> make_api() {
    if (!settings_.users.empty()) {
      auto read = read_users();
      if (!read) return fail(std::move(read.error()));
      users_ = std::move(*read);
    }
    access_.emplace(*clock_, users_);
    auto uploads = Uploads::open(session_->data() + "/uploads", *clock_);
    if (!uploads) return fail(std::move(uploads.error()));
    std::vector<ReadyCheck> checks;
    checks.push_back({"journal", [this] { return desk_->trouble(); }});
    if (settings_.redis)
      checks.push_back({"redis", [this]() -> std::optional<std::string> {
                          if (redis_->connection().connected) return std::nullopt;
                          return redis_->connection().error;
                        }});
    if (!settings_.incoming.empty())
      checks.push_back({"folder", [this] { return folder_->trouble(); }});
    api_.emplace(context_.get_executor(), *clock_, *desk_, *access_, std::move(*uploads),
                 LOA_VERSION, std::move(checks));
    Metrics& metrics = api_->metrics();
    metrics.reload_ok = [this] { return reload_ok_; };
    metrics.server = [this] { return server_->counts(); };
    if (settings_.redis)
      metrics.redis_connected = [this] { return redis_->connection().connected; };
    auto server = start_http_server(context_.get_executor(), *clock_, settings_.api, *api_);
    if (!server) return fail(std::move(server.error()));
    server_ = std::move(*server);
    for (const HttpAddress& address : server_->addresses())
      log_.info(LogEvent::started, "the API listens on " + to_string(address));
    return {};
  }

  void make_folder() {
    if (settings_.incoming.empty()) return;
    FolderIntake::World world{context_.get_executor(), *clock_, workers_,
                              [this](Actor actor, Submission submission) {
                                actor.name = user_of(actor.name);
                                return desk_->submit(std::move(actor), std::move(submission));
                              },
                              [this](const FolderNotice& notice) { hear(notice); }};
    folder_.emplace(std::move(world), settings_.incoming);
  }

  Result<void> make_redis() {
    if (!settings_.redis) return {};
    RedisIntakeOptions options;
    options.node = settings_.node;
    RedisService::Needs needs{context_.get_executor(),
                              *clock_,
                              *random_,
                              workers_,
                              session_->disk(),
                              *desk_,
                              [this](const IntakeNotice& notice) { hear(notice); }};
    auto service = RedisService::create(std::move(needs), *settings_.redis, std::move(options),
                                        session_->data() + "/staging");
    if (!service) return fail(std::move(service.error()));
    redis_ = std::move(*service);
    return {};
  }

  void hear(const FolderNotice& notice) {
    const std::string words =
        notice.file.empty() ? notice.words : notice.file + ": " + notice.words;
    const LogFields fields{.campaign = notice.campaign};
    if (notice.kind == FolderNotice::Kind::refused || notice.kind == FolderNotice::Kind::trouble) {
      log_.warning(LogEvent::campaign_refused, words, fields);
    } else {
      log_.info(LogEvent::campaign_taken, words, fields);
    }
  }

  void hear(const IntakeNotice& notice) {
    const auto event = [&] {
      switch (notice.kind) {
        case IntakeNotice::Kind::taken: return LogEvent::campaign_taken;
        case IntakeNotice::Kind::refused: return LogEvent::campaign_refused;
        case IntakeNotice::Kind::waits:
        case IntakeNotice::Kind::gap: return LogEvent::intake_gap;
        case IntakeNotice::Kind::trouble: return LogEvent::redis_lost;
        case IntakeNotice::Kind::recovered:
        case IntakeNotice::Kind::server: return LogEvent::redis_connected;
      }
      return LogEvent::redis_lost;
    }();
    const LogFields fields{.campaign = notice.campaign};
    if (notice.level == IntakeNotice::Level::info) {
      log_.info(event, notice.text, fields);
    } else {
      log_.warning(event, notice.text, fields);
    }
  }

  // Whoever put the file there is known by his login; where he is a user, he is the author as that
  // user, who does not approve it then.
  std::string user_of(const std::string& login) const {
    for (const User& user : users_.all)
      if (user.unix_login == login) return user.id;
    return login;
  }

  Result<Users> read_users() {
    Faults faults;
    auto users = load_users(settings_.users, faults);
    if (users && faults.ok()) return std::move(*users);
    print_faults(faults);
    return fail(Code::config, "the users file is wrong; nothing was changed", {settings_.users});
  }

  Task<Result<void>> serve() {
    const Desk::Subscription told =
        desk_->subscribe([this](const Change& change) { tell(log_, change); });
    Watchdog watchdog(notifier_, *clock_, [this] { return turned(); });
    TaskGroup parts(context_.get_executor(), *clock_);
    parts.spawn(watch_signals());
    parts.spawn(show_status());
    parts.spawn(watchdog.run());
    if (folder_) parts.spawn(folder_->run());
    if (redis_) parts.spawn(redis_->run());
    log_.info(LogEvent::ready, started_words());
    const Result<void> heard = notifier_.ready(status_words());
    if (!heard) log_.warning(LogEvent::ready, heard.error().text);
    Result<void> done = co_await desk_->run();
    if (!done) log_.error(LogEvent::stopping, "the journal failed: " + done.error().text);
    begin_stop();
    if (folder_) folder_->stop();
    if (redis_) redis_->stop();
    co_await api_->stop();
    co_await server_->stop(kServerPatience);
    watchdog.stop();
    signals_.cancel();
    stop_->wake();
    co_await parts.join();
    co_await dispatcher_->close();
    log_.info(LogEvent::stopped, "stopped; what was sent is recorded");
    co_return done;
  }

  // The first signal drains, the second leaves at once, which the journal makes safe.
  Task<void> watch_signals() {
    for (;;) {
      boost::system::error_code ec;
      const int signal =
          co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      if (signal == SIGHUP) {
        reload();
        continue;
      }
      if (stopping_) std::_Exit(exit_status(Code::temporary));
      begin_stop();
      desk_->drain();
    }
  }

  void begin_stop() {
    if (std::exchange(stopping_, true)) return;
    log_.info(LogEvent::stopping, "finishing the requests under way");
    notifier_.stopping("finishing the requests under way");
  }

  // What is wrong leaves everything as it is.
  void reload() {
    notifier_.reloading(clock_->now());
    Faults faults;
    Settings settings = load_settings(settings_.file, faults);
    std::optional<Users> users;
    if (faults.ok() && !settings.users.empty()) users = load_users(settings.users, faults);
    // Read anew with each plan: what is wrong there would refuse every campaign.
    if (const auto lists = read_exclusions(settings.exclusions, settings.numbering); !lists)
      faults.error(lists.error().place, lists.error().text);
    reload_ok_ = faults.ok();
    if (faults.ok()) {
      if (users) {
        users_ = *users;
        access_->replace(std::move(*users));
      }
      desk_->replace(desk_settings(settings, session_->data()));
      log_.info(LogEvent::configuration_loaded,
                "the configuration was read again: users, templates, exclusions, numbering, lint "
                "and approval hold from now on; gateways, subscriber, api, redis, intake and data "
                "from the next start");
    } else {
      std::string words = "the configuration is wrong, and the old one stays:";
      for (const Fault& fault : faults.all())
        words += fmt::format(" {}: {};", to_string(fault.place), fault.text);
      log_.error(LogEvent::configuration_refused, words);
    }
    const Result<void> heard = notifier_.ready(status_words());
    if (!heard) log_.warning(LogEvent::ready, heard.error().text);
  }

  // The dispatcher has worked since this was asked last, or has nothing to do.
  bool turned() {
    const std::uint64_t before = std::exchange(turns_, dispatcher_->turns());
    return dispatcher_->sendings().empty() || before != turns_;
  }

  Task<void> show_status() {
    while (!stopping_) {
      notifier_.status(status_words());
      log_.turn();
      co_await stop_->wait_until(clock_->now() + kStatusEvery);
    }
  }

  std::string status_words() {
    std::string words = fmt::format("Sending {} campaigns", dispatcher_->sendings().size());
    double rate = 0;
    for (const GatewayView& gateway : desk_->gateways()) {
      rate += gateway.rate;
      if (gateway.state != "up") words += fmt::format(", {} {}", gateway.name, gateway.state);
    }
    words += fmt::format(", {:.0f} messages/s", rate);
    if (!settings_.approval_required) words += "; approval is NOT required";
    if (const auto trouble = desk_->trouble()) words += "; " + *trouble;
    if (!reload_ok_) words += "; the configuration on disk is wrong";
    if (redis_ && !redis_->connection().connected && !redis_->connection().error.empty())
      words += "; Redis: " + redis_->connection().error;
    return words;
  }

  std::string started_words() const {
    std::string words = fmt::format("ready, on {}", session_->data());
    if (!settings_.approval_required)
      words +=
          "; approval is NOT required here (approval: {required: false}): campaigns are sent "
          "without a second person";
    if (settings_.users.empty())
      words += "; there are no users (users: FILE), so nobody can sign in";
    return words;
  }

  Settings settings_;
  std::unique_ptr<Session> session_;
  asio::io_context& context_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  Log log_;
  Notifier notifier_;
  asio::signal_set signals_;
  std::unique_ptr<Alarm> stop_;
  Workers workers_{kThreads};
  std::unique_ptr<Http> http_;
  std::optional<SubscriberLog> subscribers_;
  std::optional<Dispatcher> dispatcher_;
  std::optional<CampaignsDesk> desk_;
  Users users_;
  std::optional<Access> access_;
  std::optional<Api> api_;
  std::unique_ptr<HttpServer> server_;
  std::optional<FolderIntake> folder_;
  std::unique_ptr<RedisService> redis_;
  std::uint64_t turns_ = 0;
  bool stopping_ = false;
  bool reload_ok_ = true;
};

Result<int> serve(const Settings& settings, const std::string& data) {
  auto enough = allow_descriptors(settings, kOtherDescriptors);
  if (!enough) return fail(std::move(enough.error()));
  // A peer that closes its end is an error of that connection only.
  std::signal(SIGPIPE, SIG_IGN);
  auto session = Session::take(settings, data, Session::Missing::make);
  if (!session) return fail(std::move(session.error()));
  return Daemon(settings, std::move(*session)).run();
}

}  // namespace

int run_serve(const CommonOptions& common, const std::string& data) {
  Faults faults;
  const Settings settings = load_settings(settings_path(common.config), faults);
  print_faults(faults);
  if (!faults.ok()) return exit_status(Code::config);
  const std::string directory = data.empty() ? settings.data : data;
  const Result<int> outcome = serve(settings, directory);
  return outcome ? *outcome : report(outcome.error());
}

}  // namespace loa
