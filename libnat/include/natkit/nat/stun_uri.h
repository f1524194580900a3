#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/nat/stun_types.h"

namespace natkit::stun {

/// Default port of STUN over TLS and DTLS (RFC 8489 section 18.6).
inline constexpr uint16_t kDefaultSecurePort = 5349;

/// Whether a URI asks for encryption.
enum class UriSecurity : uint8_t {
  kPlain,   ///< stun: over UDP or TCP
  kSecure,  ///< stuns: over TLS or DTLS
};

/// A server as RFC 7064 names it: `stun:host[:port]` or `stuns:host[:port]`.
struct ServerUri {
  UriSecurity security = UriSecurity::kPlain;
  std::string host;  ///< a name, lower case; empty with `address`
  std::optional<IpAddress> address;
  std::optional<uint16_t> port;

  bool operator==(const ServerUri&) const = default;

  /// The port, or the scheme's default.
  [[nodiscard]] uint16_t port_or_default() const;
};

/// Parses a URI. Names are letters, digits, hyphens and dots, at most 253
/// characters; no path, query, user or percent-encoding.
///
/// Errors: kBadLength (over 300 characters), kUnsupported (another scheme; a
/// stuns: URI with an IP address, whose certificate could not be checked:
/// RFC 8489 section 8.1), kBadEncoding (anything else).
[[nodiscard]] Result<ServerUri> ParseServerUri(std::string_view text);

/// What a server is wanted for; it decides about its SRV record.
enum class ServerUse : uint8_t {
  kBinding,   ///< RFC 8489 section 8.1
  kBehavior,  ///< RFC 5780 section 7.1: behavior discovery
};

/// The name to ask for SRV records, such as `_stun._udp.example.org`. nullopt
/// where there is nothing to ask: with an address or a port, addresses alone
/// are looked up. Secure over UDP (DTLS) has no behavior service; nullopt.
[[nodiscard]] std::optional<std::string> SrvName(
    const ServerUri& server, Transport transport,
    ServerUse use = ServerUse::kBinding);

}  // namespace natkit::stun
