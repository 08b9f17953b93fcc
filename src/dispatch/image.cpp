#include "dispatch/image.hpp"

#include <concepts>
#include <type_traits>

namespace loa {
namespace {

// To be raised with every change of what is written below.
constexpr std::uint64_t kImageVersion = 3;
constexpr std::uint64_t kRowsMax = 250'000'000;  // in all campaigns of an image

// Unsigned integers in groups of seven bits, lowest first; the top bit says that more follow.
class ImageWriter {
 public:
  static constexpr bool kWrites = true;
  std::string bytes;

  void number(std::uint64_t& value) {
    std::uint64_t rest = value;
    for (; rest >= 0x80; rest >>= 7) bytes += static_cast<char>(rest | 0x80);
    bytes += static_cast<char>(rest);
  }
  void text(std::string& value) {
    std::uint64_t size = value.size();
    number(size);
    bytes += value;
  }
  bool good() const { return true; }
};

class ImageReader {
 public:
  static constexpr bool kWrites = false;
  explicit ImageReader(std::string_view bytes) : rest_(bytes) {}

  void number(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return;
    }
    good_ = false;
  }
  void text(std::string& value) {
    std::uint64_t size = 0;
    number(size);
    if (size > rest_.size()) good_ = false;
    if (!good_) return;
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  void refuse() { good_ = false; }
  // So few bytes can claim so many rows that these are counted.
  bool take_rows(std::uint64_t count) {
    if (count > rows_left_) return false;
    rows_left_ -= count;
    return true;
  }

 private:
  std::string_view rest_;
  std::uint64_t rows_left_ = kRowsMax;
  bool good_ = true;
};

// One description serves both directions: visit(image, value) writes the value or reads it.
template <class Image, class T>
  requires std::integral<T> || std::is_enum_v<T>
void visit(Image& image, T& value) {
  auto number = static_cast<std::uint64_t>(value);
  image.number(number);
  value = static_cast<T>(number);
}

template <class Image>
void visit(Image& image, std::string& value) {
  image.text(value);
}

template <class Image>
void visit(Image& image, Instant& value) {
  auto number = static_cast<std::uint64_t>(value.time_since_epoch().count());
  image.number(number);
  value = Instant(Instant::duration(static_cast<std::int64_t>(number)));
}

template <class Image>
void visit(Image& image, RowRange& range);
template <class Image>
void visit(Image& image, OpenIntent& intent);
template <class Image>
void visit(Image& image, Outcome& outcome);
template <class Image>
void visit(Image& image, GatewayUse& use);
template <class Image>
void visit(Image& image, ActLine& act);
template <class Image>
void visit(Image& image, RememberedRequest& request);
template <class Image>
void visit(Image& image, CampaignLife& life);
template <class Image>
void visit(Image& image, CampaignRecord& record);

template <class Image, class T>
void visit(Image& image, std::optional<T>& value) {
  bool there = value.has_value();
  visit(image, there);
  if (!there) return;
  if (!value) value.emplace();
  visit(image, *value);
}

template <class Image, class T>
void visit(Image& image, std::vector<T>& values) {
  std::uint64_t count = values.size();
  image.number(count);
  for (std::uint64_t i = 0; i < count && image.good(); ++i) {
    if constexpr (!Image::kWrites) values.emplace_back();
    visit(image, values[i]);
  }
}

template <class Image, class Key, class T>
void visit(Image& image, std::map<Key, T>& values) {
  std::uint64_t count = values.size();
  image.number(count);
  if constexpr (Image::kWrites) {
    for (auto& [key, value] : values) {
      Key copy = key;
      visit(image, copy);
      visit(image, value);
    }
  } else {
    for (std::uint64_t i = 0; i < count && image.good(); ++i) {
      Key key{};
      visit(image, key);
      visit(image, values[key]);
    }
  }
}

// Rows with the same state and as many attempts lie together mostly.
void visit_rows(ImageWriter& image, std::vector<RowState>& rows,
                std::vector<std::uint8_t>& attempts) {
  std::uint64_t count = rows.size();
  image.number(count);
  for (std::uint64_t row = 0; row < count;) {
    std::uint64_t run = 1;
    while (row + run < count && rows[row + run] == rows[row] &&
           attempts[row + run] == attempts[row])
      ++run;
    image.number(run);
    visit(image, rows[row]);
    visit(image, attempts[row]);
    row += run;
  }
}

void visit_rows(ImageReader& image, std::vector<RowState>& rows,
                std::vector<std::uint8_t>& attempts) {
  std::uint64_t count = 0;
  image.number(count);
  if (!image.take_rows(count)) return image.refuse();
  rows.reserve(count);
  attempts.reserve(count);
  while (rows.size() < count && image.good()) {
    std::uint64_t run = 0;
    RowState state{};
    std::uint8_t tries = 0;
    image.number(run);
    visit(image, state);
    visit(image, tries);
    if (run == 0 || run > count - rows.size() || state > RowState::in_doubt) return image.refuse();
    rows.insert(rows.end(), run, state);
    attempts.insert(attempts.end(), run, tries);
  }
}

// The bindings name every member, so that a new one is not forgotten here.
template <class Image, class... Members>
void visit_each(Image& image, Members&... members) {
  (visit(image, members), ...);
}

template <class Image>
void visit(Image& image, RowRange& range) {
  auto& [first, last] = range;
  visit_each(image, first, last);
}

template <class Image>
void visit(Image& image, OpenIntent& intent) {
  auto& [gateway, attempt, rows, reference, first, since, cause] = intent;
  visit_each(image, gateway, attempt, rows, reference, first, since, cause);
}

template <class Image>
void visit(Image& image, Outcome& outcome) {
  auto& [state, rows, code, words, id, gateway] = outcome;
  visit_each(image, state, rows, code, words, id, gateway);
}

template <class Image>
void visit(Image& image, GatewayUse& use) {
  auto& [day_end, today, last_intent, held_code, held_words, paused_by, paused_why, held] = use;
  visit_each(image, day_end, today, last_intent, held_code, held_words, paused_by, paused_why,
             held);
}

template <class Image>
void visit(Image& image, ActLine& line) {
  auto& [lsn, at, denied, campaign, gateway, act, who, from, why, plan] = line;
  visit_each(image, lsn, at, denied, campaign, gateway, act, who, from, why, plan);
}

template <class Image>
void visit(Image& image, RememberedRequest& remembered) {
  auto& [request, campaign, status, at] = remembered;
  visit_each(image, request, campaign, status, at);
}

template <class Image>
void visit(Image& image, CampaignLife& life) {
  auto& [state, begun, stands, document, content, author, source, approved_by, who, why, at,
         submitted, revision, version] = life;
  visit_each(image, state, begun, stands, document, content, author, source, approved_by, who, why,
             at, submitted, revision, version);
}

template <class Image>
void visit(Image& image, CampaignRecord& record) {
  auto& [life, plan, excluded, rows, attempts, open, moved, doubts, refused, held, accepted,
         in_doubt, resent, assumed, batches, sent_anew, first_intent, last_intent, last_answer] =
      record;
  visit_rows(image, rows, attempts);
  visit_each(image, life, plan, excluded, open, moved, doubts, refused, held, accepted, in_doubt,
             resent, assumed, batches, sent_anew, first_intent, last_intent, last_answer);
}

}  // namespace

// The door to the record's private parts.
struct RecordImage {
  template <class Image>
  static void visit_all(Image& image, Record& record) {
    std::uint64_t version = kImageVersion;
    std::string zone = record.zone_;
    visit(image, version);
    visit(image, zone);
    if constexpr (!Image::kWrites)
      if (version != kImageVersion || zone != record.zone_) return image.refuse();
    visit(image, record.campaigns_);
    visit(image, record.gateways_);
    visit(image, record.acts_);
    visit(image, record.requests_);
    visit(image, record.lines_);
  }
};

std::string image_of(const Record& record) {
  ImageWriter image;
  // Writing leaves what it visits as it is.
  RecordImage::visit_all(image, const_cast<Record&>(record));  // NOLINT(*-const-cast)
  return std::move(image.bytes);
}

std::optional<Record> record_of(std::string_view bytes, const std::string& zone) {
  ImageReader image(bytes);
  Record record(zone);
  RecordImage::visit_all(image, record);
  if (!image.good() || !image.at_end()) return std::nullopt;
  return record;
}

}  // namespace loa
