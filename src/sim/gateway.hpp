// One simulated gateway without its sockets: a request and the time in, the answer's bytes and what
// to do with the connection out. The same seed and the same requests give the same faults.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "base/time.hpp"
#include "sim/http.hpp"
#include "sim/options.hpp"
#include "sim/protocol.hpp"
#include "sim/random.hpp"
#include "sim/truth.hpp"

namespace loa::sim {

struct Reply {
  enum class Action { answer, reset, hold };

  Action action = Action::answer;
  Duration delay{0};
  std::string bytes;
};

class Gateway {
 public:
  explicit Gateway(GatewayOptions options);

  Reply handle(const Request& request, Tick now);

  const GatewayOptions& options() const { return options_; }
  const Truth& truth() const { return truth_; }
  std::uint64_t last_size() const { return last_size_; }  // recipients of the last request

 private:
  std::string decide(const Order& order, Tick now, Reply& reply);
  std::vector<std::size_t> find_refused(const Order& order);
  bool draws(FaultKind kind) const { return drawn_ && *drawn_ == kind; }
  Duration delay();

  GatewayOptions options_;
  Random random_;
  Truth truth_;
  SecondWindow accepted_;
  std::unordered_set<std::string> order_ids_;
  std::optional<FaultKind> drawn_;  // the fault of the request at hand
  std::uint64_t last_size_ = 0;
};

}  // namespace loa::sim
