#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/coord/active_policy.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/shell/outcome.h"

namespace natkit::coordd {

namespace policy = mesh::policy;

/// A policy file that was looked at.
struct CheckedPolicy {
  /// Set if there is no error.
  std::optional<policy::CompiledPolicy> compiled;
  /// "FILE:12:5: error: ...", one each; warnings too.
  std::vector<std::string> findings;
};

/// Parses and compiles. `name` stands before each finding.
[[nodiscard]] CheckedPolicy CheckPolicy(
    const std::string& name, std::string_view text,
    const std::vector<IpPrefix>& mesh_prefixes);

/// Runs the policy's own tests; the failures, as above.
[[nodiscard]] std::vector<std::string> RunPolicyTests(
    const std::string& name, const policy::CompiledPolicy& compiled,
    const std::vector<policy::PolicyNode>& nodes);

/// The nodes of a registry as policies take them.
[[nodiscard]] std::vector<policy::PolicyNode> PolicyNodesOf(
    const mesh::Registry& registry);

/// Judges windows by the system's time zones.
[[nodiscard]] policy::WindowJudge SystemWindowJudge();

/// Keeps the coordinator's policy equal to the registry's.
class PolicyKeeper {
 public:
  /// Both must outlive this object.
  PolicyKeeper(mesh::Registry& registry, mesh::Coordinator& coordinator)
      : registry_(registry), coordinator_(coordinator) {}

  /// Compiles the registry's policy anew if it is another one, or if users or
  /// routes changed that it depends on. Looks only when something changed.
  void Refresh(mesh::ServerTime time);

  /// Takes a policy into the registry: checks it, runs its tests against the
  /// nodes, and compares the revision. The error says what is wrong, a line for
  /// each finding.
  [[nodiscard]] shell::Outcome<uint64_t> Set(mesh::ServerTime time,
                                             std::string_view actor,
                                             const std::string& name,
                                             std::string_view text,
                                             std::optional<uint64_t> expected);

 private:
  [[nodiscard]] std::vector<IpPrefix> MeshPrefixes() const;

  mesh::Registry& registry_;
  mesh::Coordinator& coordinator_;
  bool is_loaded_ = false;
  uint64_t revision_ = 0;
  policy::CompiledPolicy compiled_;
  mesh::PolicyContext context_;
};

}  // namespace natkit::coordd
