// What the comparison of engine and model sends.

#include <algorithm>
#include <array>

#include "nat_model_run.h"

namespace natkit::netsim {
namespace {

const IpAddress kRouter = IpAddress::V4(192, 0, 2, 1);

/// Sizes that do not fit the smaller MTUs of DrawConfig().
constexpr double kBigChance = 0.02;
constexpr double kLowTtlChance = 0.02;
constexpr uint16_t kBigPayload = 1300;

}  // namespace

PacketFacts NatModelRun::Outbound() {
  PacketFacts packet;
  const uint32_t kind = rng_.NextBelow(100);
  packet.kind = kind < 60   ? PacketKind::kUdp
                : kind < 85 ? PacketKind::kTcp
                : kind < 99 || config_.translation != Translation::kNapt
                    ? PacketKind::kEchoRequest
                    : PacketKind::kEchoReply;
  packet.source = {AnyHost(), AnyInsidePort()};
  packet.destination = AnyRemote();
  const auto* mapping = AnyMapping();
  if (mapping != nullptr && config_.translation == Translation::kNapt &&
      rng_.Chance(0.12)) {
    packet.destination = mapping->external;  // hairpin
    if (rng_.Chance(0.1)) {
      packet.destination.port = AnyExternalPort();
    }
    if (mapping->protocol != packet.protocol() && rng_.Chance(0.8)) {
      packet.kind = mapping->protocol == 17  ? PacketKind::kUdp
                    : mapping->protocol == 6 ? PacketKind::kTcp
                                             : packet.kind;
    }
  }
  if (packet.kind == PacketKind::kEchoRequest) {
    packet.destination.port = 0;
  }
  if (packet.kind == PacketKind::kEchoReply) {
    packet.destination.port = packet.source.port;
    packet.source.port = 0;
  }
  Vary(packet);
  return packet;
}

/// A packet of a flow that exists, one way or the other.
PacketFacts NatModelRun::Refreshing(const ReferenceNat::Mapping& mapping,
                                    bool is_out) {
  PacketFacts packet;
  packet.kind = mapping.protocol == 17  ? PacketKind::kUdp
                : mapping.protocol == 6 ? PacketKind::kTcp
                : is_out                ? PacketKind::kEchoRequest
                                        : PacketKind::kEchoReply;
  const Endpoint remote = RemoteOf(mapping);
  packet.source = is_out ? mapping.inside : remote;
  packet.destination = is_out ? remote : mapping.external;
  Vary(packet);
  return packet;
}

PacketFacts NatModelRun::Inbound() {
  const auto* mapping = AnyMapping();
  if (mapping != nullptr && rng_.Chance(0.9)) {
    PacketFacts packet = Refreshing(*mapping, false);
    const bool is_echo = packet.kind == PacketKind::kEchoReply;
    if (rng_.Chance(0.2) && !is_echo) {
      packet.source.port = AnyRemote().port;
    } else if (rng_.Chance(0.3)) {
      packet.source = AnyRemote();
      packet.source.port = is_echo ? 0 : packet.source.port;
    }
    return packet;
  }
  PacketFacts packet;
  packet.kind = rng_.Chance(0.5)   ? PacketKind::kUdp
                : rng_.Chance(0.7) ? PacketKind::kTcp
                                   : PacketKind::kEchoReply;
  packet.source = AnyRemote();
  const auto pool = model_.Pool();
  packet.destination = {
      pool[rng_.NextBelow(static_cast<uint32_t>(pool.size()))],
      AnyExternalPort()};
  if (rng_.Chance(0.05)) {
    // To an inside address, as the way back of exempt destinations.
    packet.destination = {AnyHost(), AnyInsidePort()};
  }
  if (packet.kind == PacketKind::kEchoReply) {
    packet.source.port = 0;
  }
  Vary(packet);
  return packet;
}

PacketFacts NatModelRun::ErrorIn() {
  const auto* mapping = AnyMapping();
  PacketFacts about = mapping != nullptr && rng_.Chance(0.9)
                          ? Refreshing(*mapping, true)
                          : Outbound();
  if (mapping != nullptr) {
    about.source = mapping->external;
  }
  if (rng_.Chance(0.2)) {
    about.destination = AnyRemote();
    about.destination.port =
        about.kind == PacketKind::kEchoRequest ? 0 : about.destination.port;
  }
  if (about.kind == PacketKind::kEchoReply) {
    about.kind = PacketKind::kEchoRequest;
    about.destination.port = 0;
  }
  about.payload = 8;
  const IpAddress sender =
      rng_.Chance(0.5) ? kRouter : about.destination.address;
  const uint8_t type = rng_.Chance(0.5) ? 3 : 11;
  return MakeIcmpError(sender, type, 0, 0, about).value_or(about);
}

PacketFacts NatModelRun::ErrorOut() {
  const auto* mapping = AnyMapping();
  if (mapping == nullptr) {
    return Outbound();
  }
  PacketFacts about = Refreshing(*mapping, false);
  about.destination = mapping->inside;
  const auto* other = AnyMapping();
  if (other != nullptr && config_.translation == Translation::kNapt &&
      rng_.Chance(0.3)) {
    about.source = other->external;  // about a hairpinned packet
    about.source.port =
        about.kind == PacketKind::kEchoReply ? 0 : about.source.port;
  }
  about.payload = 8;
  const IpAddress sender =
      rng_.Chance(0.7) ? mapping->inside.address : AnyHost();
  const uint8_t type = rng_.Chance(0.5) ? 3 : 11;
  const uint8_t code = rng_.Chance(0.5) ? 1 : 0;
  return MakeIcmpError(sender, type, code, 0, about).value_or(about);
}

void NatModelRun::Vary(PacketFacts& packet) {
  packet.tcp_flags =
      packet.kind == PacketKind::kTcp ? AnyTcpFlags() : uint8_t{0};
  if (rng_.Chance(kLowTtlChance)) {
    packet.ttl = static_cast<uint8_t>(1 + rng_.NextBelow(2));
  }
  if (rng_.Chance(kBigChance)) {
    packet.payload = kBigPayload;
    packet.dont_fragment = true;
  }
}

uint8_t NatModelRun::AnyTcpFlags() {
  constexpr std::array<uint8_t, 10> kFlags = {
      kTcpSyn, kTcpSyn,           kTcpSyn | kTcpAck, kTcpSyn | kTcpAck,
      kTcpAck, kTcpAck | kTcpPsh, kTcpFin | kTcpAck, kTcpFin | kTcpAck,
      kTcpRst, kTcpRst | kTcpAck};
  return kFlags[rng_.NextBelow(kFlags.size())];
}

const ReferenceNat::Mapping* NatModelRun::AnyMapping() {
  const auto& live = model_.live();
  return live.empty()
             ? nullptr
             : &live[rng_.NextBelow(static_cast<uint32_t>(live.size()))];
}

Endpoint NatModelRun::RemoteOf(const ReferenceNat::Mapping& mapping) {
  if (mapping.sessions.empty()) {
    return AnyRemote();
  }
  const auto size = static_cast<uint32_t>(mapping.sessions.size());
  return mapping.sessions[rng_.NextBelow(size)].remote;
}

Endpoint NatModelRun::AnyRemote() {
  constexpr std::array<uint16_t, 3> kPorts = {53, 3478, 3479};
  const auto last = static_cast<uint8_t>(
      !config_.exempt.empty() && rng_.Chance(0.05) ? 130
                                                   : 1 + rng_.NextBelow(3));
  return {IpAddress::V4(203, 0, 113, last), kPorts[rng_.NextBelow(3)]};
}

IpAddress NatModelRun::AnyHost() {
  return IpAddress::V4(
      10, 0, 0,
      static_cast<uint8_t>(2 + rng_.NextBelow(static_cast<uint32_t>(hosts_))));
}

/// Few, so that they collide: low ones, some in the range, one beyond it.
uint16_t NatModelRun::AnyInsidePort() {
  const uint32_t i = rng_.NextBelow(12);
  if (i < 2) {
    return static_cast<uint16_t>(500 + i);
  }
  return static_cast<uint16_t>(i == 2 ? 65'000
                                      : config_.port_range.first + i - 3);
}

uint16_t NatModelRun::AnyExternalPort() {
  const auto size = static_cast<uint32_t>(config_.port_range.size());
  return static_cast<uint16_t>(config_.port_range.first +
                               rng_.NextBelow(std::min(size, 40U)));
}

}  // namespace natkit::netsim
