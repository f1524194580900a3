#pragma once

#include <map>
#include <string>
#include <string_view>

#include "natkit/mesh/fleet/verify.h"

namespace natkit::mesh {

/// One node of the plan beside what its host said.
struct ObservedNode {
  const FleetNode* plan = nullptr;
  const WgDumpInterface* interface = nullptr;  ///< nullptr: not known
  const WgDumpInterface* previous = nullptr;   ///< nullptr: not known
  std::chrono::sys_seconds taken_at;
  std::chrono::sys_seconds previous_taken_at;
};

/// What all parts of a verification share.
struct Verification {
  const FleetPlan& plan;
  const FleetObservation& observation;
  std::map<std::string, ObservedNode, std::less<>> nodes;
  FleetReport report;

  void AddFault(FindingKind kind, std::string node, std::string peer,
                std::string text) {
    report.findings.push_back(
        {kind, true, std::move(node), std::move(peer), std::move(text)});
  }

  void AddNote(FindingKind kind, std::string node, std::string peer,
               std::string text) {
    report.findings.push_back(
        {kind, false, std::move(node), std::move(peer), std::move(text)});
  }

  /// The node's observation if it has one with an interface, or nullptr.
  [[nodiscard]] const ObservedNode* FindObserved(std::string_view name) const;
};

/// The peer of an interface with this key, or nullptr.
[[nodiscard]] const WgDumpPeer* FindPeer(const WgDumpInterface* interface,
                                         const PublicKey& key);

/// The node that has this key, or will, or had it; nullptr for a stranger.
[[nodiscard]] const FleetNode* FindOwner(const FleetPlan& plan,
                                         const PublicKey& key);

/// Key, port, peers, keepalives, preshared keys of one interface.
void VerifyInterface(Verification& out, const ObservedNode& node);

/// Which peer of an interface has which prefix.
void VerifyPrefixes(Verification& out, const ObservedNode& node);

/// Handshakes and endpoints of one interface.
void VerifyLinks(Verification& out, const ObservedNode& node);

}  // namespace natkit::mesh
