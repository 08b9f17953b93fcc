#include "api/idempotency.hpp"

#include <algorithm>

#include "base/hash.hpp"

namespace loa {
namespace {

constexpr std::size_t kKeyMax = 255;

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kKeyMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Lengths go in, so that no two lists of parts are the same bytes.
std::string hash_of(std::initializer_list<std::string_view> parts) {
  Sha256 sum;
  for (const std::string_view part : parts) {
    sum.add(std::to_string(part.size()) + ":");
    sum.add(part);
  }
  return to_hex(sum.finish());
}

}  // namespace

Idempotency::Turn::Turn(Idempotency& keys, std::string key, std::string request)
    : keys_(keys), key_(std::move(key)), request_(std::move(request)) {
  keys_.under_way_.insert(key_);
}

Idempotency::Turn::~Turn() { keys_.under_way_.erase(key_); }

Task<void> Idempotency::Turn::remember(std::string campaign, int status) {
  Desk::Remembered what{request_, std::move(campaign), status};
  // What was asked is done, whether this is on record or not; sent again, the desk would see that.
  static_cast<void>(co_await keys_.desk_.remember(key_, std::move(what)));
}

tl::expected<std::unique_ptr<Idempotency::Turn>, Problem> Idempotency::begin(const ApiCall& call) {
  const std::string* given = call.request.headers.find("Idempotency-Key");
  if (given == nullptr || !is_key(*given)) {
    return tl::unexpected(Problem{
        400, "idempotency-key-missing",
        "send an Idempotency-Key of 1 to 255 visible ASCII characters, a new one for each thing to "
        "be done, and the same one when the same is sent again"});
  }
  // Neither the user's name nor what he chose as a key stands in the journal.
  std::string key = hash_of({call.who.user, *given});
  const std::string* type = call.request.headers.find("Content-Type");
  std::string request =
      hash_of({call.request.path, type == nullptr ? "" : *type, call.request.body});
  if (under_way_.contains(key)) {
    return tl::unexpected(Problem{409,
                                  "idempotency-key-in-flight",
                                  "the first request of this key has no answer yet",
                                  {},
                                  std::chrono::seconds(1)});
  }
  auto before = desk_.recall(key);
  if (before && before->request != request) {
    return tl::unexpected(Problem{422, "idempotency-key-reused",
                                  "this key was sent with another request; take a new one"});
  }
  auto turn = std::make_unique<Turn>(*this, std::move(key), std::move(request));
  turn->before_ = std::move(before);
  return turn;
}

}  // namespace loa
