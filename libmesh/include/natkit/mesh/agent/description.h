#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/path_diagnosis.h"

namespace natkit::mesh {

/// Where a hub is reached over a relay.
struct RelayPlace {
  PublicKey key;      ///< of the hub
  std::string relay;  ///< its name; both sides call it the same

  bool operator==(const RelayPlace&) const = default;
};

/// What the other side of a connection is told: how to reach this one.
struct AgentDescription {
  /// Unset in a text that only adds candidates.
  std::optional<ice::Credentials> credentials;
  /// The ufrag of the other side's that this session is with; empty: none yet.
  /// Unset: not said, as other implementations do not. It tells an answer from
  /// a restart where descriptions cross.
  std::optional<std::string> peer_ufrag;
  std::vector<ice::Candidate> candidates;
  bool end_of_candidates = false;
  std::optional<RelayPlace> place;
  std::optional<nat::PathSide> network;
  /// A number that the hub drew, which tells agents of one hub; unset: not
  /// said.
  std::optional<uint64_t> hub;
};

/// Bounds of ParseDescription().
inline constexpr size_t kMaxDescriptionText = size_t{16} * 1024;
inline constexpr size_t kMaxDescriptionCandidates = 64;
/// Of the name of a relay; no spaces.
inline constexpr size_t kMaxRelayName = 255;

/// The attributes of an SDP media description that concern ICE (RFC 8839
/// section 5), a line each, ended by "\r\n": ice-ufrag, ice-pwd, ice-options,
/// candidate, end-of-candidates; and four of our own, which others skip:
/// "x-natkit-peer:UFRAG", "x-natkit-relay:KEY NAME", "x-natkit-network:HEX" and
/// "x-natkit-hub:HEX", of 8 bytes.
[[nodiscard]] std::string FormatDescription(
    const AgentDescription& description);

/// Parses the text of FormatDescription(), or of another implementation: lines
/// end with "\n" or "\r\n", "a=" may be absent, other lines are skipped, as are
/// candidates that are not for us (TCP, another component, a host name) and
/// such as are beyond kMaxDescriptionCandidates.
///
/// Errors: kBadLength (longer than kMaxDescriptionText), kBadSignal with the
/// offset of the line (a candidate, credentials or an attribute of ours that is
/// not well-formed; a ufrag without a password or the reverse; nothing of use
/// at all).
[[nodiscard]] Result<AgentDescription> ParseDescription(std::string_view text);

}  // namespace natkit::mesh
