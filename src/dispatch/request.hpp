// The rows of one request as a profile takes them, and the call that carries them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dispatch/lane.hpp"
#include "gateway/gateway.hpp"
#include "net/http.hpp"

namespace loa {

// What batch() names lives here; all but the rows' own numbers and texts, which the plan holds.
class RenderedBatch {
 public:
  RenderedBatch(const Plan& plan, const Work& work, const Gateway& gateway, std::string reference);
  RenderedBatch(const RenderedBatch&) = delete;
  RenderedBatch& operator=(const RenderedBatch&) = delete;

  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
  std::vector<BatchRow> rows_;
  std::vector<std::string> ids_;
  std::vector<std::string_view> parameters_;
  std::string reference_;
};

// Takes over the request, all but its method, which must outlive the call.
HttpCall call_of(const Gateway& gateway, HttpRequest& request);

}  // namespace loa
