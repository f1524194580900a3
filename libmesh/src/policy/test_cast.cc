#include "policy/test_cast.h"

#include <algorithm>

#include "policy/identity.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

/// Exits aside: what has no router yet is not on the Internet.
bool HasOrServes(const PolicyNode& node, const IpAddress& address) {
  return std::ranges::find(node.ips, address) != node.ips.end() ||
         std::ranges::any_of(
             ServedRoutes(node), [&address](const IpPrefix& route) {
               return !IsDefaultRoute(route) && route.Contains(address);
             });
}

}  // namespace

TestCast::TestCast(const CompiledPolicy& policy,
                   const std::vector<PolicyNode>& nodes)
    : policy_(policy), real_(nodes.size()) {
  world_.nodes = nodes;
}

void TestCast::SetAttributes(const Attributes& attributes) {
  for (PolicyNode& node : world_.nodes) {
    node.attributes = attributes;
  }
}

std::vector<TestPoint> TestCast::PointsOf(const Selector& selector,
                                          Machines which) {
  if (!selector.prefixes.empty()) {
    return PointOf(selector.prefixes[0].address());
  }
  if (selector.kind != SelectorKind::kGroup) {
    return PointsOfOne(selector, which);
  }
  std::vector<TestPoint> points;
  for (const std::string& user : policy_.source().groups.at(selector.name)) {
    Selector member;
    member.kind = SelectorKind::kUser;
    member.name = user;
    member.text = user;
    const auto some = PointsOfOne(member, which);
    points.insert(points.end(), some.begin(), some.end());
  }
  return points;
}

std::vector<TestPoint> TestCast::PointsOfOne(const Selector& selector,
                                             Machines which) {
  const IdentitySet set = ResolveSelectors(policy_.source(), {selector});
  std::vector<TestPoint> points;
  for (size_t i = 0; which == Machines::kKnown && i < real_; ++i) {
    if (IsMemberOf(world_.nodes[i], set)) {
      AppendPoints(i, points);
    }
  }
  if (points.empty()) {
    AppendPoints(MakeUp(selector, which), points);
  }
  return points;
}

std::vector<TestPoint> TestCast::PointOf(const IpAddress& address) {
  for (size_t i = 0; i < world_.nodes.size(); ++i) {
    if (HasOrServes(world_.nodes[i], address)) {
      return {{i, address}};
    }
  }
  PolicyNode node;
  node.name = address.ToString();
  node.ips = {address};
  world_.nodes.push_back(std::move(node));
  return {{world_.nodes.size() - 1, address}};
}

void TestCast::AppendPoints(size_t index,
                            std::vector<TestPoint>& points) const {
  for (const IpAddress& ip : world_.nodes[index].ips) {
    points.push_back({index, ip});
  }
}

// One for each name: a second mention means the same machine.
size_t TestCast::MakeUp(const Selector& selector, Machines which) {
  const std::string name =
      (which == Machines::kKnown ? "a machine of " : "another machine of ") +
      selector.text;
  for (size_t i = real_; i < world_.nodes.size(); ++i) {
    if (world_.nodes[i].name == name) {
      return i;
    }
  }
  PolicyNode node;
  node.name = name;
  if (selector.kind == SelectorKind::kUser) {
    node.user = selector.name;
  } else if (selector.kind == SelectorKind::kTag) {
    node.tags = {selector.name};
  } else if (selector.kind == SelectorKind::kTagged) {
    node.tags.emplace_back(1, '?');
  } else {
    node.user = std::string(1, '?');
  }
  AddFreeAddresses(node);
  world_.nodes.push_back(std::move(node));
  return world_.nodes.size() - 1;
}

void TestCast::AddFreeAddresses(PolicyNode& node) {
  ++made_up_;
  for (const IpPrefix& prefix : policy_.mesh_prefixes()) {
    while (IsTaken(FromTheEnd(prefix, made_up_))) {
      ++made_up_;
    }
  }
  for (const IpPrefix& prefix : policy_.mesh_prefixes()) {
    node.ips.push_back(FromTheEnd(prefix, made_up_));
  }
}

bool TestCast::IsTaken(const IpAddress& address) const {
  // A small mesh can run out; then machines share addresses.
  return made_up_ < world_.nodes.size() + 2 * real_ &&
         std::ranges::any_of(
             world_.nodes,
             [&](const PolicyNode& node) {
               return std::ranges::find(node.ips, address) != node.ips.end();
             });
}

}  // namespace natkit::mesh::policy
