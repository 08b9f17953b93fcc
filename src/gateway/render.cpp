#include "gateway/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace loa {
namespace {

// Profiles write number forms as Vietnam does: 84..., +84..., 0...
constexpr std::string_view kCountryCode = "84";

constexpr std::array<char, 16> kHex = {'0', '1', '2', '3', '4', '5', '6', '7',
                                       '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};

void append_json(std::string& out, std::string_view text) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F) continue;
    out.append(text, done, i - done);
    done = i + 1;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out.append(text, done);
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_url(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

void append_xml(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      default:
        // XML 1.0 has no other control characters, not even escaped.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
}

void append_header(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out += c;
  }
}

void append_escaped(std::string& out, Escape escape, std::string_view text) {
  switch (escape) {
    case Escape::json: append_json(out, text); break;
    case Escape::url: append_url(out, text); break;
    case Escape::xml: append_xml(out, text); break;
    case Escape::header: append_header(out, text); break;
    case Escape::none: out += text; break;
  }
}

void append_number(std::string& out, E164 number, NumberForm form) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  std::string_view digits(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (form == NumberForm::plus) out += '+';
  if (form == NumberForm::national && digits.starts_with(kCountryCode)) {
    out += '0';
    digits.remove_prefix(kCountryCode.size());
  }
  out += digits;
}

// RFC 8259 integers only: no sign '+', no leading zero.
bool is_json_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

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

// Compiles the nodes of one profile and remembers what they used.
class Compiler {
 public:
  Compiler(RequestTemplate& request, Faults& faults) : request_(request), faults_(faults) {}

  Program pattern(const Node& node, Escape escape) {
    start(escape);
    if (node.is_scalar()) {
      text(node);
    } else {
      fault(node, "this must be one text");
    }
    return finish();
  }

  Program json(const Node& node) {
    start(Escape::json);
    json_value(node, 0);
    return finish();
  }

  // name=value&name=value
  Program pairs(const Node& node) {
    start(Escape::url);
    if (!node.is_map() || node.entries().empty()) {
      fault(node, "this must be a map: 'name: value' for each parameter");
    }
    for (const Node::Entry& entry : node.entries()) {
      if (&entry != node.entries().data()) pending_ += '&';
      append_url(pending_, entry.key);
      pending_ += '=';
      if (entry.value.is_scalar()) {
        text(entry.value);
      } else if (entry.value.kind() != Node::Kind::null) {
        fault(entry.value, fmt::format("the parameter '{}' must be one text", entry.key));
      }
    }
    return finish();
  }

  void in_item(bool value) { in_item_ = value; }
  void in_body(bool value) { in_body_ = value; }
  bool used(Field field) const {
    return std::find(used_.begin(), used_.end(), field) != used_.end();
  }
  void fault(const Node& node, std::string text) {
    faults_.error(node.place(), std::move(text), node.width());
  }

 private:
  void start(Escape escape) {
    program_ = {};
    program_.escape = escape;
    pending_.clear();
  }

  Program finish() {
    if (!pending_.empty()) push(Op::Value::none, {});
    return std::move(program_);
  }

  void push(Op::Value value, Placeholder placeholder) {
    program_.ops.push_back({std::move(pending_), value, std::move(placeholder)});
    pending_.clear();
  }

  void note_key(const std::string& key) {
    auto& keys = request_.account_keys;
    if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }

