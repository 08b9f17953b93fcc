#include "cli/bring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "audience/source.hpp"
#include "base/hash.hpp"
#include "base/input_file.hpp"
#include "base/printable.hpp"
#include "campaign/campaign.hpp"
#include "cli/json_view.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

// Files as one stream: the header of the first, then the rows of all.
class Joined {
 public:
  static Result<Joined> open(const std::vector<std::string>& paths) {
    Joined joined;
    for (const std::string& path : paths) {
      auto file = InputFile::open(path);
      if (!file) return fail(file.error().code, file.error().text, {.file = path});
      joined.parts_.push_back({path, std::move(*file)});
    }
    return joined;
  }

  // 0 bytes at the end.
  Result<std::size_t> read(char* bytes, std::size_t size) {
    while (pending_.empty()) {
      if (parts_.empty()) return std::size_t{0};
      if (auto more = fill(); !more) return fail(more.error());
    }
    const std::size_t count = std::min(size, pending_.size());
    std::copy_n(pending_.data(), count, bytes);
    pending_.erase(0, count);
    return count;
  }

 private:
  struct Part {
    std::string path;
    InputFile file;
  };

  // The next piece into pending_; at the end of a file, goes on to the next.
  Result<void> fill() {
    constexpr std::size_t kPiece = 256 * 1024;
    Part& part = parts_.front();
    std::string piece(kPiece, '\0');
    const auto have = part.file.read(piece.data(), piece.size());
    if (!have) return fail(have.error().code, have.error().text, {.file = part.path});
    piece.resize(*have);
    if (at_start_ && !first_) {
      const std::size_t end = std::min(piece.find('\n'), piece.size());
      if (trimmed(piece.substr(0, end)) != header_)
        return fail(Code::data,
                    "the header is not that of the first file: files with different columns cannot "
                    "go as one, make one file of them",
                    {.file = part.path, .line = 1});
      piece.erase(0, end + 1);
    } else if (at_start_) {
      header_ = trimmed(piece.substr(0, piece.find('\n')));
    }
    at_start_ = false;
    if (!piece.empty()) ends_line_ = piece.back() == '\n';
    pending_ = std::move(piece);
    if (*have < kPiece) {
      parts_.pop_front();
      at_start_ = true;
      first_ = false;
      if (!ends_line_) pending_ += '\n';
      ends_line_ = true;
    }
    return {};
  }

