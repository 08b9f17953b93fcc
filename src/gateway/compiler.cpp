#include "gateway/compiler.hpp"

#include <fmt/format.h>

namespace loa {

Program Compiler::pattern(const Node& node, Escape escape) {
  start(escape);
  if (node.is_scalar()) {
    text(node);
  } else {
    fault(node, "this must be one text");
  }
  return finish();
}

Program Compiler::json(const Node& node) {
  start(Escape::json);
  json_value(node, 0);
  return finish();
}

Program Compiler::pairs(const Node& node) {
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

void Compiler::fault(const Node& node, std::string text) {
  faults_.error(node.place(), std::move(text), node.width());
}

void Compiler::start(Escape escape) {
  program_ = {};
  program_.escape = escape;
  pending_.clear();
}

Program Compiler::finish() {
  if (!pending_.empty()) push(Op::Value::none, {});
  return std::move(program_);
}

void Compiler::push(Op::Value value, Placeholder placeholder) {
  program_.ops.push_back({std::move(pending_), value, std::move(placeholder)});
  pending_.clear();
}

void Compiler::note_key(const std::string& key) {
  auto& keys = request_.account_keys;
  if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

bool Compiler::allowed(const Node& node, const Placeholder& placeholder) {
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
  if (problem.empty() && !in_body_ && of_rows) problem = "may only stand in the body or the query";
  if (problem.empty()) return true;
  fault(node, fmt::format("'{{{{{}}}}}' {}", placeholder.name, problem));
  return false;
}

void Compiler::text(const Node& node) { text(node, parse_pattern(node, node.scalar(), faults_)); }

void Compiler::text(const Node& node, std::vector<PatternPiece> pieces) {
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

void Compiler::literal(std::string_view text) {
  if (program_.escape == Escape::json || (program_.escape == Escape::url && in_body_)) {
    append_escaped(pending_, program_.escape, text);
  } else {
    pending_ += text;
  }
}

void Compiler::json_value(const Node& node, int depth) {
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

void Compiler::json_scalar(const Node& node) {
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

bool Compiler::json_whole(const Node& node, const Placeholder& placeholder) {
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

}  // namespace loa
