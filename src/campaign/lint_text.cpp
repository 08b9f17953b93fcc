#include "campaign/lint_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "text/fold.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

constexpr char32_t kPlaceholder = 0xE000;

// Letters of other alphabets that read as Latin ones.
constexpr auto kLookAlikes = std::to_array<std::pair<char32_t, char32_t>>({
    {U'а', U'a'}, {U'в', U'b'}, {U'с', U'c'}, {U'е', U'e'}, {U'һ', U'h'}, {U'і', U'i'},
    {U'ј', U'j'}, {U'к', U'k'}, {U'ӏ', U'l'}, {U'м', U'm'}, {U'н', U'h'}, {U'о', U'o'},
    {U'р', U'p'}, {U'ԛ', U'q'}, {U'ѕ', U's'}, {U'т', U't'}, {U'у', U'y'}, {U'ѵ', U'v'},
    {U'ԝ', U'w'}, {U'х', U'x'}, {U'ԁ', U'd'}, {U'А', U'a'}, {U'В', U'b'}, {U'С', U'c'},
    {U'Е', U'e'}, {U'І', U'i'}, {U'К', U'k'}, {U'М', U'm'}, {U'Н', U'h'}, {U'О', U'o'},
    {U'Р', U'p'}, {U'Ѕ', U's'}, {U'Т', U't'}, {U'Х', U'x'}, {U'α', U'a'}, {U'ο', U'o'},
    {U'ρ', U'p'}, {U'ν', U'v'}, {U'ɡ', U'g'}, {U'ı', U'i'}, {U'ɑ', U'a'},
});

// Domains that people type without a scheme. Not the whole list of the world: those that texts use.
constexpr auto kDomains = std::to_array<std::string_view>(
    {"vn",      "com",    "net",     "org",     "info",  "biz",    "gov",     "edu",   "mobi",
     "name",    "asia",   "pro",     "xyz",     "top",   "online", "site",    "shop",  "store",
     "club",    "vip",    "win",     "bid",     "loan",  "link",   "click",   "app",   "page",
     "live",    "life",   "world",   "today",   "cloud", "host",   "website", "space", "tech",
     "fun",     "icu",    "buzz",    "work",    "press", "news",   "blog",    "dev",   "help",
     "support", "care",   "center",  "finance", "money", "bank",   "credit",  "cash",  "one",
     "ink",     "lol",    "monster", "cyou",    "cfd",   "sbs",    "bond",    "quest", "rest",
     "bar",     "beauty", "autos",   "zip",     "mov",   "art",    "digital", "cc",    "io",
     "tk",      "ml",     "gq",      "cf",      "pw",    "ws",     "su",      "gd",    "gl",
     "gle",     "gg",     "ee",      "sh",      "us",    "uk",     "cn",      "ru",    "hk",
     "jp",      "kr",     "sg",      "th",      "kh",    "eu",     "fr",      "de"});
// These are Vietnamese words as well, and stand behind a full stop without a space often enough.
constexpr auto kWordDomains = std::to_array<std::string_view>(
    {"co", "me", "to", "in", "la", "so", "do", "ly", "ga", "ai", "be",
     "am", "an", "ca", "tv", "is", "it", "no", "nu", "li", "at", "id"});

constexpr auto kCallWords = std::to_array<std::string_view>(
    {"goi",     "alo",        "hotline",  "call",    "sms",      "sdt",     "dt",
     "lh",      "zalo",       "nhan tin", "gui tin", "tin toi",  "tin den", "gui toi",
     "gui den", "goi toi",    "goi den",  "goi so",  "tong dai", "dai so",  "lien he",
     "he so",   "dien thoai", "thoai so", "so may"});
constexpr auto kOrWords = std::to_array<std::string_view>({"hoac", "hay", "va", "or", "and"});
constexpr auto kMoney = std::to_array<std::string_view>(
    {"d", "dong", "vnd", "k", "tr", "ty", "usd", "trieu", "nghin", "ngan"});

template <class List, class Value>
bool among(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool is_ascii_letter(char32_t c) { return c >= U'a' && c <= U'z'; }
bool is_other_letter(char32_t c) {
  return c >= 0xC0 && !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x3000 && c <= 0x303F) &&
         c != kPlaceholder && c != 0xD7 && c != 0xF7;
}
bool is_letter(char32_t c) { return is_ascii_letter(c) || is_other_letter(c); }

bool is_invisible(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF;
}

bool is_dot(char32_t c) {
  return c == 0x3002 || c == 0xFF0E || c == 0xFF61 || c == 0x2024 || c == 0xFE52;
}

