#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/mesh/control/map_digest.h"
#include "natkit/mesh/registry/view_index.h"

namespace natkit::mesh {
namespace {

constexpr DigestKey kKey = {4, 5, 6};
constexpr uint64_t kRules = 4;
constexpr NodeId kNodes = 12;

/// The digest of all that a viewer has, item by item.
uint64_t DigestByItems(const ViewIndex& views, NodeId viewer) {
  uint64_t digest = 0;
  for (const ItemKey& key : views.ListItems(viewer)) {
    digest +=
        ItemDigest(kKey, key, ItemVersion(kKey, *views.Body(viewer, key)));
  }
  for (const RuleKey& rule : views.ListRules(viewer)) {
    for (const NodeId member : views.Members(viewer, rule)) {
      digest += MemberDigest(kKey, rule.id, rule.direction, member);
    }
  }
  return digest;
}

std::vector<ViewRole> AnyRoles(Rng& rng) {
  std::vector<ViewRole> roles;
  for (uint64_t rule = 1; rule <= kRules; ++rule) {
    for (const auto direction :
         {RuleDirection::kInbound, RuleDirection::kOutbound}) {
      if (rng.NextU32() % 3 == 0) {
        roles.push_back(
            {.rule = rule, .direction = direction, .by_identity = true});
      }
    }
  }
  return roles;
}

std::vector<ViewRule> AnyRules(Rng& rng) {
  std::vector<ViewRule> rules;
  for (uint64_t id = 1; id <= kRules; ++id) {
    const auto port = static_cast<uint16_t>(1 + (rng.NextU32() % 9));
    rules.push_back({.id = id, .ports = {{.first = port, .last = port}}});
  }
  return rules;
}

TEST(ViewDigest, IsThatOfAllItemsAfterAnyChanges) {
  SeededRng rng(3);
  ViewIndex views(kKey);
  std::map<NodeId, std::vector<ViewRole>> roles;
  const auto roles_of = [&](NodeId id) { return roles[id] = AnyRoles(rng); };
  views.SetPolicy(AnyRules(rng), roles_of);
  for (int step = 0; step < 3000; ++step) {
    const NodeId node = 1 + (rng.NextU32() % kNodes);
    const uint32_t kind = rng.NextU32() % 20;
    if (kind == 0) {
      views.SetPolicy(AnyRules(rng), roles_of);
    } else if (kind < 4) {
      views.RemoveNode(node);
    } else {
      // Half of the changes leave it where it is in the policy.
      if (kind < 12 || !views.Contains(node)) {
        roles[node] = AnyRoles(rng);
      }
      views.SetNode({.id = node,
                     .peer_body = {static_cast<uint8_t>(rng.NextU32())},
                     .self_body = {7},
                     .roles = roles[node]});
    }
    for (NodeId viewer = 1; viewer <= kNodes; ++viewer) {
      // Of some: whether it was asked for before makes no difference.
      if (rng.NextU32() % 2 == 0 && views.Contains(viewer)) {
        ASSERT_EQ(views.Digest(viewer), DigestByItems(views, viewer))
            << "node " << viewer << " after step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
