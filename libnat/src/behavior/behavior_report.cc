#include "natkit/nat/behavior_report.h"

#include <array>

namespace natkit::nat {
namespace {

constexpr std::array<std::pair<Axis, std::string_view>, 27> kAxes = {{
    {Axis::kUdp, "udp"},
    {Axis::kServer, "server"},
    {Axis::kTranslation, "translation"},
    {Axis::kMapping, "mapping"},
    {Axis::kFiltering, "filtering"},
    {Axis::kPoisoning, "poisoning"},
    {Axis::kAllocation, "allocation"},
    {Axis::kPreservation, "preservation"},
    {Axis::kParity, "parity"},
    {Axis::kContiguity, "contiguity"},
    {Axis::kPooling, "pooling"},
    {Axis::kOverloading, "overloading"},
    {Axis::kHairpinning, "hairpinning"},
    {Axis::kDeterminism, "determinism"},
    {Axis::kUnrepliedLifetime, "unreplied_lifetime"},
    {Axis::kOneExchangeLifetime, "one_exchange_lifetime"},
    {Axis::kAssuredLifetime, "assured_lifetime"},
    {Axis::kOutboundRefresh, "outbound_refresh"},
    {Axis::kInboundRefresh, "inbound_refresh"},
    {Axis::kTimerScope, "timer_scope"},
    {Axis::kFragments, "fragments"},
    {Axis::kPayload, "payload"},
    {Axis::kDepth, "depth"},
    {Axis::kPortMapping, "port_mapping"},
    {Axis::kTcp, "tcp"},
    {Axis::kCaptivePortal, "captive_portal"},
    {Axis::kNat64, "nat64"},
}};

}  // namespace

std::set<Axis> AllAxes() {
  std::set<Axis> axes;
  for (const auto& [axis, name] : kAxes) {
    axes.insert(axis);
  }
  return axes;
}

std::set<Axis> QuickAxes() {
  std::set<Axis> axes = AllAxes();
  for (const Axis slow : {Axis::kUnrepliedLifetime, Axis::kOneExchangeLifetime,
                          Axis::kAssuredLifetime, Axis::kOutboundRefresh,
                          Axis::kInboundRefresh, Axis::kTimerScope}) {
    axes.erase(slow);
  }
  return axes;
}

std::string_view AxisName(Axis axis) {
  for (const auto& [known, name] : kAxes) {
    if (known == axis) {
      return name;
    }
  }
  return "unknown";
}

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kUntested:
      return "untested";
    case Outcome::kInconclusive:
      return "inconclusive";
    case Outcome::kNotApplicable:
      return "not_applicable";
    case Outcome::kDetermined:
      return "determined";
  }
  return "unknown";
}

std::string_view DependenceName(Dependence dependence) {
  switch (dependence) {
    case Dependence::kEndpointIndependent:
      return "endpoint-independent";
    case Dependence::kAddressDependent:
      return "address-dependent";
    case Dependence::kAddressAndPortDependent:
      return "address-and-port-dependent";
  }
  return "unknown";
}

std::string_view ClassicName(const NatTraits& traits) {
  if (traits.is_udp_blocked) {
    return "UDP blocked";
  }
  if (traits.mapping && *traits.mapping != Dependence::kEndpointIndependent) {
    return "symmetric NAT";
  }
  if (!traits.mapping || !traits.filtering) {
    return "";
  }
  const bool is_open = *traits.filtering == Dependence::kEndpointIndependent;
  if (traits.translation == Translation::kNone) {
    return is_open ? "open Internet" : "symmetric firewall";
  }
  if (is_open) {
    return "full cone";
  }
  return *traits.filtering == Dependence::kAddressDependent
             ? "restricted cone"
             : "port restricted cone";
}

}  // namespace natkit::nat