// The plain character that this one reads as.
char32_t plain(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c + (U'a' - U'A');
  if (is_dot(c)) return U'.';
  if (c >= 0xFF01 && c <= 0xFF5E) return plain(c - 0xFEE0);
  if (c >= 0x1D400 && c < 0x1D6A4) return U'a' + (c - 0x1D400) % 26;  // mathematical letters
  if (c >= 0x1D7CE && c <= 0x1D7FF) return U'0' + (c - 0x1D7CE) % 10;
  if (c >= 0x24D0 && c <= 0x24E9) return U'a' + (c - 0x24D0);  // circled
  for (const auto& [odd, latin] : kLookAlikes)
    if (odd == c) return latin;
  return c;
}

// "{name}" becomes one character, "{{" and "}}" one brace.
std::u32string without_placeholders(std::u32string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == U'{' || c == U'}') && doubled) {
      out += c;
      ++i;
    } else if (const std::size_t end = c == U'{' ? text.find(U'}', i) : std::u32string::npos;
               end != std::u32string::npos) {
      out += kPlaceholder;
      i = end;
    } else {
      out += c;
    }
  }
  return out;
}

bool in_link(char32_t c) {
  return is_letter(c) || is_digit(c) || c == kPlaceholder ||
         std::u32string_view(U"-._~:/?#@%&=+$").find(c) != std::u32string_view::npos;
}

class LinkFinder {
 public:
  explicit LinkFinder(const SeenText& text) : text_(text), all_(text.characters) {}

  std::vector<FoundLink> run() {
    for (std::size_t i = 0; i < all_.size();) {
      if (!in_link(all_[i])) {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < all_.size() && in_link(all_[end])) ++end;
      look(i, end);
      i = end;
    }
    return std::move(links_);
  }

 private:
  // One run of characters that a link may consist of.
  void look(std::size_t begin, std::size_t end) {
    const std::u32string_view run = all_.substr(begin, end - begin);
    if (const std::size_t mark = run.find(U"://"); mark != std::u32string_view::npos) {
      std::size_t scheme = mark;
      while (scheme > 0 && is_letter(run[scheme - 1])) --scheme;
      const std::u32string_view name = run.substr(scheme, mark - scheme);
      const std::size_t authority = mark + 3;
      std::size_t stop = std::min(run.find_first_of(U"/?#", authority), run.size());
      const std::size_t at = run.substr(0, stop).rfind(U'@');
      const std::size_t host =
          at != std::u32string_view::npos && at >= authority ? at + 1 : authority;
      stop = std::min(run.find(U':', host), stop);
      add(begin + host, begin + stop,
          name == U"http" || name == U"https" ? "" : "it begins like no web address");
      if (at != std::u32string_view::npos && at >= authority && links_.back().disguise.empty())
        links_.back().disguise = "another name stands in front of its '@'";
      return;
    }
    // Without a scheme: what stands between marks, up to its path.
    for (std::size_t from = 0; from < run.size();) {
      const std::size_t stop = std::min(run.find_first_of(U":@=&?#", from), run.size());
      const std::size_t slash = std::min(run.substr(0, stop).find(U'/', from), stop);
      const bool mail = from > 0 && run[from - 1] == U'@';
      if (is_domain(begin + from, begin + slash, slash < stop || mail))
        add(begin + from, begin + slash, "");
      from = stop + 1;
    }
  }

  void trim(std::size_t& begin, std::size_t& end) const {
    const auto edge = [](char32_t c) { return c == U'.' || c == U'-' || c == U'_' || c == U'~'; };
    while (begin < end && edge(all_[begin])) ++begin;
    while (end > begin && edge(all_[end - 1])) --end;
  }

  bool is_domain(std::size_t begin, std::size_t end, bool has_path) const {
    trim(begin, end);
    const std::u32string_view host = all_.substr(begin, end - begin);
    const std::size_t dot = host.rfind(U'.');
    if (dot == std::u32string_view::npos || dot == 0 ||
        host.find(U"..") != std::u32string_view::npos)
      return false;
    if (host.starts_with(U"www.")) return true;
    const std::string last = encode_utf8(host.substr(dot + 1));
    if (last.starts_with("xn--") || among(kDomains, last)) return true;
    if (is_address(host)) return has_path;
    if (is_shortener(encode_utf8(host))) return true;
    return among(kWordDomains, last) && has_path;
  }

  static bool is_address(std::u32string_view host) {
    return std::count(host.begin(), host.end(), U'.') == 3 &&
           std::all_of(host.begin(), host.end(),
                       [](char32_t c) { return is_digit(c) || c == U'.'; });
  }

