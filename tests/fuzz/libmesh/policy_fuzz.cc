// Policies: whatever text comes in, parsing it twice finds the same; what is
// usable compiles, and roles, decisions, tests and the difference to itself
// agree with each other.

#include <cstdint>
#include <set>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/mesh/policy/diff.h"
#include "natkit/mesh/policy/nodes_file.h"
#include "natkit/mesh/policy/run_tests.h"

namespace {

using namespace natkit;                // NOLINT(google-build-using-namespace)
using namespace natkit::mesh::policy;  // NOLINT(google-build-using-namespace)

constexpr size_t kMostTests = 20;
constexpr size_t kMostNamed = 10;

PolicyWorld MakeWorld() {
  const auto file = ParseNodesFile(
      R"([{"name": "a", "user": "a@x", "ips": ["100.64.0.1", "fd7a:115c:a1e0::1"],
           "attrs": {"node:os": "linux"}, "roles": ["admin"]},
          {"name": "b", "user": "b@x", "ips": ["100.64.0.2"]},
          {"name": "t", "tags": ["tag:t"], "ips": ["100.64.0.3"],
           "approved": ["10.0.0.0/8", "0.0.0.0/0"]}])");
  NATKIT_CHECK(file.is_usable());
  return {file.nodes, [](const mesh::TimeWindow& window, int64_t) {
            return IsOpenAt(window, {0, 600});
          }};
}

void CheckRules(const CompiledPolicy& policy) {
  std::set<uint64_t> ids;
  for (const CompiledRule& rule : policy.rules()) {
    NATKIT_CHECK(rule.id != 0 && ids.insert(rule.id).second);
    NATKIT_CHECK(!rule.is_network || !rule.protocols.empty());
  }
}

/// What a rule accepts, its roles join, and a diff to it names.
void CheckDecisions(const CompiledPolicy& policy, const PolicyWorld& world) {
  const bool opens = !DiffPolicies(CompiledPolicy(), policy, world).empty();
  for (const PolicyNode& from : world.nodes) {
    const NodeRoles source = policy.RolesOf(from);
    for (const PolicyNode& to : world.nodes) {
      FlowQuestion question;
      question.source = from.ips[0];
      question.destination = to.ips[0];
      question.port = 443;
      const Decision decision = Decide(policy, world, question);
      NATKIT_CHECK(!decision.text.empty());
      if (decision.is_accepted) {
        NATKIT_CHECK(SharesEdge(source, policy.RolesOf(to)));
        NATKIT_CHECK(opens || from.name == to.name);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const PolicyWorld world = MakeWorld();
  const auto text = AsText({data, size});
  const PolicyResult result = ParsePolicy(text);
  NATKIT_CHECK(result.diagnostics == ParsePolicy(text).diagnostics);
  for (const Diagnostic& diagnostic : result.diagnostics) {
    NATKIT_CHECK(!diagnostic.text.empty());
  }
  if (!result.is_usable()) {
    return 0;
  }
  const CompiledPolicy policy(result.policy);
  CheckRules(policy);
  if (policy.rules().size() > 100) {
    return 0;  // the rest is quadratic: fine in general, slow for a fuzzer
  }
  CheckDecisions(policy, world);
  NATKIT_CHECK(DiffPolicies(policy, policy, world).empty());
  NATKIT_CHECK(DiffPoliciesByName(policy, policy, world.is_open).empty());
  if (policy.rules().size() <= kMostNamed) {
    (void)DiffPoliciesByName(CompiledPolicy(), policy, world.is_open);
  }
  if (result.policy.tests.size() <= kMostTests) {
    (void)RunTests(policy, world.nodes);
  }
  for (const PolicyNode& node : world.nodes) {
    for (const IpPrefix& route : node.advertised) {
      (void)AutoApproves(result.policy, node, route);
    }
    (void)MayAssignTag(result.policy, {node.user, node.roles, {}}, "t");
  }
  return 0;
}
