// LOA_CHECK(condition): a broken invariant ends the process, in release builds too. The journal
// makes that safe: a dispatcher that no longer knows whom it texted must not go on.
#pragma once

namespace loa {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define LOA_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::loa::check_failed(#condition, __FILE__, __LINE__))
