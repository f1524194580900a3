#include <array>

#include "test_case.h"

namespace natkit::natcheck::conformance {

namespace {

using enum Slot;
using enum Needs;

/// RFC 4787.
std::vector<TestCase> UdpCases() {
  return {
      {"udp-mapping", kTogether, kUdp, {"4787-1"}, TestUdpMapping},
      {"udp-pooling", kTogether, kUdp, {"4787-2", "6888-2"}, TestUdpPooling},
      {"udp-overloading", kTogether, kUdp, {"4787-3"}, TestUdpOverloading},
      {"udp-port-class", kTogether, kUdp, {"4787-3a"}, TestUdpPortClass},
      {"udp-parity", kTogether, kUdp, {"4787-4", "7857-8"}, TestUdpParity},
      {"udp-lifetime",
       kTogether,
       kUdp,
       {"4787-5", "4787-5a", "4787-5c", "4787-6", "4787-6a", "7857-7",
        "7857-7.1"},
       TestUdpLifetime},
      {"udp-filtering",
       kTogether,
       kUdp,
       {"4787-8", "6888-7"},
       TestUdpFiltering},
      {"udp-hairpin", kTogether, kUdp, {"4787-9", "4787-9a"}, TestUdpHairpin},
      {"udp-alg", kTogether, kUdp, {"4787-10", "4787-10a"}, TestUdpAlg},
      {"udp-icmp",
       kTogether,
       kUdp,
       {"4787-12", "4787-12a", "4787-12b"},
       TestUdpIcmp},
      {"fragments-out",
       kTogether,
       kUdp,
       {"4787-13", "4787-13a"},
       TestFragmentsOut},
      {"fragments-in", kTogether, kUdp, {"4787-14"}, TestFragmentsIn},
  };
}

/// RFC 5382 and what RFC 7857 changes in it.
std::vector<TestCase> TcpCases() {
  return {
      {"tcp-mapping", kTogether, kTcp, {"5382-1"}, TestTcpMapping},
      {"tcp-overloading", kTogether, kTcp, {"5382-7"}, TestTcpOverloading},
      {"tcp-open", kTogether, kTcp, {"5382-2"}, TestTcpOpen},
      {"tcp-filtering", kTogether, kTcp, {"5382-3"}, TestTcpFiltering},
      {"tcp-unsolicited",
       kTogether,
       kTcp,
       {"5382-4", "5382-4a"},
       TestTcpUnsolicited},
      {"tcp-idle", kLong, kTcp, {"5382-5"}, TestTcpIdle},
      {"tcp-transitory", kTogether, kTcp, {"5382-5t"}, TestTcpTransitory},
      {"tcp-hairpin", kTogether, kTcp, {"5382-8", "5382-8a"}, TestTcpHairpin},
      {"tcp-icmp", kTogether, kTcp, {"5382-9", "5382-10"}, TestTcpIcmp},
      {"tcp-alg", kTogether, kTcp, {"5382-6"}, TestTcpAlg},
      {"tcp-reset", kTogether, kTcp, {"7857-2.2", "7857-2.2a"}, TestTcpReset},
      {"tcp-closing", kTogether, kTcp, {"7857-2.1"}, TestTcpClosing},
      {"protocol-independence",
       kTogether,
       kTcp,
       {"7857-5"},
       TestProtocolIndependence},
  };
}

/// RFC 5508.
std::vector<TestCase> IcmpCases() {
  return {
      {"icmp-query",
       kTogether,
       kIcmp,
       {"5508-1", "5508-1a", "5508-10a-echo"},
       TestIcmpQuery},
      {"icmp-lifetime",
       kTogether,
       kIcmp,
       {"5508-2", "5508-6"},
       TestIcmpLifetime},
      {"icmp-obsolete", kTogether, kIcmp, {"5508-10c"}, TestIcmpObsolete},
      {"icmp-optional", kTogether, kIcmp, {"5508-10b"}, TestIcmpOptional},
      {"icmp-own", kTogether, kUdp, {"5508-9"}, TestIcmpOwn},
      {"icmp-other", kTogether, kIcmp, {"5508-11"}, TestIcmpOther},
      {"icmp-errors",
       kTogether,
       kUdp,
       {"5508-3", "5508-3a", "5508-3b", "5508-3c", "5508-3d", "5508-4",
        "5508-4u", "5508-5", "5508-5u", "5508-10a"},
       TestIcmpErrors},
      {"icmp-hairpin", kTogether, kUdp, {"5508-7", "5508-7a"}, TestIcmpHairpin},
  };
}

/// RFC 6888 and what needs the facts of the other tests.
std::vector<TestCase> CarrierCases() {
  return {
      {"port-control", kTogether, kUdp, {"6888-9"}, TestPortControl},
      {"exemption", kTogether, kUdp, {"6888-6"}, TestExemption},
      {"conflict", kTogether, kUdp, {"4787-7"}, TestConflict},
      {"address-pool", kTogether, kUdp, {"6888-3"}, TestAddressPool},
      {"port-reuse", kTogether, kUdp, {"6888-8"}, TestPortReuse},
      {"ip-id", kTogether, kUdp, {"7857-10"}, TestIpId},
  };
}

/// They disturb others.
std::vector<TestCase> LonelyCases() {
  return {
      {"port-randomness",
       kAlone,
       kUdp,
       {"7857-9", "6888-15"},
       TestPortRandomness},
      {"fragment-flood", kAlone, kUdp, {"4787-14a"}, TestFragmentFlood},
      {"udp-determinism", kAlone, kUdp, {"4787-11"}, TestDeterminism},
      {"session-limit", kAlone, kUdp, {"6888-5"}, TestSessionLimit},
      {"quota",
       kAlone,
       kUdp,
       {"5508-8", "6888-4", "6888-5", "6888-11", "6888-13", "7857-4"},
       TestQuota},
      // Last: ports that rest would be missed by a test of quotas.
      {"drawn-port-reuse", kAlone, kUdp, {"6888-8"}, TestDrawnPortReuse},
  };
}

}  // namespace

std::span<const TestCase> TestCases() {
  static const std::vector<TestCase> cases = [] {
    std::vector<TestCase> all;
    for (const auto& group :
         {UdpCases(), TcpCases(), IcmpCases(), CarrierCases(), LonelyCases()}) {
      all.insert(all.end(), group.begin(), group.end());
    }
    return all;
  }();
  return cases;
}

std::span<const Unseen> UnseenRequirements() {
  static constexpr auto kUnseen = std::to_array<Unseen>({
      {"6888-1", "the tests of the other RFCs were not made"},
      {"6888-10",
       "management stations see MIBs, subscribers do not; show a walk of "
       "NATV2-MIB (RFC 7659) or of what is there instead, and state it "
       "(--state)"},
      {"6888-12",
       "logs are no packets; show a log of this run without the outside "
       "agent's addresses, and state it (--state)"},
      {"6888-14",
       "logs are no packets; count the log's lines per mapping of this run, "
       "and state it (--state)"},
  });
  return kUnseen;
}

}  // namespace natkit::natcheck::conformance
