// The folders of campaigns as files: what lies there, and where it goes. Blocking calls, for a
// thread that may block.
//   campaigns/incoming/x.yaml     put here by an operator: written elsewhere and renamed, or
//   written and closed campaigns/taken/x.yaml        was taken in campaigns/refused/x.yaml      was
//   not: x.yaml.faults.txt beside it says why
// A name that is there already is kept, and a time stamp added to the new one. Paths in a document
// are relative to incoming/; those that begin with ../ hold for all three.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace loa {

// Tells a file from one that was put in its place, or written anew.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0;  // nanoseconds

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct IncomingFile {
  enum class State {
    ready,
    not_yet,  // it, or an audience it names, is still being written; or it is empty
    odd,      // a link, a device, ...: `words`
    gone,
  };
  State state = State::gone;
  FileIdentity identity;
  std::string document;  // at most a byte more than a campaign may have
  std::string owner;     // login name, or "uid 1000"
  std::string words;
};

class Incoming {
 public:
  // `folder` is incoming/; taken/ and refused/ lie beside it.
  explicit Incoming(const std::string& folder);

  const std::string& folder() const { return folder_; }

  // Makes the folders that are not there.
  Result<void> prepare() const;

  // Names that may be campaigns (*.yaml, *.yml, *.json, no dot files), sorted, 200 at most at a
  // time.
  static constexpr std::size_t kNamesMax = 200;
  Result<std::vector<std::string>> list() const;

  // `closed`: its writer has just said that it is whole.
  IncomingFile look(const std::string& name, Instant now, bool closed) const;

  // Moves the file, when it is still the one that was looked at; durable when it returns. The name
  // it has there; "" when it is another one by now, and stays.
  Result<std::string> take(const std::string& name, const FileIdentity& identity,
                           Instant now) const;
  Result<std::string> refuse(const std::string& name, const FileIdentity& identity, Instant now,
                             const std::string& faults) const;

 private:
  Result<std::string> move(const std::string& name, const FileIdentity& identity,
                           const std::string& to, const std::string& new_name) const;
  bool audience_is_whole(const std::string& document, Instant now) const;

  std::string folder_;
  std::string taken_;
  std::string refused_;
};

bool is_campaign_name(std::string_view name);

}  // namespace loa
