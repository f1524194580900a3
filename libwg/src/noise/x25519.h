#pragma once

#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "noise/types.h"

namespace natkit::wg {

/// DH(private, public) of the paper: X25519 (RFC 7748). Errors: kBadValue when
/// the result is all zeros, i.e. `public_key` has low order.
[[nodiscard]] Result<SharedSecret> DiffieHellman(
    const StaticPrivateKey& private_key, const PublicKey& public_key);

}  // namespace natkit::wg
