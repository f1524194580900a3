#include <string>

#include "fleet/verify_parts.h"

namespace natkit::mesh {

namespace {

std::string KeyText(const FleetPlan& plan, const PublicKey& key) {
  const auto& rotation = plan.rotation;
  if (rotation && key == rotation->from) {
    return "the old key";
  }
  if (rotation && key == rotation->to) {
    return "the next key";
  }
  return "the key " + key.ToBase64();
}

void CheckKey(Verification& out, const ObservedNode& node) {
  const FleetNode& plan = *node.plan;
  const auto& key = node.interface->public_key;
  if (!key) {
    out.AddFault(FindingKind::kWrongKey, plan.name, "",
                 "its interface has no private key");
  } else if (*key != plan.public_key) {
    out.AddFault(FindingKind::kWrongKey, plan.name, "",
                 "it uses " + KeyText(out.plan, *key) + " instead of " +
                     KeyText(out.plan, plan.public_key));
  }
  if (plan.listen_port && *plan.listen_port != node.interface->listen_port) {
    out.AddFault(FindingKind::kWrongPort, plan.name, "",
                 "it listens at port " +
                     std::to_string(node.interface->listen_port) +
                     " instead of " + std::to_string(*plan.listen_port));
  }
}

void CheckUnknownPeers(Verification& out, const ObservedNode& node) {
  for (const WgDumpPeer& peer : node.interface->peers) {
    if (node.plan->FindPeer(peer.public_key) != nullptr) {
      continue;
    }
    const FleetNode* owner = FindOwner(out.plan, peer.public_key);
    const std::string key = KeyText(out.plan, peer.public_key);
    if (owner == nullptr) {
      out.AddFault(FindingKind::kUnknownPeer, node.plan->name, "",
                   "it has a peer with " + key + ", which is no node's");
    } else {
      out.AddFault(FindingKind::kUnknownPeer, node.plan->name, owner->name,
                   "it has a peer with " + key + " of " + owner->name +
                       ", which should not be there");
    }
  }
}

void CheckKeepalive(Verification& out, const ObservedNode& node,
                    const FleetPeer& plan, const WgDumpPeer& peer) {
  if (plan.keepalive == peer.keepalive) {
    return;
  }
  const std::string seconds = std::to_string(peer.keepalive.count()) + " s";
  if (plan.keepalive.count() == 0) {
    out.AddNote(FindingKind::kOtherKeepalive, node.plan->name, plan.name,
                "it sends keepalives to " + plan.name + " each " + seconds +
                    ", which are not needed");
  } else if (peer.keepalive.count() == 0) {
    out.AddFault(FindingKind::kMissingKeepalive, node.plan->name, plan.name,
                 "it sends no keepalives to " + plan.name +
                     ", so its NAT will forget the mapping and shut " +
                     plan.name + " out");
  } else {
    out.AddNote(FindingKind::kOtherKeepalive, node.plan->name, plan.name,
                "it sends keepalives to " + plan.name + " each " + seconds +
                    " instead of " + std::to_string(plan.keepalive.count()) +
                    " s");
  }
}

/// What the other end says of its preshared key with this one.
std::optional<bool> OtherEndHasPresharedKey(const Verification& out,
                                            const ObservedNode& node,
                                            const FleetPeer& plan) {
  const ObservedNode* other = out.FindObserved(plan.name);
  const WgDumpPeer* back =
      other == nullptr || !node.interface->public_key
          ? nullptr
          : FindPeer(other->interface, *node.interface->public_key);
  return back != nullptr ? std::optional(back->has_preshared_key)
                         : std::nullopt;
}

void CheckPresharedKey(Verification& out, const ObservedNode& node,
                       const FleetPeer& plan, const WgDumpPeer& peer) {
  const auto other = OtherEndHasPresharedKey(out, node, plan);
  if (other && *other && !peer.has_preshared_key && plan.expects_handshake) {
    out.AddFault(FindingKind::kPresharedKeyOneSided, node.plan->name, plan.name,
                 "it has no preshared key for " + plan.name +
                     ", which has one for it: no handshake can succeed");
    return;
  }
  const auto& pairs = out.observation.preshared_pairs;
  if (pairs && pairs->contains(MakeFleetPair(node.plan->name, plan.name)) &&
      !peer.has_preshared_key) {
    out.AddFault(FindingKind::kPresharedKeyMissing, node.plan->name, plan.name,
                 "it has no preshared key for " + plan.name);
  }
}

}  // namespace

void VerifyInterface(Verification& out, const ObservedNode& node) {
  CheckKey(out, node);
  CheckUnknownPeers(out, node);
  for (const FleetPeer& plan : node.plan->peers) {
    const WgDumpPeer* peer = FindPeer(node.interface, plan.public_key);
    if (peer == nullptr) {
      out.AddFault(FindingKind::kMissingPeer, node.plan->name, plan.name,
                   "it has no peer with " + KeyText(out.plan, plan.public_key) +
                       " of " + plan.name);
      continue;
    }
    CheckKeepalive(out, node, plan, *peer);
    CheckPresharedKey(out, node, plan, *peer);
  }
}

}  // namespace natkit::mesh