  static std::string trimmed(std::string line) {
    if (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

  std::deque<Part> parts_;
  std::string pending_;
  std::string header_;
  bool first_ = true;
  bool at_start_ = true;
  bool ends_line_ = true;
};

Result<std::string> hash_of(const std::vector<std::string>& paths) {
  auto joined = Joined::open(paths);
  if (!joined) return fail(joined.error());
  Sha256 hash;
  std::string piece(1 << 18, '\0');
  for (;;) {
    const auto have = joined->read(piece.data(), piece.size());
    if (!have) return fail(have.error());
    if (*have == 0) break;
    hash.add(piece.data(), *have);
  }
  return to_hex(hash.finish());
}

// The same content has the same name, so that the same campaign brought again is the same.
std::string upload_name(const std::string& sha256) { return "sha256-" + sha256.substr(0, 40); }

Result<void> upload(ApiClient& client, const std::vector<std::string>& paths,
                    const std::string& sha256) {
  auto joined = Joined::open(paths);
  if (!joined) return fail(joined.error());
  std::optional<Error> failure;
  const ApiClient::Source read = [&](char* bytes, std::size_t size) -> std::size_t {
    const auto have = joined->read(bytes, size);
    if (!have) failure = have.error();
    return have ? *have : 0;
  };
  const auto reply = client.put_stream("/api/v1/audiences/" + upload_name(sha256), read);
  if (failure) return fail(std::move(*failure));
  if (!reply) return fail(reply.error());
  if (text_of(*reply, "sha256") != sha256)
    return fail(Code::temporary, "the audience changed while it was read: submit it again",
                {.file = paths.front()});
  return {};
}

// Bytes before a place of `text`, whose lines and columns count from 1, columns in characters.
std::size_t offset_of(const std::string& text, const Place& place) {
  std::size_t at = 0;
  for (int line = 1; line < place.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return text.size();
    ++at;
  }
  for (int column = 1; column < place.column && at < text.size(); ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  }
  return at;
}

const Node* files_of(const Node& document, Place& key) {
  const Node* audience = document.find("audience");
  if (audience == nullptr) return nullptr;
  for (const Node::Entry& entry : audience->entries())
    if (entry.key == "files") {
      key = entry.key_place;
      return &entry.value;
    }
  return nullptr;
}

// Behind the last character of the value, or npos.
std::size_t end_of(const std::string& text, const Node& node) {
  if (node.is_scalar()) {
    Place end = node.place();
    end.column += node.width();
    return offset_of(text, end);
  }
  if (!node.is_list() || node.items().empty()) return std::string::npos;
  std::size_t end = end_of(text, node.items().back());
  if (end == std::string::npos || text[offset_of(text, node.place())] != '[') return end;
  end = text.find_first_not_of(" \t\r\n,", end);
  return end != std::string::npos && text[end] == ']' ? end + 1 : std::string::npos;
}

}  // namespace

std::string with_upload(const std::string& document, const std::string& name) {
  Faults faults;
  const auto root = parse_document(document, "campaign", faults);
  if (!root) return "";
  Place key;
  const Node* files = files_of(*root, key);
  if (files == nullptr) return "";
  const std::size_t begin = offset_of(document, key);
  const std::size_t end = end_of(document, *files);
  if (end == std::string::npos || end <= begin) return "";
  const bool in_quotes = document[begin] == '"' || document[begin] == '\'';
  std::string with = in_quotes ? fmt::format("\"upload\": \"{}\"", name) : "upload: " + name;
  with.append(static_cast<std::size_t>(
                  std::count(document.begin() + static_cast<std::ptrdiff_t>(begin),
                             document.begin() + static_cast<std::ptrdiff_t>(end), '\n')),
              '\n');
  std::string made = document;
  made.replace(begin, end - begin, with);
  const auto again = parse_document(made, "campaign", faults);
  const Node* audience = again ? again->find("audience") : nullptr;
  const Node* upload = audience != nullptr ? audience->find("upload") : nullptr;
  if (upload == nullptr || upload->scalar() != name || audience->find("files") != nullptr)
    return "";
  if (again->entries().size() != root->entries().size() ||
      audience->entries().size() != root->find("audience")->entries().size())
    return "";
  return made;
}

Result<Brought> bring_campaign(ApiClient& client, const std::string& path, Faults& faults) {
  auto text = read_start(path, kCampaignBytesMax + 1);
  if (!text) return fail(text.error().code, text.error().text, {.file = path});
  if (text->size() > kCampaignBytesMax)
    return fail(Code::data, fmt::format("a campaign must be {} bytes or less", kCampaignBytesMax),
                {.file = path});
  Brought brought{std::move(*text), "application/yaml"};
  if (path.ends_with(".json")) brought.type = "application/json";
  const auto document = parse_document(brought.document, path, faults);
  if (!document) return brought;
  Place key;
  const Node* files = files_of(*document, key);
  if (files == nullptr) return brought;
  std::vector<std::string> paths;
  if (files->is_scalar()) paths.push_back(files->scalar());
  for (const Node& item : files->items()) paths.push_back(item.scalar());
  if (paths.empty() || std::any_of(paths.begin(), paths.end(), [](auto& p) { return p.empty(); })) {
    faults.error(files->place(), "audience: 'files' must name at least one CSV file",
                 files->width());
    return brought;
  }
  for (std::string& one : paths) one = resolved_beside(path, one);
  const auto sha256 = hash_of(paths);
  if (!sha256) return fail(sha256.error());
  std::string made = with_upload(brought.document, upload_name(*sha256));
  if (made.empty()) {
    faults.error(files->place(), "audience: write it as {files: [FILE, ...]} on one line",
                 files->width());
    return brought;
  }
  brought.document = std::move(made);
  if (auto done = upload(client, paths, *sha256); !done) return fail(done.error());
  return brought;
}

}  // namespace loa
