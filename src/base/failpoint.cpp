#include "base/failpoint.hpp"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace loa {
namespace {

struct Armed {
  std::size_t index = kFailpoints.size();  // none
  std::uint64_t passage = 0;
};

Armed read_environment() {
  const char* text = std::getenv("LOA_FAILPOINT");
  if (text == nullptr) return {};
  const std::string_view asked(text);
  const std::string_view name = asked.substr(0, asked.find(':'));
  const std::string_view number = asked.substr(name.size() < asked.size() ? name.size() + 1 : 0);
  Armed armed;
  for (std::size_t i = 0; i < kFailpoints.size(); ++i)
    if (kFailpoints[i].name == name) armed.index = i;
  std::from_chars(number.data(), number.data() + number.size(), armed.passage);
  if (armed.index < kFailpoints.size() && armed.passage > 0) return armed;
  std::fprintf(stderr, "loa: LOA_FAILPOINT=%s: write NAME:N, with a name of the drill's list\n",
               text);
  std::_Exit(64);
}

}  // namespace

void pass_failpoint(std::size_t index) {
  static const Armed armed = read_environment();
  static std::atomic<std::uint64_t> passages = 0;
  if (index == armed.index && ++passages == armed.passage) ::kill(::getpid(), SIGKILL);
}

}  // namespace loa
