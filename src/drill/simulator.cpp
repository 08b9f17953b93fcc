#include "drill/simulator.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

namespace loa {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::chrono::seconds kPatience(30);
constexpr std::string_view kFaults =
    "reset:0.03,timeout:0.01,http500:0.02,throttle:0.02,badjson:0.02,partial:0.005,duplicate:0.02";

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::string> get(int port, std::string_view path) {
  asio::ip::tcp::iostream stream;
  stream.expires_after(kPatience);
  stream.connect(
      asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)));
  stream << "GET " << path << " HTTP/1.0\r\n\r\n" << std::flush;
  const std::string answer{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t head = answer.find("\r\n\r\n");
  if (head == std::string::npos)
    return fail(Code::unavailable, "loa-sim does not answer any more: " + stream.error().message());
  return answer.substr(head + 4);
}

}  // namespace

Result<Simulator> Simulator::start(const std::string& program, const std::string& folder,
                                   std::uint64_t seed) {
  std::vector<Gateway> gateways = {
      {"viettel", "speedsms", "[viettel, vietnamobile, gmobile, wintel]", 1000, 25},
      {"vina", "vnpt-smsbn", "[vinaphone, itel]", 800, 20},
      {"mobi", "kannel-sendsms", "[mobifone]", 600, 10}};
  ProcessOptions options;
  options.arguments = {program};
  options.out = folder + "/sim.out";
  options.err = folder + "/sim.err";
  for (const Gateway& gateway : gateways) {
    options.arguments.emplace_back("--gateway");
    options.arguments.push_back(
        fmt::format("name={} shape={} rate={} batch={} latency=10 jitter=8 seed={} faults={}",
                    gateway.name, gateway.profile, gateway.rate, gateway.batch, ++seed, kFaults));
  }
  auto process = Process::start(options);
  if (!process) return fail(std::move(process.error()));

  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string ready;
  while (ready.find('\n') == std::string::npos) {
    const bool ended = process->wait(std::chrono::milliseconds(5));
    ready = contents(options.out);
    if (ended || std::chrono::steady_clock::now() > deadline)
      return fail(Code::unavailable,
                  fmt::format("{} does not listen; it says: {}", program, contents(options.err)));
  }
  boost::system::error_code ec;
  const json::value said = json::parse(ready.substr(0, ready.find('\n')), ec);
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    const json::value* port = said.find_pointer(fmt::format("/gateways/{}/port", i), ec);
    if (port == nullptr)
      return fail(Code::unavailable, fmt::format("{} is no loa-sim: {}", program, ready));
    gateways[i].port = port->to_number<int>(ec);
  }
  return Simulator(std::move(*process), std::move(gateways));
}

Result<std::uint64_t> Simulator::requests() const {
  const auto truth = get(gateways_.front().port, "/_sim/truth");
  if (!truth) return fail(truth.error());
  boost::system::error_code ec;
  const json::value said = json::parse(*truth, ec);
  const json::value* requests = said.find_pointer("/total/requests", ec);
  if (requests == nullptr) return fail(Code::unavailable, "loa-sim does not say its truth");
  return requests->to_number<std::uint64_t>(ec);
}

Result<TakenCounts> Simulator::taken() const {
  const auto lines = get(gateways_.front().port, "/_sim/counts");
  if (!lines) return fail(lines.error());
  TakenCounts taken;
  std::istringstream in(*lines);
  E164 number = 0;
  std::uint64_t times = 0;
  while (in >> number >> times) taken[number] += times;
  return taken;
}

Result<void> write_audience(const std::string& program, const std::string& file,
                            const std::string& optout, std::uint64_t rows, std::uint64_t seed) {
  ProcessOptions options;
  options.arguments = {program,  "audience",           "--rows",   std::to_string(rows),
                       "--seed", std::to_string(seed), "--optout", optout};
  options.out = file;
  options.err = file + ".err";
  auto process = Process::start(options);
  if (!process) return fail(std::move(process.error()));
  if (process->wait(kPatience) && process->exit_status() == 0) return {};
  return fail(Code::unavailable,
              fmt::format("{} does not write an audience: {}", program, contents(options.err)));
}

}  // namespace loa
