// Server-sent events (WHATWG HTML 9.2) out of the bytes as they come.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/client.hpp"

namespace loa {

class EventStream {
 public:
  // The events that are whole now. Comments are passed over; lines above 1 MiB are dropped.
  std::vector<ApiEvent> add(std::string_view bytes);

 private:
  void line(std::string_view text, std::vector<ApiEvent>& events);

  std::string rest_;
  ApiEvent event_;
  bool has_data_ = false;
};

}  // namespace loa
