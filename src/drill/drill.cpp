#include "drill/drill.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/failpoint.hpp"
#include "base/random.hpp"

namespace loa {
namespace {

// Campaigns wait most of their time: for answers, and for the second after each restart.
constexpr std::size_t kAtOnce = 8;
constexpr int kTriesMax = 8;  // to reach a failpoint

struct Job {
  OnUnknown policy;
  int kills;
  std::string_view failpoint;
  std::uint64_t passage;
  std::uint64_t seed;
};

// Every failpoint once with each policy, together with a kill at a random moment, since some are
// passed only after a crash; and the other kills in a few jobs. The order of draws never depends on
// what happens, so that a seed is a drill.
std::vector<Job> plan_jobs(const DrillOptions& options) {
  std::vector<Job> jobs;
  const auto random = create_seeded_random(options.seed);
  constexpr std::array kPolicies = {OnUnknown::hold, OnUnknown::resend};
  if (kFailpointsBuiltIn)
    for (const Failpoint& point : kFailpoints)
      for (const OnUnknown policy : kPolicies) {
        const bool later = point.repeats && policy == OnUnknown::resend;
        const std::uint64_t passage = later ? 2 + random->next() % 9 : 1;
        jobs.push_back({policy, 1, point.name, passage, random->next()});
      }
  for (int i = 0; i < static_cast<int>(kAtOnce); ++i) {
    const int kills = options.kills / static_cast<int>(kAtOnce) +
                      (i < options.kills % static_cast<int>(kAtOnce) ? 1 : 0);
    if (kills > 0)
      jobs.push_back(
          {i % 2 == 0 ? OnUnknown::hold : OnUnknown::resend, kills, "", 1, random->next()});
  }
  return jobs;
}

class Drill {
 public:
  explicit Drill(const DrillOptions& options) : options_(options), jobs_(plan_jobs(options)) {}

  DrillReport run(const std::function<bool(const DrillProgress&)>& go_on) {
    std::vector<std::thread> threads;
    threads.reserve(kAtOnce);
    running_ = kAtOnce;
    for (std::size_t i = 0; i < kAtOnce; ++i)
      threads.emplace_back([this] {
        for (std::size_t job = next_++; job < jobs_.size() && !stopped_; job = next_++) {
          work(job);
          ++done_;
        }
        --running_;
      });
    while (running_ > 0) {
      const bool wanted = go_on(progress());
      if (!wanted) stopped_ = true;
    }
    for (std::thread& thread : threads) thread.join();
    if (stopped_ && !report_.failure)
      report_.failure = {Code::temporary, "interrupted: not all campaigns were sent"};
    return report_;
  }

 private:
  DrillProgress progress() {
    const std::lock_guard lock(mutex_);
    return {jobs_.size(), done_, report_.both()};
  }

  // Campaign after campaign until the job's kills have been dealt. What went well is not kept.
  void work(std::size_t index) {
    const Job& job = jobs_[index];
    int kills = job.kills;
    bool reached = job.failpoint.empty();
    for (int n = 0; !stopped_ && (n == 0 || kills > 0 || !reached); ++n) {
      if (!reached && n == kTriesMax) {
        note_unreached(job.failpoint);
        return;
      }
      TrialOptions trial;
      trial.loa = options_.loa;
      trial.sim = options_.sim;
      trial.folder = fmt::format("{}/{}-{}", options_.folder, index + 1, n + 1);
      trial.policy = job.policy;
      trial.rows = options_.rows;
      trial.seed = job.seed + static_cast<std::uint64_t>(n);
      // A failpoint that was missed may be one that is passed only after another kill.
      trial.kills = reached ? kills : job.kills;
      if (!reached) trial.failpoint = job.failpoint;
      trial.passage = n == 0 ? job.passage : 1;
      std::error_code ec;
      std::filesystem::create_directory(trial.folder, ec);
      const auto outcome = run_trial(trial, stopped_);
      if (!outcome) {
        give_up(trial, outcome.error());
        return;
      }
      kills -= static_cast<int>(outcome->random_kills);
      reached = reached || outcome->failpoint_kills > 0;
      take(trial, *outcome);
    }
  }

  void take(const TrialOptions& trial, const Tally& one) {
    if (one.ok() && !options_.keep) remove(trial.folder);
    const std::lock_guard lock(mutex_);
    (trial.policy == OnUnknown::hold ? report_.hold : report_.resend) += one;
    if (one.ok()) return;
    const Findings& findings = one.findings;
    report_.faults.push_back(
        fmt::format("{}: {} lost, {} doubled, {} denied, {} requests unrecorded", name_of(trial),
                    findings.lost, findings.doubled, findings.denied, one.unrecorded));
  }

  // A campaign that could not be led to its end is a failure of the whole drill.
  void give_up(const TrialOptions& trial, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      remove(trial.folder);
      return;
    }
    stopped_ = true;
    report_.failure = Error(error).wrap(name_of(trial));
  }

  void note_unreached(std::string_view failpoint) {
    const std::lock_guard lock(mutex_);
    report_.unreached.emplace_back(failpoint);
  }

  static std::string name_of(const TrialOptions& trial) {
    return fmt::format("{} (on_unknown: {}{}{})", trial.folder, to_string(trial.policy),
                       trial.failpoint.empty() ? "" : ", killed at ", trial.failpoint);
  }

  static void remove(const std::string& folder) {
    std::error_code ec;
    std::filesystem::remove_all(folder, ec);
  }

  const DrillOptions& options_;
  const std::vector<Job> jobs_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> done_ = 0;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;  // of the report
  DrillReport report_;
};

}  // namespace

Tally DrillReport::both() const {
  Tally sum = hold;
  return sum += resend;
}

DrillReport run_drill(const DrillOptions& options,
                      const std::function<bool(const DrillProgress&)>& go_on) {
  return Drill(options).run(go_on);
}

}  // namespace loa
