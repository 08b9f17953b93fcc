// `loa-sim` as the drill uses it: carriers that fail often, and remember what they took.
#pragma once

#include <string>
#include <vector>

#include "drill/findings.hpp"
#include "drill/process.hpp"

namespace loa {

class Simulator {
 public:
  struct Gateway {
    std::string name;
    std::string profile;
    std::string networks;  // as in loa.yaml
    int rate = 0;          // messages in any second
    int batch = 0;
    int port = 0;  // once it listens
  };

  // Starts it, with its output in `folder`, and waits until it listens.
  static Result<Simulator> start(const std::string& program, const std::string& folder,
                                 std::uint64_t seed);

  const std::vector<Gateway>& gateways() const { return gateways_; }

  Result<std::uint64_t> requests() const;  // that reached the gateways so far
  Result<TakenCounts> taken() const;

 private:
  Simulator(Process process, std::vector<Gateway> gateways)
      : process_(std::move(process)), gateways_(std::move(gateways)) {}

  Process process_;
  std::vector<Gateway> gateways_;
};

// Writes `rows` invented people to `file`, and those of them who opted out to `optout`.
Result<void> write_audience(const std::string& program, const std::string& file,
                            const std::string& optout, std::uint64_t rows, std::uint64_t seed);

}  // namespace loa
