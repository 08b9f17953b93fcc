// Faults: everything that is wrong with the files an operator wrote, all of it and not only the
// first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace loa {

// The width of a fault where a secret may stand: nothing from its column on is shown.
constexpr int kHiddenWidth = 0;
// The same where one may stand anywhere in the line.
constexpr int kHiddenLine = -1;

struct Fault {
  enum class Severity { error, warning };

  Severity severity = Severity::error;
  Place place;       // where; with a line when the fault stands in a text file
  int width = 1;     // characters to underline from the column on, or a hidden one
  std::string text;  // what is wrong, and how to mend it
};

class Faults {
 public:
  void error(Place place, std::string text, int width = 1);
  void warning(Place place, std::string text, int width = 1);

  const std::vector<Fault>& all() const { return faults_; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return faults_.size() - errors_; }
  bool ok() const { return errors_ == 0; }

 private:
  std::vector<Fault> faults_;
  std::size_t errors_ = 0;
};

// The candidate nearest to `word` by edit distance, "" when none is near: for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace loa
