#pragma once

#include <cstddef>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"

// NaCl's crypto_box with the nonce in front: nonce 24, tag 16, ciphertext.

namespace natkit::derp {

inline constexpr size_t kSealedBoxOverhead = 40;

/// Appends the box of `plaintext` to `out`; its nonce comes from `rng`. Errors:
/// kBadBox for a public key of small order.
[[nodiscard]] Result<void> AppendSealedBox(ByteView plaintext,
                                           const PublicKey& to,
                                           const StaticPrivateKey& from,
                                           Rng& rng, std::vector<uint8_t>& out);

/// Opens a box. Errors: kTruncated, kBadBox.
[[nodiscard]] Result<std::vector<uint8_t>> OpenSealedBox(
    ByteView box, const PublicKey& from, const StaticPrivateKey& to);

}  // namespace natkit::derp
