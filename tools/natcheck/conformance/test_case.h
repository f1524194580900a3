#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "trial.h"

namespace natkit::natcheck::conformance {

/// What the first test found out and others build on.
struct Facts {
  bool passes_udp = false;
  bool passes_tcp = false;
  bool passes_icmp = false;
  /// Whether outside hosts see another address or port than the inside one.
  bool is_translated = false;
  /// "EI", "AD" or "APD", of the run's very first mappings, before there was
  /// any load; "" if not known.
  std::string first_mapping;
  /// The first packet came with the time to live that it was sent with: nobody
  /// forwarded it.
  bool is_direct = false;
  /// The run was told that the box is a carrier's.
  bool is_carrier = false;
  /// By inside host: where its first datagram came from; unspecified if it did
  /// not come.
  std::vector<IpAddress> external;
  /// External ports that were not the inside ones: the box draws from where
  /// they are, and may keep them when an inside host uses them.
  std::vector<uint16_t> drawn_ports;

  /// An inside host other than `host` with the same external address; nullopt:
  /// none.
  [[nodiscard]] std::optional<size_t> SharerOf(size_t host) const;
  /// Whether hosts were seen with different external addresses.
  [[nodiscard]] bool has_pool() const;
  /// An inside port, of no other test, that the box would keep if it keeps any;
  /// `use` tells tests apart.
  [[nodiscard]] uint16_t KeepablePort(Lab& lab, size_t use) const;
};

/// What must pass the box for a test to say anything.
enum class Needs : uint8_t { kUdp, kTcp, kIcmp };

/// When a test runs.
enum class Slot : uint8_t {
  kTogether,  ///< with others
  kAlone,     ///< after those, one by one: it makes load or counts ports
  kLong,      ///< with others, but only in long runs: it takes hours
};

/// A test and the requirements that it judges.
struct TestCase {
  std::string_view name;
  Slot slot = Slot::kTogether;
  Needs needs = Needs::kUdp;
  std::vector<std::string_view> requirements;
  Task<void> (*run)(Trial& trial, const Facts& facts) = nullptr;
};

/// All tests, in the order in which those that run alone do.
[[nodiscard]] std::span<const TestCase> TestCases();

/// Fills the facts.
[[nodiscard]] Task<void> FindFacts(Trial& trial, Facts& facts);

/// A requirement that packets alone cannot judge, and why.
struct Unseen {
  std::string_view requirement;
  std::string_view reason;
};

[[nodiscard]] std::span<const Unseen> UnseenRequirements();

/// How one inside socket is mapped toward two ports of an address and another
/// address: "EI", "AD", "APD"; "" if not everything arrived.
[[nodiscard]] Task<std::string> ClassifyMapping(Trial& trial, Socket& own,
                                                Socket& a1p1, Socket& a1p2,
                                                Socket& a2);

// One function per test; what it judges stands in TestCases().

Task<void> TestUdpMapping(Trial& trial, const Facts& facts);
Task<void> TestUdpPooling(Trial& trial, const Facts& facts);
Task<void> TestUdpOverloading(Trial& trial, const Facts& facts);
Task<void> TestUdpPortClass(Trial& trial, const Facts& facts);
Task<void> TestUdpParity(Trial& trial, const Facts& facts);
Task<void> TestUdpLifetime(Trial& trial, const Facts& facts);
Task<void> TestUdpFiltering(Trial& trial, const Facts& facts);
Task<void> TestUdpHairpin(Trial& trial, const Facts& facts);
Task<void> TestUdpAlg(Trial& trial, const Facts& facts);
Task<void> TestUdpIcmp(Trial& trial, const Facts& facts);
Task<void> TestFragmentsOut(Trial& trial, const Facts& facts);
Task<void> TestFragmentsIn(Trial& trial, const Facts& facts);
Task<void> TestDeterminism(Trial& trial, const Facts& facts);
Task<void> TestFragmentFlood(Trial& trial, const Facts& facts);
Task<void> TestTcpMapping(Trial& trial, const Facts& facts);
Task<void> TestTcpOverloading(Trial& trial, const Facts& facts);
Task<void> TestTcpOpen(Trial& trial, const Facts& facts);
Task<void> TestTcpFiltering(Trial& trial, const Facts& facts);
Task<void> TestTcpUnsolicited(Trial& trial, const Facts& facts);
Task<void> TestTcpIdle(Trial& trial, const Facts& facts);
Task<void> TestTcpTransitory(Trial& trial, const Facts& facts);
Task<void> TestTcpHairpin(Trial& trial, const Facts& facts);
Task<void> TestTcpIcmp(Trial& trial, const Facts& facts);
Task<void> TestTcpAlg(Trial& trial, const Facts& facts);
Task<void> TestTcpReset(Trial& trial, const Facts& facts);
Task<void> TestTcpClosing(Trial& trial, const Facts& facts);
Task<void> TestProtocolIndependence(Trial& trial, const Facts& facts);
Task<void> TestIcmpQuery(Trial& trial, const Facts& facts);
Task<void> TestIcmpLifetime(Trial& trial, const Facts& facts);
Task<void> TestIcmpObsolete(Trial& trial, const Facts& facts);
Task<void> TestIcmpOptional(Trial& trial, const Facts& facts);
Task<void> TestIcmpOwn(Trial& trial, const Facts& facts);
Task<void> TestIcmpOther(Trial& trial, const Facts& facts);
Task<void> TestConflict(Trial& trial, const Facts& facts);
Task<void> TestAddressPool(Trial& trial, const Facts& facts);
Task<void> TestPortReuse(Trial& trial, const Facts& facts);
Task<void> TestDrawnPortReuse(Trial& trial, const Facts& facts);
Task<void> TestSessionLimit(Trial& trial, const Facts& facts);
Task<void> TestIcmpErrors(Trial& trial, const Facts& facts);
Task<void> TestIcmpHairpin(Trial& trial, const Facts& facts);
Task<void> TestIpId(Trial& trial, const Facts& facts);
Task<void> TestPortRandomness(Trial& trial, const Facts& facts);
Task<void> TestPortControl(Trial& trial, const Facts& facts);
Task<void> TestExemption(Trial& trial, const Facts& facts);
Task<void> TestQuota(Trial& trial, const Facts& facts);

}  // namespace natkit::natcheck::conformance
