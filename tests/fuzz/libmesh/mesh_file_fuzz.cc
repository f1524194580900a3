// The inventory parser: whatever comes in, every finding has a text, and a file
// that is usable keeps the promises the node engine relies on.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/mesh/fleet/fleet_plan.h"
#include "natkit/mesh/fleet/render.h"
#include "natkit/mesh/fleet/rotation.h"
#include "natkit/mesh/mesh_file.h"

namespace {

using natkit::mesh::FleetPlan;

/// What every interface of a fleet promises: each prefix has one peer.
void CheckPlan(const FleetPlan& plan) {
  for (const auto& node : plan.nodes) {
    NATKIT_CHECK(plan.FindNode(node.name) == &node);
    std::vector<natkit::IpPrefix> seen;
    for (const auto& peer : node.peers) {
      NATKIT_CHECK(peer.name != node.name);
      for (const auto& prefix : peer.allowed_ips) {
        for (const auto& other : seen) {
          NATKIT_CHECK(!prefix.Overlaps(other));
        }
        seen.push_back(prefix);
      }
    }
  }
}

/// A usable file makes files, or says why not, at every step of a rotation.
void CheckFleet(const natkit::mesh::MeshFile& file) {
  std::vector<std::optional<natkit::mesh::RotationState>> rotations(1);
  for (const auto& node : file.nodes) {
    if (auto state = natkit::mesh::BeginRotation(file, node.name)) {
      rotations.emplace_back(*state);
      state->step = natkit::mesh::FleetRotationStep::kMove;
      rotations.emplace_back(*state);
    }
  }
  for (const auto& rotation : rotations) {
    const FleetPlan plan = natkit::mesh::PlanFleet(file, rotation);
    CheckPlan(plan);
    const auto rendered = natkit::mesh::RenderFleet(plan, {});
    NATKIT_CHECK(rendered.files.size() >= 2 * plan.nodes.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto result = natkit::mesh::ParseMeshFile(natkit::AsText({data, size}));
  for (const auto& diagnostic : result.diagnostics) {
    NATKIT_CHECK(!diagnostic.text.empty());
  }
  if (!result.is_usable()) {
    return 0;
  }
  std::set<natkit::PublicKey> keys;
  for (const auto& node : result.file.nodes) {
    NATKIT_CHECK(!node.name.empty() && !node.addresses.empty());
    NATKIT_CHECK(!node.public_key.is_zero());
    NATKIT_CHECK(keys.insert(node.public_key).second);
    NATKIT_CHECK(result.file.FindNode(node.name) == &node);
  }
  if (result.file.nodes.size() <= 16) {  // the work grows with its square
    CheckFleet(result.file);
  }
  return 0;
}
