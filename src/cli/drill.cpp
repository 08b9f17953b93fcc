#include "drill/drill.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "base/failpoint.hpp"
#include "base/random.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace loa {
namespace {

namespace fs = std::filesystem;

Result<std::string> find_simulator(const std::string& asked, const std::string& loa) {
  const fs::path path =
      asked.empty() ? fs::path(loa).parent_path() / "loa-sim" : fs::absolute(asked);
  if (::access(path.c_str(), X_OK) == 0) return path.string();
  return fail(Code::no_input,
              asked.empty()
                  ? fmt::format("the drill needs loa-sim, which is not at {}; say where it is with "
                                "--sim PATH",
                                path.string())
                  : fmt::format("--sim: {} is not a program that can be run", asked));
}

// A folder of its own, for its owner alone.
Result<std::string> make_folder() {
  std::error_code ec;
  const fs::path parent = fs::temp_directory_path(ec);
  std::string path = (parent / "loa-drill-XXXXXX").string();
  if (!ec && ::mkdtemp(path.data()) != nullptr) return path;
  return fail(Code::cannot_write,
              fmt::format("cannot make a folder for the drill: {}; TMPDIR says where to",
                          ec ? "TMPDIR is not a folder" : std::strerror(errno)));
}

// SIGINT and SIGTERM wait to be asked for, in all threads made from here on.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Whether one came within a moment.
  bool wait() const {
    constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 200'000'000};
    return ::sigtimedwait(&set_, nullptr, &kMoment) > 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

std::string table(const DrillReport& report) {
  Table table({"campaigns with on_unknown:", "hold", "resend", "both", "meaning"},
              {false, true, true, true, false});
  const Tally both = report.both();
  const auto add = [&](const std::string& what, const auto& figure, const std::string& meaning) {
    table.add({what, figure(report.hold), figure(report.resend), figure(both), meaning});
  };
  const auto count = [](auto member) {
    return [member](const Tally& tally) { return grouped(tally.*member); };
  };
  const auto found = [](auto member) {
    return [member](const Tally& tally) { return grouped(tally.findings.*member); };
  };
  add("campaigns", count(&Tally::campaigns), "");
  add("rows", count(&Tally::rows), "people to be told");
  add("kills at random moments", count(&Tally::random_kills), "SIGKILL");
  add("kills at failpoints", count(&Tally::failpoint_kills),
      kFailpointsBuiltIn ? "before and after each write, sync, request and answer"
                         : "none in this build (cmake -DLOA_FAILPOINTS=ON)");
  add("restarts", count(&Tally::restarts), "the same command again");
  add("requests seen by the carriers", count(&Tally::requests), "");
  add(
      "longest restart",
      [](const Tally& tally) {
        return fmt::format("{:.2f} s",
                           std::chrono::duration<double>(tally.longest_restart).count());
      },
      "to the first request, or the end; a second of it is owed to the limits");
  add("rows in doubt", found(&Findings::in_doubt), "recorded as such: a person decides");
  add("  of these, at a carrier", found(&Findings::in_doubt_taken), "");
  add("rows sent again while in doubt", found(&Findings::resent), "each with its reason on record");
  add("LOST", found(&Findings::lost), "no outcome, or 'accepted' and no carrier has it: must be 0");
  add("DOUBLED", found(&Findings::doubled),
      "more often than there are reasons on record: must be 0");
  add("DENIED", found(&Findings::denied), "got it though refused, or not in the plan: must be 0");
  add("UNRECORDED", count(&Tally::unrecorded), "requests without an intent on record: must be 0");
  return table.text();
}

std::string json(const DrillReport& report, const DrillOptions& options) {
  const Tally both = report.both();
  JsonWriter out;
  out.open_object()
      .field("ok", !report.failure && both.ok())
      .field("seed", options.seed)
      .field("campaigns", both.campaigns)
      .field("rows", both.rows)
      .field("kills", both.random_kills + both.failpoint_kills)
      .field("failpoint_kills", both.failpoint_kills)
      .field("restarts", both.restarts)
      .field("requests", both.requests)
      .field("lost", both.findings.lost)
      .field("doubled", both.findings.doubled)
      .field("denied", both.findings.denied)
      .field("unrecorded", both.unrecorded)
      .field("in_doubt", both.findings.in_doubt)
      .field("resent", both.findings.resent)
      .field("longest_restart_seconds",
             std::chrono::duration<double>(both.longest_restart).count());
  out.key("failpoints").value(std::uint64_t{kFailpointsBuiltIn ? kFailpoints.size() : 0});
  out.key("unreached").open_array();
  for (const std::string& name : report.unreached) out.value(name);
  out.close_array().close_object();
  return out.take();
}

}  // namespace

int run_drill_verb(const CommonOptions& common, const DrillArguments& arguments) {
  std::error_code ec;
  DrillOptions options;
  options.loa = fs::read_symlink("/proc/self/exe", ec).string();
  if (ec) return report({Code::io, "cannot find out where this program is: " + ec.message()});
  const auto simulator = find_simulator(arguments.sim, options.loa);
  if (!simulator) return report(simulator.error());
  const auto folder = make_folder();
  if (!folder) return report(folder.error());
  options.sim = *simulator;
  options.folder = *folder;
  options.kills = arguments.kills;
  options.seed = arguments.seed ? *arguments.seed : create_system_random()->next() >> 32;
  options.rows = arguments.rows;
  options.keep = arguments.keep;

  fmt::print(
      stderr,
      "Sending invented campaigns to simulated carriers that reset connections, keep silent, "
      "throttle and\nanswer nonsense; killing 'loa send' meanwhile, and starting it again. "
      "Seed {}.\n",
      options.seed);
  if (!kFailpointsBuiltIn)
    fmt::print(stderr, "This build has no failpoints: kills come at random moments only.\n");
  const HeldSignals signals;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const DrillReport drilled = run_drill(options, [&](const DrillProgress& progress) {
    if (terminal)
      fmt::print(stderr, "\r{} of {} jobs done, {} kills\x1b[K", progress.done, progress.jobs,
                 progress.tally.random_kills + progress.tally.failpoint_kills);
    return !signals.wait();
  });
  if (terminal) fmt::print(stderr, "\r\x1b[K");

  if (drilled.both().campaigns > 0) fmt::print(common.json ? stderr : stdout, "{}", table(drilled));
  if (common.json) fmt::print("{}\n", json(drilled, options));
  for (const std::string& name : drilled.unreached)
    fmt::print(stderr, "loa: no campaign passed the failpoint {}\n", name);
  for (const std::string& fault : drilled.faults) fmt::print(stderr, "loa: {}\n", fault);
  int status = drilled.failure ? report(*drilled.failure) : 0;
  if (!drilled.both().ok()) status = exit_status(Code::internal);
  if (fs::is_empty(options.folder, ec)) {
    fs::remove(options.folder, ec);
  } else {
    fmt::print(stderr, "the files are kept in {}; again with --seed {}\n", options.folder,
               options.seed);
  }
  return status;
}

}  // namespace loa
