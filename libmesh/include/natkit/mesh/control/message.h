#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/control/map_item.h"

// The messages between a node and its coordination server. docs/coordination.md
// has the order in which they come.

namespace natkit::mesh {

/// The first byte of each side's stream.
inline constexpr uint8_t kControlVersion = 1;
/// Of one frame's body; a longer one ends the stream.
inline constexpr size_t kMaxControlFrame = size_t{1024} * 1024;
/// Of what a node sends; the server takes nothing longer.
inline constexpr size_t kMaxNodeFrame = size_t{64} * 1024;
/// Of the text that a node joins with, in bytes.
inline constexpr size_t kMaxAuthKeyLength = 128;
inline constexpr size_t kMaxSealedSignal = 16 * 1024;
inline constexpr size_t kMaxReportedEndpoints = 16;
inline constexpr size_t kMaxReportedRoutes = 256;
inline constexpr size_t kMaxReportedAttributes = 64;
inline constexpr size_t kMaxAttributeText = 1024;

struct Challenge {
  std::array<uint8_t, 32> nonce{};
  PublicKey ephemeral_key;
  WallTime server_time{};
  uint32_t newest_version = kControlVersion;
};

/// Where a map stands. Two maps with the same digest hold the same.
struct MapPosition {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  uint64_t digest = 0;
  bool operator==(const MapPosition&) const = default;
};

struct Authenticate {
  NodeKeys keys;
  MachineSignature signature{};
  KeyProof node_proof{};
  KeyProof signalling_proof{};
  std::string auth_key;  ///< empty: none; at most kMaxAuthKeyLength
  std::string host_name;
  bool is_ephemeral = false;
  std::vector<std::string> tags;  ///< at most kMaxTags (natkit/mesh/tag.h)
  std::string software;
  std::optional<MapPosition> position;
};

enum class AdmissionState : uint8_t {
  kActive = 1,
  kPendingApproval = 2,
  kKeyExpired = 3,
};

/// Keys the digest of a mesh's maps; no secret.
using DigestKey = std::array<uint8_t, 16>;

struct Admission {
  AdmissionState state = AdmissionState::kActive;
  NodeId node = 0;
  std::string approval_code;  ///< kPendingApproval only
  uint64_t epoch = 0;
  DigestKey digest_key{};
  std::string message;
};

/// Changes of the nodes that take part in a rule.
struct MemberChange {
  uint64_t rule = 0;
  RuleDirection direction = RuleDirection::kInbound;
  std::vector<NodeId> add;
  std::vector<NodeId> remove;
  bool is_whole = false;  ///< `add` is all there are
  bool operator==(const MemberChange&) const = default;
};

/// A part of a map or of a change of it. The parts up to one with `is_last`
/// are applied together or not at all.
struct MapUpdate {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  bool is_snapshot = false;
  bool is_last = true;
  bool is_urgent = false;
  std::vector<MapItem> put;
  std::vector<ItemKey> remove;
  std::vector<MemberChange> members;
  /// Of the whole map afterwards; unset while more is on its way.
  std::optional<uint64_t> digest;
};

struct MapAck {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
};

enum class ResyncCause : uint8_t {
  kGap = 1,
  kUnknownObject = 2,
  kDigest = 3,
  kBadItem = 4,
};

[[nodiscard]] std::string_view ResyncCauseName(ResyncCause cause);

struct MapRequest {
  ResyncCause cause = ResyncCause::kGap;
};

/// What a posture condition looks at.
using AttributeValue = std::variant<std::string, bool, double>;
using Attributes = std::map<std::string, AttributeValue>;

/// What a node tells of itself. Unset: as it was.
struct NodeReport {
  std::optional<std::vector<Endpoint>> endpoints;
  std::optional<uint64_t> home_relay;
  std::optional<std::vector<IpPrefix>> routes;
  std::optional<bool> offers_exit;
  std::optional<Attributes> attributes;
  std::optional<std::string> host_name;
  bool operator==(const NodeReport&) const = default;
};

/// A sealed signal (natkit/mesh/signal.h) on its way through the server.
struct RelayedSignal {
  NodeId peer = 0;
  std::vector<uint8_t> sealed;
};

enum class RotationStep : uint8_t {
  kAnnounce = 1,
  kGo = 2,
  kSwitched = 3,
  kAbort = 4,
};

struct Rotation {
  RotationStep step = RotationStep::kAnnounce;
  PublicKey next_key;
  KeyProof proof{};  ///< ProofRole::kNextNodeKey; kAnnounce only
};

struct Heartbeat {
  uint64_t nonce = 0;
  bool is_reply = false;
};

struct Logout {};

enum class GoodbyeReason : uint8_t {
  kReplaced = 1,
  kRevoked = 2,
  kRefused = 3,
  kProtocol = 4,
  kShuttingDown = 5,
  kOverloaded = 6,
  kVersion = 7,
  kSilent = 8,
  kLoggedOut = 9,
};

[[nodiscard]] std::string_view GoodbyeReasonName(GoodbyeReason reason);

struct Goodbye {
  GoodbyeReason reason = GoodbyeReason::kProtocol;
  std::string text;
  std::chrono::milliseconds retry_after{0};
};

/// What a later version says; skipped.
struct UnknownMessage {};

using ControlMessage =
    std::variant<UnknownMessage, Challenge, Authenticate, Admission, MapUpdate,
                 MapAck, MapRequest, NodeReport, RelayedSignal, Rotation,
                 Heartbeat, Goodbye, Logout>;

/// One frame: four bytes of length and the message.
[[nodiscard]] std::vector<uint8_t> EncodeFrame(const ControlMessage& message);

/// The message in a frame's body, within the bounds above. Errors:
/// kBadControl.
[[nodiscard]] Result<ControlMessage> DecodeMessage(ByteView body);

}  // namespace natkit::mesh
