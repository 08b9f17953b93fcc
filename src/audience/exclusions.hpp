// People who want no messages: lists that hold for one campaign, or for all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audience/numbering.hpp"
#include "base/number.hpp"
#include "base/result.hpp"

namespace loa {

// Their numbers, ten million in some MiB.
class OptedOut {
 public:
  OptedOut();
  ~OptedOut();
  OptedOut(OptedOut&& other) noexcept;
  OptedOut& operator=(OptedOut&& other) noexcept;

  void add(E164 number);
  bool contains(E164 number) const;

 private:
  struct Numbers;
  std::unique_ptr<Numbers> numbers_;
};

// Reads lists: CSV files with the phone column, or with one column and no header. What cannot be
// read stops the campaign, since passed over, it would send to someone who opted out:
// Code::no_input, or Code::data with the line.
Result<OptedOut> read_exclusions(const std::vector<std::string>& paths,
                                 const NumberingPlan& numbering,
                                 const std::string& phone_column = "so_dien_thoai");

}  // namespace loa
