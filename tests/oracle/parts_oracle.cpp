// Prints 100,000 random texts with our count of their parts, for segments.mjs to compare.
//
// The other counter keeps grapheme clusters together over a part's border, which neither the
// standard nor a carrier does. Texts here hold no combining marks, joiners, modifiers, flags or CR
// LF, so that a cluster is one character and both must agree.
#include <cstdio>
#include <random>
#include <string>

#include "base/json.hpp"
#include "text/gsm7.hpp"
#include "text/parts.hpp"
#include "text/unicode.hpp"

namespace {

constexpr int kTexts = 100'000;
constexpr std::u32string_view kPlain =
    U"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ0123456789.,:;!?@£$èéùìò";
constexpr std::u32string_view kExtended = U"{}[]~^|€\\";
constexpr std::u32string_view kVietnamese = U"ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđĐơưƠƯ";
constexpr std::u32string_view kEmoji = U"😀🚓🚨📱👍";

}  // namespace

int main() {
  std::mt19937 engine(20261124);
  const auto random = [&] { return static_cast<unsigned>(engine()); };
  const auto draw = [&](std::u32string_view from) { return from[random() % from.size()]; };
  for (int i = 0; i < kTexts; ++i) {
    const bool gsm7 = i % 2 == 0;
    // Most lengths near the borders of one, two and three parts, where counters go wrong.
    constexpr unsigned kGsm7Borders[] = {160, 306, 459};
    constexpr unsigned kUcs2Borders[] = {70, 134, 201};
    const unsigned border = (gsm7 ? kGsm7Borders : kUcs2Borders)[random() % 3];
    const unsigned size = random() % 4 == 0 ? random() % 700 : border - 8 + random() % 16;
    const unsigned rare = 1 + random() % 40;
    std::u32string text;
    for (unsigned n = 0; n < size; ++n) {
      const bool special = random() % rare == 0;
      if (!special) {
        text += draw(kPlain);
      } else if (gsm7) {
        text += draw(kExtended);
      } else {
        text += draw(random() % 3 == 0 ? kEmoji : kVietnamese);
      }
    }
    const std::string bytes = loa::encode_utf8(text);
    const loa::Encoding encoding = gsm7 ? loa::Encoding::gsm7 : loa::Encoding::ucs2;
    const loa::PartCount count = loa::count_parts(bytes, encoding, loa::PartTables{}.of(encoding));
    loa::JsonWriter line;
    line.open_object()
        .field("text", bytes)
        .field("encoding", gsm7 ? "GSM-7" : "UCS-2")
        .field("parts", count.parts)
        .close_object();
    std::puts(line.text().c_str());
  }
}
