#include "dispatch/image.hpp"

#include <concepts>
#include <limits>
#include <type_traits>

namespace loa {
namespace {

// To be raised with every change of what is written below.
constexpr std::uint64_t kImageVersion = 1;
constexpr std::uint64_t kRowsMax = std::numeric_limits<std::uint32_t>::max();

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

 private:
  std::string_view rest_;
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
void visit_rows(ImageWriter& image, CampaignRecord& record) {
  std::uint64_t count = record.rows.size();
  image.number(count);
  for (std::uint64_t row = 0; row < count;) {
    std::uint64_t run = 1;
    while (row + run < count && record.rows[row + run] == record.rows[row] &&
           record.attempts[row + run] == record.attempts[row])
      ++run;
    image.number(run);
    visit(image, record.rows[row]);
    visit(image, record.attempts[row]);
    row += run;
  }
}

void visit_rows(ImageReader& image, CampaignRecord& record) {
  std::uint64_t count = 0;
  image.number(count);
  if (count > kRowsMax) return image.refuse();
  record.rows.reserve(count);
  record.attempts.reserve(count);
  while (record.rows.size() < count && image.good()) {
    std::uint64_t run = 0;
    RowState state{};
    std::uint8_t attempts = 0;
    image.number(run);
    visit(image, state);
    visit(image, attempts);
    if (run == 0 || run > count - record.rows.size() || state > RowState::in_doubt)
      return image.refuse();
    record.rows.insert(record.rows.end(), run, state);
    record.attempts.insert(record.attempts.end(), run, attempts);
  }
}

template <class Image>
void visit(Image& image, RowRange& range) {
  visit(image, range.first);
  visit(image, range.last);
}

template <class Image>
void visit(Image& image, OpenIntent& intent) {
  visit(image, intent.gateway);
  visit(image, intent.attempt);
  visit(image, intent.rows);
}

template <class Image>
void visit(Image& image, Outcome& outcome) {
  visit(image, outcome.state);
  visit(image, outcome.rows);
  visit(image, outcome.code);
  visit(image, outcome.words);
  visit(image, outcome.id);
  visit(image, outcome.gateway);
}

template <class Image>
void visit(Image& image, GatewayUse& use) {
  visit(image, use.day_end);
  visit(image, use.today);
  visit(image, use.last_intent);
}

template <class Image>
void visit(Image& image, CampaignRecord& record) {
  visit(image, record.plan);
  visit(image, record.excluded);
  visit_rows(image, record);
  visit(image, record.open);
  visit(image, record.moved);
  visit(image, record.doubts);
  visit(image, record.refused);
  visit(image, record.held);
  visit(image, record.accepted);
  visit(image, record.in_doubt);
  visit(image, record.resent);
  visit(image, record.assumed);
  visit(image, record.batches);
  visit(image, record.ended);
  visit(image, record.first_intent);
  visit(image, record.last_answer);
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
