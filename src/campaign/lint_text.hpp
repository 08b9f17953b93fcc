// What a text makes people do: the links and the numbers it shows, also where they are disguised.
// For lint.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace loa {

// A text pattern as people will see it: placeholders as U+E000, compatibility forms of Latin
// letters, digits and dots made plain. Not valid UTF-8 gives nothing.
struct SeenText {
  std::u32string characters;  // small letters where they are ASCII
  std::vector<bool>
      disguised;  // by character: it stands for another than it is, or hides behind one
};
SeenText seen_text(std::string_view pattern);

struct FoundLink {
  std::string host;          // small letters, as it reads
  std::string disguise;      // how it hides, for people; "" when it does not
  bool from_column = false;  // the host, or a part of it, comes from the audience
};
std::vector<FoundLink> find_links(const SeenText& text);

// Numbers that a person could call or text: subscribers' numbers in any spelling, 1800 and 1900
// services, and short codes behind a word such as "gọi". As national digits: "0912345678",
// "19001234", "113".
std::vector<std::string> find_call_numbers(const SeenText& text);

// The same digits from any spelling: "+84 912 345 678" is "0912345678".
std::string national_digits(std::string_view number);

// Words without their accents, in small letters. A sentence's end is the word ".".
std::vector<std::string> folded_words(const SeenText& text);

}  // namespace loa
