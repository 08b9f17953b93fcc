// The delivery report: one line for each recipient of a campaign, and its closing balance.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "dispatch/record.hpp"
#include "plan/plan.hpp"

namespace loa {

// What happened to each row, followed from the journal's events of one campaign.
class RowHistories {
 public:
  struct Row {
    std::optional<Instant> sent;      // last intent
    std::optional<Instant> answered;  // last outcome
    std::uint32_t gateway = 0;        // texts below
    std::uint32_t code = 0;
    std::uint32_t words = 0;
    std::uint32_t id = 0;
  };

  explicit RowHistories(std::string campaign) : campaign_(std::move(campaign)) { intern(""); }

  void follow(const Event& event);
  const Row& row(std::uint64_t index) const { return rows_[index]; }
  const std::string& text(std::uint32_t index) const { return texts_[index]; }

 private:
  std::uint32_t intern(const std::string& text);

  std::string campaign_;
  std::vector<Row> rows_;
  std::unordered_map<std::uint64_t, std::uint32_t> gateway_of_batch_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

enum class ReportFormat { csv, json_lines };

// `reveal` writes whole numbers; otherwise they are masked. In CSV (RFC 4180) no cell begins with a
// character that a spreadsheet would take for a formula.
void write_report(std::ostream& out, ReportFormat format, const Plan& plan,
                  const CampaignRecord& record, const RowHistories& histories, bool reveal);

// One CSV cell, quoted where needed, and made harmless.
std::string csv_cell(std::string_view text);

// Parts of the accepted rows.
std::uint64_t parts_accepted(const Plan& plan, const CampaignRecord& record);

}  // namespace loa
