#include "plan/plan.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "base/input_file.hpp"
#include "base/json.hpp"

namespace loa {
namespace {

namespace json = boost::json;

constexpr std::string_view kMagic = "LOAPLAN1";

tl::unexpected<Error> damaged(const std::string& name, const std::string& what) {
  return fail(Code::data, name + ": not a plan that can be trusted: " + what +
                              ". Restore it from a copy; nothing was sent from it");
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
  return object.at(key).to_number<std::uint64_t>();
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::string& text = object.at(key).as_string();
  return {text.data(), text.size()};
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const json::value& value : object.at(key).as_array()) {
    const json::string& text = value.as_string();
    texts.emplace_back(text.data(), text.size());
  }
  return texts;
}

std::optional<Instant> instant_at(const json::object& object, std::string_view key) {
  const json::value& value = object.at(key);
  if (value.is_null()) return std::nullopt;
  const json::string& text = value.as_string();
  return parse_rfc3339({text.data(), text.size()});
}

template <class Enum>
Enum word_at(const json::object& object, std::string_view key, std::initializer_list<Enum> values) {
  const std::string word = text_at(object, key);
  for (const Enum value : values)
    if (to_string(value) == word) return value;
  throw std::invalid_argument("unknown word");
}

void put(JsonWriter& out, std::string_view key, const std::optional<Instant>& instant) {
  out.key(key);
  if (instant) {
    out.value(to_rfc3339(*instant));
  } else {
    out.null();
  }
}

void put(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).open_array();
  for (const std::string& text : texts) out.value(text);
  out.close_array();
}

// What boost::json throws stays in parse_plan_head.
PlanHead read_head(std::string_view text) {
  const json::value document = json::parse(json::string_view(text.data(), text.size()));
  const json::object& object = document.as_object();
  PlanHead head;
  head.campaign = text_at(object, "campaign");
  head.title = text_at(object, "title");
  head.message_class = word_at(
      object, "class", {MessageClass::public_info, MessageClass::care, MessageClass::advertising});
  head.sender = text_at(object, "sender");
  head.on_unknown =
      word_at(object, "on_unknown", {OnUnknown::hold, OnUnknown::resend, OnUnknown::assume_sent});
  head.not_before = instant_at(object, "not_before");
  head.useful_until = instant_at(object, "useful_until");
  head.parts_budget = number_at(object, "parts_budget");
  head.networks = texts_at(object, "networks");
  head.files = texts_at(object, "files");
  head.audience = number_at(object, "audience");
  head.converted = number_at(object, "converted");
  const json::object& excluded = object.at("excluded").as_object();
  for (std::size_t i = 0; i < kExclusions; ++i)
    head.excluded[i] = number_at(excluded, to_string(static_cast<Exclusion>(i)));
  head.rows = number_at(object, "rows");
  head.parts = number_at(object, "parts");
  for (const json::value& value : object.at("lanes").as_array()) {
    const json::object& lane = value.as_object();
    head.lanes.push_back({
        .gateway = text_at(lane, "gateway"),
        .encoding = word_at(lane, "encoding", {Encoding::gsm7, Encoding::ucs2}),
        .first = number_at(lane, "first"),
        .rows = number_at(lane, "rows"),
        .parts = number_at(lane, "parts"),
        .batch = lane.at("batch").to_number<int>(),
        .price_per_part = static_cast<std::int64_t>(number_at(lane, "price_per_part")),
        .registered_template = text_at(lane, "registered_template"),
        .why = text_at(lane, "why"),
    });
  }
  head.audience_sha256 = text_at(object, "audience_sha256");
  head.texts_sha256 = text_at(object, "texts_sha256");
  head.texts = number_at(object, "texts");
  head.texts_at = number_at(object, "texts_at");
  return head;
}

}  // namespace

PlanRow pack_row(E164 number, NetworkId network, std::uint8_t file, std::uint32_t line,
                 std::uint32_t text) {
  LOA_CHECK(number <= kNumberMax && network <= kNetworksMax);
  return {number | (std::uint64_t{network} << 50) | (std::uint64_t{file} << 56), line, text};
}

