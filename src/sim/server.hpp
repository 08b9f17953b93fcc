// The sockets of loa-sim: one thread, keep-alive HTTP/1.1, callbacks instead of coroutines, since
// the simulator must be cheaper than what it measures.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sim/gateway.hpp"

namespace loa::sim {

class Session;

class Server {
 public:
  Server(boost::asio::io_context& io, std::vector<GatewayOptions> gateways);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> listen();
  std::string ready() const;  // {"ready":true,"gateways":[{"name":..,"port":..}]}
  std::string truth() const;  // one JSON object
  std::string counts() const;
  void close();  // the listeners and every connection; io.run() then returns by itself

 private:
  friend class Session;
  struct Port;

  void accept(Port& port);
  Reply handle(Port& port, const Request& request);

  Tick start_;
  SecondWindow arrivals_;  // over all gateways
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Session*> sessions_;
  bool closed_ = false;
};

}  // namespace loa::sim
