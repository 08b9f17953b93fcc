#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "text/fold.hpp"
#include "text/gsm7.hpp"
#include "text/parts.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

constexpr std::size_t kTextMax = 64 * 1024;

void put_count(JsonWriter& out, std::string_view name, std::string_view text, Encoding encoding) {
  const PartTables tables;
  const PartCount count = count_parts(text, encoding, tables.of(encoding));
  out.key(name)
      .open_object()
      .field("text", text)
      .field("characters", count.units)
      .field("parts", count.parts)
      .field("spare", count.spare)
      .field("cut_to_save_a_part", count.over)
      .close_object();
}

void print_count(std::string_view title, std::string_view text, Encoding encoding) {
  const PartTables tables;
  const PartCount count = count_parts(text, encoding, tables.of(encoding));
  const std::string saving =
      count.over > 0 ? fmt::format("; cut {} to save a part", count.over) : "";
  fmt::print("{}\n  {}\n  {} {}: {} part{}, {} free in the last{}\n", title, text, count.units,
             encoding == Encoding::gsm7 ? "septets (GSM-7)" : "units (UCS-2)", count.parts,
             count.parts == 1 ? "" : "s", count.spare, saving);
}

}  // namespace

int run_text(const CommonOptions& common, const std::string& argument) {
  std::string text = argument;
  if (argument == "-") {
    text.clear();
    char c = 0;
    while (text.size() <= kTextMax && std::cin.get(c)) text += c;
    if (!text.empty() && text.back() == '\n') text.pop_back();
  }
  if (text.size() > kTextMax)
    return report({Code::data, "the text is longer than 64 KiB; no message is"});
  const auto normal = normalise(text);
  if (!normal) return report(normal.error());
  const auto folded = fold(*normal);
  const std::vector<Offender> offenders = not_gsm7(*normal);
  const bool plain = offenders.empty();

  if (common.json) {
    JsonWriter out;
    out.open_object().field("text", *normal).key("forces_ucs2").open_array();
    for (const Offender& offender : offenders)
      out.open_object()
          .field("character", encode_utf8(std::u32string(1, offender.character)))
          .field("code_point",
                 fmt::format("U+{:04X}", static_cast<std::uint32_t>(offender.character)))
          .field("position", std::uint64_t{offender.position})
          .close_object();
    out.close_array();
    if (plain) put_count(out, "gsm7", *normal, Encoding::gsm7);
    put_count(out, "ucs2", *normal, Encoding::ucs2);
    if (folded) {
      put_count(out, "unaccented", *folded, Encoding::gsm7);
    } else {
      out.field("unaccented_fault", folded.error().text);
    }
    out.close_object();
    fmt::print("{}\n", out.text());
    return folded ? 0 : exit_status(Code::data);
  }

  if (plain) {
    print_count("as written", *normal, Encoding::gsm7);
  } else {
    print_count("as written", *normal, Encoding::ucs2);
    std::string list;
    for (const Offender& offender : offenders)
      list += (list.empty() ? "" : " ") + encode_utf8(std::u32string(1, offender.character));
    fmt::print("  forced to UCS-2 by: {}\n", list);
  }
  if (!folded) return report(folded.error());
  print_count("unaccented", *folded, Encoding::gsm7);
  return 0;
}

}  // namespace loa
