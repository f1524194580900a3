#include "fleet/fleet_prefixes.h"

#include <algorithm>
#include <tuple>

namespace natkit::mesh {

namespace {

struct Claim {
  IpPrefix prefix;
  const NodeEntry* node;
};

std::string Describe(const Claim& claim) {
  return claim.prefix.ToString() + " of node \"" + claim.node->name +
         "\" (line " + std::to_string(claim.node->line) + ")";
}

}  // namespace

std::vector<IpPrefix> MinimalPrefixes(std::vector<IpPrefix> prefixes) {
  std::ranges::sort(prefixes);
  std::vector<IpPrefix> out;
  for (const IpPrefix& prefix : prefixes) {
    // Two prefixes are nested or disjoint, and the outer one sorts first.
    if (out.empty() || !out.back().Overlaps(prefix)) {
      out.push_back(prefix);
    }
  }
  return out;
}

std::vector<IpPrefix> PrefixesOf(const NodeEntry& node) {
  std::vector<IpPrefix> out = node.routes;
  for (const IpAddress& address : node.addresses) {
    out.push_back(*IpPrefix::Make(address, address.bit_count()));
  }
  return MinimalPrefixes(std::move(out));
}

void CheckDisjoint(const MeshFile& file, std::vector<Diagnostic>& out) {
  std::vector<Claim> claims;
  for (const NodeEntry& node : file.nodes) {
    for (const IpPrefix& prefix : PrefixesOf(node)) {
      claims.push_back({prefix, &node});
    }
  }
  std::ranges::sort(claims, [](const Claim& a, const Claim& b) {
    return std::tie(a.prefix, a.node) < std::tie(b.prefix, b.node);
  });
  std::vector<Claim> around;  // each holds the next
  for (const Claim& claim : claims) {
    while (!around.empty() && !around.back().prefix.Overlaps(claim.prefix)) {
      around.pop_back();
    }
    if (!around.empty()) {
      out.push_back({Severity::kError, claim.node->line,
                     "overlapping AllowedIPs: " + Describe(claim) +
                         " lies inside " + Describe(around.back())});
    }
    around.push_back(claim);
  }
}

}  // namespace natkit::mesh
