// How packets get from one member of a network to the next.

#include <algorithm>
#include <array>
#include <string>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv4SourceOffset = 12;
constexpr size_t kIpv4DestinationOffset = 16;
constexpr size_t kIpv6HeaderSize = 40;
constexpr size_t kIpv6SourceOffset = 8;
constexpr size_t kIpv6DestinationOffset = 24;

/// The address at one of two offsets; nullopt if there is no whole header.
std::optional<IpAddress> AddressAt(ByteView packet, size_t ipv4_offset,
                                   size_t ipv6_offset) {
  if (packet.size() >= kIpv4HeaderSize && packet[0] >> 4 == 4) {
    const ByteView at = packet.subspan(ipv4_offset);
    return IpAddress::V4(at[0], at[1], at[2], at[3]);
  }
  if (packet.size() >= kIpv6HeaderSize && packet[0] >> 4 == 6) {
    std::array<uint8_t, 16> bytes{};
    CopyBytes(packet.subspan(ipv6_offset, bytes.size()), bytes);
    return IpAddress::V6(bytes);
  }
  return std::nullopt;
}

std::optional<IpAddress> SourceOf(ByteView packet) {
  return AddressAt(packet, kIpv4SourceOffset, kIpv6SourceOffset);
}

std::optional<IpAddress> DestinationOf(ByteView packet) {
  return AddressAt(packet, kIpv4DestinationOffset, kIpv6DestinationOffset);
}

WorldDrop DropOf(LinkDrop drop) {
  switch (drop) {
    case LinkDrop::kQueue:
      return WorldDrop::kQueue;
    case LinkDrop::kMtu:
      return WorldDrop::kMtu;
    case LinkDrop::kBlackhole:
      return WorldDrop::kBlackhole;
    case LinkDrop::kNone:
    case LinkDrop::kLoss:
      break;
  }
  return WorldDrop::kLoss;
}

struct NamedCounter {
  uint64_t NatCounters::* counter;
  std::string_view reason;
};

constexpr std::array kBoxDrops = {
    NamedCounter{&NatCounters::dropped_malformed, "malformed"},
    NamedCounter{&NatCounters::dropped_filtered, "filtered"},
    NamedCounter{&NatCounters::dropped_unmapped, "no mapping"},
    NamedCounter{&NatCounters::dropped_policy, "policy"},
    NamedCounter{&NatCounters::dropped_full, "a limit is reached"},
    NamedCounter{&NatCounters::dropped_fragment, "fragment"},
    NamedCounter{&NatCounters::dropped_ttl, "TTL exceeded"},
    NamedCounter{&NatCounters::dropped_mtu, "larger than the MTU"},
};

/// Which counter of dropped packets has moved; empty: none.
std::string_view BoxDropReason(const NatCounters& before,
                               const NatCounters& after) {
  const auto found = std::ranges::find_if(kBoxDrops, [&](const auto& entry) {
    return before.*entry.counter != after.*entry.counter;
  });
  return found == kBoxDrops.end() ? std::string_view() : found->reason;
}

}  // namespace

void World::Impl::Emit(PortId from, Packet* packet) {
  if (!ports_[from].is_up) {
    Drop(WorldDrop::kLinkDown, from, PacketDirection::kOutbound, packet);
    return;
  }
  const auto destination = DestinationOf(packet->bytes());
  if (!destination) {
    Drop(WorldDrop::kMalformed, from, PacketDirection::kOutbound, packet);
    return;
  }
  if (!cuts_.empty() &&
      cuts_.contains({*SourceOf(packet->bytes()), *destination})) {
    Drop(WorldDrop::kCut, from, PacketDirection::kOutbound, packet);
    return;
  }
  if (IsAllHosts(*destination)) {
    EmitToAllHosts(from, packet);
    return;
  }
  const auto to = Resolve(from, *destination);
  if (!to) {
    Drop(to.error(), from, PacketDirection::kOutbound, packet);
  } else if (*to == from) {
    // A host talks to itself; no cable is involved.
    Record(from, PacketDirection::kOutbound, packet->bytes());
    queue_.Push(now_, EventType::kArrival, from, packet);
  } else {
    SendUp(from, *to, packet);
  }
}

/// One copy per host: links know no multicast.
void World::Impl::EmitToAllHosts(PortId from, Packet* packet) {
  for (PortId to = 0; to < ports_.size(); ++to) {
    if (to != from && !ports_[to].is_box &&
        ports_[to].network == ports_[from].network) {
      Packet* copy = pool_.Take(packet->size);
      CopyBytes(packet->bytes(), copy->bytes());
      SendUp(from, to, copy);
    }
  }
  pool_.Return(packet);
}

