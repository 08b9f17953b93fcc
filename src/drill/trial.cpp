#include "drill/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/random.hpp"
#include "dispatch/store.hpp"
#include "drill/shipped.hpp"
#include "drill/simulator.hpp"

namespace loa {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kCampaign = "drill";
constexpr std::string_view kZone = "Asia/Ho_Chi_Minh";
constexpr seconds kPatience(120);       // for one `loa send`
constexpr int kUnfinishedMax = 20;      // endings that ask for another try, in a row
constexpr double kBlowsAtStart = 0.25;  // the share of blows that may fall before the first request
constexpr milliseconds kStart(1300);    // how long a start may take: a second is owed to the limits
constexpr milliseconds kGlance(4);      // between looks at the carriers' count
constexpr milliseconds kLook(50);       // and when nothing is awaited but the end
constexpr milliseconds kAmidst(80);     // after the first request; by then all gateways are at work

Tick now() { return std::chrono::steady_clock::now(); }

bool write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return !file.fail();
}

std::string settings_text(const Simulator& simulator) {
  std::string text = fmt::format(
      "node: drill\ndata: data\nzone: {}\nexclusions: [optout.csv]\napproval: {{required: "
      "false}}\ngateways:\n",
      kZone);
  for (const Simulator::Gateway& gateway : simulator.gateways()) {
    text += fmt::format(
        "  {}:\n"
        "    profile: {}\n"
        "    url: http://127.0.0.1:{}\n"
        "    networks: {}\n"
        "    limits: {{messages_per_second: {}, in_flight: 4, batch: {}}}\n"
        "    deadlines: {{connect_seconds: 1, answer_seconds: 1}}\n",
        gateway.name, gateway.profile, gateway.port, gateway.networks, gateway.rate, gateway.batch);
    const std::string_view account =
        gateway.profile == "speedsms" ? "{token: {file: secret}}"
        : gateway.profile == "vnpt-smsbn"
            ? "{label: DRILL, agent: '1', contract: '1', contract_type: '1', template: '1', "
              "user: drill, password: {file: secret}}"
            : "{user: drill, password: {file: secret}}";
    text += fmt::format("    account: {}\n", account);
  }
  return text;
}

std::string campaign_text(OnUnknown policy) {
  return fmt::format(
      "campaign: {}\n"
      "class: public_info\n"
      "sender: DRILL\n"
      "audience: {{files: [audience.csv], phone_column: so_dien_thoai}}\n"
      "message: {{text: 'Dien tap: tin nhan thu, khong gui ra ngoai may nay.'}}\n"
      "on_unknown: {}\n",
      kCampaign, to_string(policy));
}

class Trial {
 public:
  Trial(const TrialOptions& options, const std::atomic<bool>& stopped)
      : options_(options),
        stopped_(stopped),
        random_(create_seeded_random(options.seed)),
        kills_left_(options.kills) {}

  Result<Tally> run() {
    auto simulator = Simulator::start(options_.sim, options_.folder, random_->next() >> 36);
    if (!simulator) return fail(std::move(simulator.error()));
    simulator_.emplace(std::move(*simulator));
    auto written = write_world();
    if (!written) return fail(std::move(written.error()));
    auto ended = send_until_ended();
    if (!ended) return fail(std::move(ended.error()));
    auto judged = judge();
    if (!judged) return fail(std::move(judged.error()));
    return tally_;
  }

 private:
  std::string path(std::string_view name) const {
    return fmt::format("{}/{}", options_.folder, name);
  }

  Result<void> write_world() {
    std::error_code ec;
    std::filesystem::create_directory(path("profiles"), ec);
    bool written = write_file(path("loa.yaml"), settings_text(*simulator_)) &&
                   write_file(path("campaign.yaml"), campaign_text(options_.policy)) &&
                   write_file(path("secret"), "drill\n");
    for (const ShippedFile& file : kShippedFiles)
      written = written && write_file(path(file.path), file.text);
    if (!written) return fail(Code::cannot_write, "cannot write to " + options_.folder);
    return write_audience(options_.sim, path("audience.csv"), path("optout.csv"), options_.rows,
                          random_->next() >> 36);
  }

  // The same command again and again, as an operator or systemd would give it.
  Result<void> send_until_ended() {
    ProcessOptions command;
    command.arguments = {options_.loa, "send",           path("campaign.yaml"),
                         "--config",   path("loa.yaml"), "--yes"};
    command.out = path("send.out");
    command.err = path("send.err");
    for (int unfinished = 0; unfinished <= kUnfinishedMax;) {
      const bool armed = !options_.failpoint.empty() && tally_.failpoint_kills == 0;
      command.environment.clear();
      if (armed)
        command.environment.push_back(
            fmt::format("LOA_FAILPOINT={}:{}", options_.failpoint, options_.passage));
      auto requests = simulator_->requests();
      if (!requests) return fail(std::move(requests.error()));
      auto process = Process::start(command);
      if (!process) return fail(std::move(process.error()));
      if (process_started_) ++tally_.restarts;
      auto struck = let_run(*process, *requests);
      if (!struck) return fail(std::move(struck.error()));
      process_started_ = true;
      if (process->was_killed()) {
        if (!*struck && !armed) return failed(*process);
        if (*struck) ++tally_.random_kills;
        if (!*struck) ++tally_.failpoint_kills;
        unfinished = 0;
      } else if (process->exit_status() == exit_status(Code::temporary)) {
        ++unfinished;
      } else if (process->exit_status() > 1) {
        return failed(*process);
      } else {
        return {};
      }
    }
    return fail(Code::internal,
                "the campaign does not end: 'loa send' asks to be run again" + last_words());
  }