std::string to_json(const PlanHead& head) {
  JsonWriter out;
  out.open_object()
      .field("campaign", head.campaign)
      .field("title", head.title)
      .field("class", to_string(head.message_class))
      .field("sender", head.sender)
      .field("on_unknown", to_string(head.on_unknown));
  put(out, "not_before", head.not_before);
  put(out, "useful_until", head.useful_until);
  out.field("parts_budget", head.parts_budget);
  put(out, "networks", head.networks);
  put(out, "files", head.files);
  out.field("audience", head.audience).field("converted", head.converted);
  out.key("excluded").open_object();
  for (std::size_t i = 0; i < kExclusions; ++i)
    out.field(to_string(static_cast<Exclusion>(i)), head.excluded[i]);
  out.close_object().field("rows", head.rows).field("parts", head.parts);
  out.key("lanes").open_array();
  for (const PlanLane& lane : head.lanes) {
    out.open_object()
        .field("gateway", lane.gateway)
        .field("encoding", to_string(lane.encoding))
        .field("first", lane.first)
        .field("rows", lane.rows)
        .field("parts", lane.parts)
        .field("batch", lane.batch)
        .field("price_per_part", lane.price_per_part)
        .field("registered_template", lane.registered_template)
        .field("why", lane.why)
        .close_object();
  }
  out.close_array()
      .field("audience_sha256", head.audience_sha256)
      .field("texts_sha256", head.texts_sha256)
      .field("texts", head.texts)
      .field("texts_at", head.texts_at)
      .close_object();
  return out.take();
}

Result<PlanHead> parse_plan_head(std::string_view text) {
  try {
    return read_head(text);
  } catch (const std::exception& error) {
    return fail(Code::data, std::string("the head of the plan cannot be read: ") + error.what());
  }
}

Result<Plan> Plan::open(const std::string& path) {
  const auto file = InputFile::open(path);
  if (!file) return fail(file.error().code, "the plan " + path + " " + file.error().text);
  struct stat status = {};
  if (::fstat(file->descriptor(), &status) != 0 || status.st_size == 0)
    return damaged(path, "it is empty");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->descriptor(), 0);
  if (address == MAP_FAILED)
    return fail(Code::io, "cannot map the plan " + path + ": " + std::strerror(errno));
  const std::shared_ptr<const void> owner(
      address, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
  return parse(owner, {static_cast<const char*>(address), size}, path);
}

Result<PlanHead> read_plan_head(const std::string& path) {
  constexpr std::uint64_t kHeadMax = 16 * 1024 * 1024;
  const auto start = read_start(path, 16);
  if (!start) return fail(start.error());
  if (start->size() < 16 || !start->starts_with(kMagic))
    return damaged(path, "it begins otherwise");
  std::uint64_t head_size = 0;
  std::memcpy(&head_size, start->data() + kMagic.size(), 8);
  if (head_size > kHeadMax) return damaged(path, "its head is too large");
  const auto whole = read_start(path, 16 + head_size);
  if (!whole) return fail(whole.error());
  if (whole->size() < 16 + head_size) return damaged(path, "its head is cut short");
  return parse_plan_head(std::string_view(*whole).substr(16));
}

Result<Plan> Plan::from_bytes(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return parse(owner, *owner, "plan");
}

