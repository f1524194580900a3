#include <map>
#include <string>

#include "fleet/verify_parts.h"

namespace natkit::mesh {

namespace {

using Owners = std::multimap<IpPrefix, const WgDumpPeer*>;

std::string PeerText(const FleetPlan& plan, const PublicKey& key) {
  const FleetNode* owner = FindOwner(plan, key);
  if (owner == nullptr) {
    return "the peer " + key.ToBase64();
  }
  const auto& rotation = plan.rotation;
  if (rotation && key == rotation->from) {
    return "the old key of " + owner->name;
  }
  return (rotation && key == rotation->to ? "the next key of " : "") +
         owner->name;
}

/// Compares the prefixes of one interface; lives as long as one call of
/// VerifyPrefixes().
class PrefixCheck {
 public:
  PrefixCheck(Verification& out, const ObservedNode& node)
      : out_(out), node_(node) {
    for (const FleetPeer& peer : node.plan->peers) {
      for (const IpPrefix& prefix : peer.allowed_ips) {
        planned_.emplace(prefix, &peer);
      }
    }
    for (const WgDumpPeer& peer : node.interface->peers) {
      for (const IpPrefix& prefix : peer.allowed_ips) {
        owners_.emplace(prefix, &peer);
      }
    }
  }

  void Run() {
    for (const auto& [prefix, peer] : planned_) {
      CheckPlanned(prefix, *peer);
    }
    for (const auto& [prefix, peer] : owners_) {
      if (!planned_.contains(prefix)) {
        CheckExtra(prefix, *peer);
      }
    }
  }

 private:
  /// While a node changes its key, each peer moves the prefixes when it sees
  /// the next key's handshake.
  [[nodiscard]] bool IsOwner(const FleetPeer& plan,
                             const WgDumpPeer& peer) const {
    const auto& rotation = out_.plan.rotation;
    if (rotation && rotation->step == FleetRotationStep::kSwitch &&
        plan.name == rotation->node) {
      return peer.public_key == rotation->from ||
             peer.public_key == rotation->to;
    }
    return peer.public_key == plan.public_key;
  }

  void CheckPlanned(const IpPrefix& prefix, const FleetPeer& plan) {
    const auto [begin, end] = owners_.equal_range(prefix);
    if (begin == end) {
      out_.AddFault(FindingKind::kMissingPrefix, node_.plan->name, plan.name,
                    prefix.ToString() + " of " + plan.name +
                        " belongs to no peer: packets for it are dropped");
    }
    for (auto at = begin; at != end; ++at) {
      if (!IsOwner(plan, *at->second)) {
        AddStolen(prefix, plan, *at->second, "belongs to ");
      }
    }
  }

  void AddStolen(const IpPrefix& prefix, const FleetPeer& plan,
                 const WgDumpPeer& owner, const std::string& how) {
    out_.AddFault(FindingKind::kPrefixOfOther, node_.plan->name, plan.name,
                  prefix.ToString() + " of " + plan.name + " " + how +
                      PeerText(out_.plan, owner.public_key) +
                      ": traffic goes there, and what " + plan.name +
                      " sends from it is dropped");
  }

  void CheckExtra(const IpPrefix& prefix, const WgDumpPeer& owner) {
    const FleetNode* node = FindOwner(out_.plan, owner.public_key);
    const std::string name = node != nullptr ? node->name : "";
    for (const auto& [planned, peer] : planned_) {
      if (peer->name != name && planned.Overlaps(prefix) &&
          planned.length() < prefix.length()) {
        AddStolen(planned, *peer, owner,
                  "is shadowed by " + prefix.ToString() + " of ");
        return;
      }
    }
    out_.AddFault(FindingKind::kExtraPrefix, node_.plan->name, name,
                  prefix.ToString() + " belongs to " +
                      PeerText(out_.plan, owner.public_key) +
                      ", but should be nobody's");
  }

  Verification& out_;
  const ObservedNode& node_;
  std::map<IpPrefix, const FleetPeer*> planned_;
  Owners owners_;
};

}  // namespace

void VerifyPrefixes(Verification& out, const ObservedNode& node) {
  PrefixCheck(out, node).Run();
}

}  // namespace natkit::mesh
