#include "cli/prompt.hpp"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "cli/output.hpp"

namespace loa {
namespace {

constexpr std::size_t kSecretMax = 4096;

// The terminal without echo, until this is gone. Ctrl-C is a byte meanwhile, so that it cannot
// leave the terminal mute.
class Mute {
 public:
  Mute() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    struct termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    muted_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Mute() {
    if (muted_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;

 private:
  struct termios before_ = {};
  bool muted_ = false;
};

void erase_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U)
    text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

bool has_terminal() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0; }

Result<std::string> read_input_line(std::size_t max) {
  std::string line;
  for (char c = 0; line.size() <= max;) {
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::io, "what was typed cannot be read");
    if (n == 0 || c == '\n') break;
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<std::string> ask(const std::string& prompt) {
  constexpr std::size_t kAnswerMax = 256;
  say("{}", prompt);
  return read_input_line(kAnswerMax);
}

Result<std::string> ask_secret(const std::string& prompt) {
  std::string text;
  {
    const Mute mute;  // first: it drops what was typed before
    say("{}", prompt);
    for (char c = 0;;) {
      const ssize_t n = ::read(STDIN_FILENO, &c, 1);
      if (n < 0 && errno == EINTR) continue;
      constexpr char kInterrupt = 3;
      constexpr char kEnd = 4;
      if (n <= 0 || c == kInterrupt || c == kEnd) {
        say("\n");
        return fail(Code::usage, "left; nothing was changed");
      }
      if (c == '\n' || c == '\r') break;
      if (c == '\b' || c == 127) {
        erase_character(text);
      } else if (text.size() <= kSecretMax) {
        text += c;
      }
    }
  }
  say("\n");
  return text;
}

}  // namespace loa
