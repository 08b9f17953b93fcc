#include "cli/bring.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "audience/source.hpp"
#include "base/hash.hpp"
#include "base/input_file.hpp"
#include "campaign/campaign.hpp"
#include "cli/json_view.hpp"
#include "cli/settings.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

Result<InputFile> open_file(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return fail(file.error().code, file.error().text, {.file = path});
  return file;
}

Result<std::string> hash_of(const std::string& path) {
  auto file = open_file(path);
  if (!file) return fail(file.error());
  Sha256 hash;
  std::string piece(256UL * 1024, '\0');
  for (;;) {
    const auto have = file->read(piece.data(), piece.size());
    if (!have) return fail(have.error().code, have.error().text, {.file = path});
    if (*have == 0) return to_hex(hash.finish());
    hash.add(piece.data(), *have);
  }
}

// The same content has the same name: another file of that name never stands for it.
std::string name_of_upload(const std::string& sha256) { return "sha256-" + sha256.substr(0, 40); }

Result<std::string> upload(ApiClient& client, const std::string& path) {
  const auto sha256 = hash_of(path);
  if (!sha256) return fail(sha256.error());
  auto file = open_file(path);
  if (!file) return fail(file.error());
  std::optional<Error> failure;
  const ApiClient::Source read = [&](char* bytes, std::size_t size) -> std::size_t {
    const auto have = file->read(bytes, size);
    if (!have) failure = have.error();
    return have ? *have : 0;
  };
  std::string name = name_of_upload(*sha256);
  const auto reply = client.put_stream("/api/v1/audiences/" + name, read);
  if (failure) return fail(failure->code, failure->text, {.file = path});
  if (!reply) return fail(reply.error());
  if (text_of(*reply, "sha256") != *sha256)
    return fail(Code::temporary, "the audience changed while it was read: submit it again",
                {.file = path});
  return name;
}

// The files that the audience names, as they stand there.
std::vector<std::string> files_of(const Node& document, Faults& faults) {
  const Node* audience = document.find("audience");
  const Node* files = audience != nullptr ? audience->find("files") : nullptr;
  std::vector<std::string> paths;
  if (files == nullptr) return paths;
  if (files->is_scalar()) paths.push_back(files->scalar());
  for (const Node& item : files->items()) paths.push_back(item.scalar());
  if (paths.empty() || paths.size() > kAudienceFilesMax ||
      std::any_of(paths.begin(), paths.end(), [](const auto& path) { return path.empty(); })) {
    faults.error(files->place(),
                 fmt::format("audience: 'files' must name 1 to {} CSV files", kAudienceFilesMax),
                 files->width());
    paths.clear();
  }
  return paths;
}

}  // namespace

Result<Brought> bring_campaign(ApiClient& client, const std::string& path, Faults& faults) {
  auto text = read_start(path, kCampaignBytesMax + 1);
  if (!text) return fail(text.error().code, text.error().text, {.file = path});
  if (text->size() > kCampaignBytesMax)
    return fail(Code::data, fmt::format("a campaign must be {} bytes or less", kCampaignBytesMax),
                {.file = path});
  Brought brought{std::move(*text), "application/yaml", {}};
  if (path.ends_with(".json")) brought.type = "application/json";
  const auto document = parse_document(brought.document, path, faults);
  if (!document) return brought;
  for (const std::string& file : files_of(*document, faults)) {
    auto name = upload(client, resolved_beside(path, file));
    if (!name) return fail(name.error());
    brought.uploads.push_back(std::move(*name));
  }
  return brought;
}

}  // namespace loa
