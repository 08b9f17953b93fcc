// A carrier for tests: a server on this machine that follows a script byte by byte, and counts the
// requests that reach it. One connection after the other, in a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace loa {

// What the carrier does with one request.
struct Play {
  enum class End {
    keep,   // the next request of the connection
    close,  // politely
    drop,   // without the goodbye that TLS asks for
    reset,
    hang,  // neither read nor answer until the caller goes away
  };
  static constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

  std::string answer = {};
  End end = End::keep;
  std::size_t read = kWhole;               // bytes of the request; at least one has arrived
  std::string endless = {};                // behind the answer, again and again
  std::chrono::milliseconds each_byte{0};  // the time between two bytes of the answer
  bool waits = false;                      // for go_on(), then:
  std::string late = {};
};

// How the carrier is reached.
struct Door {
  enum class Protocol { http, https, h2, tls_1_1 };

  Protocol protocol = Protocol::http;
  std::string certificate = "good";  // or expired, elsewhere: as make_certificates() calls them
};

// Makes them once for this process; the path of the folder, with NAME.pem and key.pem. Each is its
// own authority.
const std::string& make_certificates();

class Carrier {
 public:
  // The n-th request gets the n-th play; the last play is for all that follow.
  explicit Carrier(std::vector<Play> plays, Door door = {});
  ~Carrier();
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  std::uint16_t port() const { return port_; }
  // Comes back when the late bytes, and the end, of the play at hand are on the caller's side.
  void go_on();
  // How many requests came, whole or in part. When every caller has gone: it ends the carrier.
  int requests();
  // After requests(): the size of all of them together, and over how many connections they came.
  std::size_t request_bytes() const { return request_bytes_; }
  int connections() const { return connections_; }

 private:
  class Connection;

  void run();
  void serve(Connection& connection);

  std::vector<Play> plays_;
  Door door_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_ = false;
  std::binary_semaphore go_on_{0};
  std::binary_semaphore gone_on_{0};
  int requests_ = 0;  // these three are the thread's, until it has ended
  int connections_ = 0;
  std::size_t request_bytes_ = 0;
  std::thread thread_;
};

}  // namespace loa
