#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::tls {

/// A ProtocolNameList without its outer length (RFC 7301 section 3.1). Errors:
/// kBadValue for a name of 0 or over 255 bytes and for more than 65,535 in all.
[[nodiscard]] Result<std::vector<uint8_t>> EncodeAlpn(
    const std::vector<std::string>& names);

/// Lets clients of `context` offer `encoded`; false when memory is short.
[[nodiscard]] bool OfferAlpn(SSL_CTX* context, ByteView encoded);

/// Lets servers of `context` choose the first of `encoded` that the client
/// offers, and refuse a client that offers others only. `encoded` must outlive
/// every handshake.
void SelectAlpnFrom(SSL_CTX* context, const std::vector<uint8_t>* encoded);

}  // namespace natkit::tls
