// Integers in byte strings, little-endian, as the files on disk hold them.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.hpp"

namespace loa {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

template <std::integral T>
void put_int(std::string& bytes, std::size_t offset, T value) {
  LOA_CHECK(offset + sizeof value <= bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <std::integral T>
T get_int(std::string_view bytes, std::size_t offset) {
  LOA_CHECK(offset + sizeof(T) <= bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace loa
