#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "natkit/mesh/policy/decide.h"

namespace natkit::mesh::policy {

/// An address that a side of a test stands for.
struct TestPoint {
  size_t node = 0;  ///< index into the cast's nodes
  IpAddress address;
};

/// Which machines a name is played by: those of the world, or where it has none
/// a made-up one; or always another made-up one, so that the only machine of a
/// user can be asked about the user's other machines.
enum class Machines : uint8_t { kKnown, kAnother };

/// The nodes of the world and those made up for names that have none.
class TestCast {
 public:
  TestCast(const CompiledPolicy& policy, const std::vector<PolicyNode>& nodes);

  /// All addresses that `selector` stands for.
  std::vector<TestPoint> PointsOf(const Selector& selector, Machines which);

  PolicyWorld& world() { return world_; }

  /// Makes these what every machine reports.
  void SetAttributes(const Attributes& attributes);

  [[nodiscard]] const PolicyNode& NodeOf(const TestPoint& point) const {
    return world_.nodes[point.node];
  }

 private:
  std::vector<TestPoint> PointsOfOne(const Selector& selector, Machines which);
  std::vector<TestPoint> PointOf(const IpAddress& address);
  void AppendPoints(size_t index, std::vector<TestPoint>& points) const;
  size_t MakeUp(const Selector& selector, Machines which);
  void AddFreeAddresses(PolicyNode& node);
  [[nodiscard]] bool IsTaken(const IpAddress& address) const;

  const CompiledPolicy& policy_;
  PolicyWorld world_;
  size_t real_ = 0;
  uint32_t made_up_ = 0;
};

}  // namespace natkit::mesh::policy
