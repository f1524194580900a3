#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/keys.h"

namespace natkit::mesh {

/// How far the change of one node's key has come. Peers have both keys from
/// the first step to the last, but a prefix belongs to one of them at a time:
/// an entry that took the prefixes before the node has its new key would take
/// the traffic with it.
enum class FleetRotationStep : uint8_t {
  kAnnounce,  ///< peers know the next key, without AllowedIPs
  kSwitch,    ///< the node itself uses the next key
  kMove,      ///< at the peers the prefixes are the next key's
  kRetire,    ///< the peers have forgotten the old key
};

/// "announce", "switch", "move" or "retire".
[[nodiscard]] std::string_view RotationStepName(FleetRotationStep step);

/// One rotation under way.
struct RotationState {
  std::string node;
  PublicKey from;
  PublicKey to;
  FleetRotationStep step = FleetRotationStep::kAnnounce;
  /// Why the last step was taken although the fleet was not ready for it.
  std::string forced;

  bool operator==(const RotationState&) const = default;
};

}  // namespace natkit::mesh