  static bool is_shortener(const std::string& host) {
    return host == "bit.ly" || host == "t.co" || host == "bom.so" || host == "cutt.ly" ||
           host == "ow.ly" || host == "t.ly" || host == "rebrand.ly" || host == "buff.ly" ||
           host == "s.id" || host == "fb.me";
  }

  void add(std::size_t begin, std::size_t end, std::string disguise) {
    trim(begin, end);
    const std::u32string_view host = all_.substr(begin, end - begin);
    FoundLink link;
    link.host = encode_utf8(std::u32string(host));
    link.from_column = host.empty() || host.find(kPlaceholder) != std::u32string_view::npos;
    link.disguise = std::move(disguise);
    const auto odd_at = text_.disguised.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto odd_end = text_.disguised.begin() + static_cast<std::ptrdiff_t>(end);
    if (!link.disguise.empty()) {
    } else if (std::find(odd_at, odd_end, true) != odd_end) {
      link.disguise = "it holds characters that look like others";
    } else if (std::any_of(host.begin(), host.end(), is_other_letter) ||
               host.find(U"xn--") != std::u32string_view::npos) {
      link.disguise = "its name is not plain a-z, 0-9 and '-'";
    } else if (is_address(host)) {
      link.disguise = "it is a bare address, not a name";
    }
    links_.push_back(std::move(link));
  }

  const SeenText& text_;
  std::u32string_view all_;
  std::vector<FoundLink> links_;
};

// A number's digits from `at` on, at most `digits` of them, with single separators of one kind
// between; the place behind them, or nothing when there are fewer.
std::optional<std::size_t> digits_from(std::u32string_view text, std::size_t at, std::size_t digits,
                                       bool any_separator) {
  constexpr std::u32string_view kSeparators = U" .-\u00A0";
  char32_t separator = 0;
  for (std::size_t seen = 0; seen < digits;) {
    if (at == text.size()) return std::nullopt;
    if (is_digit(text[at])) {
      ++seen;
      ++at;
      continue;
    }
    const bool bracket = any_separator && (text[at] == U'(' || text[at] == U')');
    if (!bracket && kSeparators.find(text[at]) == std::u32string_view::npos) return std::nullopt;
    if (!any_separator && separator != 0 && text[at] != separator) return std::nullopt;
    if (!any_separator && (at + 1 == text.size() || !is_digit(text[at + 1]))) return std::nullopt;
    separator = text[at];
    ++at;
  }
  if (at < text.size() && is_digit(text[at])) return std::nullopt;
  return at;
}

std::string digits_of(std::u32string_view text) {
  std::string digits;
  for (const char32_t c : text)
    if (is_digit(c)) digits += static_cast<char>(c);
  return digits;
}

