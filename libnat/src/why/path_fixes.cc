#include <optional>
#include <string>
#include <string_view>

#include "why/path_parts.h"

namespace natkit::nat {

namespace {

std::string_view WhyEnable(const PathSide& side) {
  if (!side.uses_port_mapping) {
    return "port mapping is switched off in the node";
  }
  switch (side.port_mapping_error.value_or(PortMappingError::kNoAnswer)) {
    case PortMappingError::kNoResources:
    case PortMappingError::kQuotaExceeded:
    case PortMappingError::kConflict:
      return "the router has no port left to give: once old mappings are "
             "removed there, or its limit is raised, the port is forwarded by "
             "itself";
    case PortMappingError::kNoExternalAddress:
      return "the router that was asked has no address on its outside: once it "
             "is connected itself, the port is forwarded by itself";
    case PortMappingError::kNoAnswer:
    case PortMappingError::kUnsupportedVersion:
    case PortMappingError::kUnsupported:
    case PortMappingError::kRefused:
    case PortMappingError::kAddressMismatch:
    case PortMappingError::kProtocol:
    case PortMappingError::kExpired:
      break;
  }
  return "with PCP, NAT-PMP or UPnP switched on in the router the port is "
         "forwarded by itself";
}

/// What lets everybody in where a port is mapped, or needs none; nullopt: a
/// port must be forwarded first.
std::optional<std::string_view> WhyAllowInbound(const PathSide& side) {
  if (side.mapped_port == MappedPort::kUnreachable) {
    return "the router forwards a port, but something drops what comes in "
           "there: a firewall on the host itself or in the router, or the "
           "provider";
  }
  if (side.mapped_port == MappedPort::kNotProbed) {
    return "the router says that it forwards a port; a firewall on the host "
           "itself or in the router must let in what comes there";
  }
  if (side.traits.translation == Translation::kNone) {
    return "there is no NAT: a firewall that lets UDP to the node's port in is "
           "all that is needed";
  }
  return std::nullopt;
}

/// Turning one side into EI/EI makes any pair direct that lets UDP out.
void AddPortFixes(FixSide which, const PathSide& side, std::vector<Fix>& out) {
  if (side.mapped_port == MappedPort::kReachable) {
    return;
  }
  if (const auto why = WhyAllowInbound(side)) {
    out.push_back({FixCode::kAllowInbound, which, std::string(*why)});
    return;
  }
  if (side.is_behind_second_nat || side.traits.is_behind_carrier == true ||
      side.port_mapping_error == PortMappingError::kAddressMismatch) {
    out.push_back({FixCode::kRemoveSecondNat, which,
                   "a forwarded port helps only if the router itself has the "
                   "public address: bridge the second router, or ask the "
                   "provider for an address"});
    return;
  }
  out.push_back({FixCode::kForwardPort, which,
                 side.mapped_port == MappedPort::kClaimed
                     ? "the mesh file names an endpoint that did not help: the "
                       "router must forward its port to the one that the node "
                       "listens on"
                     : "a port that the router forwards is reachable for "
                       "everybody, whatever the other side's NAT does"});
  out.push_back(
      {FixCode::kEnablePortMapping, which, std::string(WhyEnable(side))});
}

/// Whether every cell that fits is direct once these sides stand behind an
/// ordinary home router.
bool WouldBeDirect(const PathQuestion& question, bool ours_moves,
                   bool theirs_moves) {
  constexpr NatBehavior kHomeRouter = {Dependence::kEndpointIndependent,
                                       Dependence::kAddressAndPortDependent};
  const auto ours = BehaviorsOf(question.ours);
  const auto theirs = BehaviorsOf(*question.theirs);
  for (const NatBehavior& a : ours) {
    for (const NatBehavior& b : theirs) {
      const Reach reach = PredictReach(ours_moves ? kHomeRouter : a,
                                       theirs_moves ? kHomeRouter : b);
      if (reach != Reach::kDirect) {
        return false;
      }
    }
  }
  return !ours.empty() && !theirs.empty();
}

void AddLeaveHardNatFixes(const PathQuestion& question, std::vector<Fix>& out) {
  const bool ours = IsHard(question.ours);
  const bool theirs = IsHard(*question.theirs);
  const bool ours_is_enough = ours && WouldBeDirect(question, true, false);
  const bool theirs_is_enough = theirs && WouldBeDirect(question, false, true);
  constexpr std::string_view kWhy =
      "a NAT with one external port for all destinations (RFC 4787 REQ-1) "
      "would be enough";
  if (ours_is_enough) {
    out.push_back({FixCode::kLeaveHardNat, FixSide::kOurs, std::string(kWhy)});
  }
  if (theirs_is_enough) {
    out.push_back(
        {FixCode::kLeaveHardNat, FixSide::kTheirs, std::string(kWhy)});
  }
  if (!ours_is_enough && !theirs_is_enough && (ours || theirs)) {
    out.push_back({FixCode::kLeaveHardNat, FixSide::kBoth,
                   std::string(kWhy) + ", but only on both sides"});
  }
}

void AddHardPunchFixes(const PathQuestion& question, std::vector<Fix>& out) {
  if (IsHard(question.ours) == IsHard(*question.theirs)) {
    return;
  }
  const bool ours = question.we_allow_hard_punch;
  const bool theirs = question.they_allow_hard_punch;
  if (question.hard_punch == HardPunchOutcome::kNotAllowed) {
    // Whom we take for allowed may still have refused.
    const FixSide missing = ours     ? FixSide::kTheirs
                            : theirs ? FixSide::kOurs
                                     : FixSide::kBoth;
    out.push_back({FixCode::kAllowHardPunch, missing,
                   "many probes at once reach a symmetric NAT from one that is "
                   "not, if both nodes consent"});
  } else if (question.hard_punch == HardPunchOutcome::kBudgetTooSmall ||
             question.hard_punch == HardPunchOutcome::kHopeless) {
    out.push_back({FixCode::kRaiseHardPunchBudget, FixSide::kEither,
                   "one of the two budgets leaves too few packets, sockets or "
                   "mappings: some hundreds of each reach a symmetric NAT"});
  }
}

void AddIpv6Fix(const PathQuestion& question, std::vector<Fix>& out) {
  if (!question.ours.has_ipv6 || !question.theirs->has_ipv6) {
    const bool is_both = !question.ours.has_ipv6 && !question.theirs->has_ipv6;
    const FixSide which = is_both                  ? FixSide::kBoth
                          : question.ours.has_ipv6 ? FixSide::kTheirs
                                                   : FixSide::kOurs;
    out.push_back({FixCode::kUseIpv6, which,
                   "IPv6 on both sides has no NAT, only firewalls that hole "
                   "punching opens"});
  }
}

void AddPairFixes(const PathQuestion& question, std::vector<Fix>& out) {
  AddPortFixes(FixSide::kOurs, question.ours, out);
  AddPortFixes(FixSide::kTheirs, *question.theirs, out);
  AddIpv6Fix(question, out);
  AddLeaveHardNatFixes(question, out);
  AddHardPunchFixes(question, out);
}

/// A port that is mapped by asking is told to a peer behind the same carrier
/// with its address between router and carrier; one that is forwarded by hand
/// is not, so nobody would know where to send to.
void AddSharedNatFixes(const PathQuestion& question, std::vector<Fix>& out) {
  out.push_back({FixCode::kUseSameLan, FixSide::kEither,
                 "on one network, without isolation of clients, no packet "
                 "needs the NAT"});
  if (WouldBeDirect(question, false, false)) {
    out.push_back({FixCode::kEnableHairpinning, FixSide::kEither,
                   "a NAT that hairpins (RFC 4787 REQ-9) leads packets to its "
                   "own external address back inside"});
  }
  const auto add = [&](FixSide which, const PathSide& side) {
    if (!side.is_behind_second_nat) {
      out.push_back({FixCode::kEnablePortMapping, which,
                     "where a router of its own stands before the NAT that "
                     "both share: " +
                         std::string(WhyEnable(side))});
    }
  };
  add(FixSide::kOurs, question.ours);
  add(FixSide::kTheirs, *question.theirs);
  AddIpv6Fix(question, out);
  AddLeaveHardNatFixes(question, out);
}

void AddBlockedFixes(const PathQuestion& question, std::vector<Fix>& out) {
  constexpr std::string_view kWhy =
      "if a firewall drops outbound UDP or its answers, they must pass first";
  if (question.ours.traits.is_udp_blocked) {
    out.push_back({FixCode::kAllowUdp, FixSide::kOurs, std::string(kWhy)});
  }
  if (question.theirs && question.theirs->traits.is_udp_blocked) {
    out.push_back({FixCode::kAllowUdp, FixSide::kTheirs, std::string(kWhy)});
  }
  out.push_back(
      {FixCode::kAddStunServers, FixSide::kEither,
       "if only the servers are down, others show what kind of NAT it "
       "is"});
  if (question.theirs) {
    AddPairFixes(question, out);
  }
}

}  // namespace

std::vector<Fix> FixesFor(PathReason reason, const PathQuestion& question) {
  std::vector<Fix> out;
  switch (reason) {
    case PathReason::kDirect:
      break;
    case PathReason::kNoRelay:
      out.push_back(
          {FixCode::kReachRelay, FixSide::kOurs,
           "a relay of the mesh must be running and be reachable from "
           "here by TCP"});
      break;
    case PathReason::kIdle:
      out.push_back({FixCode::kSendTraffic, FixSide::kEither,
                     "the first packet begins the search"});
      break;
    case PathReason::kPeerSilent:
      out.push_back({FixCode::kStartPeer, FixSide::kTheirs,
                     question.uses_relays
                         ? "both sides must be at a relay to find each other"
                         : "each side must be given the other's description"});
      break;
    case PathReason::kSearching:
      out.push_back({FixCode::kWait, FixSide::kEither,
                     "most direct paths are found within seconds"});
      break;
    case PathReason::kUdpBlocked:
      AddBlockedFixes(question, out);
      break;
    case PathReason::kSameNat:
      AddSharedNatFixes(question, out);
      break;
    case PathReason::kNatPair:
      if (SharesNat(question)) {
        AddSharedNatFixes(question, out);
      } else {
        AddPairFixes(question, out);
      }
      break;
    case PathReason::kUnknownBehavior:
      out.push_back({FixCode::kAddStunServers, FixSide::kEither,
                     "two STUN servers with different addresses show what kind "
                     "of NAT it is"});
      AddPairFixes(question, out);
      break;
    case PathReason::kEatsData:
      out.push_back({FixCode::kAllowUdp, FixSide::kEither,
                     "a firewall or a middlebox between the two drops part of "
                     "the UDP: all of it but STUN, or what is large (a smaller "
                     "mtu helps then), or one direction"});
      AddIpv6Fix(question, out);
      break;
    case PathReason::kShouldBeDirect:
      out.push_back({FixCode::kAllowUdp, FixSide::kEither,
                     "UDP between these two addresses may be filtered"});
      AddPairFixes(question, out);
      break;
  }
  return out;
}

}  // namespace natkit::nat
