// A child process that the drill starts, waits for and kills. It never outlives its parent.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace loa {

struct ProcessOptions {
  std::vector<std::string> arguments;    // the first is the program's absolute path
  std::vector<std::string> environment;  // NAME=VALUE, besides the parent's own
  std::string out;                       // file for stdout; what is in it goes
  std::string err;                       // file for stderr; appended to
};

class Process {
 public:
  // Start from a thread that lives longer than the child: the kernel kills the child when that
  // thread ends.
  static Result<Process> start(const ProcessOptions& options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();  // kills what still runs

  // Waits until it has ended, at most so long; whether it has.
  bool wait(Duration longest);
  void kill();  // SIGKILL, and waits

  // Once it has ended:
  bool was_killed() const;  // by SIGKILL
  int exit_status() const;  // as a shell would say it: 128 and more after a signal

 private:
  Process(int id, int descriptor) : id_(id), descriptor_(descriptor) {}

  int id_;
  int descriptor_;  // of the process; readable when it has ended
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace loa
