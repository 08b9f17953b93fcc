// Where parts of audiences lie until their campaign is complete: DIR/staging, mode 0700, files
// 0600, durable when a call returns. Beside the plans it holds phone numbers, and only for so long.
//
//   CAMPAIGN.INDEX-of-COUNT.SHA256   a part
//   CAMPAIGN.csv                     a whole audience
//
// All calls block: they are for a worker thread, one at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "journal/disk.hpp"

namespace loa {

struct StagedChunk {
  std::string campaign;
  std::uint32_t index = 0;
  std::uint32_t count = 0;
  std::string sha256;

  friend bool operator==(const StagedChunk&, const StagedChunk&) = default;
};

class Staging {
 public:
  Staging(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

  // Makes the folder, removes what is whole or half-written from before, and lists the parts.
  Result<std::vector<StagedChunk>> open();
  // Does nothing when it is there.
  Result<void> keep(const StagedChunk& chunk, std::string_view csv);
  // Puts the parts, in order, into one file; its path. Fails with Code::data when a part is damaged
  // (it is removed) and with Code::config when the whole has another SHA-256.
  Result<std::string> assemble(const std::vector<StagedChunk>& chunks, const std::string& sha256);
  // The whole audience, if there is one.
  Result<void> remove_audience(const std::string& campaign);
  // That and every part, also those that others took the place of.
  Result<void> remove_all(const std::string& campaign);

  // A whole audience, written piece by piece.
  class Writer {
   public:
    Result<void> add(std::string_view bytes);

   private:
    friend class Staging;
    std::unique_ptr<DiskFile> file_;
    std::uint64_t size_ = 0;
    std::string campaign_;
  };
  Result<Writer> write_audience(const std::string& campaign);
  Result<std::string> finish(Writer writer);  // its path

 private:
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  std::string audience_path(const std::string& campaign) const {
    return path_of(campaign + ".csv");
  }

  Disk& disk_;
  std::string folder_;
};

}  // namespace loa
