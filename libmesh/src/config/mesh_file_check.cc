#include "config/mesh_file_check.h"

#include <algorithm>
#include <functional>
#include <map>

namespace natkit::mesh {

namespace {

/// One node's claim to an address range: a mesh address or a route.
struct Claim {
  IpPrefix prefix;
  const NodeEntry* node;
};

std::string NodeAt(const NodeEntry& node) {
  return "node \"" + node.name + "\" (line " + std::to_string(node.line) + ")";
}

void AddError(std::vector<Diagnostic>& out, unsigned line, std::string text) {
  out.push_back({Severity::kError, line, std::move(text)});
}

std::vector<Claim> CollectClaims(const MeshFile& file) {
  std::vector<Claim> claims;
  for (const NodeEntry& node : file.nodes) {
    for (const IpAddress& address : node.addresses) {
      claims.push_back({*IpPrefix::Make(address, address.bit_count()), &node});
    }
    for (const IpPrefix& route : node.routes) {
      claims.push_back({route, &node});
    }
  }
  return claims;
}

void CheckPair(const Claim& first, const Claim& second,
               std::vector<Diagnostic>& out) {
  if (!first.prefix.Overlaps(second.prefix)) {
    return;
  }
  const NodeEntry& later = *second.node;
  if (first.node == second.node) {
    if (first.prefix == second.prefix) {
      AddError(out, later.line,
               "node \"" + later.name + "\": " + second.prefix.ToString() +
                   " is listed twice");
    }
    return;
  }
  if (first.prefix == second.prefix) {
    AddError(out, later.line,
             "overlapping AllowedIPs: " + second.prefix.ToString() + " of " +
                 NodeAt(later) + " belongs to " + NodeAt(*first.node) +
                 " already; WireGuard would give it to only one of them");
    return;
  }
  const Claim& inner =
      first.prefix.length() > second.prefix.length() ? first : second;
  const Claim& outer = &inner == &first ? second : first;
  out.push_back({Severity::kWarning, inner.node->line,
                 "overlapping AllowedIPs: " + inner.prefix.ToString() + " of " +
                     NodeAt(*inner.node) + " lies inside " +
                     outer.prefix.ToString() + " of " + NodeAt(*outer.node) +
                     "; the longer prefix wins"});
}

void CheckClaims(const MeshFile& file, std::vector<Diagnostic>& out) {
  const std::vector<Claim> claims = CollectClaims(file);
  for (size_t i = 0; i < claims.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      CheckPair(claims[j], claims[i], out);
    }
  }
}

/// Reports every second use of a value among `entries`.
template <class Entry, class Value>
void CheckUnique(const std::vector<Entry>& entries, const char* kind,
                 const char* what,
                 const std::function<Value(const Entry&)>& value_of,
                 std::vector<Diagnostic>& out) {
  std::map<Value, const Entry*> seen;
  for (const Entry& entry : entries) {
    const auto [first, is_new] = seen.emplace(value_of(entry), &entry);
    if (!is_new) {
      AddError(out, entry.line,
               std::string(kind) + " \"" + entry.name + "\": duplicate " +
                   what + ", first used by \"" + first->second->name +
                   "\" (line " + std::to_string(first->second->line) + ")");
    }
  }
}

bool HasRelay(const MeshFile& file, const std::string& name) {
  return std::ranges::any_of(
      file.relays, [&](const RelayEntry& relay) { return relay.name == name; });
}

void CheckNode(const MeshFile& file, const NodeEntry& node,
               std::vector<Diagnostic>& out) {
  if (!node.relay.empty() && !HasRelay(file, node.relay)) {
    AddError(
        out, node.line,
        "node \"" + node.name + "\": there is no relay \"" + node.relay + "\"");
  }
  if (node.addresses.empty()) {
    AddError(out, node.line,
             "node \"" + node.name + "\": addresses must name at least one");
  }
}

}  // namespace

void CheckMeshFile(const MeshFile& file, std::vector<Diagnostic>& diagnostics) {
  CheckUnique<RelayEntry, std::string>(
      file.relays, "relay", "name",
      [](const RelayEntry& relay) { return relay.name; }, diagnostics);
  CheckUnique<NodeEntry, std::string>(
      file.nodes, "node", "name",
      [](const NodeEntry& node) { return node.name; }, diagnostics);
  CheckUnique<NodeEntry, PublicKey>(
      file.nodes, "node", "public_key",
      [](const NodeEntry& node) { return node.public_key; }, diagnostics);
  for (const NodeEntry& node : file.nodes) {
    CheckNode(file, node, diagnostics);
  }
  CheckClaims(file, diagnostics);
  if (file.relays.empty() && file.fleet.line == 0) {
    diagnostics.push_back(
        {Severity::kWarning, 0,
         "no [[relay]]: pairs that cannot punch through will not connect"});
  }
}

}  // namespace natkit::mesh
