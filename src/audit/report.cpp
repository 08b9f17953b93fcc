#include "audit/report.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace loa {

std::uint32_t RowHistories::intern(const std::string& text) {
  const auto [at, is_new] = ids_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(text);
  return at->second;
}

void RowHistories::follow(const Event& event) {
  if (event.campaign != campaign_) return;
  switch (event.kind) {
    case Event::Kind::frozen: rows_.assign(event.row_count, Row{}); break;
    case Event::Kind::intent: {
      const std::uint32_t gateway = intern(event.gateway);
      gateway_of_batch_[event.batch] = gateway;
      for_each_row(event.rows, [&](std::uint64_t row) {
        rows_[row].sent = event.at;
        rows_[row].gateway = gateway;
      });
      break;
    }
    case Event::Kind::answer:
      gateway_of_batch_.erase(event.batch);
      for (const Outcome& outcome : event.outcomes) {
        const std::uint32_t code = intern(outcome.code);
        const std::uint32_t words = intern(outcome.words);
        const std::uint32_t id = intern(outcome.id);
        for_each_row(outcome.rows, [&](std::uint64_t index) {
          Row& row = rows_[index];
          row.answered = event.at;
          row.code = code;
          row.words = words;
          row.id = id;
        });
      }
      break;
    case Event::Kind::settled: {
      const std::uint32_t words =
          intern(event.reason.empty() ? event.why : event.why + ": " + event.reason);
      for_each_row(event.rows, [&](std::uint64_t index) {
        rows_[index].answered = event.at;
        rows_[index].words = words;
      });
      break;
    }
    default: break;
  }
}

std::string csv_cell(std::string_view text) {
  std::string cell;
  if (!text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos)
    cell += '\'';
  for (const char c : text)
    if (c != '\0') cell += c;
  if (cell.find_first_of(",\"\r\n;") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

namespace {

// A planned row after the end is one that was never accepted.
std::string_view shown_state(RowState state) {
  switch (state) {
    case RowState::planned: return "unsent";
    case RowState::intended: return "in_doubt";
    default: return to_string(state);
  }
}

std::string shown(const std::optional<Instant>& instant) {
  return instant ? to_rfc3339(*instant) : "";
}

struct Line {
  std::string file;
  std::uint32_t line;
  std::string number, network, gateway;
  int parts, attempts;
  std::string_view state;
  std::string code, words, id, sent, answered;
};

void write_csv(std::ostream& out, const Line& line) {
  out << csv_cell(line.file) << ',' << line.line << ',' << csv_cell(line.number) << ','
      << csv_cell(line.network) << ',' << csv_cell(line.gateway) << ',' << line.parts << ','
      << line.attempts << ',' << line.state << ',' << csv_cell(line.code) << ','
      << csv_cell(line.words) << ',' << csv_cell(line.id) << ',' << line.sent << ','
      << line.answered << "\r\n";
}

void write_json(std::ostream& out, const Line& line) {
  JsonWriter json;
  json.open_object()
      .field("file", line.file)
      .field("line", line.line)
      .field("number", line.number)
      .field("network", line.network)
      .field("gateway", line.gateway)
      .field("parts", line.parts)
      .field("attempts", line.attempts)
      .field("state", line.state)
      .field("code", line.code)
      .field("words", line.words)
      .field("id", line.id)
      .field("sent", line.sent)
      .field("answered", line.answered)
      .close_object();
  out << json.text() << '\n';
}

}  // namespace

void write_report(std::ostream& out, ReportFormat format, const Plan& plan,
                  const CampaignRecord& record, const RowHistories& histories, bool reveal) {
  if (format == ReportFormat::csv)
    out << "file,line,number,network,gateway,parts,attempts,state,code,words,id,sent,answered\r\n";
  for (std::uint64_t index = 0; index < plan.rows().size(); ++index) {
    const PlanRow& row = plan.rows()[index];
    const RowHistories::Row& history = histories.row(index);
    std::string number = reveal ? to_digits(row.number()) : masked(row.number());
    if (number.front() == '+') number.erase(0, 1);
    const Line line{
        .file = plan.head().files[row.file()],
        .line = row.line,
        .number = std::move(number),
        .network = plan.head().networks[row.network()],
        .gateway = history.sent ? histories.text(history.gateway)
                                : plan.head().lanes[plan.lane_of(index)].gateway,
        .parts = plan.text(row.text).parts,
        .attempts = record.attempts[index],
        .state = shown_state(record.rows[index]),
        .code = histories.text(history.code),
        .words = histories.text(history.words),
        .id = histories.text(history.id),
        .sent = shown(history.sent),
        .answered = shown(history.answered),
    };
    format == ReportFormat::csv ? write_csv(out, line) : write_json(out, line);
  }
}

std::uint64_t parts_accepted(const Plan& plan, const CampaignRecord& record) {
  std::uint64_t parts = 0;
  for (std::size_t i = 0; i < record.rows.size(); ++i)
    if (record.rows[i] == RowState::accepted)
      parts += static_cast<std::uint64_t>(plan.text(plan.rows()[i].text).parts);
  return parts;
}

}  // namespace loa
