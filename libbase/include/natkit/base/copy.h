#pragma once

#include <cstring>

#include "natkit/base/bytes.h"

namespace natkit {

/// Copies all of `from` to the beginning of `to`, which has room for it and
/// does not overlap. (std::ranges::copy of g++ 12 copies read-only bytes one
/// by one.)
inline void CopyBytes(ByteView from, MutableBytes to) {
  if (!from.empty()) {
    std::memcpy(to.first(from.size()).data(), from.data(), from.size());
  }
}

}  // namespace natkit
