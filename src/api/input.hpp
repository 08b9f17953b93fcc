// What a request brings: documents, and the words of an act.
#pragma once

#include <optional>
#include <string>

#include "api/problem.hpp"
#include "api/route.hpp"

namespace loa::api {

// The media type of the body in lower case, without parameters.
std::string media_type(const HttpRequest& request);

// A campaign's document, YAML or JSON by its Content-Type. `?name=` is the file it came from, for
// the places of faults. What `audience: {upload: NAME}` names is what this user has uploaded.
tl::expected<Submission, Problem> read_submission(const ApiCall& call);

struct ActBody {
  ActInput input;
  std::string confirm;
};
// {"reason", "plan", "confirm", "not_before", "useful_until", "id"}; none is an empty body.
tl::expected<ActBody, Problem> read_act_body(const HttpRequest& request);

struct ExplainBody {
  std::string number;
  std::string campaign;
};
tl::expected<ExplainBody, Problem> read_explain_body(const HttpRequest& request);

}  // namespace loa::api
