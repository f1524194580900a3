#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"

// A relay appends one extra certificate to its TLS chain. It carries the
// relay's own public key, so that a client can log in without waiting for the
// relay's first frame ("fast start").

namespace natkit::derp {

/// Builds the certificate (DER): X.509 v3, self-signed by a throw-away Ed25519
/// key made from `rng`, subject and issuer CN=derpkey<64 hex of `server_key`>,
/// serial number kProtocolVersion, valid from 30 days before to 30 days after
/// `wall_clock`, one extension (BasicConstraints, not a CA). Errors:
/// kBadCertificate when the library fails.
[[nodiscard]] Result<std::vector<uint8_t>> BuildMetaCertificate(
    const PublicKey& server_key, std::chrono::sys_seconds wall_clock, Rng& rng);

/// What a meta certificate says.
struct MetaCertificate {
  PublicKey server_key;
  uint8_t version = 0;
  bool operator==(const MetaCertificate&) const = default;
};

/// Finds the first meta certificate in a chain of DER certificates (any order;
/// what does not parse is passed over, dates and signatures are not checked).
/// A version of 0 or a zero key does not count. Only meaningful for a chain
/// received over TLS 1.3, which encrypts it.
[[nodiscard]] std::optional<MetaCertificate> FindMetaCertificate(
    std::span<const ByteView> chain);

}  // namespace natkit::derp
