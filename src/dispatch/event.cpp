#include "dispatch/event.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/json.hpp"

namespace loa {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 12> kKinds{"opened",    "frozen", "intent", "answer",
                                                  "settled",   "held",   "ended",  "clock",
                                                  "submitted", "act",    "denied", "request"};
constexpr std::array<std::string_view, 5> kStates{"planned", "intended", "accepted", "refused",
                                                  "in_doubt"};
constexpr std::array<std::string_view, 3> kDeciders{"on_unknown", "query", "person"};

void put_rows(JsonWriter& out, const RowRanges& rows) {
  out.key("rows").open_array();
  for (const RowRange& range : rows)
    out.open_array().value(range.first).value(range.last).close_array();
  out.close_array();
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return "";
  const json::string& text = value->as_string();
  return {text.data(), text.size()};
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
  return object.at(key).to_number<std::uint64_t>();
}

RowRanges rows_at(const json::object& object) {
  RowRanges rows;
  for (const json::value& value : object.at("rows").as_array()) {
    const json::array& pair = value.as_array();
    rows.push_back({pair.at(0).to_number<std::uint64_t>(), pair.at(1).to_number<std::uint64_t>()});
  }
  return rows;
}

template <class Enum, std::size_t N>
Enum word_at(const json::object& object, std::string_view key,
             const std::array<std::string_view, N>& words) {
  const std::string word = text_at(object, key);
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == word) return static_cast<Enum>(i);
  throw std::invalid_argument("unknown " + std::string(key) + " '" + word + "'");
}

// What boost::json throws stays in parse_event.
Event read_event(std::string_view line) {
  const json::value document = json::parse(json::string_view(line.data(), line.size()));
  const json::object& object = document.as_object();
  Event event;
  event.kind = word_at<Event::Kind>(object, "event", kKinds);
  const auto at = parse_rfc3339(text_at(object, "at"));
  if (!at) throw std::invalid_argument("no time");
  event.at = *at;
  event.campaign = text_at(object, "campaign");
  switch (event.kind) {
    case Event::Kind::opened:
      event.node = text_at(object, "node");
      event.version = text_at(object, "version");
      if (object.contains("torn_bytes")) event.torn_bytes = number_at(object, "torn_bytes");
      break;
    case Event::Kind::frozen:
      event.plan = text_at(object, "plan");
      event.row_count = number_at(object, "rows");
      event.excluded = number_at(object, "excluded");
      break;
    case Event::Kind::intent:
      event.batch = number_at(object, "batch");
      event.gateway = text_at(object, "gateway");
      event.attempt = static_cast<int>(number_at(object, "attempt"));
      event.reference = text_at(object, "reference");
      event.rows = rows_at(object);
      event.why = text_at(object, "why");
      break;
    case Event::Kind::answer:
      event.batch = number_at(object, "batch");
      event.status = static_cast<int>(number_at(object, "status"));
      event.ms = static_cast<std::int64_t>(number_at(object, "ms"));
      for (const json::value& value : object.at("outcomes").as_array()) {
        const json::object& outcome = value.as_object();
        event.outcomes.push_back({word_at<RowState>(outcome, "state", kStates), rows_at(outcome),
                                  text_at(outcome, "code"), text_at(outcome, "words"),
                                  text_at(outcome, "id"), text_at(outcome, "gateway")});
      }
      break;
    case Event::Kind::settled:
      event.rows = rows_at(object);
      event.state = word_at<RowState>(object, "state", kStates);
      event.why = text_at(object, "why");
      if (object.contains("by")) event.by = word_at<DecidedBy>(object, "by", kDeciders);
      event.who = text_at(object, "who");
      event.reason = text_at(object, "reason");
      break;
    case Event::Kind::held:
      event.gateway = text_at(object, "gateway");
      event.code = text_at(object, "code");
      event.words = text_at(object, "words");
      break;
    case Event::Kind::ended:
      event.why = text_at(object, "state");
      event.code = text_at(object, "code");
      event.words = text_at(object, "words");
      break;
    case Event::Kind::clock:
      event.moved_ms = object.at("moved_ms").to_number<std::int64_t>();
      break;
    case Event::Kind::submitted:
      event.content = text_at(object, "content");
      event.who = text_at(object, "who");
      event.from = text_at(object, "from");
      event.document = json::serialize(object.at("document"));
      break;
    case Event::Kind::act:
    case Event::Kind::denied:
      event.gateway = text_at(object, "gateway");
      event.act = text_at(object, "act");
      event.who = text_at(object, "who");
      event.from = text_at(object, "from");
      event.why = text_at(object, "why");
      event.plan = text_at(object, "plan");
      break;
    case Event::Kind::request:
      event.key = text_at(object, "key");
      event.request = text_at(object, "request");
      event.status = static_cast<int>(number_at(object, "status"));
      break;
  }
  return event;
}

}  // namespace

std::string_view to_string(RowState state) { return kStates[static_cast<std::size_t>(state)]; }

std::uint64_t count_rows(const RowRanges& ranges) {
  std::uint64_t count = 0;
  for (const RowRange& range : ranges) count += range.last - range.first + 1;
  return count;
}

