// A plan: one campaign frozen. Every recipient is a row with its number, network, lane and text.
// Immutable, and named by the SHA-256 of its bytes: that is what is approved and what is sent.
//
// The file: "LOAPLAN1", the size of the head (8 bytes, little-endian), the head as JSON padded with
// spaces to a multiple of 16, the rows (16 bytes each, lane after lane), then the texts. The head
// says where each begins:
//   row   number (50 bits) | network << 50 (6 bits) | file << 56 (8 bits); line (4 bytes); text (4
//   bytes) text  parts (1 byte), number of strings (1 byte), then each string: size (4 bytes),
//   bytes. The first string
//         is the text, the others are the parameters of a registered text.
// The same campaign, audience and gateways give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audience/audience.hpp"
#include "base/hash.hpp"
#include "base/number.hpp"
#include "base/result.hpp"
#include "campaign/campaign.hpp"
#include "text/parts.hpp"

namespace loa {

struct PlanRow {
  std::uint64_t packed = 0;
  std::uint32_t line = 0;
  std::uint32_t text = 0;

  E164 number() const { return packed & ((std::uint64_t{1} << 50) - 1); }
  NetworkId network() const { return static_cast<NetworkId>((packed >> 50) & 63); }
  std::uint8_t file() const { return static_cast<std::uint8_t>(packed >> 56); }
};
static_assert(sizeof(PlanRow) == 16);

constexpr E164 kNumberMax = (E164{1} << 50) - 1;
constexpr std::size_t kNetworksMax = 63;

PlanRow pack_row(E164 number, NetworkId network, std::uint8_t file, std::uint32_t line,
                 std::uint32_t text);

// The rows of one plan bound for one gateway in one encoding.
struct PlanLane {
  std::string gateway;
  Encoding encoding = Encoding::gsm7;
  std::uint64_t first = 0;  // row
  std::uint64_t rows = 0;
  std::uint64_t parts = 0;
  int batch = 1;  // rows a request
  std::int64_t price_per_part = 0;
  std::string registered_template;  // "" for the account's default
  std::string why;                  // why this encoding, for people
};

struct PlanHead {
  std::string campaign;
  std::string title;
  MessageClass message_class = MessageClass::public_info;
  std::string sender;
  OnUnknown on_unknown = OnUnknown::hold;
  std::optional<Instant> not_before;
  std::optional<Instant> useful_until;
  std::uint64_t parts_budget = 0;
  std::vector<std::string> networks;
  std::vector<std::string> files;
  std::vector<PlanLane> lanes;
  std::uint64_t rows = 0;
  std::uint64_t parts = 0;
  std::uint64_t audience = 0;   // rows of the files
  std::uint64_t converted = 0;  // old 11-digit numbers among the planned
  std::array<std::uint64_t, kExclusions> excluded{};
  std::string audience_sha256;  // of the rows' numbers, in the order of the files
  std::string texts_sha256;
  std::uint64_t texts = 0;
  std::uint64_t texts_at = 0;  // offset in the file
};

struct PlanText {
  int parts = 1;
  std::string_view text;
  std::vector<std::string_view> parameters;
};

class Plan {
 public:
  // Maps the file and checks it against its own head; Code::data when it is damaged.
  static Result<Plan> open(const std::string& path);
  static Result<Plan> from_bytes(std::string bytes);

  const PlanHead& head() const { return head_; }
  const std::string& sha256() const { return sha256_; }  // hex
  std::span<const PlanRow> rows() const { return rows_; }
  const PlanText& text(std::uint32_t index) const { return texts_[index]; }
  std::size_t texts() const { return texts_.size(); }
  // The lane a row is in: index into head().lanes.
  std::size_t lane_of(std::uint64_t row) const;

 private:
  static Result<Plan> parse(std::shared_ptr<const void> owner, std::string_view bytes,
                            const std::string& name);

  std::shared_ptr<const void> owner_;  // keeps the bytes
  PlanHead head_;
  std::string sha256_;
  std::span<const PlanRow> rows_;
  std::vector<PlanText> texts_;
};

// The head of a plan file alone; what follows it is not looked at.
Result<PlanHead> read_plan_head(const std::string& path);

std::string to_json(const PlanHead& head);
Result<PlanHead> parse_plan_head(std::string_view json);

// What differs between two plans of one campaign, in words; empty when it is nothing that matters
// to a recipient or an approver.
std::vector<std::string> differences(const PlanHead& frozen, const PlanHead& now);

}  // namespace loa
