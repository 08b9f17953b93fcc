#include "intake/redis_audience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace loa {
namespace {

constexpr std::int64_t kPieceSize = 1000;  // values asked for at once
constexpr std::size_t kValueMax = 256;     // of a number with all its spaces and marks
constexpr std::size_t kWriteBytes = 256 * 1024;

using Outcome = tl::expected<RedisAudienceFile, RedisAudienceError>;

tl::unexpected<RedisAudienceError> not_now(std::string text) {
  return tl::unexpected(RedisAudienceError{true, std::move(text)});
}
tl::unexpected<RedisAudienceError> wrong(std::string text) {
  return tl::unexpected(RedisAudienceError{false, std::move(text)});
}

// RFC 4180.
void add_row(std::string& csv, std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    csv += value;
  } else {
    csv += '"';
    for (const char c : value) {
      if (c == '"') csv += '"';
      csv += c;
    }
    csv += '"';
  }
  csv += '\n';
}

// The values of a set, in an order that does not depend on how the server gives them. Digits, which
// nearly all of them are, take eight bytes; so ten million numbers take 80 MB.
class Values {
 public:
  std::size_t size() const { return digits_.size() + others_.size(); }

  void add(const std::string& text) {
    if (const auto packed = pack(text)) {
      digits_.push_back(*packed);
    } else {
      others_.push_back(text);
    }
  }

  void sort() {
    std::sort(digits_.begin(), digits_.end());
    digits_.erase(std::unique(digits_.begin(), digits_.end()), digits_.end());
    std::sort(others_.begin(), others_.end());
    others_.erase(std::unique(others_.begin(), others_.end()), others_.end());
  }

  Result<void> write(Staging::Writer& writer, std::string csv) const {
    Result<void> done;
    const auto add = [&](std::string_view value) {
      add_row(csv, value);
      if (csv.size() < kWriteBytes) return;
      if (done) done = writer.add(csv);
      csv.clear();
    };
    for (const std::uint64_t packed : digits_) add(unpack(packed));
    for (const std::string& text : others_) add(text);
    return done ? writer.add(csv) : done;
  }

 private:
  static constexpr unsigned kLengthBits = 5;
  static constexpr std::size_t kDigitsMax = 17;  // of which the largest fits into 59 bits

  // The value above, so that it leads the order; the length below, since zeros may lead the digits.
  static std::optional<std::uint64_t> pack(std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
    const auto [last, ec] = std::from_chars(text.data(), end, value);
    if (ec != std::errc() || last != end) return std::nullopt;
    return value << kLengthBits | text.size();
  }
  static std::string unpack(std::uint64_t packed) {
    return fmt::format("{:0{}}", packed >> kLengthBits, packed & ((1U << kLengthBits) - 1));
  }

  std::vector<std::uint64_t> digits_;
  std::vector<std::string> others_;
};

class Reading {
 public:
  Reading(Redis& redis, Clock& clock, Workers& workers, Staging& staging,
          const QueuedCampaign& campaign, Duration limit, const bool& stopping)
      : redis_(redis),
        clock_(clock),
        workers_(workers),
        staging_(staging),
        campaign_(campaign),
        need_(*campaign.redis),
        stopping_(stopping),
        deadline_(clock.now() + limit),
        what_(fmt::format("the {} '{}' in Redis", need_.is_list ? "list" : "set", need_.key)) {}

  Task<Outcome> run() {
    const Size before = co_await size();
    if (!before) co_return tl::unexpected(before.error());
    if (*before == 0)
      co_return wrong(what_ + " is empty, or not there: fill it, then queue the campaign again");
    const auto begin = [this] { return staging_.write_audience(campaign_.id); };
    Result<Staging::Writer> writer = co_await workers_.run(begin);
    if (!writer) co_return not_now(writer.error().text);
    writer_ = std::move(*writer);
    add_row(csv_, campaign_.phone_column);
    const tl::expected<void, RedisAudienceError> read = co_await read_all();
    if (!read) co_return tl::unexpected(read.error());
    const Size after = co_await size();
    if (!after) co_return tl::unexpected(after.error());
    const auto finish = [this]() -> Result<std::string> {
      values_.sort();
      const Result<void> written = values_.write(writer_, std::move(csv_));
      if (!written) return tl::unexpected(written.error());
      return staging_.finish(std::move(writer_));
    };
    Result<std::string> path = co_await workers_.run(finish);
    if (!path) co_return not_now(path.error().text);
    RedisAudienceFile file;
    file.path = std::move(*path);
    file.rows = rows_ + values_.size();
    if (*after != *before || file.rows != static_cast<std::uint64_t>(*after)) {
      file.warning = fmt::format(
          "{} changed while it was read: {} values before, {} after, {} read. Check the count in "
          "the plan, or queue the campaign again under another id",
          what_, *before, *after, file.rows);
    }
    co_return file;
  }

