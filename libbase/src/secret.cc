#include "natkit/base/secret.h"

#include <sodium.h>

namespace natkit {

void WipeBytes(MutableBytes bytes) {
  sodium_memzero(bytes.data(), bytes.size());
}

bool EqualsConstantTime(ByteView a, ByteView b) {
  return a.size() == b.size() &&
         sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace natkit
