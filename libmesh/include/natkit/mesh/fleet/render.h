#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/mesh/fleet/fleet_plan.h"

namespace natkit::mesh {

/// The file that moves the prefixes to a next key as soon as that is in use.
inline constexpr std::string_view kMoveScript = "move-prefixes.sh";

/// The two names of a pair, in order.
using FleetPair = std::pair<std::string, std::string>;

/// The pair of two nodes, in either order.
[[nodiscard]] FleetPair MakeFleetPair(std::string_view a, std::string_view b);

/// Keys that go into the files; both may be empty.
struct FleetSecrets {
  /// By FleetNode::key_name. A node without one reads its key from
  /// KEY_DIR/KEY_NAME.key of its host when the interface comes up.
  std::map<std::string, StaticPrivateKey> private_keys;
  std::map<FleetPair, PresharedKey> preshared_keys;
};

/// One file to write, for its owner's eyes alone. The text is wiped when it
/// dies, as it may hold keys.
struct FleetFile {
  std::string path;  ///< "NODE/INTERFACE.conf", relative
  std::string text;

  FleetFile(std::string file_path, std::string file_text)
      : path(std::move(file_path)), text(std::move(file_text)) {}

  FleetFile(FleetFile&&) noexcept = default;
  FleetFile& operator=(FleetFile&&) noexcept = default;
  FleetFile(const FleetFile&) = delete;
  FleetFile& operator=(const FleetFile&) = delete;
  ~FleetFile();
};

/// The files of a fleet, and what is wrong with them.
struct FleetFiles {
  std::vector<FleetFile> files;
  std::vector<Diagnostic> diagnostics;
};

/// Renders a usable plan. Each node gets INTERFACE.conf for wg-quick(8) and
/// apply.sh, which brings a running interface to it without interrupting its
/// tunnels; while a rotation is at its second step, the peers also get
/// kMoveScript. Errors in the diagnostics: a private key that is not that of
/// the node's public key. Warnings: a pair without a preshared key while
/// others have one.
[[nodiscard]] FleetFiles RenderFleet(const FleetPlan& plan,
                                     const FleetSecrets& secrets);

}  // namespace natkit::mesh