 private:
  using Size = tl::expected<std::int64_t, RedisAudienceError>;

  static tl::unexpected<RedisAudienceError> failed(const std::string& what,
                                                   const RedisError& error) {
    switch (error.kind) {
      case RedisFailure::wrong_type:
        return wrong(what + ": the key holds something else: " + error.text);
      case RedisFailure::not_permitted:
      case RedisFailure::other: return wrong(what + " cannot be read: " + error.text);
      case RedisFailure::too_large: return wrong(what + " has values that are no phone numbers");
      default: return not_now(what + " cannot be read now: " + error.text);
    }
  }

  Task<Size> size() {
    std::vector<std::string> words{need_.is_list ? "LLEN" : "SCARD", need_.key};
    const RedisResult<RedisReply> reply = co_await redis_.command(std::move(words));
    if (!reply) co_return failed(what_, reply.error());
    co_return reply->integer;
  }

  Task<tl::expected<void, RedisAudienceError>> read_all() {
    for (bool more = true; more;) {
      if (stopping_) co_return not_now("Loa is stopping");
      if (clock_.now() > deadline_) co_return not_now(what_ + " took too long to read");
      const tl::expected<bool, RedisAudienceError> piece = co_await read_piece();
      if (!piece) co_return tl::unexpected(piece.error());
      more = *piece;
      if (csv_.size() < kWriteBytes) continue;
      const auto add = [this] { return writer_.add(csv_); };
      const Result<void> written = co_await workers_.run(add);
      if (!written) co_return not_now(written.error().text);
      csv_.clear();
    }
    co_return tl::expected<void, RedisAudienceError>{};
  }

  // Whether there is more.
  Task<tl::expected<bool, RedisAudienceError>> read_piece() {
    std::vector<std::string> words;
    if (need_.is_list) {
      const std::string last = std::to_string(next_ + kPieceSize - 1);
      words = {"LRANGE", need_.key, std::to_string(next_), last};
    } else {
      words = {"SSCAN", need_.key, cursor_, "COUNT", std::to_string(kPieceSize)};
    }
    const RedisResult<RedisReply> reply = co_await redis_.command(std::move(words));
    if (!reply) co_return failed(what_, reply.error());
    const RedisReply* values = &*reply;
    if (!need_.is_list) {
      if (reply->items.size() != 2) co_return not_now(what_ + ": no answer to SSCAN");
      cursor_ = reply->items[0].text;
      values = &reply->items[1];
    }
    for (const RedisReply& value : values->items) {
      if (value.text.size() > kValueMax) {
        co_return wrong(fmt::format("{} has values that are no phone numbers: one has {} bytes",
                                    what_, value.text.size()));
      }
      if (need_.is_list) {
        add_row(csv_, value.text);
        ++rows_;
      } else {
        values_.add(value.text);
      }
    }
    if (values_.size() > kRedisSetMax) {
      co_return wrong(fmt::format("{} has more than {} values: queue it in parts, or as a list",
                                  what_, kRedisSetMax));
    }
    next_ += kPieceSize;
    co_return need_.is_list ? !values->items.empty() : cursor_ != "0";
  }

  Redis& redis_;
  Clock& clock_;
  Workers& workers_;
  Staging& staging_;
  const QueuedCampaign& campaign_;
  const RedisNeed& need_;
  const bool& stopping_;
  Tick deadline_;
  std::string what_;
  Staging::Writer writer_;
  std::string csv_;  // of a list, what is not written yet
  Values values_;    // of a set
  std::string cursor_ = "0";
  std::int64_t next_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace

Task<Outcome> read_redis_audience(Redis& redis, Clock& clock, Workers& workers, Staging& staging,
                                  const QueuedCampaign& campaign, Duration limit,
                                  const bool& stopping) {
  Reading reading(redis, clock, workers, staging, campaign, limit, stopping);
  Outcome outcome = co_await reading.run();
  co_return outcome;
}

}  // namespace loa
