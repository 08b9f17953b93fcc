// A credential: it can be used, but it does not print. Only reveal() gives the text.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace loa {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  std::string_view reveal() const { return value_; }

 private:
  std::string value_;
};

}  // namespace loa
