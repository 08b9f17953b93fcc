#include <algorithm>
#include <charconv>
#include <limits>

#include "api/handlers.hpp"
#include "api/input.hpp"
#include "api/views.hpp"
#include "base/printable.hpp"

namespace loa::api {

// The number comes in the body: a path or a query stands in the logs of whatever is on the way.
Task<HttpResponse> explain_number(ApiCall& call) {
  auto body = read_explain_body(call.request);
  if (!body) co_return problem(call, body.error());
  const auto found =
      co_await call.api.desk.explain(std::move(body->number), std::move(body->campaign));
  if (!found) co_return refusal(call, found.error());
  JsonWriter out;
  out.open_object().key("items").open_array();
  for (const Explanation& one : *found) {
    out.open_object().field("campaign", one.campaign).field("state", one.state);
    out.key("lines").open_array();
    for (const std::string& line : one.lines) out.value(printable(line));
    out.close_array().close_object();
  }
  co_return json_response(200, out.close_array().close_object().take());
}

// Newest first; the cursor is the record number of the last one shown.
Task<HttpResponse> list_acts(ApiCall& call) {
  const auto page = read_page(call.request);
  if (!page) co_return problem(call, page.error());
  std::uint64_t below = std::numeric_limits<std::uint64_t>::max();
  if (!page->cursor.empty()) {
    const char* const last = page->cursor.data() + page->cursor.size();
    const auto [end, ec] = std::from_chars(page->cursor.data(), last, below);
    if (ec != std::errc{} || end != last)
      co_return problem(call, {400, "bad-request", "the cursor is unknown"});
  }
  std::vector<ActRecord> acts = call.api.desk.acts("");
  std::sort(acts.begin(), acts.end(),
            [](const ActRecord& a, const ActRecord& b) { return a.lsn > b.lsn; });
  auto from =
      std::find_if(acts.begin(), acts.end(), [&](const ActRecord& act) { return act.lsn < below; });
  JsonWriter out;
  out.open_object().key("items").open_array();
  std::uint64_t last_shown = 0;
  for (std::size_t count = 0; from != acts.end() && count < page->limit; ++from, ++count) {
    put_act(out, *from);
    last_shown = from->lsn;
  }
  out.close_array().key("next");
  if (from == acts.end()) {
    out.null();
  } else {
    out.value(std::to_string(last_shown));
  }
  co_return json_response(200, out.close_object().take());
}

Task<HttpResponse> show_me(ApiCall& call) {
  JsonWriter out;
  out.open_object().field("user", call.who.user).field("name", call.who.display);
  out.key("roles").open_array();
  for (std::size_t i = 0; i < kRoles; ++i) {
    const auto role = static_cast<Role>(i);
    if (call.who.roles.has(role)) out.value(to_string(role));
  }
  out.close_array().field("gateway", call.who.gateway).field("from", call.who.from);
  out.key("permissions").open_array();
  for (std::size_t i = 0; i < kPermissions; ++i) {
    const auto permission = static_cast<Permission>(i);
    if (allowed(call.who, permission)) out.value(to_string(permission));
  }
  out.close_array().field("approval_required", call.api.desk.approval_required());
  co_return json_response(200, out.close_object().take());
}

}  // namespace loa::api
