#pragma once

#include "natkit/base/bytes.h"
#include "natkit/base/secret.h"
#include "noise/blake2s.h"
#include "noise/types.h"

namespace natkit::wg {

namespace internal {

/// One HMAC step of KDFn: T(i) = HMAC(T(0), T(i-1) || i).
template <class Out>
void KdfStep(ByteView prk, ByteView previous, uint8_t index, Out& out) {
  Hmac(prk, previous, {&index, 1}, out.ExposeMutable());
}

using PseudoRandomKey = Secret<struct PseudoRandomKeyTag, kHashSize>;

}  // namespace internal

/// KDFn(key, input) of the paper (section 5.4): HKDF with HMAC-BLAKE2s. Fills
/// as many Secrets of 32 bytes as are given, in order: Kdf(c, in, c2) is KDF1.
/// `key` may be one of the outputs.
template <class... Outs>
void Kdf(const ChainingKey& key, ByteView input, Outs&... outs) {
  internal::PseudoRandomKey prk;
  Hmac(key.Expose(), input, {}, prk.ExposeMutable());
  ByteView previous;
  uint8_t index = 0;
  ((internal::KdfStep(prk.Expose(), previous, ++index, outs),
    previous = outs.Expose()),
   ...);
}

}  // namespace natkit::wg