void add_row(RowRanges& ranges, std::uint64_t row) {
  if (!ranges.empty() && ranges.back().last + 1 == row) {
    ranges.back().last = row;
  } else {
    ranges.push_back({row, row});
  }
}

std::string to_line(const Event& event) {
  JsonWriter out;
  out.open_object()
      .field("event", kKinds[static_cast<std::size_t>(event.kind)])
      .field("at", to_rfc3339(event.at));
  if (!event.campaign.empty()) out.field("campaign", event.campaign);
  switch (event.kind) {
    case Event::Kind::opened:
      out.field("node", event.node).field("version", event.version);
      if (event.torn_bytes > 0) out.field("torn_bytes", event.torn_bytes);
      break;
    case Event::Kind::frozen:
      out.field("plan", event.plan)
          .field("rows", event.row_count)
          .field("excluded", event.excluded);
      break;
    case Event::Kind::intent:
      out.field("batch", event.batch)
          .field("gateway", event.gateway)
          .field("attempt", event.attempt)
          .field("reference", event.reference);
      put_rows(out, event.rows);
      if (!event.why.empty()) out.field("why", event.why);
      break;
    case Event::Kind::answer:
      out.field("batch", event.batch).field("status", event.status).field("ms", event.ms);
      out.key("outcomes").open_array();
      for (const Outcome& outcome : event.outcomes) {
        out.open_object().field("state", to_string(outcome.state));
        put_rows(out, outcome.rows);
        if (!outcome.code.empty()) out.field("code", outcome.code);
        if (!outcome.words.empty()) out.field("words", outcome.words);
        if (!outcome.id.empty()) out.field("id", outcome.id);
        if (!outcome.gateway.empty()) out.field("gateway", outcome.gateway);
        out.close_object();
      }
      out.close_array();
      break;
    case Event::Kind::settled:
      put_rows(out, event.rows);
      out.field("state", to_string(event.state)).field("why", event.why);
      if (event.state == RowState::in_doubt) break;
      out.field("by", kDeciders[static_cast<std::size_t>(event.by)]);
      if (event.by == DecidedBy::person) out.field("who", event.who).field("reason", event.reason);
      break;
    case Event::Kind::held:
      out.field("gateway", event.gateway).field("code", event.code).field("words", event.words);
      break;
    case Event::Kind::ended:
      out.field("state", event.why);
      if (!event.code.empty()) out.field("code", event.code);
      if (!event.words.empty()) out.field("words", event.words);
      break;
    case Event::Kind::clock: out.field("moved_ms", event.moved_ms); break;
    case Event::Kind::submitted:
      out.field("content", event.content).field("who", event.who).field("from", event.from);
      out.key("document").raw(event.document);
      break;
    case Event::Kind::act:
    case Event::Kind::denied:
      if (!event.gateway.empty()) out.field("gateway", event.gateway);
      out.field("act", event.act).field("who", event.who).field("from", event.from);
      if (!event.why.empty()) out.field("why", event.why);
      if (!event.plan.empty()) out.field("plan", event.plan);
      break;
    case Event::Kind::request:
      out.field("key", event.key).field("request", event.request).field("status", event.status);
      break;
  }
  out.close_object();
  return out.take();
}

namespace {

// No less than the line's size: a byte of text is escaped to six at most.
std::size_t bytes_at_most(const Event& event) {
  std::size_t bytes = 500;
  for (const Outcome& one : event.outcomes)
    bytes += 100 + 6 * (one.code.size() + one.words.size() + one.id.size()) + one.rows.size() * 50;
  return bytes;
}

bool same_fate(const Outcome& a, const Outcome& b) {
  return a.state == b.state && a.code == b.code && a.words == b.words && a.id == b.id &&
         a.gateway == b.gateway;
}

void merge_equal(std::vector<Outcome>& outcomes) {
  std::vector<Outcome> merged;
  for (Outcome& outcome : outcomes) {
    const auto found = std::find_if(merged.begin(), merged.end(),
                                    [&](const Outcome& one) { return same_fate(one, outcome); });
    if (found == merged.end()) {
      merged.push_back(std::move(outcome));
    } else {
      found->rows.insert(found->rows.end(), outcome.rows.begin(), outcome.rows.end());
    }
  }
  for (Outcome& outcome : merged) {
    std::sort(outcome.rows.begin(), outcome.rows.end(),
              [](const RowRange& a, const RowRange& b) { return a.first < b.first; });
    RowRanges joined;
    for_each_row(outcome.rows, [&](std::uint64_t row) { add_row(joined, row); });
    outcome.rows = std::move(joined);
  }
  outcomes = std::move(merged);
}

}  // namespace

void shorten(Event& event, std::size_t bytes_max) {
  if (bytes_at_most(event) <= bytes_max) return;
  for (std::string Outcome::* text : {&Outcome::words, &Outcome::id, &Outcome::code}) {
    if (to_line(event).size() <= bytes_max) return;
    for (Outcome& outcome : event.outcomes) (outcome.*text).clear();
    merge_equal(event.outcomes);
  }
}

Result<Event> parse_event(std::string_view line) {
  try {
    return read_event(line);
  } catch (const std::exception& error) {
    return fail(Code::data, std::string("not an event: ") + error.what());
  }
}

}  // namespace loa
