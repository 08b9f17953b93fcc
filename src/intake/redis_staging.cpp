#include "intake/redis_staging.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "base/hash.hpp"
#include "intake/redis_entry.hpp"

namespace loa {
namespace {

constexpr std::string_view kNew = ".new";  // ends the name of what is not durable yet

std::string name_of(const StagedChunk& chunk) {
  return fmt::format("{}.{}-of-{}.{}", chunk.campaign, chunk.index, chunk.count, chunk.sha256);
}

std::optional<StagedChunk> chunk_of(const std::string& name) {
  StagedChunk chunk;
  const std::size_t dot = name.find('.');
  const std::size_t of = name.find("-of-", dot);
  const std::size_t last = name.rfind('.');
  if (dot == std::string::npos || of == std::string::npos || last < of) return std::nullopt;
  chunk.campaign = name.substr(0, dot);
  std::from_chars(name.data() + dot + 1, name.data() + of, chunk.index);
  std::from_chars(name.data() + of + 4, name.data() + last, chunk.count);
  chunk.sha256 = name.substr(last + 1);
  const bool is_one = is_queue_id(chunk.campaign) && name == name_of(chunk);
  return is_one ? std::optional(std::move(chunk)) : std::nullopt;
}

}  // namespace

Result<std::vector<StagedChunk>> Staging::open() {
  constexpr unsigned kOwnerOnly = 0700;
  Result<void> made;
  Result<std::vector<std::string>> names = disk_.list(folder_);
  if (!names) made = disk_.make_directory(folder_, kOwnerOnly);
  // Its name may not be durable yet, whoever made it.
  if (made) made = disk_.sync_directory(std::filesystem::path(folder_).parent_path().string());
  if (!made) return tl::unexpected(made.error());
  if (!names) names = disk_.list(folder_);
  if (!names) return tl::unexpected(names.error());
  std::vector<StagedChunk> chunks;
  for (const std::string& name : *names) {
    if (auto chunk = chunk_of(name)) {
      chunks.push_back(std::move(*chunk));
    } else if (name.ends_with(kNew) || name.ends_with(".csv")) {
      const Result<void> removed = disk_.remove(path_of(name));
      if (!removed) return tl::unexpected(removed.error());
    }
  }
  return chunks;
}

Result<void> Staging::keep(const StagedChunk& chunk, std::string_view csv) {
  const std::string path = path_of(name_of(chunk));
  // It may be there without its name being durable.
  if (disk_.open(path, false)) return disk_.sync_directory(folder_);
  const std::string fresh = path + std::string(kNew);
  Result<void> done = disk_.remove(fresh);
  if (!done) return done;
  Result<std::unique_ptr<DiskFile>> file = disk_.create(fresh, 0);
  if (!file) return tl::unexpected(file.error());
  done = (*file)->write_at(0, csv);
  if (done) done = (*file)->sync();
  if (done) done = disk_.rename(fresh, path);
  if (done) done = disk_.sync_directory(folder_);
  return done;
}

Result<std::string> Staging::assemble(const std::vector<StagedChunk>& chunks,
                                      const std::string& sha256) {
  Result<Writer> writer = write_audience(chunks.front().campaign);
  if (!writer) return tl::unexpected(writer.error());
  Sha256 whole;
  for (const StagedChunk& chunk : chunks) {
    const std::string path = path_of(name_of(chunk));
    const Result<std::unique_ptr<DiskFile>> file = disk_.open(path, false);
    if (!file) return tl::unexpected(file.error());
    const Result<std::string> csv = (*file)->read_at(0, kChunkBytesMax + 1);
    if (!csv) return tl::unexpected(csv.error());
    if (to_hex(loa::sha256(*csv)) != chunk.sha256) {
      const Result<void> removed = disk_.remove(path);
      if (!removed) return tl::unexpected(removed.error());
      return fail(Code::data,
                  fmt::format("part {} of the audience of {} was damaged on the disk, and is "
                              "removed",
                              chunk.index, chunk.campaign));
    }
    whole.add(*csv);
    const Result<void> added = writer->add(*csv);
    if (!added) return tl::unexpected(added.error());
  }
  if (const std::string found = to_hex(whole.finish()); found != sha256) {
    return fail(Code::config,
                fmt::format("all parts are here, but together they have the SHA-256 {}: queue "
                            "the campaign and its parts again",
                            found));
  }
  return finish(std::move(*writer));
}

Result<void> Staging::remove_audience(const std::string& campaign) {
  Result<void> removed = disk_.remove(audience_path(campaign) + std::string(kNew));
  if (!removed) return removed;
  return disk_.remove(audience_path(campaign));
}

Result<void> Staging::remove_all(const std::string& campaign) {
  const Result<std::vector<std::string>> names = disk_.list(folder_);
  if (!names) return tl::unexpected(names.error());
  Result<void> done = remove_audience(campaign);
  for (const std::string& name : *names) {
    const std::optional<StagedChunk> chunk = chunk_of(name);
    if (done && chunk && chunk->campaign == campaign) done = disk_.remove(path_of(name));
  }
  return done;
}

Result<void> Staging::Writer::add(std::string_view bytes) {
  Result<void> written = file_->write_at(size_, bytes);
  if (written) size_ += bytes.size();
  return written;
}

Result<Staging::Writer> Staging::write_audience(const std::string& campaign) {
  const Result<void> removed = remove_audience(campaign);
  if (!removed) return tl::unexpected(removed.error());
  Result<std::unique_ptr<DiskFile>> file =
      disk_.create(audience_path(campaign) + std::string(kNew), 0);
  if (!file) return tl::unexpected(file.error());
  Writer writer;
  writer.file_ = std::move(*file);
  writer.campaign_ = campaign;
  return writer;
}

Result<std::string> Staging::finish(Writer writer) {
  Result<void> done = writer.file_->sync();
  if (!done) return tl::unexpected(done.error());
  std::string path = audience_path(writer.campaign_);
  done = disk_.rename(path + std::string(kNew), path);
  if (done) done = disk_.sync_directory(folder_);
  if (!done) return tl::unexpected(done.error());
  return path;
}

}  // namespace loa
