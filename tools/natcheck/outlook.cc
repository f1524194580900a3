#include "outlook.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace natkit::natcheck {
namespace {

using nat::Dependence;
using std::chrono::seconds;

/// Rows and columns: EI/EI, EI/AD, EI/APD, AD/EI, ... APD/APD (mapping first).
/// Y: a path; a: a path with another 5-tuple each way; 1: one direction alone;
/// -: nothing. By exhaustive simulation (nat.md 11.1).
constexpr std::array<std::string_view, 9> kMatrix = {
    "YYYYYYYYY", "YYYYYYYYY", "YYY1--1--", "YY1YY1YY1", "YY-Y--Y--",
    "YY-1--1--", "YY1YY1aa1", "YY-Y--a--", "YY-1--1--",
};

size_t IndexOf(Dependence mapping, Dependence filtering) {
  return static_cast<size_t>(mapping) * 3 + static_cast<size_t>(filtering);
}

bool IsEasy(Dependence mapping) {
  return mapping == Dependence::kEndpointIndependent;
}

std::string Seconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<seconds>(duration).count());
}

std::string Reachability(const nat::NatTraits& traits) {
  if (!traits.mapping) {
    return "Not enough is known to say who can reach this host.";
  }
  if (!IsEasy(*traits.mapping)) {
    const bool by_address = *traits.mapping == Dependence::kAddressDependent;
    return std::string(by_address ? "Every address" : "Every destination") +
           " sees another port of this host, so others cannot be told where "
           "to reach it.";
  }
  if (!traits.filtering) {
    return "Others can be told one address and port of this host; who may "
           "send to it is not known.";
  }
  const bool is_open = *traits.filtering == Dependence::kEndpointIndependent;
  if (traits.translation == nat::Translation::kNone) {
    return is_open ? "This host is on the open Internet: anybody can reach it."
                   : "This host has a public address behind a firewall: it "
                     "must send first.";
  }
  if (is_open) {
    return "Anybody can reach a port of this host once it has sent from it.";
  }
  return *traits.filtering == Dependence::kAddressDependent
             ? "Who this host has sent to can reach it from any port."
             : "Others reach this host once it has sent to their exact "
               "address and port.";
}

void DescribePeers(const nat::NatTraits& traits,
                   std::vector<std::string>& lines) {
  for (const auto& [direct, text] :
       {std::pair{Direct::kYes, "Direct paths to: "},
        std::pair{Direct::kPrediction, "Only by guessing ports: "},
        std::pair{Direct::kNo, "Only through a relay: "}}) {
    std::string names;
    for (const Peer& peer : Peers()) {
      if (DirectTo(traits, peer) == direct) {
        names += (names.empty() ? "" : ", ") + std::string(peer.name);
      }
    }
    if (!names.empty()) {
      lines.push_back(text + names + ".");
    }
  }
}

/// What keeps a mapping: to whom, and whether it has to be answered.
void DescribeKeepalive(const nat::BehaviorReport& report,
                       std::vector<std::string>& lines) {
  const nat::NatTraits& traits = report.traits;
  if (!traits.assured_lifetime) {
    return;
  }
  const auto keepalive = KeepaliveFor(traits);
  if (!keepalive) {
    lines.push_back("Nothing keeps a port open: it is lost " +
                    Seconds(*traits.assured_lifetime) +
                    " s after it was opened.");
    return;
  }
  std::string text = "To stay reachable, send something ";
  if (traits.refreshed_by_outbound != true) {
    text += "that is answered ";
  }
  if (report.verdict(nat::Axis::kTimerScope).value == "session") {
    text += "to each peer ";
  }
  lines.push_back(text + "every " + Seconds(*keepalive) + " s.");
  if (traits.refreshed_by_outbound == false) {
    lines.emplace_back(
        "What this host sends does not keep its port open; what comes back "
        "does.");
  }
}

void DescribeWeaknesses(const nat::BehaviorReport& report,
                        std::vector<std::string>& lines) {
  const nat::NatTraits& traits = report.traits;
  if (traits.is_poisonable == true) {
    lines.emplace_back(
        "A peer that sends too early moves this host's port: send first with "
        "a low TTL.");
  }
  if (traits.is_behind_carrier == true) {
    lines.emplace_back(
        "A second NAT, probably the carrier's, stands beyond the router: port "
        "forwarding at the router does not help.");
  }
  if (traits.pooling == nat::Pooling::kArbitrary) {
    lines.emplace_back(
        "Mappings get different external addresses: paths that need one "
        "address fail.");
  }
  if (report.is_deterministic == false) {
    lines.emplace_back(
        "With many mappings in use it behaves differently, and worse: programs "
        "that talk to many hosts at once spoil direct paths.");
  }
  DescribeKeepalive(report, lines);
}

}  // namespace

