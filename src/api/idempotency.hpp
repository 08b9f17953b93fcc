// A POST that is sent twice is done once: its Idempotency-Key is remembered for a day, with a hash
// of the request and what came of it. Keys belong to users. What was refused is not remembered.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "api/problem.hpp"
#include "api/route.hpp"

namespace loa {

class Idempotency {
 public:
  explicit Idempotency(Desk& desk) : desk_(desk) {}

  // One request while it is under way.
  class Turn {
   public:
    Turn(Idempotency& keys, std::string key, std::string request);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    const std::optional<Desk::Remembered>& before() const { return before_; }
    Task<void> remember(std::string campaign, int status);

   private:
    friend class Idempotency;
    Idempotency& keys_;
    std::string key_;
    std::string request_;
    std::optional<Desk::Remembered> before_;
  };

  tl::expected<std::unique_ptr<Turn>, Problem> begin(const ApiCall& call);

 private:
  Desk& desk_;
  std::set<std::string> under_way_;
};

}  // namespace loa
