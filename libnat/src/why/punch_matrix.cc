#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "natkit/nat/path_diagnosis.h"

namespace natkit::nat {

namespace {

constexpr size_t kKinds = 3;
constexpr size_t kBehaviors = kKinds * kKinds;

/// Rows and columns: EI/EI, EI/AD, EI/APD, AD/EI, ... APD/APD. Y direct, a
/// asymmetric, 1 one way, - nothing. Found by exhaustive simulation; `netsim
/// matrix` proves it again.
constexpr std::array<std::string_view, kBehaviors> kMatrix = {
    "YYYYYYYYY", "YYYYYYYYY", "YYY1--1--", "YY1YY1YY1", "YY-Y--Y--",
    "YY-1--1--", "YY1YY1aa1", "YY-Y--a--", "YY-1--1--"};

size_t IndexOf(const NatBehavior& behavior) {
  return std::to_underlying(behavior.mapping) * kKinds +
         std::to_underlying(behavior.filtering);
}

std::string_view ShortName(Dependence dependence) {
  switch (dependence) {
    case Dependence::kEndpointIndependent:
      return "EI";
    case Dependence::kAddressDependent:
      return "AD";
    case Dependence::kAddressAndPortDependent:
      return "APD";
  }
  return "";
}

}  // namespace

Reach PredictReach(const NatBehavior& a, const NatBehavior& b) {
  switch (kMatrix[IndexOf(a)][IndexOf(b)]) {
    case 'Y':
      return Reach::kDirect;
    case 'a':
      return Reach::kAsymmetric;
    case '1':
      return Reach::kOneWay;
    default:
      return Reach::kNothing;
  }
}

std::string BehaviorName(const NatBehavior& behavior) {
  return std::string(ShortName(behavior.mapping)) + "/" +
         std::string(ShortName(behavior.filtering));
}

std::string_view ReachName(Reach reach) {
  switch (reach) {
    case Reach::kDirect:
      return "direct";
    case Reach::kAsymmetric:
      return "asymmetric";
    case Reach::kOneWay:
      return "one-way";
    case Reach::kNothing:
      return "nothing";
  }
  return "";
}

std::string_view PathReasonName(PathReason reason) {
  constexpr std::array<std::string_view, 11> kNames = {
      "direct",           "no-relay",         "idle",     "peer-silent",
      "searching",        "udp-blocked",      "same-nat", "nat-pair",
      "unknown-behavior", "should-be-direct", "eats-data"};
  return kNames[std::to_underlying(reason)];
}

std::string_view FixCodeName(FixCode code) {
  constexpr std::array<std::string_view, 16> kNames = {
      "wait",
      "send-traffic",
      "start-peer",
      "reach-relay",
      "allow-udp",
      "allow-inbound",
      "forward-port",
      "enable-port-mapping",
      "remove-second-nat",
      "leave-hard-nat",
      "use-ipv6",
      "enable-hairpinning",
      "use-same-lan",
      "allow-hard-punch",
      "add-stun-servers",
      "raise-hard-punch-budget"};
  return kNames[std::to_underlying(code)];
}

std::string_view FixSideName(FixSide side) {
  constexpr std::array<std::string_view, 4> kNames = {"ours", "theirs",
                                                      "either", "both"};
  return kNames[std::to_underlying(side)];
}

}  // namespace natkit::nat