  // Whether the placeholder may stand in this batch mode and part of the request.
  bool allowed(const Node& node, const Placeholder& placeholder) {
    note_key(placeholder.key);
    for (const Filter& filter : placeholder.filters) note_key(filter.account_key);
    used_.push_back(placeholder.field);
    request_.uses_reference = request_.uses_reference || placeholder.field == Field::reference;
    const BatchMode mode = request_.batch.mode;
    std::string_view problem;
    switch (placeholder.field) {
      case Field::numbers:
        if (mode != BatchMode::join && mode != BatchMode::array) {
          problem = "needs batch: {mode: join} or {mode: array}";
        }
        break;
      case Field::number:
        if (mode != BatchMode::single) problem = "needs batch: {mode: single}";
        break;
      case Field::text:
        if (mode == BatchMode::items) problem = "is {{item.text}} in mode items";
        break;
      case Field::items:
        if (mode != BatchMode::items || in_item_) problem = "needs batch: {mode: items, item: ...}";
        break;
      case Field::item_number:
      case Field::item_id:
      case Field::item_text:
        if (!in_item_) problem = "may only stand in batch.item";
        break;
      case Field::sender:
      case Field::reference:
      case Field::encoding:
      case Field::message_class:
      case Field::account:
      case Field::registered_template:
      case Field::registered_parameters: break;
    }
    const bool of_rows = placeholder.field == Field::numbers || placeholder.field == Field::text ||
                         placeholder.field == Field::items;
    if (problem.empty() && !in_body_ && of_rows)
      problem = "may only stand in the body or the query";
    if (problem.empty()) return true;
    fault(node, fmt::format("'{{{{{}}}}}' {}", placeholder.name, problem));
    return false;
  }

  void text(const Node& node) { text(node, parse_pattern(node, node.scalar(), faults_)); }

  void text(const Node& node, std::vector<PatternPiece> pieces) {
    for (PatternPiece& piece : pieces) {
      literal(piece.literal);
      if (!piece.placeholder || !allowed(node, *piece.placeholder)) continue;
      const Field field = piece.placeholder->field;
      const bool markup = program_.escape == Escape::xml || program_.escape == Escape::none;
      if (field == Field::registered_parameters || (field == Field::items && !markup)) {
        fault(node, fmt::format("'{{{{{}}}}}' must be the whole value of a key of a json body",
                                piece.placeholder->name));
      } else if (field == Field::numbers && request_.batch.mode == BatchMode::array) {
        fault(node,
              "'{{numbers}}' in mode array must be the whole value of a key of a json body; "
              "use mode join to join them to one text");
      } else {
        push(field == Field::items ? Op::Value::items : Op::Value::text,
             std::move(*piece.placeholder));
      }
    }
  }

  // Markup stands as it is; everywhere else the profile writes plain text.
  void literal(std::string_view text) {
    if (program_.escape == Escape::json || (program_.escape == Escape::url && in_body_)) {
      append_escaped(pending_, program_.escape, text);
    } else {
      pending_ += text;
    }
  }

  void json_value(const Node& node, int depth) {
    switch (node.kind()) {
      case Node::Kind::null: pending_ += "null"; break;
      case Node::Kind::scalar: json_scalar(node); break;
      case Node::Kind::list:
        pending_ += '[';
        for (const Node& item : node.items()) {
          if (&item != node.items().data()) pending_ += ',';
          json_value(item, depth + 1);
        }
        pending_ += ']';
        break;
      case Node::Kind::map:
        pending_ += '{';
        for (const Node::Entry& entry : node.entries()) {
          if (&entry != node.entries().data()) pending_ += ',';
          if (entry.key.find("{{") != std::string::npos) {
            fault(entry.value, "a key cannot hold a placeholder");
          }
          pending_ += '"';
          append_json(pending_, entry.key);
          pending_ += "\":";
          json_value(entry.value, depth + 1);
        }
        pending_ += '}';
        break;
    }
  }

  void json_scalar(const Node& node) {
    const std::string& written = node.scalar();
    if (!node.quoted() && (is_json_integer(written) || written == "true" || written == "false")) {
      pending_ += written;
      return;
    }
    std::vector<PatternPiece> pieces = parse_pattern(node, written, faults_);
    const PatternPiece& first = pieces.front();
    if (pieces.size() == 1 && first.literal.empty() && first.placeholder &&
        json_whole(node, *first.placeholder)) {
      return;
    }
    pending_ += '"';
    text(node, std::move(pieces));
    pending_ += '"';
  }

