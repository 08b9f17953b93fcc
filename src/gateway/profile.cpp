#include "gateway/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "gateway/answer.hpp"
#include "gateway/render.hpp"
#include "text/unicode.hpp"

namespace loa {

struct Profile::Data {
  std::string name;
  RequestTemplate request;
  AnswerReader answer;
  PartTables parts;
  bool every_network_ucs2 = true;
  std::vector<std::string> ucs2_networks;
  std::u32string forbidden;
  bool registered_only = false;
  bool plain_http = false;
  Recourse recourse;
  RequestTemplate query;
  AnswerReader query_answer;
};

namespace {

using std::chrono::seconds;

constexpr int kUnitsMax = 10'000;
constexpr seconds kWindowMax = std::chrono::hours(24 * 30);
constexpr seconds kSettleMax = std::chrono::hours(1);

// A table of growing limits, one for each number of parts.
void read_segments(const Node& node, std::string_view key, PartTable& table, Faults& faults) {
  std::vector<int> limits;
  bool sound = node.is_list() && !node.items().empty() && node.items().size() <= 10;
  for (const Node& item : node.items()) {
    int value = 0;
    for (const char c : item.scalar()) {
      value = c >= '0' && c <= '9' && value < kUnitsMax ? value * 10 + (c - '0') : kUnitsMax;
    }
    sound = sound && value > (limits.empty() ? 0 : limits.back()) && value < kUnitsMax;
    limits.push_back(value);
  }
  if (sound) {
    table.limits = std::move(limits);
    return;
  }
  faults.error(
      node.place(),
      fmt::format("segments: '{}' must be 1 to 10 growing numbers: how much a text of 1, 2, "
                  "... parts holds, such as [160, 306, 459]",
                  key),
      node.width());
}

}  // namespace

Profile Profile::load(const std::string& path, Faults& faults) {
  auto data = std::make_shared<Data>();
  Profile profile;
  profile.data_ = data;
  data->name = std::filesystem::path(path).stem().string();
  const auto document = load_document(path, faults);
  if (!document) {
    // Total even so: with no rules and no format, every answer is in doubt.
    Faults ignored;
    MapReader nothing(Node(), "profile", ignored);
    data->answer = AnswerReader::read(nothing, BatchMode::single, Words::classes, ignored);
    return profile;
  }

  MapReader reader(*document, "profile", faults);
  const std::string name = reader.text("profile");
  if (!name.empty() && name != data->name) {
    reader.fault("profile", fmt::format("profile: it is called '{}', but its file '{}'", name,
                                        std::filesystem::path(path).filename().string()));
  }
  reader.text_or("title", "");
  data->request = read_request(reader, faults);
  if (const Node* node = reader.optional("text")) {
    MapReader text(*node, "text", faults);
    const std::vector<std::string> networks = text.texts_or_empty("ucs2_networks");
    const bool one_word = !networks.empty() && !node->find("ucs2_networks")->is_list();
    if (one_word && networks.front() != "all" && networks.front() != "none") {
      text.fault("ucs2_networks", "text: 'ucs2_networks' is a list of networks, all or none");
    }
    data->every_network_ucs2 =
        node->find("ucs2_networks") == nullptr || (one_word && networks.front() == "all");
    if (!one_word) data->ucs2_networks = networks;
    if (const Result<std::u32string> forbidden = decode_utf8(text.text_or("forbid", ""))) {
      data->forbidden = *forbidden;
    }
    if (const Node* segments = text.optional("segments")) {
      MapReader tables(*segments, "segments", faults);
      if (const Node* table = tables.optional("gsm7")) {
        read_segments(*table, "gsm7", data->parts.gsm7, faults);
      }
      if (const Node* table = tables.optional("ucs2")) {
        read_segments(*table, "ucs2", data->parts.ucs2, faults);
      }
      tables.finish();
    }
    data->registered_only = text.flag_or("registered_only", false);
    text.finish();
  }
  data->plain_http = reader.flag_or("plain_http", false);
  data->answer = AnswerReader::read(reader, data->request.batch.mode, Words::classes, faults);
  if (const Node* node = reader.optional("idempotency")) {
    MapReader idempotency(*node, "idempotency", faults);
    idempotency.text("field");
    data->recourse.idempotency_window =
        idempotency.duration_or("window", seconds(0), std::chrono::minutes(5), kWindowMax);
    idempotency.choice_or("duplicate_means", 0, {"accepted"});
    idempotency.finish();
  }
  if (const Node* node = reader.optional("query")) {
    MapReader query(*node, "query", faults);
    data->recourse.can_ask = true;
    data->recourse.settle = query.duration_or("settle", seconds(60), seconds(1), kSettleMax);
    data->recourse.read_after_write = query.flag_or("read_after_write", false);
    data->query = read_query_request(query, data->request.batch, faults);
    data->query_answer = AnswerReader::read(query, data->request.batch.mode, Words::query, faults);
    query.finish();
    for (const std::string& key : data->query.account_keys) {
      auto& keys = data->request.account_keys;
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  data->recourse.receipt_echoes_reference = reader.flag_or("receipt_echoes_reference", false);
  for (const std::string_view key : {"idempotency", "query", "receipt_echoes_reference"}) {
    if (document->find(key) == nullptr || data->request.uses_reference) continue;
    reader.fault(key, fmt::format("{}: the request never sends {{{{reference}}}}, so the carrier "
                                  "cannot know it again",
                                  key));
  }
  reader.finish();
  return profile;
}

const std::string& Profile::name() const { return data_->name; }
BatchMode Profile::mode() const { return data_->request.batch.mode; }
int Profile::batch_min() const { return data_->request.batch.min; }
int Profile::batch_max() const { return data_->request.batch.max; }
const PartTables& Profile::parts() const { return data_->parts; }

bool Profile::takes_ucs2(std::string_view network) const {
  const auto& networks = data_->ucs2_networks;
  return data_->every_network_ucs2 ||
         std::find(networks.begin(), networks.end(), network) != networks.end();
}

std::optional<char32_t> Profile::forbidden(std::string_view text) const {
  if (data_->forbidden.empty()) return std::nullopt;
  const Result<std::u32string> characters = decode_utf8(text);
  if (!characters) return std::nullopt;
  const std::size_t at = characters->find_first_of(data_->forbidden);
  if (at == std::u32string::npos) return std::nullopt;
  return (*characters)[at];
}

bool Profile::registered_texts_only() const { return data_->registered_only; }
bool Profile::allows_plain_http() const { return data_->plain_http; }
const std::vector<std::string>& Profile::account_keys() const {
  return data_->request.account_keys;
}
const Recourse& Profile::recourse() const { return data_->recourse; }

HttpRequest Profile::render(std::string_view url, const AccountValues& account,
                            const Batch& batch) const {
  return data_->request.render(url, account, batch);
}

Verdict Profile::read(const HttpAnswer& answer, const Batch& batch) const {
  return data_->answer.verdict(answer, batch);
}

HttpRequest Profile::render_query(std::string_view url, const AccountValues& account,
                                  const Batch& batch) const {
  return data_->query.render(url, account, batch);
}

std::optional<bool> Profile::read_query(const HttpAnswer& answer, const Batch& batch) const {
  const AnswerClass said = data_->query_answer.verdict(answer, batch).whole.value;
  if (said == kFound) return true;
  if (said == kNotFound) return false;
  return std::nullopt;
}

std::string_view AccountValues::find(std::string_view key) const {
  for (const auto& [name, value] : values) {
    if (name == key) return value;
  }
  return "";
}

}  // namespace loa
