// The HTTP API of the daemon: /api/v1 as openapi.yaml describes it, and /livez, /readyz, /metrics
// and /version. Thin: it says who asks (api/access.hpp), hands it to the desk (desk/desk.hpp), and
// writes what the desk says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/access.hpp"
#include "api/metrics.hpp"
#include "api/route.hpp"
#include "api/uploads.hpp"
#include "desk/desk.hpp"
#include "net/http_server.hpp"

namespace loa {

class Api final : public HttpHandler {
 public:
  // `uploads` must have been opened; all but it must outlive the API.
  Api(asio::any_io_executor executor, Clock& clock, Desk& desk, Access& access,
      std::unique_ptr<Uploads> uploads, std::string version, std::vector<ReadyCheck> ready = {});
  ~Api() override;

  HttpBodyTerms body_terms(const IncomingRequest& head) const override;
  Task<HttpResponse> handle(IncomingRequest& request, HttpBody& body) override;
  HttpResponse refusal(const HttpFault& fault) const override;

  Metrics& metrics();
  // Ends the live streams. Then the server is stopped.
  Task<void> stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace loa