  // Lets a process run to its end, or to the blow that is drawn for it; whether it was struck.
  Result<bool> let_run(Process& process, std::uint64_t requests_before) {
    const Tick began = now();
    std::optional<Tick> blow;
    const bool at_start = kills_left_ > 0 && random_->fraction() < kBlowsAtStart;
    if (at_start) blow = draw_blow(began, kStart);
    bool sending = false;
    const auto note_restart = [&] {
      if (process_started_)
        tally_.longest_restart = std::max(tally_.longest_restart, now() - began);
    };
    const auto pause = [&]() -> Duration {
      if (!sending) return kGlance;
      return blow ? std::clamp<Duration>(*blow - now(), Duration{0}, kLook) : kLook;
    };
    while (!process.wait(pause())) {
      if (stopped_) return fail(Code::temporary, "interrupted");
      if (now() - began > kPatience)
        return fail(Code::internal, fmt::format("'loa send' has not ended after {} s{}",
                                                kPatience.count(), last_words()));
      if (blow && now() >= *blow) {
        process.kill();
        if (process.was_killed()) --kills_left_;
        return process.was_killed();
      }
      if (sending) continue;
      const auto requests = simulator_->requests();
      if (!requests) return fail(requests.error());
      sending = *requests > requests_before;
      if (!sending) continue;
      note_restart();
      if (kills_left_ > 0 && !blow) blow = draw_blow(now(), kAmidst);
    }
    if (!sending && !process.was_killed()) note_restart();
    return false;
  }

  Tick draw_blow(Tick from, milliseconds within) {
    return from + std::chrono::duration_cast<Duration>(within * random_->fraction());
  }

  // What the record says of each row, and what the gateways have.
  Result<void> judge() {
    std::vector<unsigned> resends;
    std::uint64_t intents = 0;
    const auto follow = [&](const Event& event) {
      if (event.kind == Event::Kind::frozen) resends.assign(event.row_count, 0);
      if (event.kind == Event::Kind::intent) ++intents;
      if (event.kind == Event::Kind::settled && event.state == RowState::planned)
        for_each_row(event.rows, [&](std::uint64_t row) { ++resends[row]; });
    };
    const auto disk = create_system_disk();
    const std::string data = path("data");
    const auto store = read_whole_store(*disk, data, std::string(kZone), follow);
    if (!store) return fail(store.error());
    const std::string id(kCampaign);
    const CampaignRecord* record = store->record.find(id);
    if (record == nullptr || record->life.state != CampaignState::finished)
      return fail(Code::internal,
                  "'loa send' says that the campaign has ended; the journal does not");
    const auto plan = open_plan(data, id, *record);
    if (!plan) return fail(plan.error());

    std::vector<RowFate> fates;
    fates.reserve(record->rows.size());
    for (std::size_t row = 0; row < record->rows.size(); ++row)
      fates.push_back({plan->rows()[row].number(), record->rows[row], resends[row]});
    const auto taken = simulator_->taken();
    if (!taken) return fail(taken.error());
    const auto requests = simulator_->requests();
    if (!requests) return fail(requests.error());
    tally_.findings = compare(fates, *taken);
    tally_.campaigns = 1;
    tally_.rows = fates.size();
    tally_.requests = *requests;
    tally_.unrecorded = *requests > intents ? *requests - intents : 0;
    return {};
  }

  tl::unexpected<Error> failed(const Process& process) const {
    return fail(Code::internal, fmt::format("'loa send' ended by itself with status {}{}",
                                            process.exit_status(), last_words()));
  }

  std::string last_words() const {
    std::ifstream file(path("send.err"), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    constexpr std::size_t kShown = 600;
    return ":\n" + text.substr(text.size() > kShown ? text.size() - kShown : 0);
  }

  const TrialOptions& options_;
  const std::atomic<bool>& stopped_;
  std::unique_ptr<Random> random_;
  std::optional<Simulator> simulator_;
  int kills_left_;
  bool process_started_ = false;  // once: what follows is a restart
  Tally tally_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  campaigns += other.campaigns;
  rows += other.rows;
  random_kills += other.random_kills;
  failpoint_kills += other.failpoint_kills;
  restarts += other.restarts;
  requests += other.requests;
  unrecorded += other.unrecorded;
  findings += other.findings;
  longest_restart = std::max(longest_restart, other.longest_restart);
  return *this;
}

bool Tally::ok() const {
  return findings.lost + findings.doubled + findings.denied + unrecorded == 0;
}

Result<Tally> run_trial(const TrialOptions& options, const std::atomic<bool>& stopped) {
  return Trial(options, stopped).run();
}

}  // namespace loa
