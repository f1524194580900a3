#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// One peer of `wg show INTERFACE dump`.
struct WgDumpPeer {
  PublicKey public_key;
  bool has_preshared_key = false;    ///< the key itself is not kept
  std::optional<Endpoint> endpoint;  ///< without an IPv6 zone
  std::vector<IpPrefix> allowed_ips;
  std::optional<std::chrono::sys_seconds> latest_handshake;
  uint64_t rx_bytes = 0;
  uint64_t tx_bytes = 0;
  std::chrono::seconds keepalive{0};  ///< 0: off

  bool operator==(const WgDumpPeer&) const = default;
};

/// One interface. Its private key is not kept.
struct WgDumpInterface {
  std::string name;                     ///< empty if the dump is of one only
  std::optional<PublicKey> public_key;  ///< nullopt: it has no key
  uint16_t listen_port = 0;
  std::vector<WgDumpPeer> peers;

  bool operator==(const WgDumpInterface&) const = default;
};

/// Parses what `wg show INTERFACE dump` or `wg show all dump` prints, as
/// wg(8) describes it: lines of fields with tabs between them. Lines of one
/// interface and of all must not be mixed. A private or preshared key may be
/// replaced by any word, such as "(hidden)", and is not looked at; an empty
/// text is no interface. The error has its line.
[[nodiscard]] std::expected<std::vector<WgDumpInterface>, Diagnostic>
ParseWgDump(std::string_view text);

/// The text that ParseWgDump() reads, with "(hidden)" for secrets. Either one
/// interface has no name, or all have one.
[[nodiscard]] std::string FormatWgDump(
    const std::vector<WgDumpInterface>& interfaces);

}  // namespace natkit::mesh