const std::vector<Peer>& Peers() {
  constexpr auto kEi = Dependence::kEndpointIndependent;
  constexpr auto kAd = Dependence::kAddressDependent;
  constexpr auto kApd = Dependence::kAddressAndPortDependent;
  static const std::vector<Peer> peers = {
      {"hosts on the open Internet or behind full cone NATs", "open", kEi, kEi},
      {"routers that let in known addresses", "restricted", kEi, kAd},
      {"ordinary home routers", "endpoint_independent", kEi, kApd},
      {"symmetric NATs that let in everybody", "symmetric_open", kApd, kEi},
      {"symmetric NATs that let in known addresses", "symmetric_restricted",
       kApd, kAd},
      {"ordinary symmetric NATs", "symmetric", kApd, kApd},
  };
  return peers;
}

std::optional<Direct> DirectTo(const nat::NatTraits& traits, const Peer& peer) {
  if (traits.is_udp_blocked) {
    return Direct::kNo;
  }
  if (!traits.mapping || !traits.filtering) {
    return std::nullopt;
  }
  const size_t row = IndexOf(*traits.mapping, *traits.filtering);
  const size_t column = IndexOf(peer.mapping, peer.filtering);
  if (kMatrix[row][column] == 'Y') {
    return Direct::kYes;
  }
  // One side has a port that stays: the other side's ports can be guessed.
  if (IsEasy(*traits.mapping) != IsEasy(peer.mapping)) {
    return Direct::kPrediction;
  }
  return Direct::kNo;
}

const char* DirectName(Direct direct) {
  switch (direct) {
    case Direct::kYes:
      return "yes";
    case Direct::kPrediction:
      return "prediction";
    case Direct::kNo:
      return "no";
  }
  return "no";
}

std::optional<Duration> KeepaliveFor(const nat::NatTraits& traits) {
  const bool is_fixed = traits.refreshed_by_outbound == false &&
                        traits.refreshed_by_inbound == false;
  if (!traits.assured_lifetime || is_fixed) {
    return std::nullopt;
  }
  constexpr double kShare = 0.8;
  const auto share =
      std::chrono::duration_cast<seconds>(*traits.assured_lifetime * kShare) -
      seconds(5);
  return std::clamp<Duration>(share, seconds(5), seconds(110));
}

std::vector<std::string> Summarize(const nat::BehaviorReport& report) {
  const nat::NatTraits& traits = report.traits;
  if (report.verdict(nat::Axis::kCaptivePortal).value == "yes" &&
      report.verdict(nat::Axis::kUdp).value != "open") {
    return {"A captive portal keeps this host from the Internet.",
            "Open any web page, log in there, and ask again."};
  }
  if (traits.is_udp_blocked) {
    return {"UDP does not get out of this network.",
            "Others are reached only through a relay over TCP or TLS."};
  }
  if (report.verdict(nat::Axis::kUdp).outcome != nat::Outcome::kDetermined) {
    return {"No server answered: UDP is blocked here, or the servers are down.",
            "Ask three different servers to know."};
  }
  std::vector<std::string> lines = {Reachability(traits)};
  if (!traits.mapping) {
    lines.emplace_back(
        report.verdict(nat::Axis::kMapping).value == "dependent"
            ? "Two servers see different ports of it: probably others cannot "
              "be told where to reach it."
            : "Ask two servers, or one with two addresses (RFC 5780), to "
              "know.");
  }
  if (traits.translation != nat::Translation::kNone &&
      !traits.external_addresses.empty()) {
    std::string addresses;
    for (const IpAddress& address : traits.external_addresses) {
      addresses += (addresses.empty() ? "" : ", ") + address.ToString();
    }
    lines.push_back("From outside it is seen as " + addresses + ".");
  }
  if (report.nat64_prefix && traits.translation == nat::Translation::kNat64) {
    lines.push_back("IPv4 is reached through a NAT64 (" +
                    report.nat64_prefix->ToString() +
                    "): IPv4 peers see an IPv4 address, and have to be told "
                    "that one.");
  } else if (traits.translation == nat::Translation::kPrefix) {
    lines.emplace_back(
        "The network's addresses are translated, ports are not: peers have to "
        "be told the address that servers see.");
  }
  DescribePeers(traits, lines);
  DescribeWeaknesses(report, lines);
  return lines;
}

}  // namespace natkit::natcheck
