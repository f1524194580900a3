#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/secret.h"

namespace natkit::derp {

/// The secret that the relays of one region share: 32 bytes, 64 hex digits.
using MeshKey = Secret<struct MeshKeyTag, 32>;

/// What a client says about itself when it logs in.
struct ClientInfo {
  std::optional<MeshKey> mesh_key;  ///< proves that the client is a mesh peer
  int64_t version = 0;
  bool can_ack_pings = false;
  bool is_prober = false;
  std::string app_name;  ///< empty: not sent
};

/// What a server says about itself when a client logs in. A rate of 0 means
/// that it does not ask clients to limit what they send.
struct ServerInfo {
  int64_t version = 0;
  uint64_t token_bucket_bytes_per_second = 0;
  uint64_t token_bucket_bytes_burst = 0;
  bool operator==(const ServerInfo&) const = default;
};

/// Reads the JSON of a ClientInfo frame. Key names match in any case, unknown
/// keys are ignored, all are optional. Errors: kBadJson, also for a mesh key
/// that is there but is not 64 hex digits.
[[nodiscard]] Result<ClientInfo> ParseClientInfo(ByteView json);
/// The JSON of a ClientInfo frame. It holds the mesh key: wipe it after use.
[[nodiscard]] std::string ToJson(const ClientInfo& info);

/// Reads the JSON of a ServerInfo frame, as ParseClientInfo does. Errors:
/// kBadJson.
[[nodiscard]] Result<ServerInfo> ParseServerInfo(ByteView json);
[[nodiscard]] std::string ToJson(const ServerInfo& info);

}  // namespace natkit::derp
