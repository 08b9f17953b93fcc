#include "base/result.hpp"

namespace loa {

int exit_status(Code code) {
  switch (code) {
    case Code::usage: return 64;
    case Code::data: return 65;
    case Code::no_input: return 66;
    case Code::unavailable: return 69;
    case Code::internal: return 70;
    case Code::cannot_write: return 73;
    case Code::io: return 74;
    case Code::temporary: return 75;
    case Code::permission: return 77;
    case Code::config: return 78;
  }
  return 70;
}

std::string to_string(const Place& place) {
  std::string text = place.file;
  if (place.line > 0) text += ":" + std::to_string(place.line);
  if (place.line > 0 && place.column > 0) text += ":" + std::to_string(place.column);
  return text;
}

Error Error::wrap(const std::string& doing) && {
  text = doing + ": " + text;
  return std::move(*this);
}

std::string to_string(const Error& error) {
  const std::string place = to_string(error.place);
  return place.empty() ? error.text : place + ": " + error.text;
}

}  // namespace loa