  // A leaf that is one placeholder may be more than a string.
  bool json_whole(const Node& node, const Placeholder& placeholder) {
    const bool integer = placeholder.filter(Filter::Kind::integer) != nullptr;
    const bool array = request_.batch.mode == BatchMode::array;
    Op::Value value = Op::Value::none;
    if (placeholder.field == Field::items) {
      value = Op::Value::items;
    } else if (placeholder.field == Field::registered_parameters) {
      value = Op::Value::json_parameters;
    } else if (placeholder.field == Field::numbers && array) {
      value = integer ? Op::Value::json_int_numbers : Op::Value::json_numbers;
      if (placeholder.filters.size() > (integer ? 1U : 0U)) {
        fault(node, "'{{numbers}}' in mode array takes only the filter 'int'");
      } else if (integer && request_.batch.number != NumberForm::international) {
        fault(node, "numbers written as +84 or 0 cannot be whole numbers: remove 'int'");
      }
    } else if (integer) {
      value = Op::Value::json_int;
    }
    if (value == Op::Value::none) return false;
    if (!allowed(node, placeholder)) return true;
    if (value == Op::Value::items) pending_ += '[';
    push(value, placeholder);
    if (value == Op::Value::items) pending_ += ']';
    return true;
  }

  RequestTemplate& request_;
  Faults& faults_;
  Program program_;
  std::string pending_;
  std::vector<Field> used_;
  bool in_item_ = false;
  bool in_body_ = false;
};

bool is_token(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_unreserved(c) && c != '~'; });
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

const Node* read_batch(MapReader& profile, BatchShape& shape, Faults& faults) {
  constexpr int kBatchMax = 2'000;  // so that the rows of any batch fit a line of the journal
  shape.number = static_cast<NumberForm>(profile.choice_or("number", 0, {"84", "+84", "0"}));
  const Node* node = profile.optional("batch");
  if (node == nullptr) return nullptr;
  MapReader reader(*node, "batch", faults);
  shape.mode =
      static_cast<BatchMode>(reader.choice_or("mode", 0, {"single", "join", "array", "items"}));
  const bool single = shape.mode == BatchMode::single;
  if (const Node* separator = reader.optional("separator")) {
    shape.separator = separator->scalar();
    if (shape.mode == BatchMode::single || shape.mode == BatchMode::array) {
      reader.fault("separator", "batch: 'separator' belongs to mode join or items");
    } else if (shape.mode == BatchMode::join && shape.separator.empty()) {
      reader.fault("separator", "batch: 'separator' is empty: the numbers would run together");
    }
  } else if (shape.mode == BatchMode::items) {
    shape.separator.clear();
  }
  shape.max =
      static_cast<int>(reader.integer_or("max", single ? 1 : 100, 1, single ? 1 : kBatchMax));
  shape.min = static_cast<int>(reader.integer_or("min", 1, 1, shape.max));
  const Node* item = reader.optional("item");
  if ((item != nullptr) != (shape.mode == BatchMode::items)) {
    reader.fault("item", "batch: mode items needs 'item', the others have none");
    item = nullptr;
  }
  reader.finish();
  return item;
}

void read_headers(const Node& node, RequestTemplate& request, Compiler& compiler) {
  if (!node.is_map()) {
    compiler.fault(node, "headers must be a map: 'Name: value'");
    return;
  }
  for (const Node::Entry& entry : node.entries()) {
    if (!is_token(entry.key)) {
      compiler.fault(entry.value, fmt::format("'{}' is no header name", entry.key.substr(0, 40)));
    }
    const std::string& value = entry.value.scalar();
    if (value.find_first_of("\r\n") != std::string::npos) {
      compiler.fault(entry.value, "a header cannot hold a line break");
    }
    request.headers.emplace_back(entry.key, compiler.pattern(entry.value, Escape::header));
  }
}

