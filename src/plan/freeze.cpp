#include "plan/freeze.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/check.hpp"
#include "pace/limiter.hpp"
#include "text/fold.hpp"
#include "text/unicode.hpp"

namespace loa {
namespace {

// The text a row gets, and the lane it goes to.
struct Choice {
  bool used = true;
  std::size_t lane = 0;
  std::uint32_t text = 0;
  Exclusion reason = Exclusion::no_route;
  std::string detail;
};

std::string characters(int count) {
  return fmt::format("{} character{}", count, count == 1 ? "" : "s");
}

// A rendered text that fits its gateway, or why it does not.
struct Fitting {
  std::string text;
  PartCount count;
  std::string fault;  // "" when it fits
};

class Freezer {
 public:
  explicit Freezer(const FreezeInput& input) : input_(input), campaign_(input.campaign) {}

  Result<FrozenPlan> run(const std::function<void(const ExcludedRow&)>& on_excluded);

 private:
  Result<void> prepare();
  Choice choose(const AudienceRow& row);
  Choice choose_new(const Gateway& gateway, std::string_view network,
                    std::span<const std::string_view> values);
  Fitting fit(const Gateway& gateway, Encoding encoding,
              std::span<const std::string_view> values) const;
  std::size_t lane(const Gateway& gateway, Encoding encoding, const std::string& why);
  std::uint32_t text(Fitting fitting, const Gateway& gateway,
                     std::span<const std::string_view> values);
  std::string render(const TextPattern& pattern, std::span<const std::string_view> values) const;
  Result<void> finish();

