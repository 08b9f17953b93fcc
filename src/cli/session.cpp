#include "cli/session.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "async/clock.hpp"
#include "async/run.hpp"
#include "base/failpoint.hpp"

namespace loa {

Session::Session(const Settings& settings, std::string data, std::unique_ptr<Disk> disk,
                 DirectoryLock lock, StoreContents store)
    : settings_(settings),
      data_(std::move(data)),
      disk_(std::move(disk)),
      lock_(std::move(lock)),
      store_(std::move(store)) {}

Result<std::unique_ptr<Session>> Session::take(const Settings& settings, const std::string& data,
                                               Missing missing) {
  auto disk = create_system_disk();
  if (missing == Missing::make) {
    auto stored = prepare_store(*disk, data);
    if (!stored) return fail(std::move(stored.error()));
  }
  auto lock = DirectoryLock::take(data);
  if (!lock) return fail(lock.error());
  auto store = read_store(*disk, data, settings.zone);
  if (!store) return fail(std::move(store.error()));
  return std::unique_ptr<Session>(
      new Session(settings, data, std::move(disk), std::move(*lock), std::move(*store)));
}

namespace {

Task<Result<void>> record_opening(Recorder& recorder, const Event& opened) {
  LOA_FAILPOINT("opened.before_commit");
  const Result<void> durable = co_await recorder.commit(opened);
  LOA_FAILPOINT("opened.after_commit");
  co_return durable;
}

}  // namespace

Result<void> Session::open(Random& random, std::function<void(const std::string&)> note) {
  auto journal =
      open_journal(context_.get_executor(), *disk_, journal_directory(data_), store_.end,
                   {.writer = {.epoch = random.next(), .keep_segments = settings_.keep_segments},
                    .background = {},
                    .note = std::move(note)});
  if (!journal) return fail(std::move(journal.error()));
  journal_ = std::move(*journal);
  recorder_.emplace(store_.record, *journal_);
  Event opened;
  opened.at = system_wall();
  opened.node = settings_.node;
  opened.version = LOA_VERSION;
  opened.torn_bytes = store_.end.torn_bytes;
  return run_task<void>(context_, record_opening(*recorder_, opened));
}

Result<void> allow_descriptors(const Settings& settings, std::uint64_t others) {
  rlim_t needed = others;
  for (const Gateway& gateway : settings.gateways)
    needed += static_cast<rlim_t>(gateway.limits.in_flight);
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  const rlimit raised = {std::min(needed, limit.rlim_max), limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0 && raised.rlim_cur >= needed) return {};
  return fail(Code::config,
              fmt::format("the gateways need {} file descriptors and the system allows {}: raise "
                          "it (ulimit -n, systemd's LimitNOFILE), or lower in_flight",
                          needed, limit.rlim_max),
              {settings.file});
}

Result<std::vector<OpenGateway>> open_gateways(
    const Settings& settings, const std::function<bool(const std::string& gateway)>& needed) {
  std::vector<OpenGateway> open;
  for (const Gateway& gateway : settings.gateways) {
    auto account = unlock(gateway);
    if (account) {
      open.push_back({gateway, std::move(*account)});
    } else if (needed(gateway.name)) {
      return fail(std::move(account.error()));
    }
  }
  return open;
}

}  // namespace loa
