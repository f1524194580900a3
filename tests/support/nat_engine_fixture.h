#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {

inline constexpr IpAddress kGateway = IpAddress::V4(192, 168, 1, 1);
inline constexpr IpAddress kHost1 = IpAddress::V4(192, 168, 1, 10);
inline constexpr IpAddress kHost2 = IpAddress::V4(192, 168, 1, 11);
inline constexpr IpAddress kExternal = IpAddress::V4(198, 51, 100, 1);
inline constexpr IpAddress kServer1 = IpAddress::V4(203, 0, 113, 1);
inline constexpr IpAddress kServer2 = IpAddress::V4(203, 0, 113, 2);

/// A NAPT with one external address, all else as RFC 4787 recommends.
inline NatConfig TestNat() {
  NatConfig config;
  config.external = {kExternal};
  config.inside_address = kGateway;
  return config;
}

/// A packet that came out of the engine.
struct Seen {
  Side side = Side::kOutside;
  std::vector<uint8_t> bytes;
  PacketInfo info;
};

/// One engine, its clock and everything that arrives around it.
class NatHarness {
 public:
  explicit NatHarness(const NatConfig& config, uint64_t seed = 1)
      : engine(config, seed) {}

  void Wait(Duration duration) { now += duration; }

  /// Sends any packet; what comes out at once, in place or queued, is
  /// appended to `seen`. Returns the first of it.
  std::optional<Seen> Send(Side from, std::vector<uint8_t> packet) {
    const size_t before = seen.size();
    if (const auto to = engine.Process(now, from, packet)) {
      Record(*to, std::move(packet));
    }
    Drain();
    return seen.size() == before ? std::nullopt : std::optional(seen[before]);
  }

  void Drain() {
    while (auto packet = engine.PollTransmit()) {
      Record(packet->to, std::move(packet->bytes));
    }
  }

  /// UDP from an inside host: the endpoint that the outside sees as its
  /// source, or, hairpinned, the receiver. nullopt if it does not arrive.
  std::optional<Endpoint> Out(const Endpoint& from, const Endpoint& to) {
    const auto got = Send(Side::kInside, BuildUdp(from, to, kPayload));
    return IsUdp(got, Side::kOutside) ? std::optional(got->info.source)
                                      : std::nullopt;
  }

  /// UDP from outside: the inside endpoint that it reaches.
  std::optional<Endpoint> In(const Endpoint& from, const Endpoint& to) {
    const auto got = Send(Side::kOutside, BuildUdp(from, to, kPayload));
    return IsUdp(got, Side::kInside) ? std::optional(got->info.destination)
                                     : std::nullopt;
  }

  /// UDP between inside hosts by an external address: what arrives.
  std::optional<Seen> Hairpin(const Endpoint& from, const Endpoint& to) {
    const auto got = Send(Side::kInside, BuildUdp(from, to, kPayload));
    return IsUdp(got, Side::kInside) ? got : std::nullopt;
  }

  std::optional<Endpoint> TcpOut(const Endpoint& from, const Endpoint& to,
                                 uint8_t flags) {
    const auto got =
        Send(Side::kInside, BuildTcp(from, to, {.flags = flags}, {}));
    return got && got->side == Side::kOutside && got->info.protocol == 6
               ? std::optional(got->info.source)
               : std::nullopt;
  }

  std::optional<Endpoint> TcpIn(const Endpoint& from, const Endpoint& to,
                                uint8_t flags) {
    const auto got =
        Send(Side::kOutside, BuildTcp(from, to, {.flags = flags}, {}));
    return got && got->side == Side::kInside && got->info.protocol == 6
               ? std::optional(got->info.destination)
               : std::nullopt;
  }

  /// A three-way handshake from the inside; the external endpoint.
  Endpoint Connect(const Endpoint& from, const Endpoint& to) {
    const auto external = TcpOut(from, to, kTcpSyn);
    EXPECT_TRUE(external);
    EXPECT_TRUE(TcpIn(to, *external, kTcpSyn | kTcpAck));
    EXPECT_TRUE(TcpOut(from, to, kTcpAck));
    return *external;
  }

  NatEngine engine;
  Instant now{std::chrono::hours(1)};
  std::vector<Seen> seen;

 private:
  static constexpr uint8_t kPayload[] = {'n', 'a', 't'};

  static bool IsUdp(const std::optional<Seen>& got, Side side) {
    return got && got->side == side && got->info.protocol == 17;
  }

  /// Whatever leaves must be a packet with right checksums.
  void Record(Side side, std::vector<uint8_t> bytes) {
    const auto info = ParsePacket(bytes);
    ASSERT_TRUE(info);
    if (!info->is_fragment) {
      EXPECT_TRUE(HasValidTransportChecksum(bytes, *info));
    }
    seen.push_back({side, std::move(bytes), *info});
  }
};

}  // namespace natkit::netsim
