#include <algorithm>
#include <string>

#include "fleet/verify_parts.h"

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

// How far the clocks of two hosts may be apart before we say so, and with what
// both ends note of one handshake.
constexpr seconds kClockTolerance{30};

/// One peer of one interface, and what the plan says of it.
struct Link {
  const ObservedNode& node;
  const FleetPeer& plan;
  const WgDumpPeer& peer;
};

/// The same link from the other end, if its host said something.
const WgDumpPeer* OtherEnd(const Verification& out, const Link& link) {
  const ObservedNode* other = out.FindObserved(link.plan.name);
  const auto& key = link.node.interface->public_key;
  return other != nullptr && key ? FindPeer(other->interface, *key) : nullptr;
}

/// Without a dump of the other end, it is taken to do as planned.
bool OtherEndHasKeepalive(const Verification& out, const Link& link) {
  if (out.FindObserved(link.plan.name) != nullptr) {
    const WgDumpPeer* other = OtherEnd(out, link);
    return other != nullptr && other->keepalive.count() != 0;
  }
  const FleetPeer* other =
      out.plan.FindNode(link.plan.name)->FindPeer(link.node.plan->public_key);
  return other != nullptr && other->keepalive.count() != 0;
}

bool HasKeepalive(const Verification& out, const Link& link) {
  return link.peer.keepalive.count() != 0 || OtherEndHasKeepalive(out, link);
}

/// Whether something was sent that should have brought a handshake about:
/// without any before, or since a dump that found the last one worn out.
/// Attempts count, as an initiation is traffic, too.
bool HasTraffic(const Link& link) {
  if (!link.peer.latest_handshake) {
    return link.peer.tx_bytes != 0;
  }
  const WgDumpPeer* before = FindPeer(link.node.previous, link.plan.public_key);
  return before != nullptr && link.peer.tx_bytes > before->tx_bytes &&
         link.node.previous_taken_at >
             *link.peer.latest_handshake + kHandshakeLifetime;
}

std::optional<seconds> AgeOf(const Link& link) {
  if (!link.peer.latest_handshake) {
    return std::nullopt;
  }
  const seconds age = link.node.taken_at - *link.peer.latest_handshake;
  return std::max(age, seconds(0));
}

LinkState StateOf(const Verification& out, const Link& link) {
  const auto age = AgeOf(link);
  if (age && *age <= kHandshakeLifetime) {
    return LinkState::kUp;
  }
  if (HasKeepalive(out, link) || HasTraffic(link)) {
    return LinkState::kDown;
  }
  return age ? LinkState::kIdle : LinkState::kUnknown;
}

void CheckDown(Verification& out, const Link& link, LinkState state) {
  if (state != LinkState::kDown) {
    return;
  }
  const auto age = AgeOf(link);
  const std::string& name = link.plan.name;
  const std::string why = HasKeepalive(out, link) ? "there are keepalives"
                                                  : "it has sent something";
  out.AddFault(FindingKind::kDown, link.node.plan->name, name,
               (age ? "its last handshake with " + name + " is " +
                          std::to_string(age->count()) + " s old"
                    : "it never had a handshake with " + name) +
                   ", although " + why);
}

/// The other end looked after our handshake with it and does not know it. What
/// it sent arrived here, but not the other way round.
void CheckOneSided(Verification& out, const Link& link, LinkState state) {
  const WgDumpPeer* other = OtherEnd(out, link);
  if (state != LinkState::kUp || other == nullptr) {
    return;
  }
  const auto ours = *link.peer.latest_handshake;
  const bool looked_later =
      out.FindObserved(link.plan.name)->taken_at > ours + kClockTolerance;
  const bool knows_it = other->latest_handshake &&
                        *other->latest_handshake + kClockTolerance >= ours;
  if (looked_later && !knows_it) {
    out.AddFault(FindingKind::kOneSidedHandshake, link.node.plan->name,
                 link.plan.name,
                 "it had a handshake with " + link.plan.name + " that " +
                     link.plan.name +
                     " does not know of: packets pass in one direction only");
  }
}

void CheckEndpoint(Verification& out, const Link& link, LinkState state) {
  const FleetPeer& plan = link.plan;
  const auto& endpoint = link.peer.endpoint;
  const bool is_right =
      plan.endpoint ? endpoint == plan.endpoint
                    : endpoint.has_value() || plan.endpoint_name.empty();
  if (is_right) {
    return;
  }
  const std::string expected =
      plan.endpoint ? plan.endpoint->ToString() : plan.endpoint_name;
  const std::string text =
      endpoint
          ? "it sees " + plan.name + " at " + endpoint->ToString() +
                " instead of " + expected
          : "it has no endpoint for " + plan.name + ", instead of " + expected;
  if (state == LinkState::kUp) {  // roaming is WireGuard's right
    out.AddNote(FindingKind::kWrongEndpoint, link.node.plan->name, plan.name,
                text);
  } else {
    out.AddFault(FindingKind::kWrongEndpoint, link.node.plan->name, plan.name,
                 text);
  }
}

void CheckClock(Verification& out, const ObservedNode& node) {
  const bool is_ahead =
      std::ranges::any_of(node.interface->peers, [&](const WgDumpPeer& peer) {
        return peer.latest_handshake &&
               *peer.latest_handshake > node.taken_at + kClockTolerance;
      });
  if (is_ahead) {
    out.AddNote(FindingKind::kClockSkew, node.plan->name, "",
                "its handshakes are in the future: its clock is wrong, or that "
                "of the dump, and ages mean little");
  }
}

}  // namespace

void VerifyLinks(Verification& out, const ObservedNode& node) {
  CheckClock(out, node);
  for (const FleetPeer& plan : node.plan->peers) {
    const WgDumpPeer* peer = FindPeer(node.interface, plan.public_key);
    if (peer == nullptr || !plan.expects_handshake) {
      continue;
    }
    const Link link{node, plan, *peer};
    const LinkState state = StateOf(out, link);
    out.report.links.push_back(
        {node.plan->name, plan.name, plan.is_next_key, state, AgeOf(link)});
    CheckDown(out, link, state);
    CheckOneSided(out, link, state);
    CheckEndpoint(out, link, state);
  }
}

}  // namespace natkit::mesh
