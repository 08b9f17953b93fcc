#include "gateway/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "gateway/selector.hpp"

namespace loa {
namespace {

constexpr std::chrono::seconds kRetryAfterMax{3600};

enum class Match { id, number, position };

struct Items {
  Selector items;
  Match match = Match::number;
  std::optional<Selector> key;
  std::optional<Selector> code;
  std::optional<Selector> words;
  std::optional<Selector> message_id;
};

struct Failed {
  Selector list;
  AnswerClass value = AnswerClass::recipient;
  std::string code;
};

}  // namespace

struct AnswerReader::Data {
  Format format = Format::json;
  std::optional<Selector> code;
  std::optional<Selector> words;
  std::optional<Selector> message_id;
  std::optional<Selector> retry_after;
  std::optional<Items> items;
  std::vector<Failed> failed;
  std::vector<Rule> rules;
};

AnswerReader::AnswerReader() = default;
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

// --- reading the profile --------------------------------------------------------------------

namespace {

std::optional<Selector> read_selector(MapReader& reader, std::string_view key, Format format,
                                      Faults& faults) {
  const Node* node = reader.optional(key);
  if (node == nullptr) return std::nullopt;
  return Selector::compile(*node, format, faults);
}

std::optional<Items> read_items(const Node& node, Format format, BatchMode mode, Faults& faults) {
  MapReader reader(node, "recipients", faults);
  std::optional<Selector> list = read_selector(reader, "items", format, faults);
  const std::size_t match = reader.choice_or("match", 1, {"id", "number", "position"});
  std::optional<Items> items;
  if (list) items.emplace(Items{std::move(*list), static_cast<Match>(match), {}, {}, {}, {}});
  const auto read = [&](std::string_view key) {
    return read_selector(reader, key, format, faults);
  };
  std::optional<Selector> key = read("key");
  std::optional<Selector> code = read("code");
  std::optional<Selector> words = read("words");
  std::optional<Selector> message_id = read("message_id");
  if (format == Format::text) {
    reader.fault("items", "recipients: a text answer has no items: use 'failed'");
  }
  if ((node.find("key") == nullptr) != (match == static_cast<std::size_t>(Match::position))) {
    reader.fault("match",
                 "recipients: 'key' says where an item's id or number stands; match: "
                 "position has none");
  }
  if (match == static_cast<std::size_t>(Match::id) && mode != BatchMode::items) {
    reader.fault("match", "recipients: match: id needs batch: {mode: items}, which sends ids");
  }
  reader.finish();
  if (items) {
    items->key = std::move(key);
    items->code = std::move(code);
    items->words = std::move(words);
    items->message_id = std::move(message_id);
  }
  return items;
}

void read_failed(const Node& node, Format format, std::vector<Failed>& failed, Faults& faults) {
  MapReader reader(node, "recipients", faults);
  const Node* list = reader.required("failed");
  const AnswerClass value = read_class(reader, AnswerClass::recipient);
  std::string code = reader.text_or("code", "");
  reader.finish();
  if (list == nullptr) return;
  if (std::optional<Selector> selector = Selector::compile(*list, format, faults)) {
    failed.push_back({std::move(*selector), value, std::move(code)});
  }
}

}  // namespace

AnswerReader AnswerReader::read(MapReader& profile, BatchMode mode, Words words, Faults& faults) {
  auto data = std::make_unique<Data>();
  std::vector<std::pair<std::string, std::string>> names;
  bool has_code = false;
  if (const Node* node = profile.required("answer")) {
    MapReader reader(*node, "answer", faults);
    data->format = static_cast<Format>(reader.choice_or("format", 0, {"json", "xml", "text"}));
    data->code = read_selector(reader, "code", data->format, faults);
    data->words = read_selector(reader, "words", data->format, faults);
    data->message_id = read_selector(reader, "message_id", data->format, faults);
    data->retry_after = read_selector(reader, "retry_after", data->format, faults);
    has_code = node->find("code") != nullptr;
    const Node* recipients = words == Words::classes ? reader.optional("recipients") : nullptr;
    if (recipients != nullptr) {
      if (recipients->is_map() && recipients->find("items") != nullptr) {
        data->items = read_items(*recipients, data->format, mode, faults);
        has_code = has_code || recipients->find("code") != nullptr;
      } else if (recipients->is_list()) {
        for (const Node& each : recipients->items()) {
          read_failed(each, data->format, data->failed, faults);
        }
      } else {
        read_failed(*recipients, data->format, data->failed, faults);
      }
    }
    if (const Node* networks = reader.optional("networks")) {
      if (!networks->is_map())
        reader.fault("networks", "answer: 'networks' is a map: 'THEIRS: ours'");
      for (const Node::Entry& entry : networks->entries()) {
        names.emplace_back(to_lower(entry.key), entry.value.scalar());
      }
    }
    reader.finish();
  }
  read_rules(profile, has_code, words, data->rules, faults);
  for (Rule& rule : data->rules) {
    if (rule.network) rule.names = names;
  }
  AnswerReader reader;
  reader.data_ = std::move(data);
  return reader;
}

// --- the verdict ----------------------------------------------------------------------------

namespace {

// A number as a carrier may write it, as E.164 digits; 0 when it is none.
E164 number_of(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (digits.starts_with("00")) digits.erase(0, 2);
  if (digits.starts_with('0')) digits.replace(0, 1, "84");
  if (digits.size() == 9) digits.insert(0, "84");
  E164 number = 0;
  if (digits.size() > 15) return 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool beyond = error == std::errc::result_out_of_range && text[0] != '-';
  if ((error != std::errc() && !beyond) || stop != end || value < 0) return std::nullopt;
  return beyond ? kRetryAfterMax : std::min(std::chrono::seconds(value), kRetryAfterMax);
}

Verdict::Row doubtful(std::string words) {
  Verdict::Row row;
  row.words = std::move(words);
  return row;
}

constexpr std::string_view kListed = "listed as not accepted";

// The rows a list of numbers names; false when it names one that was not sent.
bool mark_failed(const Failed& failed, const std::vector<Part>& parts,
                 const std::unordered_map<E164, std::size_t>& positions,
                 std::vector<Verdict::Row>& rows) {
  bool all_known = true;
  const auto mark = [&](std::string_view written) {
    const auto found = positions.find(number_of(written));
    if (found == positions.end()) {
      all_known = false;
      return;
    }
    rows[found->second].value = failed.value;
    rows[found->second].code = failed.code;
    rows[found->second].words = kListed;
    rows[found->second].carrier_id.clear();
  };
  for (const Part& part : parts) {
    std::string_view text = part.text;
    const bool structure = part.json != nullptr && part.json->kind != Json::Kind::scalar;
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    const bool no_number = text.find_first_of("0123456789") == std::string_view::npos;
    all_known = all_known && !structure && (blank || !no_number);
    while (!text.empty()) {
      const std::size_t begin = text.find_first_of("+0123456789");
      if (begin == std::string_view::npos) break;
      const std::size_t end = std::min(text.find_first_not_of("+0123456789", begin), text.size());
      mark(text.substr(begin, end - begin));
      text.remove_prefix(end);
    }
  }
  return all_known;
}

}  // namespace

Verdict AnswerReader::verdict(const HttpAnswer& answer, const Batch& batch) const {
  const Data& data = *data_;
  Verdict verdict;
  verdict.retry_after = seconds_of(answer.retry_after);

  const Body body(answer.body, data.format);
  const Part& root = body.root();
  const bool readable = body.readable();

  Found found;
  if (readable && data.code) found.code = data.code->one(root);
  if (readable && data.words) found.words = data.words->one(root).value_or("");
  if (readable && data.format == Format::text && !data.words) {
    found.words = answer.body.substr(0, kRegexInputMax);
  }
  if (readable && data.retry_after && !verdict.retry_after) {
    verdict.retry_after = seconds_of(data.retry_after->one(root).value_or(""));
  }
  const std::string_view matched = found.words.empty() ? answer.body : found.words;
  // Without the code that the profile promises, the answer is not the carrier's.
  const bool promised = !data.code || found.code;
  const bool theirs = promised || !is_success(answer.status);
  verdict.whole =
      make_row(data.rules, answer.status, found, theirs ? matched : std::string_view(), readable);
  if (readable && data.message_id) {
    verdict.whole.carrier_id = clean(data.message_id->one(root).value_or(""), kCodeMax, false);
  }

  const bool accepted =
      verdict.whole.value == AnswerClass::ok || verdict.whole.value == AnswerClass::duplicate;
  if (!readable || (!data.items && data.failed.empty())) return verdict;
  const std::size_t count = batch.rows.size();
  std::unordered_map<E164, std::size_t> positions;
  for (std::size_t i = 0; i < count; ++i) positions.emplace(batch.rows[i].number, i);

  if (!data.failed.empty()) {
    if (!accepted) return verdict;
    // JSON and XML show by themselves that they are whole.
    if (data.format == Format::text && !answer.end_stated) {
      verdict.whole = doubtful("the answer may be cut before the numbers that it refuses");
      return verdict;
    }
    verdict.rows.assign(count, verdict.whole);
    bool certain = true;
    for (const Failed& failed : data.failed) {
      const std::vector<Part> parts = failed.list.all(root);
      // A list that may stand behind what was searched is no list that is not there.
      if (data.format == Format::text && answer.body.size() > kRegexInputMax && parts.empty()) {
        certain = false;
      }
      certain = mark_failed(failed, parts, positions, verdict.rows) && certain;
    }
    for (Verdict::Row& row : verdict.rows) {
      if (certain || row.words == kListed) continue;
      row = doubtful("the answer lists a number that was not sent, or is too long to read");
    }
    return verdict;
  }

  const Items& items = *data.items;
  const std::vector<Part> parts = items.items.all(root);
  const bool whole_decides = !accepted && (data.code ? promised : !is_success(answer.status));
  if (whole_decides) return verdict;
  if (parts.empty()) {
    if (accepted || is_success(answer.status))
      verdict.whole = doubtful("the answer names no recipient");
    return verdict;
  }
  verdict.rows.assign(count, doubtful("the answer does not name this recipient"));
  if (items.match == Match::position && parts.size() != count) {
    verdict.rows.clear();
    verdict.whole = doubtful(fmt::format("the answer has {} rows for {}", parts.size(), count));
    return verdict;
  }
  std::unordered_map<std::string_view, std::size_t> ids;
  if (items.match == Match::id) {
    for (std::size_t i = 0; i < count; ++i) ids.emplace(batch.rows[i].id, i);
  }
  std::vector<bool> named(count, false);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::size_t at = i;
    if (items.match != Match::position) {
      const std::string key = items.key ? items.key->one(parts[i]).value_or("") : "";
      if (items.match == Match::id) {
        const auto known = ids.find(key);
        if (known == ids.end()) continue;
        at = known->second;
      } else {
        const auto known = positions.find(number_of(key));
        if (known == positions.end()) continue;
        at = known->second;
      }
    }
    Found of_item;
    of_item.code = items.code ? items.code->one(parts[i]) : found.code;
    if (items.words) of_item.words = items.words->one(parts[i]).value_or("");
    const bool has_code = !items.code || of_item.code;
    Verdict::Row row =
        make_row(data.rules, answer.status, of_item,
                 has_code ? std::string_view(of_item.words) : std::string_view(), true);
    if (items.message_id) {
      row.carrier_id = clean(items.message_id->one(parts[i]).value_or(""), kCodeMax, false);
    }
    if (named[at] && verdict.rows[at].value != row.value) {
      row = doubtful("the answer names this recipient twice, with different results");
    }
    named[at] = true;
    verdict.rows[at] = std::move(row);
  }
  return verdict;
}

}  // namespace loa
