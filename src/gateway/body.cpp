#include "gateway/body.hpp"

#include <boost/json/basic_parser_impl.hpp>

namespace loa {
namespace {

constexpr std::size_t kBodyMax = 1024 * 1024;
constexpr std::size_t kDepthMax = 32;

class JsonHandler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the names that boost::json asks for
  static constexpr std::size_t max_object_size = kBodyMax;
  static constexpr std::size_t max_array_size = kBodyMax;
  static constexpr std::size_t max_key_size = kBodyMax;
  static constexpr std::size_t max_string_size = kBodyMax;
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;
  // NOLINTEND(readability-identifier-naming)

  Json take() { return std::move(root_); }

  bool on_document_begin(error_code& /*ec*/) { return true; }
  bool on_document_end(error_code& /*ec*/) { return true; }
  bool on_object_begin(error_code& /*ec*/) { return open(Json::Kind::map); }
  bool on_object_end(std::size_t /*n*/, error_code& /*ec*/) { return close(); }
  bool on_array_begin(error_code& /*ec*/) { return open(Json::Kind::list); }
  bool on_array_end(std::size_t /*n*/, error_code& /*ec*/) { return close(); }
  bool on_key_part(string_view part, std::size_t /*n*/, error_code& /*ec*/) { return more(part); }
  bool on_key(string_view part, std::size_t /*n*/, error_code& /*ec*/) {
    more(part);
    key_ = std::move(pending_);
    pending_.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t /*n*/, error_code& /*ec*/) {
    return more(part);
  }
  bool on_string(string_view part, std::size_t /*n*/, error_code& /*ec*/) { return scalar(part); }
  bool on_number_part(string_view part, error_code& /*ec*/) { return more(part); }
  bool on_int64(std::int64_t /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_uint64(std::uint64_t /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_double(double /*n*/, string_view part, error_code& /*ec*/) { return scalar(part); }
  bool on_bool(bool truth, error_code& /*ec*/) { return scalar(truth ? "true" : "false"); }
  bool on_null(error_code& /*ec*/) {
    Json value;
    value.null = true;
    return add(std::move(value));
  }
  bool on_comment_part(string_view /*part*/, error_code& /*ec*/) { return true; }
  bool on_comment(string_view /*part*/, error_code& /*ec*/) { return true; }

 private:
  bool more(string_view part) {
    pending_.append(part.data(), part.size());
    return true;
  }
  bool scalar(string_view part) {
    more(part);
    Json value;
    value.text = std::move(pending_);
    pending_.clear();
    return add(std::move(value));
  }
  bool open(Json::Kind kind) {
    Json value;
    value.kind = kind;
    value.key = std::move(key_);
    key_.clear();
    open_.push_back(std::move(value));
    return true;
  }
  bool close() {
    Json value = std::move(open_.back());
    open_.pop_back();
    key_ = value.key;
    return add(std::move(value));
  }
  bool add(Json value) {
    value.key = std::move(key_);
    key_.clear();
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().children.push_back(std::move(value));
    }
    return true;
  }

  Json root_;
  std::vector<Json> open_;
  std::string key_;
  std::string pending_;
};

std::optional<Json> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::basic_parser<JsonHandler> parser(options);
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error || !parser.done()) return std::nullopt;
  if (text.substr(used).find_first_not_of(" \t\r\n") != std::string_view::npos) return std::nullopt;
  return parser.handler().take();
}

}  // namespace

Body::Body(std::string_view text, Format format) {
  if (text.size() > kBodyMax) return;
  switch (format) {
    case Format::json:
      json_ = parse_json(text);
      readable_ = json_.has_value();
      root_.json = json_ ? &*json_ : nullptr;
      break;
    case Format::xml:
      // As a fragment, so that what stands beside the one element is seen.
      readable_ =
          xml_.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_fragment,
                           pugi::encoding_utf8) &&
          xml_.first_child().type() == pugi::node_element && !xml_.first_child().next_sibling();
      root_.xml = xml_;
      break;
    case Format::text:
      root_.text = text;
      readable_ = text.find_first_not_of(" \t\r\n") != std::string_view::npos;
      break;
  }
}

}  // namespace loa
