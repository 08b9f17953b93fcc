#include "drill/findings.hpp"

namespace loa {

Findings& Findings::operator+=(const Findings& other) {
  lost += other.lost;
  doubled += other.doubled;
  denied += other.denied;
  in_doubt += other.in_doubt;
  in_doubt_taken += other.in_doubt_taken;
  resent += other.resent;
  return *this;
}

Findings compare(std::span<const RowFate> rows, const TakenCounts& taken) {
  Findings findings;
  std::uint64_t planned_and_taken = 0;
  for (const RowFate& row : rows) {
    const auto found = taken.find(row.number);
    const std::uint64_t times = found == taken.end() ? 0 : found->second;
    if (times > 0) ++planned_and_taken;
    if (times > 1 + row.resends) ++findings.doubled;
    if (row.resends > 0) ++findings.resent;
    switch (row.state) {
      case RowState::planned:
      case RowState::intended: ++findings.lost; break;
      case RowState::accepted: findings.lost += times == 0 ? 1 : 0; break;
      case RowState::refused: findings.denied += times > 0 ? 1 : 0; break;
      case RowState::in_doubt:
        ++findings.in_doubt;
        findings.in_doubt_taken += times > 0 ? 1 : 0;
        break;
    }
  }
  findings.denied += taken.size() - planned_and_taken;
  return findings;
}

}  // namespace loa
