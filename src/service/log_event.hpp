// What the daemon tells its log, one kind a row. The id is fixed for ever: `journalctl
// MESSAGE_ID=...` and alerts find a kind by it, however its words change.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace loa {

enum class LogEvent {
  started,
  ready,
  stopping,
  stopped,
  configuration_loaded,
  configuration_refused,
  campaign_taken,
  campaign_refused,
  campaign_changed,
  campaign_ended,
  act_refused,
  sign_in_refused,
  gateway_held,
  gateway_resumed,
  gateway_slowed,
  rows_in_doubt,
  redis_connected,
  redis_lost,
  intake_gap,
  disk_full,
  disk_free,
  clock_set,
  request_failed,
  suppressed,
};

struct LogEventKind {
  LogEvent event;
  std::string_view name;
  std::string_view id;  // 128 bits, hexadecimal
};

inline constexpr auto kLogEvents = std::to_array<LogEventKind>({
    {LogEvent::started, "started", "75e0061db6de4848835c1ca904e40f7b"},
    {LogEvent::ready, "ready", "98c50753957e441c9c5b6d5a8275f774"},
    {LogEvent::stopping, "stopping", "d1ab7ce48b874c65ae14d4a848db708a"},
    {LogEvent::stopped, "stopped", "10ad57f5b602493b817e9b8752fb2f92"},
    {LogEvent::configuration_loaded, "configuration_loaded", "2d0b67fd29544401b87a11b6dc30a9c1"},
    {LogEvent::configuration_refused, "configuration_refused", "06f78d44b1844c41aacc5db8f7f17550"},
    {LogEvent::campaign_taken, "campaign_taken", "366a3c07d2d649dbb26c6cb51de5287f"},
    {LogEvent::campaign_refused, "campaign_refused", "12c32655ef73461d827ba535f038e311"},
    {LogEvent::campaign_changed, "campaign_changed", "16567b652c2a4741bbe8532156fa4362"},
    {LogEvent::campaign_ended, "campaign_ended", "f0b7ba398445455197a402a003523109"},
    {LogEvent::act_refused, "act_refused", "bba5166fd4b3488d881a1df25a897c24"},
    {LogEvent::sign_in_refused, "sign_in_refused", "7838676202084022a2d4a08082d0d4c0"},
    {LogEvent::gateway_held, "gateway_held", "05f598a9107d4ddbb4cc04d220b43a47"},
    {LogEvent::gateway_resumed, "gateway_resumed", "c5853d3591f84525870d8491d83e7637"},
    {LogEvent::gateway_slowed, "gateway_slowed", "a7e2fbd2bec34e3dac7b50c87d182940"},
    {LogEvent::rows_in_doubt, "rows_in_doubt", "8fda4bbca32443628735f68772310ac0"},
    {LogEvent::redis_connected, "redis_connected", "2ac652b2185949e6bd3ccb9fc0763ed8"},
    {LogEvent::redis_lost, "redis_lost", "18b91c2d421e49e0a57c8cc11a638533"},
    {LogEvent::intake_gap, "intake_gap", "8bbb9bd7b8b7485893ab5b6311fcd3c7"},
    {LogEvent::disk_full, "disk_full", "35f3754550484086b3accefc8387eb1e"},
    {LogEvent::disk_free, "disk_free", "1fdef50eff414cd292cc66775e08a9f4"},
    {LogEvent::clock_set, "clock_set", "3b0e1dac64f6421da271a39a7fd77dcc"},
    {LogEvent::request_failed, "request_failed", "60630cd5531f4c45a40ca921b84fcb0c"},
    {LogEvent::suppressed, "suppressed", "e54070161c7345bc90791f6242d9d339"},
});

}  // namespace loa
