// A file that an operator named, opened for reading. A pipe or a device is refused: it may block,
// or never end.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace loa {

class InputFile {
 public:
  // Fails with Code::no_input; the text says what `path` is or why it does not open, without naming
  // it ("is a folder; a file is needed").
  static Result<InputFile> open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  // Up to `size` bytes; fewer only at the end of the file.
  Result<std::size_t> read(char* bytes, std::size_t size);
  int descriptor() const { return descriptor_; }

 private:
  explicit InputFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// The first `size` bytes of a file, or all when it has fewer.
Result<std::string> read_start(const std::string& path, std::size_t size);

// A whole file of at most `max` bytes that holds secrets: one that others may read, or that its
// group may write, is refused (Code::permission, with what to do), one that is longer too
// (Code::data).
Result<std::string> read_private(const std::string& path, std::size_t max);

}  // namespace loa
