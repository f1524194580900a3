#include "natkit/nat/path_diagnosis.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace natkit::nat {

namespace {

constexpr std::array kDependences = {Dependence::kEndpointIndependent,
                                     Dependence::kAddressDependent,
                                     Dependence::kAddressAndPortDependent};

bool IsHard(const PathSide& side) {
  return !side.has_mapped_port && side.traits.mapping &&
         *side.traits.mapping != Dependence::kEndpointIndependent;
}

/// All behaviours that fit what is known; empty if the mapping is not known.
std::vector<NatBehavior> BehaviorsOf(const PathSide& side) {
  if (side.has_mapped_port) {
    return {NatBehavior{}};  // whoever knows the port gets in
  }
  if (!side.traits.mapping) {
    return {};
  }
  std::vector<NatBehavior> out;
  for (const Dependence filtering : kDependences) {
    if (side.traits.filtering.value_or(filtering) == filtering) {
      out.push_back({*side.traits.mapping, filtering});
    }
  }
  return out;
}

std::vector<PunchCell> CellsOf(const PathQuestion& question) {
  std::vector<PunchCell> cells;
  for (const NatBehavior& ours : BehaviorsOf(question.ours)) {
    for (const NatBehavior& theirs : BehaviorsOf(*question.theirs)) {
      cells.push_back({ours, theirs, PredictReach(ours, theirs)});
    }
  }
  const auto fits = [&](const PunchCell& cell) {
    return (cell.reach == Reach::kDirect) == question.is_direct;
  };
  const bool has_evidence = question.is_direct || question.has_searched;
  if (has_evidence && std::ranges::any_of(cells, fits)) {
    std::erase_if(cells, [&](const PunchCell& cell) { return !fits(cell); });
  }
  return cells;
}

std::string DescribeMapping(const NatTraits& traits) {
  if (traits.translation == Translation::kNone) {
    return "no NAT";
  }
  if (!traits.mapping) {
    return "a NAT of unknown kind";
  }
  switch (*traits.mapping) {
    case Dependence::kEndpointIndependent:
      return "a NAT with one external port for all destinations "
             "(endpoint-independent mapping)";
    case Dependence::kAddressDependent:
      return "a NAT with another external port for each destination address "
             "(address-dependent mapping)";
    case Dependence::kAddressAndPortDependent:
      return "a symmetric NAT: another external port for each destination "
             "(address-and-port-dependent mapping)";
  }
  return "";
}

std::string DescribeFiltering(const std::optional<Dependence>& filtering) {
  if (!filtering) {
    return "what it lets in is not known";
  }
  switch (*filtering) {
    case Dependence::kEndpointIndependent:
      return "anybody may send to an open port";
    case Dependence::kAddressDependent:
      return "only addresses that were sent to may answer";
    case Dependence::kAddressAndPortDependent:
      return "only addresses and ports that were sent to may answer";
  }
  return "";
}

/// What the cells say beyond what was measured.
std::optional<Dependence> SeenFiltering(const std::vector<PunchCell>& cells,
                                        NatBehavior PunchCell::* side) {
  if (cells.empty()) {
    return std::nullopt;
  }
  const Dependence first = (cells.front().*side).filtering;
  const bool is_one = std::ranges::all_of(cells, [&](const PunchCell& cell) {
    return (cell.*side).filtering == first;
  });
  return is_one ? std::optional(first) : std::nullopt;
}

std::string DescribeSide(const PathSide& side,
                         std::optional<Dependence> filtering) {
  if (side.traits.is_udp_blocked) {
    return "no UDP gets through";
  }
  if (side.has_mapped_port) {
    return "a port that the router forwards: reachable for all";
  }
  std::string text =
      DescribeMapping(side.traits) + "; " + DescribeFiltering(filtering);
  if (side.is_behind_second_nat || side.traits.is_behind_carrier == true) {
    text += "; a second NAT stands beyond the router";
  }
  return text;
}

bool ShareNat(const PathQuestion& question) {
  const auto& theirs = question.theirs->traits.external_addresses;
  return std::ranges::any_of(
      question.ours.traits.external_addresses, [&](const IpAddress& address) {
        return address.is_v4() &&
               std::ranges::find(theirs, address) != theirs.end();
      });
}

PathReason ReasonOf(const PathQuestion& question,
                    const std::vector<PunchCell>& cells) {
  if (question.is_direct) {
    return PathReason::kDirect;
  }
  if (question.ours.traits.is_udp_blocked ||
      (question.theirs && question.theirs->traits.is_udp_blocked)) {
    return PathReason::kUdpBlocked;
  }
  if (!question.is_active) {
    return PathReason::kIdle;
  }
  if (!question.theirs) {
    return PathReason::kPeerSilent;
  }
  if (!question.has_searched) {
    return PathReason::kSearching;
  }
  if (ShareNat(question)) {
    return PathReason::kSameNat;
  }
  if (cells.empty()) {
    return PathReason::kUnknownBehavior;
  }
  const bool may_be_direct = std::ranges::any_of(
      cells, [](const PunchCell& c) { return c.reach == Reach::kDirect; });
  return may_be_direct ? PathReason::kShouldBeDirect : PathReason::kNatPair;
}

std::string PairName(const std::vector<PunchCell>& cells) {
  const auto name = [&](NatBehavior PunchCell::* side) {
    std::vector<std::string> names;
    for (const PunchCell& cell : cells) {
      const std::string one = BehaviorName(cell.*side);
      if (std::ranges::find(names, one) == names.end()) {
        names.push_back(one);
      }
    }
    std::string out;
    for (const std::string& one : names) {
      out += (out.empty() ? "" : " or ") + one;
    }
    return out;
  };
  return name(&PunchCell::ours) + " against " + name(&PunchCell::theirs);
}

std::string SummaryOf(PathReason reason, const PathQuestion& question,
                      const std::vector<PunchCell>& cells) {
  switch (reason) {
    case PathReason::kDirect:
      return "the path is direct";
    case PathReason::kIdle:
      return "there is no traffic, so no direct path is searched for";
    case PathReason::kPeerSilent:
      return "the peer has not answered: it is not running, or not at a relay";
    case PathReason::kSearching:
      return "a direct path is being searched for";
    case PathReason::kUdpBlocked:
      return question.ours.traits.is_udp_blocked
                 ? "no UDP leaves our network, and direct paths are UDP"
                 : "no UDP leaves the peer's network, and direct paths are UDP";
    case PathReason::kSameNat:
      return "both are behind one NAT that does not lead packets back inside";
    case PathReason::kNatPair:
      return "these two NATs do not let each other's packets in: " +
             PairName(cells);
    case PathReason::kUnknownBehavior:
      return "too little is known of one side's NAT to say why";
    case PathReason::kShouldBeDirect:
      return "nothing that is known stands in the way; a firewall may";
  }
  return "";
}

void AddPortMappingTried(const std::string& whose, const PathSide& side,
                         std::vector<std::string>& out) {
  if (side.has_mapped_port) {
    out.push_back(whose + " router forwards a port");
  } else if (side.is_behind_second_nat) {
    out.push_back(whose + " router maps a port, but another NAT stands beyond");
  } else if (side.port_mapping_error) {
    out.push_back(
        whose + " router was asked for a port: " +
        std::string(DescribePortMappingError(*side.port_mapping_error)));
  } else if (!side.uses_port_mapping) {
    out.push_back(whose + " router was not asked to forward a port");
  } else {
    out.push_back(whose + " router was asked for a port and did not answer");
  }
}

std::vector<std::string> TriedOf(const PathQuestion& question) {
  std::vector<std::string> out;
  if (question.theirs) {
    out.emplace_back(question.has_searched || question.is_direct
                         ? "every pair of known addresses was checked"
                         : "pairs of known addresses are being checked");
  }
  AddPortMappingTried("our", question.ours, out);
  if (question.theirs) {
    AddPortMappingTried("the peer's", *question.theirs, out);
  }
  if (question.fresh_ports > 0) {
    out.push_back(std::to_string(question.fresh_ports) +
                  " other local port(s), in case a NAT had moved a mapping");
  }
  switch (question.hard_punch) {
    case HardPunchOutcome::kNotTried:
      break;
    case HardPunchOutcome::kNotAllowed:
      out.emplace_back("probing many ports is not allowed");
      break;
    case HardPunchOutcome::kFailed:
      out.emplace_back("many ports were probed, without success");
      break;
    case HardPunchOutcome::kRunning:
      out.emplace_back("many ports are being probed");
      break;
    case HardPunchOutcome::kHopeless:
      out.emplace_back(
          "probing many ports was considered: the budget makes a hit unlikely");
      break;
    case HardPunchOutcome::kBroken:
      out.emplace_back(
          "probing many ports was begun, but the two sides could not agree");
      break;
  }
  return out;
}

/// Turning one side into EI/EI makes any pair direct that lets UDP out.
void AddPortFixes(FixSide which, const PathSide& side, std::vector<Fix>& out) {
  if (side.has_mapped_port) {
    return;
  }
  if (side.is_behind_second_nat || side.traits.is_behind_carrier == true) {
    out.push_back({FixCode::kRemoveSecondNat, which,
                   "a forwarded port helps only if the router itself has the "
                   "public address: bridge the second router, or ask the "
                   "provider for an address"});
    return;
  }
  out.push_back({FixCode::kForwardPort, which,
                 "a port that the router forwards is reachable for everybody, "
                 "whatever the other side's NAT does"});
  out.push_back(
      {FixCode::kEnablePortMapping, which,
       side.uses_port_mapping
           ? "with PCP, NAT-PMP or UPnP switched on in the router the "
             "port is forwarded by itself"
           : "port mapping is switched off in the node"});
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

void AddPairFixes(const PathQuestion& question, std::vector<Fix>& out) {
  AddPortFixes(FixSide::kOurs, question.ours, out);
  AddPortFixes(FixSide::kTheirs, *question.theirs, out);
  if (!question.ours.has_ipv6 || !question.theirs->has_ipv6) {
    const bool is_both = !question.ours.has_ipv6 && !question.theirs->has_ipv6;
    const FixSide which = is_both                  ? FixSide::kBoth
                          : question.ours.has_ipv6 ? FixSide::kTheirs
                                                   : FixSide::kOurs;
    out.push_back({FixCode::kUseIpv6, which,
                   "IPv6 on both sides has no NAT, only firewalls that hole "
                   "punching opens"});
  }
  AddLeaveHardNatFixes(question, out);
  if (question.hard_punch == HardPunchOutcome::kNotAllowed &&
      IsHard(question.ours) != IsHard(*question.theirs)) {
    out.push_back({FixCode::kAllowHardPunch, FixSide::kEither,
                   "many probes at once reach a symmetric NAT from one that is "
                   "not"});
  }
}

void AddBlockedFixes(const PathQuestion& question, std::vector<Fix>& out) {
  constexpr std::string_view kWhy =
      "outbound UDP, and its answers, must pass the firewall";
  if (question.ours.traits.is_udp_blocked) {
    out.push_back({FixCode::kAllowUdp, FixSide::kOurs, std::string(kWhy)});
  }
  if (question.theirs && question.theirs->traits.is_udp_blocked) {
    out.push_back({FixCode::kAllowUdp, FixSide::kTheirs, std::string(kWhy)});
  }
}

std::vector<Fix> FixesFor(PathReason reason, const PathQuestion& question) {
  std::vector<Fix> out;
  switch (reason) {
    case PathReason::kDirect:
      break;
    case PathReason::kIdle:
      out.push_back({FixCode::kSendTraffic, FixSide::kEither,
                     "the first packet begins the search"});
      break;
    case PathReason::kPeerSilent:
      out.push_back({FixCode::kStartPeer, FixSide::kTheirs,
                     "both sides must be at a relay to find each other"});
      break;
    case PathReason::kSearching:
      out.push_back({FixCode::kWait, FixSide::kEither,
                     "most direct paths are found within seconds"});
      break;
    case PathReason::kUdpBlocked:
      AddBlockedFixes(question, out);
      break;
    case PathReason::kSameNat:
      out.push_back({FixCode::kUseSameLan, FixSide::kEither,
                     "on one network, without isolation of clients, no packet "
                     "needs the NAT"});
      if (!IsHard(question.ours) && !IsHard(*question.theirs)) {
        out.push_back(
            {FixCode::kEnableHairpinning, FixSide::kEither,
             "a NAT that hairpins (RFC 4787 REQ-9) leads packets to its "
             "own external address back inside"});
      }
      break;
    case PathReason::kNatPair:
      AddPairFixes(question, out);
      break;
    case PathReason::kUnknownBehavior:
      out.push_back({FixCode::kAddStunServers, FixSide::kEither,
                     "two STUN servers with different addresses show what kind "
                     "of NAT it is"});
      AddPairFixes(question, out);
      break;
    case PathReason::kShouldBeDirect:
      out.push_back({FixCode::kAllowUdp, FixSide::kEither,
                     "UDP between these two addresses may be filtered"});
      AddPairFixes(question, out);
      break;
  }
  return out;
}

}  // namespace

PathDiagnosis DiagnosePath(const PathQuestion& question) {
  PathDiagnosis out;
  if (question.theirs) {
    out.cells = CellsOf(question);
  }
  out.reason = ReasonOf(question, out.cells);
  const auto filtering = [&](const PathSide& side,
                             NatBehavior PunchCell::* which) {
    return side.traits.filtering ? side.traits.filtering
                                 : SeenFiltering(out.cells, which);
  };
  out.summary = SummaryOf(out.reason, question, out.cells);
  out.ours =
      DescribeSide(question.ours, filtering(question.ours, &PunchCell::ours));
  out.theirs =
      question.theirs
          ? DescribeSide(*question.theirs,
                         filtering(*question.theirs, &PunchCell::theirs))
          : "not known: the peer has not answered";
  out.tried = TriedOf(question);
  out.fixes = FixesFor(out.reason, question);
  return out;
}

}  // namespace natkit::nat
