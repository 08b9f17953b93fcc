#include "dispatch/request.hpp"

#include <fmt/format.h>

#include <utility>

namespace loa {

RenderedBatch::RenderedBatch(const Plan& plan, const Work& work, const Gateway& gateway,
                             std::string reference)
    : reference_(std::move(reference)) {
  const PlanLane& lane = plan.head().lanes[work.lane];
  const bool own_ids = gateway.profile.mode() == BatchMode::items;
  const std::uint64_t count = count_rows(work.rows);
  rows_.reserve(count);
  if (own_ids) ids_.reserve(count);
  for_each_row(work.rows, [&](std::uint64_t index) {
    const PlanRow& row = plan.rows()[index];
    if (own_ids) ids_.push_back(fmt::format("{}-{}", reference_.substr(0, 12), index));
    rows_.push_back({.number = row.number(),
                     .id = own_ids ? std::string_view(ids_.back()) : std::string_view(),
                     .text = plan.text(row.text).text});
  });
  const PlanText& text = plan.text(plan.rows()[work.rows.front().first].text);
  const bool registered = lane.gateway == gateway.name && !lane.registered_template.empty();
  if (registered) {
    parameters_ = text.parameters;
  } else {
    parameters_ = {text.text};
  }
  batch_ = {.reference = reference_,
            .sender = plan.head().sender,
            .message_class = plan.head().message_class,
            .encoding = lane.encoding,
            .rows = rows_,
            .registered_template =
                registered ? std::string_view(lane.registered_template) : std::string_view(),
            .parameters = parameters_};
}

HttpCall call_of(const Gateway& gateway, HttpRequest& request) {
  HttpCall call;
  call.method = request.method;
  call.url = std::move(request.url);
  call.headers = std::move(request.headers);
  call.body = std::move(request.body);
  call.allow_plain = gateway.profile.allows_plain_http();
  call.ca_file = gateway.ca_file;
  call.connect_limit = gateway.connect_limit;
  call.total_limit = gateway.answer_limit;
  return call;
}

}  // namespace loa
