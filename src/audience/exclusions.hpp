// People who want no messages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audience/numbering.hpp"
#include "base/result.hpp"

namespace loa {

class ExclusionList {
 public:
  ExclusionList();
  ~ExclusionList();
  ExclusionList(ExclusionList&& other) noexcept;
  ExclusionList& operator=(ExclusionList&&) = delete;

  // Adds a list with a header that has the phone column, or one number a line. What cannot be read
  // is a fault: passed over, somebody who opted out would be sent to.
  Result<void> add_file(const std::string& path, const std::string& phone_column,
                        const NumberingPlan& numbering);
  bool contains(E164 number) const;

 private:
  struct Numbers;
  std::unique_ptr<Numbers> numbers_;
};

}  // namespace loa