  const FreezeInput& input_;
  const Campaign& campaign_;
  TextPattern accented_;
  TextPattern unaccented_;
  std::vector<std::string> columns_;
  std::vector<const Gateway*> gateway_of_;    // by network
  std::vector<std::optional<Choice>> fixed_;  // by network, when the text is the same for all
  std::unordered_map<std::string, Choice> by_values_;  // otherwise, by network and values
  std::unordered_map<std::string, std::uint32_t> text_ids_;
  std::vector<int> parts_max_;  // of a row, by lane
  Sha256 audience_hash_;
  FrozenPlan plan_;
};

Result<void> Freezer::prepare() {
  auto accented = TextPattern::parse(campaign_.message.text);
  if (!accented) return fail(std::move(accented.error()).wrap("the text of the message"));
  accented_ = std::move(*accented);
  if (!campaign_.message.unaccented.empty()) {
    auto unaccented = TextPattern::parse(campaign_.message.unaccented);
    if (!unaccented) return fail(std::move(unaccented.error()).wrap("the unaccented text"));
    unaccented_ = std::move(*unaccented);
  }
  const auto need = [this](const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (std::find(columns_.begin(), columns_.end(), name) == columns_.end())
        columns_.push_back(name);
  };
  need(accented_.placeholders());
  need(unaccented_.placeholders());
  for (const auto& [gateway, registered] : campaign_.message.registered)
    need(registered.parameters);

  const auto& networks = input_.numbering.networks();
  if (networks.size() > kNetworksMax)
    return fail(Code::config,
                fmt::format("the numbering plan has {} networks; a plan holds at most {}",
                            networks.size(), kNetworksMax));
  gateway_of_.assign(networks.size(), nullptr);
  for (const Gateway& gateway : input_.gateways)
    for (const std::string& name : gateway.networks) {
      const int network = input_.numbering.find_network(name);
      if (network >= 0) gateway_of_[static_cast<std::size_t>(network)] = &gateway;
    }
  fixed_.resize(networks.size());
  return {};
}

std::string Freezer::render(const TextPattern& pattern,
                            std::span<const std::string_view> values) const {
  std::vector<std::string_view> own;
  own.reserve(pattern.placeholders().size());
  for (const std::string& name : pattern.placeholders()) {
    const auto at = std::find(columns_.begin(), columns_.end(), name) - columns_.begin();
    own.push_back(values[static_cast<std::size_t>(at)]);
  }
  return pattern.render(own);
}

Fitting Freezer::fit(const Gateway& gateway, Encoding encoding,
                     std::span<const std::string_view> values) const {
  const bool hand_made = encoding == Encoding::gsm7 && !campaign_.message.unaccented.empty();
  const std::string rendered = render(hand_made ? unaccented_ : accented_, values);
  const auto text = encoding == Encoding::gsm7 ? fold(rendered) : normalise(rendered);
  if (!text) return {.text = rendered, .count = {}, .fault = text.error().text};

  const PartTable& table = gateway.profile.parts().of(encoding);
  Fitting fitting{*text, count_parts(*text, encoding, table), ""};
  const int allowed = std::min(campaign_.message.parts_max, table.parts_max());
  if (const auto refused = gateway.profile.forbidden(*text)) {
    fitting.fault =
        fmt::format("gateway '{}' refuses the character '{}'; write the text without it",
                    gateway.name, encode_utf8(std::u32string(1, *refused)));
  } else if (fitting.count.parts > allowed) {
    const int limit = table.limits[static_cast<std::size_t>(allowed - 1)];
    fitting.fault = fmt::format(
        "as {} the message takes {} parts on gateway '{}', and at most {} {} allowed: cut {}",
        to_string(encoding), fitting.count.parts, gateway.name, allowed,
        allowed == 1 ? "is" : "are", characters(fitting.count.units - limit));
  }
  return fitting;
}

std::size_t Freezer::lane(const Gateway& gateway, Encoding encoding, const std::string& why) {
  auto& lanes = plan_.head.lanes;
  for (std::size_t i = 0; i < lanes.size(); ++i)
    if (lanes[i].gateway == gateway.name && lanes[i].encoding == encoding) return i;
  PlanLane made;
  made.gateway = gateway.name;
  made.encoding = encoding;
  made.price_per_part = gateway.price_per_part;
  made.why = why;
  if (const auto found = campaign_.message.registered.find(gateway.name);
      found != campaign_.message.registered.end())
    made.registered_template = found->second.template_id;
  lanes.push_back(std::move(made));
  plan_.lanes.emplace_back();
  parts_max_.push_back(1);
  return lanes.size() - 1;
}

std::uint32_t Freezer::text(Fitting fitting, const Gateway& gateway,
                            std::span<const std::string_view> values) {
  FrozenPlan::Text made{fitting.count.parts, fitting.count.units, {std::move(fitting.text)}};
  if (const auto found = campaign_.message.registered.find(gateway.name);
      found != campaign_.message.registered.end()) {
    for (const std::string& column : found->second.parameters) {
      const auto at = std::find(columns_.begin(), columns_.end(), column) - columns_.begin();
      made.strings.emplace_back(values[static_cast<std::size_t>(at)]);
    }
  }
  std::string key(1, static_cast<char>(made.parts));
  for (const std::string& part : made.strings) (key += part) += '\0';
  const auto [at, is_new] =
      text_ids_.try_emplace(std::move(key), static_cast<std::uint32_t>(plan_.texts.size()));
  if (is_new) plan_.texts.push_back(std::move(made));
  return at->second;
}

// Accents are kept where the gateway takes them and they cost no further part.
Choice Freezer::choose_new(const Gateway& gateway, std::string_view network,
                           std::span<const std::string_view> values) {
  const bool takes_accents = gateway.profile.takes_ucs2(network);
  const auto made = [&](Encoding encoding, Fitting fitting, const std::string& why) {
    Choice choice;
    if (!fitting.fault.empty()) {
      choice.used = false;
      choice.reason = Exclusion::too_long;
      choice.detail = fitting.fault;
      return choice;
    }
    choice.lane = lane(gateway, encoding, why);
    parts_max_[choice.lane] = std::max(parts_max_[choice.lane], fitting.count.parts);
    choice.text = text(std::move(fitting), gateway, values);
    return choice;
  };

  switch (campaign_.message.encoding) {
    case EncodingChoice::gsm7:
      return made(Encoding::gsm7, fit(gateway, Encoding::gsm7, values),
                  "the campaign asks for gsm7");
    case EncodingChoice::ucs2: {
      Fitting fitting = fit(gateway, Encoding::ucs2, values);
      if (!takes_accents)
        fitting.fault =
            fmt::format("gateway '{}' takes no accented text for {}: use encoding auto or gsm7",
                        gateway.name, network);
      return made(Encoding::ucs2, std::move(fitting), "the campaign asks for ucs2");
    }
    case EncodingChoice::automatic: break;
  }
  Fitting folded = fit(gateway, Encoding::gsm7, values);
  const auto as_written = normalise(render(accented_, values));
  if (as_written && *as_written == folded.text)
    return made(Encoding::gsm7, std::move(folded), "the text has no accents");
  if (!takes_accents)
    return made(Encoding::gsm7, std::move(folded),
                fmt::format("unaccented: the gateway takes no accents for {}", network));
  Fitting kept = fit(gateway, Encoding::ucs2, values);
  if (kept.fault.empty() && (!folded.fault.empty() || kept.count.parts <= folded.count.parts))
    return made(Encoding::ucs2, std::move(kept), "accents kept: they cost no further part");
  const std::string why = fmt::format("unaccented: accents would take {} parts instead of {}",
                                      kept.count.parts, folded.count.parts);
  return made(Encoding::gsm7, std::move(folded), why);
}

Choice Freezer::choose(const AudienceRow& row) {
  const Gateway* gateway = gateway_of_[row.network];
  const std::string& network = input_.numbering.networks()[row.network];
  if (gateway == nullptr) {
    Choice choice;
    choice.used = false;
    choice.detail = "no gateway serves " + network;
    return choice;
  }
  if (columns_.empty()) {
    auto& fixed = fixed_[row.network];
    if (!fixed) fixed = choose_new(*gateway, network, {});
    return *fixed;
  }
  std::string key(1, static_cast<char>(row.network));
  for (const std::string_view value : row.values) (key += value) += '\0';
  if (const auto found = by_values_.find(key); found != by_values_.end()) return found->second;
  Choice choice = choose_new(*gateway, network, row.values);
  by_values_.emplace(std::move(key), choice);
  return choice;
}

Result<FrozenPlan> Freezer::run(const std::function<void(const ExcludedRow&)>& on_excluded) {
  auto prepared = prepare();
  if (!prepared) return fail(std::move(prepared.error()));

  AudienceSource source = campaign_.audience;
  source.exclude.insert(source.exclude.end(), input_.exclusions.begin(), input_.exclusions.end());
  std::string hashed;
  const auto on_row = [&](const AudienceRow& row) -> RowVerdict {
    const Choice choice = choose(row);
    if (!choice.used) return {false, choice.reason, choice.detail};
    plan_.lanes[choice.lane].push_back(
        pack_row(row.number, row.network, row.file, row.line, choice.text));
    hashed.append(reinterpret_cast<const char*>(&row.number), sizeof row.number);
    if (hashed.size() >= 64 * 1024) {
      audience_hash_.add(hashed);
      hashed.clear();
    }
    return {};
  };
  const auto counts =
      read_audience(source, input_.numbering, columns_, on_row, [&](const ExcludedRow& row) {
        if (on_excluded) on_excluded(row);
      });
  if (!counts) return fail(counts.error());
  audience_hash_.add(hashed);

  PlanHead& head = plan_.head;
  head.audience = counts->rows;
  head.converted = counts->converted;
  head.excluded = counts->excluded;
  auto finished = finish();
  if (!finished) return fail(std::move(finished.error()));
  return std::move(plan_);
}

Result<void> Freezer::finish() {
  PlanHead& head = plan_.head;
  head.campaign = campaign_.id;
  head.title = campaign_.title;
  head.message_class = campaign_.message_class;
  head.sender = campaign_.sender;
  head.on_unknown = campaign_.on_unknown;
  head.not_before = campaign_.schedule.not_before;
  head.useful_until = campaign_.schedule.useful_until;
  head.parts_budget = campaign_.parts_budget;
  head.networks = input_.numbering.networks();
  head.files = campaign_.audience.files;
  if (head.files.empty()) head.files = {"audience.numbers"};
  head.audience_sha256 = to_hex(audience_hash_.finish());

  // A text that is the same for all and fits nowhere is the campaign's fault, not the rows'.
  for (const auto& fixed : fixed_)
    if (fixed && !fixed->used && fixed->reason == Exclusion::too_long)
      return fail(Code::data, "the message cannot be sent: " + fixed->detail, {campaign_.file});

  for (std::size_t i = 0; i < head.lanes.size(); ++i) {
    PlanLane& lane = head.lanes[i];
    const auto gateway = std::find_if(input_.gateways.begin(), input_.gateways.end(),
                                      [&](const Gateway& one) { return one.name == lane.gateway; });
    auto& rows = plan_.lanes[i];
    // A request carries one text, except where every item has its own.
    if (gateway->profile.mode() != BatchMode::items && plan_.texts.size() > 1)
      std::sort(rows.begin(), rows.end(), [](const PlanRow& a, const PlanRow& b) {
        return std::make_tuple(a.text, a.file(), a.line) <
               std::make_tuple(b.text, b.file(), b.line);
      });
    Limits limits = gateway->limits;
    if (campaign_.parts_per_second > 0)
      limits.parts_per_second = limits.parts_per_second > 0
                                    ? std::min(limits.parts_per_second, campaign_.parts_per_second)
                                    : campaign_.parts_per_second;
    lane.batch = std::max(fitting_batch(limits, gateway->batch, parts_max_[i]),
                          gateway->profile.batch_min());
  }
  plan_.add_up();
  if (head.rows == 0)
    return fail(
        Code::data,
        fmt::format("nobody is left to send to: all {} rows are excluded; see 'loa audience'",
                    head.audience),
        {campaign_.file});
  if (head.parts_budget > 0 && head.parts > head.parts_budget)
    return fail(Code::data,
                fmt::format("the campaign takes {} parts, and its budget is {}: shorten the text, "
                            "cut the audience, or raise budget.parts",
                            head.parts, head.parts_budget),
                {campaign_.file});
  return {};
}

template <class T>
void append_raw(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

void FrozenPlan::add_up() {
  head.rows = head.parts = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    PlanLane& lane = head.lanes[i];
    lane.first = head.rows;
    lane.rows = lanes[i].size();
    lane.parts = 0;
    for (const PlanRow& row : lanes[i])
      lane.parts += static_cast<std::uint64_t>(texts[row.text].parts);
    head.rows += lane.rows;
    head.parts += lane.parts;
  }
  Sha256 hash;
  for (const Text& text : texts)
    for (const std::string& part : text.strings) {
      hash.add(part);
      hash.add(std::string_view("\0", 1));
    }
  head.texts_sha256 = to_hex(hash.finish());
  head.texts = texts.size();
}

Result<void> FrozenPlan::write(const std::function<Result<void>(std::string_view)>& sink) const {
  // The head holds the offset of the texts, whose digits change its size: find the size that
  // agrees.
  PlanHead placed = head;
  std::string json;
  for (std::uint64_t size = 0;;) {
    placed.texts_at = 16 + size + head.rows * sizeof(PlanRow);
    json = to_json(placed);
    json.resize((json.size() + 15) / 16 * 16, ' ');
    if (json.size() == size) break;
    size = json.size();
  }
  std::string bytes = "LOAPLAN1";
  append_raw(bytes, std::uint64_t{json.size()});
  bytes += json;
  constexpr std::size_t kPiece = 256 * 1024;
  for (const auto& rows : lanes) {
    for (const PlanRow& row : rows) {
      append_raw(bytes, row);
      if (bytes.size() < kPiece) continue;
      auto taken = sink(bytes);
      if (!taken) return taken;
      bytes.clear();
    }
  }
  for (const Text& text : texts) {
    bytes += static_cast<char>(text.parts);
    bytes += static_cast<char>(text.strings.size());
    for (const std::string& part : text.strings) {
      append_raw(bytes, static_cast<std::uint32_t>(part.size()));
      bytes += part;
    }
    if (bytes.size() < kPiece) continue;
    auto taken = sink(bytes);
    if (!taken) return taken;
    bytes.clear();
  }
  return sink(bytes);
}

std::string FrozenPlan::sha256() const {
  Sha256 hash;
  const auto hashed = write([&hash](std::string_view bytes) -> Result<void> {
    hash.add(bytes);
    return {};
  });
  LOA_CHECK(hashed.has_value());
  return to_hex(hash.finish());
}

Result<FrozenPlan> freeze(const FreezeInput& input,
                          const std::function<void(const ExcludedRow&)>& on_excluded) {
  return Freezer(input).run(on_excluded);
}

}  // namespace loa
