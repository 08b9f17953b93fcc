#include "cli/event_stream.hpp"

namespace loa {

std::vector<ApiEvent> EventStream::add(std::string_view bytes) {
  std::vector<ApiEvent> events;
  rest_.append(bytes);
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view text(rest_.data() + begin, end - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text, events);
  }
  rest_.erase(0, begin);
  constexpr std::size_t kLineMax = 1024UL * 1024;
  if (rest_.size() > kLineMax) rest_.clear();
  return events;
}

void EventStream::line(std::string_view text, std::vector<ApiEvent>& events) {
  if (text.empty()) {
    if (has_data_) events.push_back(event_);
    event_.name.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = text.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.name = value;
  if (field == "id") event_.id = value;  // stays for the events that follow
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
}

}  // namespace loa
