#include "sim/audience.hpp"

#include <array>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sim/random.hpp"

namespace loa::sim {
namespace {

struct Prefix {
  std::string_view now;     // as written today, with the leading 0
  std::string_view before;  // the 11-digit form up to 2018, "" when there was none
};

constexpr std::array kViettel = {
    Prefix{"096", ""},     Prefix{"097", ""},     Prefix{"098", ""},     Prefix{"086", ""},
    Prefix{"032", "0162"}, Prefix{"033", "0163"}, Prefix{"034", "0164"}, Prefix{"035", "0165"},
    Prefix{"036", "0166"}, Prefix{"037", "0167"}, Prefix{"038", "0168"}, Prefix{"039", "0169"}};
constexpr std::array kVinaphone = {
    Prefix{"091", ""},     Prefix{"094", ""},     Prefix{"088", ""},     Prefix{"081", "0127"},
    Prefix{"082", "0129"}, Prefix{"083", "0123"}, Prefix{"084", "0124"}, Prefix{"085", "0125"}};
constexpr std::array kMobifone = {
    Prefix{"090", ""},     Prefix{"093", ""},     Prefix{"070", "0120"}, Prefix{"076", "0126"},
    Prefix{"077", "0122"}, Prefix{"078", "0128"}, Prefix{"079", "0121"}};
constexpr std::array kVietnamobile = {Prefix{"092", ""}, Prefix{"056", "0186"},
                                      Prefix{"058", "0188"}};
constexpr std::array kGmobile = {Prefix{"059", "0199"}, Prefix{"0993", ""}, Prefix{"0994", ""},
                                 Prefix{"0995", ""},    Prefix{"0996", ""}, Prefix{"0997", ""}};

constexpr std::array<std::string_view, 14> kFamily = {"Nguyễn", "Trần",  "Lê",    "Phạm", "Hoàng",
                                                      "Vi",     "Nông",  "Lương", "Hà",   "Đặng",
                                                      "Bế",     "Triệu", "Lý",    "Chu"};
constexpr std::array<std::string_view, 10> kMiddle = {"Văn",  "Thị", "Đức",  "Minh",  "Thanh",
                                                      "Ngọc", "Hữu", "Xuân", "Quang", "Thu"};
constexpr std::array<std::string_view, 18> kGiven = {
    "An",   "Bình", "Chiến", "Dũng", "Giang", "Hạnh",  "Hương", "Khánh", "Lan",
    "Linh", "Mai",  "Nam",   "Oanh", "Phúc",  "Quỳnh", "Sơn",   "Thảo",  "Yến"};
constexpr std::array<std::string_view, 11> kDistrict = {
    "TP. Lạng Sơn", "Cao Lộc",  "Lộc Bình", "Đình Lập", "Chi Lăng",  "Hữu Lũng",
    "Bắc Sơn",      "Bình Gia", "Văn Quan", "Văn Lãng", "Tràng Định"};

enum class RowKind { plain, repeated, old_number, spaced, plus84, landline, bad };

RowKind draw_kind(Random& random) {
  const auto point = random.below(1000);
  if (point < 15) return RowKind::repeated;
  if (point < 25) return RowKind::old_number;
  if (point < 55) return RowKind::spaced;
  if (point < 105) return RowKind::plus84;
  if (point < 110) return RowKind::landline;
  if (point < 113) return RowKind::bad;
  return RowKind::plain;
}

template <std::size_t N>
Prefix pick_prefix(const std::array<Prefix, N>& prefixes, Random& random) {
  return prefixes[random.below(N)];
}

Prefix draw_prefix(Random& random) {
  const auto point = random.below(100);
  if (point < 52) return pick_prefix(kViettel, random);
  if (point < 76) return pick_prefix(kVinaphone, random);
  if (point < 94) return pick_prefix(kMobifone, random);
  if (point < 98) return pick_prefix(kVietnamobile, random);
  return pick_prefix(kGmobile, random);
}

class Writer {
 public:
  Writer(std::uint64_t seed, std::ostream& out, std::ostream* optout)
      : random_(seed), out_(out), optout_(optout) {}

  void write(std::uint64_t rows) {
    out_ << "so_dien_thoai,ho_ten,quan_huyen\n";
    if (optout_ != nullptr) *optout_ << "so_dien_thoai\n";
    for (std::uint64_t row = 0; row < rows; ++row) write_row();
  }

 private:
  void write_row() {
    out_ << phone() << ',' << kFamily[random_.below(kFamily.size())] << ' '
         << kMiddle[random_.below(kMiddle.size())] << ' ' << kGiven[random_.below(kGiven.size())]
         << ',' << kDistrict[random_.below(kDistrict.size())] << '\n';
  }

  std::string phone() {
    switch (draw_kind(random_)) {
      case RowKind::repeated:
        if (!written_.empty()) return written_[random_.below(written_.size())];
        return fresh(false);
      case RowKind::old_number: return fresh(true);
      case RowKind::spaced: {
        auto number = fresh(false);
        const char gap = random_.below(2) == 0 ? ' ' : '.';
        number.insert(7, 1, gap);
        number.insert(4, 1, gap);
        return number;
      }
      case RowKind::plus84: return "+84" + fresh(false).substr(1);
      case RowKind::landline: return "0205" + digits(6);
      case RowKind::bad: return bad();
      case RowKind::plain: break;
    }
    return fresh(false);
  }

  // A number that no earlier row has, so that only the rows meant to repeat do.
  std::string fresh(bool old_form) {
    while (true) {
      const auto prefix = draw_prefix(random_);
      if (old_form && prefix.before.empty()) continue;
      const auto rest = digits(10 - prefix.now.size());
      auto number = std::string(prefix.now) + rest;
      if (!used_.insert(number).second) continue;
      written_.push_back(number);
      // Drawn in any case: the audience must not depend on whether the list is wanted.
      const bool opts_out = random_.below(1000) < 2;
      if (opts_out && optout_ != nullptr) *optout_ << number << '\n';
      return old_form ? std::string(prefix.before) + rest : number;
    }
  }

  std::string bad() {
    switch (random_.below(3)) {
      case 0: return "09" + digits(4) + "abc";  // two draws in one sum would have no order
      case 1: return "09" + digits(3);
      default: return {};
    }
  }

  std::string digits(std::size_t count) {
    std::string text(count, '0');
    for (auto& digit : text) digit = static_cast<char>('0' + static_cast<int>(random_.below(10)));
    return text;
  }

  Random random_;
  std::ostream& out_;
  std::ostream* optout_;
  std::unordered_set<std::string> used_;
  std::vector<std::string> written_;
};

}  // namespace

void write_audience(std::uint64_t rows, std::uint64_t seed, std::ostream& out,
                    std::ostream* optout) {
  Writer(seed, out, optout).write(rows);
}

}  // namespace loa::sim
