#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "why/path_parts.h"

namespace natkit::nat {

namespace {

std::string DescribeMapping(const PathSide& side) {
  if (!side.traits.mapping) {
    return "a NAT of unknown kind";
  }
  if (side.may_be_address_dependent) {
    return "a symmetric NAT: another external port for each destination "
           "(address- or address-and-port-dependent mapping)";
  }
  switch (*side.traits.mapping) {
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

/// Without a NAT there may be a firewall.
std::string DescribeFirewall(const std::optional<Dependence>& filtering) {
  if (!filtering) {
    return "no NAT; whether a firewall keeps others out is not known";
  }
  switch (*filtering) {
    case Dependence::kEndpointIndependent:
      return "no NAT, and no firewall keeps others out";
    case Dependence::kAddressDependent:
      return "no NAT, but a firewall: only addresses that were sent to may "
             "answer";
    case Dependence::kAddressAndPortDependent:
      return "no NAT, but a firewall: only addresses and ports that were sent "
             "to may answer";
  }
  return "";
}

std::string DescribeNat(const PathSide& side,
                        const std::optional<Dependence>& filtering) {
  if (side.traits.translation == Translation::kNone) {
    return DescribeFirewall(filtering);
  }
  return DescribeMapping(side) + "; " + DescribeFiltering(filtering);
}

/// "EI/APD or APD/any": all three filterings of a mapping are "any".
std::string NameOf(const std::vector<NatBehavior>& behaviors) {
  std::vector<std::string> names;
  for (const NatBehavior& one : behaviors) {
    const bool is_any =
        std::ranges::count(behaviors, one.mapping, &NatBehavior::mapping) == 3;
    std::string name = BehaviorName(one);
    if (is_any) {
      name = name.substr(0, name.find('/')) + "/any";
    }
    if (std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  std::string out;
  for (const std::string& name : names) {
    out += (out.empty() ? "" : " or ") + name;
  }
  return out;
}

std::string PairName(const std::vector<PunchCell>& cells) {
  const auto name = [&](NatBehavior PunchCell::* side) {
    std::vector<NatBehavior> behaviors;
    for (const PunchCell& cell : cells) {
      if (std::ranges::find(behaviors, cell.*side) == behaviors.end()) {
        behaviors.push_back(cell.*side);
      }
    }
    return NameOf(behaviors);
  };
  return name(&PunchCell::ours) + " against " + name(&PunchCell::theirs);
}

void AddPortMappingTried(const std::string& whose, const PathSide& side,
                         std::vector<std::string>& out) {
  if (side.mapped_port == MappedPort::kReachable) {
    out.push_back(whose + " router forwards a port");
  } else if (side.mapped_port == MappedPort::kUnreachable) {
    out.push_back(whose +
                  " router says that it forwards a port, but packets "
                  "that a server sent to it did not arrive");
  } else if (side.mapped_port == MappedPort::kNotProbed) {
    out.push_back(whose +
                  " router says that it forwards a port; nobody could "
                  "try it from outside");
  } else if (side.mapped_port == MappedPort::kClaimed) {
    out.push_back(whose +
                  " side names an endpoint in the mesh file; nobody could try "
                  "it from outside");
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

void AddHardPunchTried(HardPunchOutcome outcome,
                       std::vector<std::string>& out) {
  switch (outcome) {
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
    case HardPunchOutcome::kBudgetTooSmall:
      out.emplace_back(
          "probing many ports was considered: the budget is too small for any");
      break;
    case HardPunchOutcome::kSucceeded:
      out.emplace_back("many ports were probed, with success");
      break;
  }
}

/// Over relays a peer shows that it is there; a description that somebody
/// carried does not.
std::string OrGone(const PathQuestion& question) {
  return question.uses_relays ? "" : ", or the peer is not running";
}

}  // namespace

std::string DescribeSide(const PathSide& side,
                         const std::optional<Dependence>& filtering) {
  if (side.traits.is_udp_blocked) {
    return "no UDP is heard from outside: it is blocked, or the STUN servers "
           "do "
           "not answer";
  }
  std::string text = DescribeNat(side, filtering);
  switch (side.mapped_port) {
    case MappedPort::kNone:
      break;
    case MappedPort::kNotProbed:
      text +=
          "; the router says that it forwards a port, which nobody could "
          "try from outside";
      break;
    case MappedPort::kUnreachable:
      text +=
          "; the router says that it forwards a port, but nothing arrives "
          "there";
      break;
    case MappedPort::kClaimed:
      text += "; the mesh file names an endpoint, which nobody has reached yet";
      break;
    case MappedPort::kReachable:
      return "a port that the router forwards: reachable for all";
  }
  if (side.is_behind_second_nat || side.traits.is_behind_carrier == true) {
    text += "; a second NAT stands beyond the router";
  }
  return text;
}

std::string SummaryOf(PathReason reason, const PathQuestion& question,
                      const std::vector<PunchCell>& cells) {
  switch (reason) {
    case PathReason::kDirect:
      return "the path is direct";
    case PathReason::kNoRelay:
      return "no relay can be reached, so the two sides cannot tell each other "
             "where they are";
    case PathReason::kIdle:
      return "there is no traffic, so no direct path is searched for";
    case PathReason::kPeerSilent:
      return question.uses_relays ? "the peer has not answered: it is not "
                                    "running, or not at a relay"
                                  : "nothing is known of the peer: its "
                                    "description has not been given";
    case PathReason::kSearching:
      return "a direct path is being searched for";
    case PathReason::kUdpBlocked:
      return question.ours.traits.is_udp_blocked
                 ? "UDP is blocked in our network, or no STUN server answers"
                 : "UDP is blocked in the peer's network, or no STUN server "
                   "answers it";
    case PathReason::kSameNat:
      return "both are behind one NAT that seems not to lead packets back "
             "inside";
    case PathReason::kNatPair:
      return "these two NATs do not let each other's packets in: " +
             PairName(cells) +
             (SharesNat(question)
                  ? "; or the NAT that both share does not lead "
                    "packets back inside"
                  : "");
    case PathReason::kUnknownBehavior:
      return "too little is known of one side's NAT to say why" +
             OrGone(question);
    case PathReason::kEatsData:
      return "a direct path was found, but what was sent over it got lost";
    case PathReason::kShouldBeDirect:
      return "nothing that is known stands in the way; a firewall may" +
             OrGone(question);
  }
  return "";
}

std::vector<std::string> TriedOf(const PathQuestion& question) {
  std::vector<std::string> out;
  if (question.theirs) {
    out.emplace_back(question.has_searched || question.is_direct
                         ? "every pair of known addresses was checked"
                         : "pairs of known addresses are being checked");
  }
  if (question.eats_data) {
    std::string text =
        "a direct path passed all checks, but lost data, and is not used";
    if (question.retry_in) {
      text += "; it is tried again in " +
              std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                 *question.retry_in)
                                 .count()) +
              " s";
    }
    out.push_back(std::move(text));
  }
  AddPortMappingTried("our", question.ours, out);
  if (question.theirs) {
    AddPortMappingTried("the peer's", *question.theirs, out);
  }
  if (question.fresh_ports > 0) {
    out.push_back(std::to_string(question.fresh_ports) +
                  " other local port(s), in case a NAT had moved a mapping");
  }
  AddHardPunchTried(question.hard_punch, out);
  return out;
}

}  // namespace natkit::nat