class NumberFinder {
 public:
  explicit NumberFinder(const SeenText& text) : text_(text.characters) {}

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < text_.size();) {
      const char32_t before = i > 0 ? text_[i - 1] : U' ';
      const bool begins =
          (is_digit(text_[i]) || text_[i] == U'+') && !is_digit(before) && !is_ascii_letter(before);
      const std::size_t end = begins ? match(i) : i;
      i = end > i ? end : i + 1;
    }
    return std::move(numbers_);
  }

 private:
  // The place behind a number that begins at `at`, or `at`.
  std::size_t match(std::size_t at) {
    if (text_[at] == U'+') {
      for (std::size_t digits = 15; digits >= 8; --digits)
        if (const auto end = digits_from(text_, at + 1, digits, true)) return take(at, *end);
      return at;
    }
    const std::string first = digits_of(text_.substr(at, 4));
    if (first.starts_with("00")) {
      for (std::size_t digits = 15; digits >= 11; --digits)
        if (const auto end = digits_from(text_, at, digits, false)) return take(at, *end);
    } else if (first.starts_with("01") || first.starts_with("02")) {
      if (const auto end = digits_from(text_, at, 11, false)) return take(at, *end);
    } else if (first.starts_with("0")) {
      if (const auto end = digits_from(text_, at, 10, false)) return take(at, *end);
    } else if (first.starts_with("84")) {
      if (const auto end = digits_from(text_, at, 11, false)) return take(at, *end);
    }
    if (first == "1800" || first == "1900") {
      for (std::size_t digits = 10; digits >= 8; --digits) {
        const auto end = digits_from(text_, at, digits, false);
        if (end && !is_money(*end) && !is_years(at, *end)) return take(at, *end);
      }
    }
    return short_code(at);
  }

  std::size_t take(std::size_t begin, std::size_t end) {
    numbers_.push_back(national_digits(encode_utf8(text_.substr(begin, end - begin))));
    return end;
  }

  // Three to six digits are a number to call only behind a word that says so, or behind another
  // one.
  std::size_t short_code(std::size_t at) {
    std::size_t end = at;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const std::size_t digits = end - at;
    const bool goes_on =
        end + 1 < text_.size() && is_digit(text_[end + 1]) &&
        std::u32string_view(U".,:/-").find(text_[end]) != std::u32string_view::npos;
    const bool unit = end < text_.size() && (is_letter(text_[end]) || text_[end] == U'%');
    if (digits < 3 || digits > 6 || goes_on || unit || is_money(end)) return end;
    if (called_before(at)) {
      take(at, end);
      last_end_ = end;
    }
    return end;
  }

  // The word that ends before `at`, folded, and `at` moved in front of it.
  std::string word_before(std::size_t& at) const {
    const auto gap = [](char32_t c) { return c == U' ' || c == U',' || c == U':' || c == U'/'; };
    while (at > 0 && gap(text_[at - 1])) --at;
    const std::size_t end = at;
    while (at > 0 && is_letter(text_[at - 1])) --at;
    return fold(encode_utf8(text_.substr(at, end - at))).value_or("");
  }

  bool called_before(std::size_t at) const {
    const std::string word = word_before(at);
    if (word.empty()) return last_end_ != 0 && at == last_end_;
    if (among(kCallWords, word)) return true;
    if (among(kOrWords, word)) {
      std::size_t before = at;
      return word_before(before).empty() && last_end_ != 0 && before == last_end_;
    }
    const std::string first = word_before(at);
    return among(kCallWords, first + " " + word);
  }

  bool is_money(std::size_t end) const {
    while (end < text_.size() && text_[end] == U' ') ++end;
    std::size_t stop = end;
    while (stop < text_.size() && is_letter(text_[stop])) ++stop;
    const auto folded = fold(encode_utf8(text_.substr(end, stop - end)));
    return folded && among(kMoney, *folded);
  }

  bool is_years(std::size_t begin, std::size_t end) const {
    return end - begin == 9 && text_[begin + 4] == U'-';
  }

  std::u32string_view text_;
  std::size_t last_end_ = 0;  // of the last short code
  std::vector<std::string> numbers_;
};

}  // namespace

SeenText seen_text(std::string_view pattern) {
  SeenText seen;
  const auto decoded = decode_utf8(pattern);
  if (!decoded) return seen;
  bool hidden = false;
  const std::u32string text = without_placeholders(*decoded);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_invisible(text[i])) {
      hidden = true;
      continue;
    }
    // "abc[.]com"
    const bool bracketed =
        i + 2 < text.size() && text[i + 1] == U'.' &&
        ((text[i] == U'[' && text[i + 2] == U']') || (text[i] == U'(' && text[i + 2] == U')'));
    const char32_t c = bracketed ? U'.' : plain(text[i]);
    const bool capital = text[i] >= U'A' && text[i] <= U'Z';
    seen.characters += c;
    seen.disguised.push_back(hidden || bracketed || (c != text[i] && !capital));
    hidden = false;
    if (bracketed) i += 2;
  }
  return seen;
}

std::vector<FoundLink> find_links(const SeenText& text) { return LinkFinder(text).run(); }

std::vector<std::string> find_call_numbers(const SeenText& text) {
  return NumberFinder(text).run();
}

std::string national_digits(std::string_view number) {
  std::string digits;
  for (const char c : number)
    if (c >= '0' && c <= '9') digits += c;
  const bool international = number.find('+') != std::string_view::npos;
  if (digits.starts_with("0084")) return "0" + digits.substr(digits[4] == '0' ? 5 : 4);
  if (digits.starts_with("84") && (international || digits.size() == 11))
    return "0" + digits.substr(digits.size() > 2 && digits[2] == '0' ? 3 : 2);
  return international ? "+" + digits : digits;
}

std::vector<std::string> folded_words(const SeenText& text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  const std::u32string& all = text.characters;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char32_t c = all[i];
    if (is_ascii_letter(c) || is_digit(c)) {
      word += static_cast<char>(c);
    } else if (is_other_letter(c)) {
      if (const auto folded = fold(encode_utf8(std::u32string(1, c))))
        for (const char plain_letter : *folded)
          word += static_cast<char>(plain_letter >= 'A' && plain_letter <= 'Z' ? plain_letter + 32
                                                                               : plain_letter);
    } else {
      const bool inside =
          c == U'.' && i > 0 && is_digit(all[i - 1]) && i + 1 < all.size() && is_digit(all[i + 1]);
      if (inside) continue;  // 1.900.000
      end_word();
      if (c == U'.' || c == U'!' || c == U'?' || c == U'\n') words.emplace_back(".");
    }
  }
  end_word();
  return words;
}

}  // namespace loa
