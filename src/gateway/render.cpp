#include "gateway/render.hpp"

#include <fmt/format.h>

namespace loa {
namespace {

struct Run {
  const RequestTemplate& request;
  const AccountValues& account;
  const Batch& batch;
  const BatchRow* row;

  void joined_numbers(std::string& out) const {
    bool first = true;
    for (const BatchRow& each : batch.rows) {
      if (!first) out += request.batch.separator;
      first = false;
      append_number(out, each.number, request.batch.number);
    }
  }

  // The value before filters; `scratch` may hold it.
  std::string_view raw(const Placeholder& placeholder, std::string& scratch) const {
    switch (placeholder.field) {
      case Field::numbers: joined_numbers(scratch); return scratch;
      case Field::number:
      case Field::item_number:
        append_number(scratch, row->number, request.batch.number);
        return scratch;
      case Field::text:
      case Field::item_text: return row->text;
      case Field::item_id: return row->id;
      case Field::sender: return batch.sender;
      case Field::reference: return batch.reference;
      case Field::encoding: return to_string(batch.encoding);
      case Field::message_class: return to_string(batch.message_class);
      case Field::account: return account.find(placeholder.key);
      case Field::registered_template: return batch.registered_template;
      case Field::registered_parameters:
      case Field::items: return {};
    }
    return {};
  }

  void value(std::string& out, const Op& op, Escape escape) const {
    std::string scratch;
    std::string_view text = raw(op.placeholder, scratch);
    std::string filtered;
    if (!op.placeholder.filters.empty()) {
      filtered = apply_filters(op.placeholder.filters, text, account);
      text = filtered;
    }
    if (op.value == Op::Value::json_int) {
      const bool bare = is_json_integer(text);
      if (!bare) out += '"';
      append_escaped(out, escape, text);
      if (!bare) out += '"';
    } else {
      append_escaped(out, escape, text);
    }
  }

  void numbers_array(std::string& out, bool quoted) const {
    out += '[';
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      if (i > 0) out += ',';
      if (quoted) out += '"';
      append_number(out, batch.rows[i].number, request.batch.number);
      if (quoted) out += '"';
    }
    out += ']';
  }

  void parameters(std::string& out, const Op& op) const {
    // Without parameters of its own, the account's default text is one parameter: the whole text.
    const std::string_view whole = row->text;
    const std::span<const std::string_view> values =
        batch.parameters.empty() ? std::span<const std::string_view>(&whole, 1) : batch.parameters;
    const Filter* numbered = op.placeholder.filter(Filter::Kind::numbered);
    out += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out += ',';
      if (numbered != nullptr) {
        out += "{\"";
        append_json(out, numbered->pairs.front().first);
        out += "\":\"";
        out += fmt::format_int(i + 1).c_str();
        out += "\",\"";
        append_json(out, numbered->pairs.front().second);
        out += "\":";
      }
      out += '"';
      append_json(out, values[i]);
      out += '"';
      if (numbered != nullptr) out += '}';
    }
    out += ']';
  }

  void items(std::string& out) const {
    for (const BatchRow& each : batch.rows) {
      if (&each != batch.rows.data()) out += request.item_separator;
      Run{request, account, batch, &each}.program(out, request.item);
    }
  }

  void program(std::string& out, const Program& program) const {
    for (const Op& op : program.ops) {
      out += op.literal;
      switch (op.value) {
        case Op::Value::none: break;
        case Op::Value::text:
        case Op::Value::json_int: value(out, op, program.escape); break;
        case Op::Value::json_numbers: numbers_array(out, true); break;
        case Op::Value::json_int_numbers: numbers_array(out, false); break;
        case Op::Value::json_parameters: parameters(out, op); break;
        case Op::Value::items: items(out); break;
      }
    }
  }
};

std::size_t expected_size(const Batch& batch) {
  constexpr std::size_t kFixed = 512;
  constexpr std::size_t kNumber = 24;
  return kFixed + batch.rows.front().text.size() * 2 + batch.rows.size() * kNumber;
}

std::string_view content_type(BodyKind kind) {
  switch (kind) {
    case BodyKind::json: return "application/json; charset=utf-8";
    case BodyKind::form: return "application/x-www-form-urlencoded";
    case BodyKind::xml: return "text/xml; charset=utf-8";
    case BodyKind::text: return "text/plain; charset=utf-8";
    case BodyKind::query: break;
  }
  return "";
}

}  // namespace

HttpRequest RequestTemplate::render(std::string_view url, const AccountValues& account,
                                    const Batch& rows) const {
  const Run run{*this, account, rows, rows.rows.data()};
  HttpRequest made;
  made.method = method;
  while (url.ends_with('/')) url.remove_suffix(1);
  made.url.reserve(url.size() + 64 + (kind == BodyKind::query ? expected_size(rows) : 0));
  made.url = url;
  run.program(made.url, path);
  bool has_type = kind == BodyKind::query;
  for (const auto& [name, value] : headers) {
    std::string line = name + ": ";
    run.program(line, value);
    made.headers.push_back(std::move(line));
    has_type = has_type || name == "Content-Type";
  }
  if (!has_type) made.headers.push_back(fmt::format("Content-Type: {}", content_type(kind)));
  if (basic) {
    std::string pair;
    run.program(pair, user);
    pair += ':';
    run.program(pair, password);
    made.headers.push_back("Authorization: Basic " + to_base64(pair));
  }
  if (kind == BodyKind::query) {
    if (body.ops.empty()) return made;
    made.url += made.url.find('?') == std::string::npos ? '?' : '&';
    run.program(made.url, body);
  } else {
    made.body.reserve(expected_size(rows));
    run.program(made.body, body);
  }
  return made;
}

}  // namespace loa
