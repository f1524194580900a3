#include "config/fleet_check.h"

#include <algorithm>
#include <map>
#include <set>

namespace natkit::mesh {

namespace {

using Diagnostics = std::vector<Diagnostic>;

void AddError(Diagnostics& out, unsigned line, std::string text) {
  out.push_back({Severity::kError, line, std::move(text)});
}

void CheckHub(const MeshFile& file, const std::string& hub, Diagnostics& out) {
  const NodeEntry* node = file.FindNode(hub);
  if (node == nullptr) {
    AddError(out, file.fleet.line,
             "fleet: hubs: there is no node \"" + hub + "\"");
    return;
  }
  if (!node->endpoint && node->fleet.endpoint_name.empty()) {
    AddError(out, node->line,
             "node \"" + hub +
                 "\": a hub needs endpoint or endpoint_name, or no spoke can "
                 "reach it");
  }
  if (!node->fleet.hub.empty()) {
    AddError(out, node->line,
             "node \"" + hub + "\": hub is for spokes, and this is a hub");
  }
}

void CheckHubs(const MeshFile& file, Diagnostics& out) {
  const FleetSettings& fleet = file.fleet;
  if (fleet.hubs.empty()) {
    AddError(out, fleet.line,
             "fleet: topology hubs needs hubs, a list of names of nodes");
  }
  std::set<std::string> seen;
  for (const std::string& hub : fleet.hubs) {
    if (!seen.insert(hub).second) {
      AddError(out, fleet.line, "fleet: hub \"" + hub + "\" is listed twice");
      continue;
    }
    CheckHub(file, hub, out);
  }
  for (const NodeEntry& node : file.nodes) {
    if (!node.fleet.hub.empty() && !seen.contains(node.fleet.hub)) {
      AddError(out, node.line,
               "node \"" + node.name + "\": hub \"" + node.fleet.hub +
                   "\" is not in the list hubs of [fleet]");
    }
  }
}

void CheckNoHubs(const MeshFile& file, Diagnostics& out) {
  if (!file.fleet.hubs.empty() || !file.fleet.networks.empty()) {
    AddError(out, file.fleet.line,
             "fleet: hubs and networks count only with topology = \"hubs\"");
  }
  for (const NodeEntry& node : file.nodes) {
    if (!node.fleet.hub.empty()) {
      AddError(out, node.line,
               "node \"" + node.name +
                   "\": hub counts only with topology = \"hubs\" in [fleet]");
    }
  }
}

void CheckNextKeys(const MeshFile& file, Diagnostics& out) {
  std::map<PublicKey, const NodeEntry*> owners;
  for (const NodeEntry& node : file.nodes) {
    owners.emplace(node.public_key, &node);
  }
  for (const NodeEntry& node : file.nodes) {
    if (!node.fleet.next_public_key) {
      continue;
    }
    const auto [owner, is_new] =
        owners.emplace(*node.fleet.next_public_key, &node);
    if (!is_new) {
      AddError(out, node.line,
               "node \"" + node.name + "\": next_public_key is a key of \"" +
                   owner->second->name + "\" already (line " +
                   std::to_string(owner->second->line) + ")");
    }
  }
}

void CheckEndpoints(const MeshFile& file, Diagnostics& out) {
  for (const NodeEntry& node : file.nodes) {
    if (node.endpoint && !node.fleet.endpoint_name.empty()) {
      AddError(out, node.line,
               "node \"" + node.name +
                   "\": endpoint and endpoint_name exclude each other");
    }
  }
}

}  // namespace

void CheckFleet(const MeshFile& file, std::vector<Diagnostic>& diagnostics) {
  if (file.fleet.topology == FleetTopology::kHubs) {
    CheckHubs(file, diagnostics);
  } else {
    CheckNoHubs(file, diagnostics);
  }
  CheckNextKeys(file, diagnostics);
  CheckEndpoints(file, diagnostics);
}

}  // namespace natkit::mesh