void read_body(MapReader& reader, const Node* item, RequestTemplate& request, Compiler& compiler) {
  const std::vector<std::string> kinds = {"json", "form", "query", "xml", "text"};
  const Node* body = nullptr;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const Node* node = reader.optional(kinds[i]);
    if (node == nullptr) continue;
    if (body != nullptr) {
      reader.fault(kinds[i], "request: only one of json, form, query, xml, text");
      return;
    }
    body = node;
    request.kind = static_cast<BodyKind>(i);
  }
  if (body == nullptr) {
    compiler.fault(reader.node(), "request: one of json, form, query, xml, text is missing");
    return;
  }
  const bool pairs = request.kind == BodyKind::form || request.kind == BodyKind::query;
  if (item != nullptr && pairs) {
    compiler.fault(*item, "batch: mode items needs a json, xml or text body");
    return;
  }
  const auto compile = [&](const Node& node) {
    switch (request.kind) {
      case BodyKind::json: return compiler.json(node);
      case BodyKind::form:
      case BodyKind::query: return compiler.pairs(node);
      case BodyKind::xml: return compiler.pattern(node, Escape::xml);
      case BodyKind::text: break;
    }
    return compiler.pattern(node, Escape::none);
  };
  compiler.in_body(true);
  request.body = compile(*body);
  if (item != nullptr) {
    compiler.in_item(true);
    request.item = compile(*item);
    request.item_separator = request.kind == BodyKind::json ? "," : request.batch.separator;
  }
}

void check_uses(const Compiler& compiler, const Node& node, const RequestTemplate& request,
                Faults& faults) {
  const auto need = [&](bool used, std::string_view what) {
    if (!used)
      faults.error(node.place(), fmt::format("request: it never sends {}", what), node.width());
  };
  switch (request.batch.mode) {
    case BatchMode::single:
      need(compiler.used(Field::number), "the number: put {{number}} where it belongs");
      break;
    case BatchMode::join:
    case BatchMode::array:
      need(compiler.used(Field::numbers), "the numbers: put {{numbers}} where they belong");
      break;
    case BatchMode::items:
      need(compiler.used(Field::items), "the items: put {{items}} where they belong");
      need(compiler.used(Field::item_number), "the number: put {{item.number}} into batch.item");
      break;
  }
  need(compiler.used(Field::text) || compiler.used(Field::item_text) ||
           compiler.used(Field::registered_parameters),
       "the text: put {{text}}, {{item.text}} or {{registered.parameters}} where it belongs");
}

}  // namespace

RequestTemplate read_request(MapReader& profile, Faults& faults) {
  RequestTemplate request;
  const Node* item = read_batch(profile, request.batch, faults);
  const Node* node = profile.required("request");
  if (node == nullptr) return request;
  const std::size_t errors = faults.errors();
  MapReader reader(*node, "request", faults);
  Compiler compiler(request, faults);
  const std::size_t method = reader.choice_or("method", 0, {"POST", "GET", "PUT"});
  request.method = method == 1 ? "GET" : method == 2 ? "PUT" : "POST";
  if (const Node* path = reader.optional("path")) {
    const std::string& written = path->scalar();
    const auto odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == '#'; };
    const std::string_view fixed = std::string_view(written).substr(0, written.find("{{"));
    if (!written.starts_with('/') || std::any_of(fixed.begin(), fixed.end(), odd)) {
      reader.fault("path", "request: 'path' begins with '/' and holds no space, line break or '#'");
    }
    request.path = compiler.pattern(*path, Escape::url);
  }
  if (const Node* headers = reader.optional("headers")) read_headers(*headers, request, compiler);
  if (const Node* basic = reader.optional("basic_auth")) {
    MapReader basic_reader(*basic, "basic_auth", faults);
    request.basic = true;
    if (const Node* user = basic_reader.required("user")) {
      request.user = compiler.pattern(*user, Escape::none);
    }
    if (const Node* password = basic_reader.required("password")) {
      request.password = compiler.pattern(*password, Escape::none);
    }
    basic_reader.finish();
  }
  read_body(reader, item, request, compiler);
  if (request.method == "GET" && request.kind != BodyKind::query) {
    reader.fault("method", "request: a GET has no body: use 'query'");
  }
  reader.finish();
  if (faults.errors() == errors) check_uses(compiler, *node, request, faults);
  return request;
}

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
    made.url += made.url.find('?') == std::string::npos ? '?' : '&';
    run.program(made.url, body);
  } else {
    made.body.reserve(expected_size(rows));
    run.program(made.body, body);
  }
  return made;
}

}  // namespace loa
