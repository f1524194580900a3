#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "filter_packets.h"
#include "natkit/mesh/packet_filter.h"

namespace natkit::mesh {

inline void PrintTo(Verdict verdict, std::ostream* out) {
  *out << VerdictName(verdict);
}

/// A filter with its clock, and a node at 100.64.0.1 with a peer at 100.64.0.2.
class FilterTest : public ::testing::Test {
 protected:
  static inline const Endpoint kHere{testing::Ip("100.64.0.1"), 443};
  static inline const Endpoint kPeer{testing::Ip("100.64.0.2"), 50'000};
  static inline const Endpoint kOther{testing::Ip("100.64.0.3"), 50'000};
  static inline const Endpoint kHere6{testing::Ip("fd7a::1"), 443};
  static inline const Endpoint kPeer6{testing::Ip("fd7a::2"), 50'000};

  static constexpr uint8_t kFin = 0x11;  // with ACK
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kAck = 0x10;
  static constexpr uint8_t kSynAck = 0x12;

  static std::vector<IpPrefix> Prefixes(
      std::initializer_list<std::string_view> texts) {
    std::vector<IpPrefix> prefixes;
    for (const auto text : texts) {
      prefixes.push_back(IpPrefix::Parse(text).value());
    }
    return prefixes;
  }

  /// From the peer to this node, both families.
  static FilterRule PeerToHere(uint64_t id = 1) {
    FilterRule rule;
    rule.id = id;
    rule.sources = Prefixes({"100.64.0.2", "fd7a::2"});
    rule.destinations = Prefixes({"100.64.0.1", "fd7a::1"});
    return rule;
  }

  /// From this node to the peer, both families.
  static FilterRule HereToPeer(uint64_t id = 1) {
    FilterRule rule = PeerToHere(id);
    std::swap(rule.sources, rule.destinations);
    return rule;
  }

  static FilterRule WithPorts(FilterRule rule, std::vector<PortRange> ports) {
    rule.ports = std::move(ports);
    return rule;
  }

  void PutIn(FilterRule rule) {
    ASSERT_TRUE(filter_.PutRule(now_, Direction::kInbound, std::move(rule)));
  }

  void PutOut(FilterRule rule) {
    ASSERT_TRUE(filter_.PutRule(now_, Direction::kOutbound, std::move(rule)));
  }

  Verdict In(const testing::Packet& packet, uint32_t peer = kNoPeer) {
    return filter_.Check(now_, Direction::kInbound, packet, peer);
  }

  Verdict Out(const testing::Packet& packet, uint32_t peer = kNoPeer) {
    return filter_.Check(now_, Direction::kOutbound, packet, peer);
  }

  /// A TCP connection from `from`, which is in the tunnel, to `to`.
  void ConnectIn(const Endpoint& from, const Endpoint& to) {
    ASSERT_EQ(In(testing::Tcp(from, to, kSyn)), Verdict::kAccept);
    ASSERT_EQ(Out(testing::Tcp(to, from, kSynAck)), Verdict::kAccept);
    ASSERT_EQ(In(testing::Tcp(from, to, kAck)), Verdict::kAccept);
  }

  Instant now_{std::chrono::hours{1}};
  SeededRng rng_{1};
  PacketFilter filter_{FilterConfig{}, rng_};
};

}  // namespace natkit::mesh
