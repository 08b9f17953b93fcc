#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

#include "base/result.hpp"
#include "cli/verbs.hpp"

namespace {

// A verb is done when what it printed is out; a pipe or a disk may refuse the last of it.
int finish(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  std::fprintf(stderr, "loa: the output could not be written: %s\n", std::strerror(errno));
  return status != 0 ? status : loa::exit_status(loa::Code::io);
}

int refused(const char* what) {
  if (std::ferror(stdout) != 0) return finish(0);
  std::fprintf(stderr,
               "loa: the system does not give what is needed: %s. What was recorded stands; run "
               "the same command again when there is more\n",
               what);
  return loa::exit_status(loa::Code::temporary);
}

}  // namespace

int main(int argc, char** argv) {
  // A limit on the size of files is an error of that write, like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return finish(loa::run_cli(argc, argv));
  } catch (const std::bad_alloc&) {
    return refused("not enough memory");
  } catch (const std::system_error& error) {
    return refused(error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "loa: this is a fault of the program itself: %s\n", error.what());
    return 70;
  }
}
