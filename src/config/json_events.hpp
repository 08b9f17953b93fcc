// JSON (RFC 8259), read strictly and given as the events of yaml-cpp, which itself takes JSON for
// YAML and stumbles over surrogate escapes, colons on lines of their own and long keys. Only for
// this folder's own sources.
#pragma once

#include <yaml-cpp/eventhandler.h>

#include <string_view>

namespace loa {

// Whether the text is JSON with an object outside, no deeper than 64 levels.
bool is_json_object(std::string_view text);

// Strings have the tag "!", numbers, true and false "?", as yaml-cpp gives them. For a text that
// is_json_object.
void give_json_events(std::string_view text, YAML::EventHandler& handler);

}  // namespace loa
