#include <array>

#include "test_case.h"

namespace natkit::natcheck::conformance {

std::span<const TestCase> TestCases() {
  using enum Slot;
  using enum Needs;
  static const std::vector<TestCase> cases = {
      {"udp-mapping", kTogether, kUdp, {"4787-1"}, TestUdpMapping},
      {"udp-pooling", kTogether, kUdp, {"4787-2"}, TestUdpPooling},
      {"udp-overloading", kTogether, kUdp, {"4787-3"}, TestUdpOverloading},
      {"udp-port-class", kTogether, kUdp, {"4787-3a"}, TestUdpPortClass},
      {"udp-parity", kTogether, kUdp, {"4787-4"}, TestUdpParity},
      {"udp-lifetime",
       kTogether,
       kUdp,
       {"4787-5", "4787-5a", "4787-5c", "4787-6", "4787-6a"},
       TestUdpLifetime},
      {"udp-filtering", kTogether, kUdp, {"4787-8"}, TestUdpFiltering},
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
      {"fragment-flood", kAlone, kUdp, {"4787-14a"}, TestFragmentFlood},
      {"udp-determinism", kAlone, kUdp, {"4787-11"}, TestDeterminism},
  };
  return cases;
}

std::span<const Unseen> UnseenRequirements() {
  static constexpr auto kUnseen = std::to_array<Unseen>({
      {"4787-7",
       "needs the box's outside network changed to the inside one; not done"},
  });
  return kUnseen;
}

}  // namespace natkit::natcheck::conformance