std::expected<PortId, WorldDrop> World::Impl::Resolve(
    PortId from, const IpAddress& to) const {
  const WorldNetwork& network = networks_[ports_[from].network];
  if (const auto owner = network.addresses.Find(to)) {
    const bool is_own = *owner == from && ports_[from].is_box;
    return is_own ? std::expected<PortId, WorldDrop>(std::unexpect,
                                                     WorldDrop::kNoSuchHost)
                  : *owner;
  }
  for (const RangeRoute& route : network.routes) {
    if (route.via != from && route.to.Contains(to)) {
      return route.via;
    }
  }
  if (network.IsOnLink(to)) {
    return std::unexpected(WorldDrop::kNoSuchHost);
  }
  if (!network.gateway || *network.gateway == from) {
    return std::unexpected(WorldDrop::kNoRoute);
  }
  return *network.gateway;
}

void World::Impl::SendUp(PortId from, PortId to, Packet* packet) {
  WorldPort& port = ports_[from];
  const Link::Deliveries deliveries = port.up.Send(now_, packet->size);
  if (deliveries.count == 0) {
    Drop(DropOf(deliveries.drop), from, PacketDirection::kOutbound, packet);
    return;
  }
  Record(from, PacketDirection::kOutbound, packet->bytes());
  Schedule(port.up, port.up_lane, deliveries,
           ports_[to].uses_down ? EventType::kAtNetwork : EventType::kArrival,
           to, packet);
}

void World::Impl::SendDown(PortId to, Packet* packet) {
  WorldPort& port = ports_[to];
  const Link::Deliveries deliveries = port.down.Send(now_, packet->size);
  if (deliveries.count == 0) {
    Drop(DropOf(deliveries.drop), to, PacketDirection::kInbound, packet);
    return;
  }
  Schedule(port.down, port.down_lane, deliveries, EventType::kArrival, to,
           packet);
}

void World::Impl::Schedule(const Link& link, LaneId lane,
                           const Link::Deliveries& deliveries, EventType type,
                           PortId to, Packet* packet) {
  for (size_t i = 0; i < deliveries.count; ++i) {
    Packet* copy = packet;
    if (i > 0) {
      copy = pool_.Take(packet->size);
      CopyBytes(packet->bytes(), copy->bytes());
    }
    const Instant at = deliveries.at[i];
    if (at <= link.last_arrival()) {
      queue_.PushInLane(lane, at, type, to, copy);
    } else {
      queue_.Push(at, type, to, copy);  // reordered
    }
  }
}

void World::Impl::Arrive(PortId at, Packet* packet) {
  ++counters_.hops;
  if (!ports_[at].is_up) {
    Drop(WorldDrop::kLinkDown, at, PacketDirection::kInbound, packet);
  } else if (ports_[at].is_box) {
    ArriveAtBox(at, packet);
  } else {
    ArriveAtHost(at, packet);
  }
}

void World::Impl::ArriveAtBox(PortId at, Packet* packet) {
  WorldBox& box = boxes_[ports_[at].owner];
  const NatCounters before = box.engine.counters();
  if (trace_ != nullptr) {
    scratch_.assign(packet->bytes().begin(), packet->bytes().end());
  }
  const auto leaves =
      box.engine.Process(now_, ports_[at].side, packet->bytes());
  const std::string_view reason =
      leaves ? std::string_view()
             : BoxDropReason(before, box.engine.counters());
  if (!reason.empty()) {
    ++counters_.drops[static_cast<size_t>(WorldDrop::kBox)];
  }
  if (trace_ != nullptr) {
    Record(at, PacketDirection::kInbound, scratch_,
           reason.empty() ? "" : "dropped by the box: " + std::string(reason));
  }
  if (leaves) {
    Emit(*leaves == Side::kInside ? box.inside : box.outside, packet);
  } else {
    pool_.Return(packet);
  }
  DrainBox(box);
}

void World::Impl::DrainBox(WorldBox& box) {
  while (auto made = box.engine.PollTransmit()) {
    EmitCopy(made->to == Side::kInside ? box.inside : box.outside, made->bytes);
  }
  RearmBox(box);
}

void World::Impl::Record(PortId at, PacketDirection direction, ByteView packet,
                         std::string_view comment) {
  if (trace_ == nullptr) {
    return;
  }
  WorldPort& port = ports_[at];
  if (!port.trace_interface) {
    port.trace_interface = trace_->AddInterface(port.name);
  }
  trace_->Write({.interface = *port.trace_interface,
                 .at = now_,
                 .packet = packet,
                 .direction = direction,
                 .comment = comment});
}

void World::Impl::Drop(WorldDrop reason, PortId at, PacketDirection direction,
                       Packet* packet) {
  ++counters_.drops[static_cast<size_t>(reason)];
  if (trace_ != nullptr) {
    Record(at, direction, packet->bytes(),
           "dropped: " + std::string(DescribeDrop(reason)));
  }
  pool_.Return(packet);
}

}  // namespace natkit::netsim