Result<Plan> Plan::parse(std::shared_ptr<const void> owner, std::string_view bytes,
                         const std::string& name) {
  Plan plan;
  plan.owner_ = std::move(owner);
  if (bytes.size() < 16 || !bytes.starts_with(kMagic)) return damaged(name, "it begins otherwise");
  std::uint64_t head_size = 0;
  std::memcpy(&head_size, bytes.data() + kMagic.size(), 8);
  if (head_size > bytes.size() - 16 || head_size % 16 != 0)
    return damaged(name, "its head is cut short");
  auto head = parse_plan_head(bytes.substr(16, head_size));
  if (!head) return damaged(name, head.error().text);
  plan.head_ = std::move(*head);

  const std::uint64_t rows_at = 16 + head_size;
  const std::uint64_t rows = plan.head_.rows;
  if (rows > bytes.size() / sizeof(PlanRow) ||
      rows_at + rows * sizeof(PlanRow) != plan.head_.texts_at ||
      plan.head_.texts_at > bytes.size() || plan.head_.texts > bytes.size())
    return damaged(name, "it is cut short");
  plan.rows_ = {reinterpret_cast<const PlanRow*>(bytes.data() + rows_at),
                static_cast<std::size_t>(rows)};

  std::string_view left = bytes.substr(plan.head_.texts_at);
  const auto take = [&left](std::size_t size) {
    const std::string_view taken = left.substr(0, size);
    left.remove_prefix(taken.size());
    return taken;
  };
  for (std::uint64_t i = 0; i < plan.head_.texts; ++i) {
    if (left.size() < 2) return damaged(name, "its texts are cut short");
    const std::string_view counts = take(2);
    PlanText text;
    text.parts = static_cast<unsigned char>(counts[0]);
    const int strings = static_cast<unsigned char>(counts[1]);
    for (int s = 0; s < strings; ++s) {
      std::uint32_t size = 0;
      if (left.size() < sizeof size) return damaged(name, "its texts are cut short");
      std::memcpy(&size, take(sizeof size).data(), sizeof size);
      if (left.size() < size) return damaged(name, "its texts are cut short");
      const std::string_view content = take(size);
      if (s == 0) {
        text.text = content;
      } else {
        text.parameters.push_back(content);
      }
    }
    plan.texts_.push_back(std::move(text));
  }
  if (!left.empty()) return damaged(name, "something stands behind its texts");
  std::uint64_t covered = 0;
  for (const PlanLane& lane : plan.head_.lanes) {
    if (lane.first != covered || lane.batch < 1 || lane.rows > rows - covered)
      return damaged(name, "its lanes do not cover its rows");
    covered += lane.rows;
  }
  if (covered != rows) return damaged(name, "its lanes do not cover its rows");
  for (const PlanRow& row : plan.rows_)
    if (row.text >= plan.texts_.size() || row.network() >= plan.head_.networks.size() ||
        row.file() >= plan.head_.files.size())
      return damaged(name, "a row points nowhere");
  plan.sha256_ = to_hex(loa::sha256(bytes));
  return plan;
}

std::size_t Plan::lane_of(std::uint64_t row) const {
  std::size_t lane = 0;
  while (row >= head_.lanes[lane].first + head_.lanes[lane].rows) ++lane;
  return lane;
}

std::vector<std::string> differences(const PlanHead& frozen, const PlanHead& now) {
  std::vector<std::string> found;
  const auto compare = [&found](const std::string& what, const auto& was, const auto& is) {
    if (was != is) found.push_back(what);
  };
  const auto shown = [](const std::optional<Instant>& instant) {
    return instant ? to_rfc3339(*instant) : std::string("none");
  };
  compare("the text of the message", frozen.texts_sha256, now.texts_sha256);
  if (frozen.audience_sha256 != now.audience_sha256)
    found.push_back("the audience (frozen: " + std::to_string(frozen.rows) +
                    " recipients, now: " + std::to_string(now.rows) + ")");
  compare("the sender (frozen: " + frozen.sender + ", now: " + now.sender + ")", frozen.sender,
          now.sender);
  compare("the class of the message", frozen.message_class, now.message_class);
  compare("on_unknown (frozen: " + std::string(to_string(frozen.on_unknown)) +
              ", now: " + std::string(to_string(now.on_unknown)) + ")",
          frozen.on_unknown, now.on_unknown);
  compare(
      "not_before (frozen: " + shown(frozen.not_before) + ", now: " + shown(now.not_before) + ")",
      frozen.not_before, now.not_before);
  compare("useful_until (frozen: " + shown(frozen.useful_until) +
              ", now: " + shown(now.useful_until) + ")",
          frozen.useful_until, now.useful_until);
  compare("the budget", frozen.parts_budget, now.parts_budget);
  return found;
}

}  // namespace loa
