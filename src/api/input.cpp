#include "api/input.hpp"

#include <algorithm>

#include "api/uploads.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "config/document.hpp"

namespace loa::api {
namespace {

constexpr std::string_view kBodyName = "the request's body";
constexpr std::size_t kNameMax = 200;

tl::unexpected<Problem> unsupported(std::string detail) {
  return tl::unexpected(Problem{415, "unsupported-media-type", std::move(detail)});
}

tl::unexpected<Problem> invalid(Faults faults) {
  return tl::unexpected(Problem{422, "invalid", "the request's body is wrong", std::move(faults)});
}

// Only that it is there: whether it is a good campaign is for the desk to say.
std::vector<std::string> names_of_uploads(std::string_view document) {
  Faults ignored;
  std::vector<std::string> names;
  const std::optional<Node> root = parse_document(document, std::string(kBodyName), ignored);
  if (!root) return names;
  const Node* audience = root->find("audience");
  const Node* upload = audience == nullptr ? nullptr : audience->find("upload");
  if (upload == nullptr) return names;
  if (upload->is_scalar()) names.push_back(upload->scalar());
  for (const Node& item : upload->items()) names.push_back(item.scalar());
  return names;
}

std::optional<Instant> read_time(MapReader& reader, std::string_view key) {
  const std::string text = reader.text_or(key, "");
  if (text.empty()) return std::nullopt;
  const auto time = parse_rfc3339(text);
  if (!time)
    reader.fault(key, std::string(key) + " must be a time with a zone: 2026-11-24T08:00:00+07:00");
  return time;
}

// A JSON object; none is an empty one.
tl::expected<Node, Problem> read_object(const HttpRequest& request) {
  const bool is_empty = request.body.empty();
  if (!is_empty && media_type(request) != "application/json")
    return unsupported("the body must be application/json");
  Faults faults;
  const auto root = parse_document(is_empty ? "{}" : request.body, std::string(kBodyName), faults);
  if (!root) return invalid(std::move(faults));
  return *root;
}

}  // namespace

std::string media_type(const HttpRequest& request) {
  const std::string* type = request.headers.find("Content-Type");
  if (type == nullptr) return {};
  std::string out = type->substr(0, std::min(type->find(';'), type->size()));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return out;
}

tl::expected<Submission, Problem> read_submission(const ApiCall& call) {
  const HttpRequest& request = call.request;
  const std::string type = media_type(request);
  if (type != "application/yaml" && type != "application/x-yaml" && type != "text/yaml" &&
      type != "application/json") {
    return unsupported("a campaign comes as application/yaml or application/json");
  }
  if (request.body.empty()) {
    return tl::unexpected(Problem{400, "bad-request", "the request has no campaign in its body"});
  }
  if (!is_utf8(request.body))
    return tl::unexpected(Problem{400, "bad-request", "the request's body is not UTF-8"});
  Submission submission;
  submission.document = request.body;
  submission.name = kBodyName;
  if (const std::string* name = request.parameter("name"))
    if (!name->empty() && name->size() <= kNameMax) submission.name = printable(*name);
  for (const std::string& name : names_of_uploads(request.body)) {
    auto path = call.api.uploads.find(call.who.user, name);
    if (!path) {
      return tl::unexpected(Problem{422, "invalid", path.error().text});
    }
    submission.audience.push_back(std::move(*path));
  }
  return submission;
}

tl::expected<ActBody, Problem> read_act_body(const HttpRequest& request) {
  const auto root = read_object(request);
  if (!root) return tl::unexpected(root.error());
  Faults faults;
  MapReader reader(*root, "act", faults);
  ActBody body;
  body.input.why = reader.text_or("reason", "");
  body.input.plan = reader.text_or("plan", "");
  body.confirm = reader.text_or("confirm", "");
  body.input.not_before = read_time(reader, "not_before");
  body.input.useful_until = read_time(reader, "useful_until");
  body.input.id = reader.text_or("id", "");
  reader.finish();
  if (!faults.ok()) return invalid(std::move(faults));
  return body;
}

tl::expected<ExplainBody, Problem> read_explain_body(const HttpRequest& request) {
  const auto root = read_object(request);
  if (!root) return tl::unexpected(root.error());
  Faults faults;
  MapReader reader(*root, "question", faults);
  ExplainBody body;
  body.number = reader.text("number");
  body.campaign = reader.text_or("campaign", "");
  reader.finish();
  if (!faults.ok()) return invalid(std::move(faults));
  return body;
}

}  // namespace loa::api
