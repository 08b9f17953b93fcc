#include "cli/problem_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.hpp"
#include "cli/json_view.hpp"
#include "cli/output.hpp"

namespace loa {
namespace {

Code code_of(const boost::json::object& problem, int status) {
  if (text_of(problem, "code") == "idempotency-key-in-flight") return Code::temporary;
  switch (status) {
    case 401:
    case 403: return Code::permission;
    case 408:
    case 429:
    case 503:
    case 507: return Code::temporary;
    default: return status >= 500 ? Code::internal : Code::data;
  }
}

}  // namespace

Faults faults_of(const boost::json::object& object, std::string_view key, const std::string& file) {
  Faults faults;
  const boost::json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return faults;
  for (const boost::json::value& item : list->get_array()) {
    if (!item.is_object()) continue;
    const boost::json::object& fault = item.get_object();
    constexpr std::int64_t kPlaceMax = 1'000'000;
    const auto place = [&](std::string_view name) {
      return static_cast<int>(std::clamp<std::int64_t>(number_of(fault, name), 0, kPlaceMax));
    };
    Place at{file, place("line"), place("column")};
    const int width = static_cast<int>(
        std::clamp<std::int64_t>(number_of(fault, "width"), kHiddenLine, kPlaceMax));
    if (text_of(fault, "code") == "warning") {
      faults.warning(std::move(at), text_of(fault, "detail"), width);
    } else {
      faults.error(std::move(at), text_of(fault, "detail"), width);
    }
  }
  return faults;
}

Error tell_problem(const boost::json::object& problem, const ApiReply& reply,
                   const std::string& file) {
  print_faults(faults_of(problem, "errors", file));
  std::string words = text_of(problem, "detail");
  if (words.empty()) words = text_of(problem, "title");
  if (words.empty()) words = fmt::format("the daemon refuses (HTTP {})", reply.status);
  if (!reply.retry_after.empty())
    words += fmt::format("; try again in {} s", printable(reply.retry_after));
  if (reply.status == 401) words += "; sign in with --token-file FILE, LOA_TOKEN or --user NAME";
  return {code_of(problem, reply.status), std::move(words), {}};
}

}  // namespace loa
