#include "drill/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/check.hpp"

namespace loa {
namespace {

std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  const auto name = [](std::string_view pair) { return pair.substr(0, pair.find('=')); };
  for (char** one = environ; *one != nullptr; ++one) {
    const bool replaced = std::any_of(added.begin(), added.end(), [&](const std::string& other) {
      return name(other) == name(*one);
    });
    if (!replaced) all.emplace_back(*one);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// What the child does between fork and exec; other threads were not copied, so nothing here may
// take memory or a lock.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* out,
                         const char* err, int parent) {
  ::setpgid(0, 0);  // Ctrl-C is for the drill, which ends its children itself
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = ::open("/dev/null", O_RDONLY);
  const int to_out = ::open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int to_err = ::open(err, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || to_out < 0 || to_err < 0) ::_exit(127);
  ::dup2(in, STDIN_FILENO);
  ::dup2(to_out, STDOUT_FILENO);
  ::dup2(to_err, STDERR_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

}  // namespace

Result<Process> Process::start(const ProcessOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> environment_pointers = pointers(environment);
  const int parent = ::getpid();
  const int id = ::fork();
  if (id == 0)
    become(argument_pointers.data(), environment_pointers.data(), options.out.c_str(),
           options.err.c_str(), parent);
  // glibc 2.36 declares pidfd_open for C only.
  const int descriptor = id > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, id, 0)) : -1;
  if (descriptor >= 0) return Process(id, descriptor);
  const int error = errno;
  if (id > 0) {
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
  }
  return fail(Code::io, "cannot start " + options.arguments.front() + ": " + std::strerror(error));
}

Process::Process(Process&& other) noexcept
    : id_(other.id_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      ended_(other.ended_),
      status_(other.status_) {}

Process::~Process() {
  if (descriptor_ < 0) return;
  kill();
  ::close(descriptor_);
}

bool Process::wait(Duration longest) {
  if (ended_) return true;
  pollfd watched{.fd = descriptor_, .events = POLLIN, .revents = 0};
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(longest);
  if (::poll(&watched, 1, static_cast<int>(limit.count())) <= 0) return false;
  LOA_CHECK(::waitpid(id_, &status_, 0) == id_);
  return ended_ = true;
}

void Process::kill() {
  if (ended_) return;
  ::kill(id_, SIGKILL);
  LOA_CHECK(::waitpid(id_, &status_, 0) == id_);
  ended_ = true;
}

bool Process::was_killed() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }

int Process::exit_status() const {
  return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
}

}  // namespace loa
