// Reads a carrier's answer: selectors find code, words and rows, ordered rules give the class. What
// cannot be read is in doubt, what no rule names holds the lane; nothing is guessed to be sent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "gateway/render.hpp"
#include "gateway/rule.hpp"

namespace loa {

class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();
  AnswerReader(AnswerReader&&) noexcept;
  AnswerReader& operator=(AnswerReader&&) noexcept;

  // Reads the keys answer and rules of a profile, or of its query.
  static AnswerReader read(MapReader& profile, BatchMode mode, Words words, Faults& faults);

  Verdict verdict(const HttpAnswer& answer, const Batch& batch) const;

 private:
  struct Data;
  std::unique_ptr<const Data> data_;
};

}  // namespace loa
