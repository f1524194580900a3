#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/io/background_work.h"
#include "natkit/mesh/coord/active_policy.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/shell/outcome.h"

namespace natkit::coordd {

namespace policy = mesh::policy;

/// A policy file that was looked at.
struct CheckedPolicy {
  /// Set if there is no error.
  std::optional<policy::CompiledPolicy> compiled;
  std::vector<policy::Diagnostic> diagnostics;  ///< warnings too
};

/// Parses and compiles.
[[nodiscard]] CheckedPolicy CheckPolicy(
    std::string_view text, const std::vector<IpPrefix>& mesh_prefixes);

/// Each as "NAME:12:5: error: ...".
[[nodiscard]] std::vector<std::string> FindingsOf(
    const std::string& name,
    const std::vector<policy::Diagnostic>& diagnostics);

/// Runs the policy's own tests; the failures, as above.
[[nodiscard]] std::vector<std::string> RunPolicyTests(
    const std::string& name, const policy::CompiledPolicy& compiled,
    const std::vector<policy::PolicyNode>& nodes);

/// The nodes of a registry as policies take them.
[[nodiscard]] std::vector<policy::PolicyNode> PolicyNodesOf(
    const mesh::Registry& registry);

/// A policy, its findings, and the failures of its own tests.
struct PolicyVerdict {
  std::optional<policy::CompiledPolicy> compiled;  ///< set if it may be used
  std::vector<std::string> findings;

  [[nodiscard]] bool is_good() const { return compiled.has_value(); }
};

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

  /// A policy that is to be in force.
  struct Change {
    std::string actor;
    std::string name;  ///< stands before each finding
    std::string text;
    std::optional<uint64_t> expected = std::nullopt;  ///< its predecessor
  };

  /// Takes a policy into the registry: checks it, runs its tests against the
  /// nodes, and compares the revision. The refusal says what is wrong, a line
  /// for each finding.
  [[nodiscard]] mesh::Decision<uint64_t> Set(mesh::ServerTime time,
                                             const Change& change);

  /// Set() whose checks run on another thread, against the nodes that there
  /// are when it is called; `done` hears of it on the loop. This object must
  /// outlive `work`.
  void SetLater(io::BackgroundWork& work, Change change,
                std::function<void(mesh::Decision<uint64_t> revision)> done);

  /// Only the checks of SetLater().
  void CheckLater(io::BackgroundWork& work, const std::string& name,
                  const std::string& text,
                  std::function<void(const PolicyVerdict& verdict)> done);

 private:
  /// What was checked for a revision, so that it need not be compiled again.
  struct Prepared {
    uint64_t revision = 0;
    policy::CompiledPolicy compiled;
  };

  [[nodiscard]] std::vector<IpPrefix> MeshPrefixes() const;
  [[nodiscard]] std::function<PolicyVerdict()> Judgement(
      const std::string& name, const std::string& text) const;
  [[nodiscard]] mesh::Decision<uint64_t> Take(mesh::ServerTime time,
                                              const Change& change,
                                              PolicyVerdict verdict);
  [[nodiscard]] policy::CompiledPolicy CompileStored(
      const mesh::PolicyRecord& record);

  mesh::Registry& registry_;
  mesh::Coordinator& coordinator_;
  bool is_loaded_ = false;
  uint64_t revision_ = 0;
  uint64_t inputs_ = 0;  ///< Registry::policy_inputs() of context_
  std::optional<Prepared> prepared_;
  policy::CompiledPolicy compiled_;
  mesh::PolicyContext context_;
};

}  // namespace natkit::coordd
