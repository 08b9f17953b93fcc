// loa-sim: plays carrier gateways on loopback and keeps the ground truth; and writes audiences.
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "sim/audience.hpp"
#include "sim/server.hpp"

namespace {

using loa::Code;
using loa::fail;
using loa::Result;

constexpr std::string_view kHelp =
    R"(loa-sim: carrier gateways to try campaigns on, without a carrier

  loa-sim --gateway "name=N shape=SHAPE [KEY=VALUE ...]" [--gateway ...] [--report FILE]
      shape    speedsms, vnpt-smsbn or kannel-sendsms
      listen   HOST:PORT, port 0 lets the system pick (default 127.0.0.1:0)
      rate     messages in any one-second window; above it: the carrier's throttle answer
      batch    recipients a request may have
      latency, jitter   milliseconds before an answer
      faults   KIND:SHARE,...: reset, timeout, http500, throttle, badjson, partial, duplicate
               (partial: the share of numbers that are always refused; duplicate: VNPT only)
      seed     the same seed draws the same faults
    Prints {"ready":true,...} once it listens, and the ground truth on SIGTERM or SIGINT.
    GET /_sim/truth: the same while it runs. GET /_sim/counts: lines "number times-accepted".

  loa-sim audience --rows N [--seed S] [--optout FILE] > audience.csv

Examples
  loa-sim --gateway "name=viettel shape=speedsms listen=127.0.0.1:9101 rate=500 batch=100"
  loa-sim audience --rows 260000 --seed 1 --optout optout.csv > lang-son.csv
)";

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) {
    return fail(Code::usage, "'" + std::string(text) + "' is not a whole number");
  }
  return value;
}

Result<void> run_audience(const std::vector<std::string_view>& arguments) {
  std::uint64_t rows = 0;
  std::uint64_t seed = 1;
  std::string optout_path;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    if (arguments[i] == "--optout") {
      optout_path = arguments[i + 1];
    } else if (arguments[i] == "--rows" || arguments[i] == "--seed") {
      const auto count = parse_count(arguments[i + 1]);
      if (!count) return tl::unexpected<loa::Error>(count.error());
      (arguments[i] == "--rows" ? rows : seed) = *count;
    } else {
      return fail(Code::usage, "unknown option '" + std::string(arguments[i]) + "'");
    }
  }
  if (arguments.size() % 2 != 0 || rows == 0) return fail(Code::usage, "audience: give --rows N");
  std::ofstream optout;
  if (!optout_path.empty()) {
    optout.open(optout_path);
    if (!optout) return fail(Code::cannot_write, "cannot write " + optout_path);
  }
  std::ios::sync_with_stdio(false);
  loa::sim::write_audience(rows, seed, std::cout, optout_path.empty() ? nullptr : &optout);
  std::cout.flush();
  optout.flush();
  if (!std::cout || (!optout_path.empty() && !optout)) {
    return fail(Code::cannot_write, "audience: the output takes no more");
  }
  return {};
}

// Held and slow connections add up; the usual limit of 1,024 is too few for a simulator.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> run_gateways(const std::vector<std::string_view>& arguments) {
  std::vector<loa::sim::GatewayOptions> gateways;
  std::string report;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) {
      return fail(Code::usage, std::string(arguments[i]) + ": its value is missing");
    }
    if (arguments[i] == "--gateway") {
      auto options = loa::sim::parse_gateway(arguments[i + 1]);
      if (!options) return tl::unexpected<loa::Error>(options.error());
      gateways.push_back(std::move(*options));
    } else if (arguments[i] == "--report") {
      report = arguments[i + 1];
    } else {
      return fail(Code::usage, "unknown option '" + std::string(arguments[i]) + "'");
    }
  }
  if (gateways.empty()) return fail(Code::usage, "give at least one --gateway; see --help");

  raise_file_limit();
  boost::asio::io_context io(1);
  loa::sim::Server server(io, std::move(gateways));
  auto listening = server.listen();
  if (!listening) return listening;
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&server](boost::system::error_code, int) { server.close(); });
  std::cout << server.ready() << std::endl;
  io.run();

  const auto truth = server.truth();
  std::cout << truth << std::endl;
  if (!report.empty()) {
    std::ofstream file(report);
    file << truth << '\n';
    file.flush();
    if (!file) return fail(Code::cannot_write, "cannot write " + report);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  for (const auto argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      std::cout << kHelp;
      return 0;
    }
  }
  const bool audience = !arguments.empty() && arguments.front() == "audience";
  const auto done =
      audience ? run_audience({arguments.begin() + 1, arguments.end()}) : run_gateways(arguments);
  if (done) return 0;
  std::cerr << "loa-sim: " << loa::to_string(done.error()) << '\n';
  return loa::exit_status(done.error().code);
}
