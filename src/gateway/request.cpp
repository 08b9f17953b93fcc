#include <fmt/format.h>

#include <algorithm>

#include "gateway/compiler.hpp"
#include "gateway/render.hpp"

namespace loa {
namespace {

bool is_token(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_unreserved(c) && c != '~'; });
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

void read_body(MapReader& reader, const Node* item, bool needed, RequestTemplate& request,
               Compiler& compiler) {
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
  if (body == nullptr && !needed && request.method == "GET") {
    request.kind = BodyKind::query;
    return;
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

// Method, path, headers and body.
void read_parts(const Node& node, const Node* item, bool needs_body, RequestTemplate& request,
                Compiler& compiler, Faults& faults) {
  MapReader reader(node, "request", faults);
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
  read_body(reader, item, needs_body, request, compiler);
  if (request.method == "GET" && request.kind != BodyKind::query) {
    reader.fault("method", "request: a GET has no body: use 'query'");
  }
  reader.finish();
}

}  // namespace

RequestTemplate read_request(MapReader& profile, Faults& faults) {
  RequestTemplate request;
  const Node* item = read_batch(profile, request.batch, faults);
  const Node* node = profile.required("request");
  if (node == nullptr) return request;
  const std::size_t errors = faults.errors();
  Compiler compiler(request, faults);
  read_parts(*node, item, true, request, compiler, faults);
  if (faults.errors() == errors) check_uses(compiler, *node, request, faults);
  return request;
}

RequestTemplate read_query_request(MapReader& query, const BatchShape& batch, Faults& faults) {
  RequestTemplate request;
  request.batch = batch;
  const Node* node = query.required("request");
  if (node == nullptr) return request;
  const std::size_t errors = faults.errors();
  Compiler compiler(request, faults);
  read_parts(*node, nullptr, false, request, compiler, faults);
  if (faults.errors() == errors && !compiler.used(Field::reference)) {
    compiler.fault(*node,
                   "query: it never sends {{reference}}, by which the carrier would find it");
  }
  if (compiler.used(Field::items)) {
    compiler.fault(*node, "query: it asks for the whole request, by {{reference}}: no {{items}}");
  }
  return request;
}

}  // namespace loa
