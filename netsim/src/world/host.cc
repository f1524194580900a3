// What a host does with a packet that arrives.

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

// RFC 792 and RFC 4443 section 3.1.
constexpr uint8_t kUnreachable = 3;
constexpr uint8_t kPortUnreachable = 3;
constexpr uint8_t kUnreachable6 = 1;
constexpr uint8_t kPortUnreachable6 = 4;
constexpr uint8_t kEchoRequest = 8;
constexpr uint8_t kEchoRequest6 = 128;
constexpr size_t kIcmpRestOffset = 4;
constexpr size_t kEchoSequenceOffset = 6;

bool IsUdp(const PacketInfo& info) {
  return info.protocol == static_cast<uint8_t>(IpProtocol::kUdp);
}

bool IsEchoRequest(const PacketInfo& info) {
  return info.is_icmp_echo() &&
         info.icmp_type == (info.is_v4() ? kEchoRequest : kEchoRequest6);
}

/// Says that nobody listens (RFC 1122 section 4.1.3.1).
std::vector<uint8_t> MakeRefusal(ByteView packet, const PacketInfo& info) {
  return BuildIcmpError(info.destination.address,
                        info.is_v4() ? kUnreachable : kUnreachable6,
                        info.is_v4() ? kPortUnreachable : kPortUnreachable6, 0,
                        packet.first(info.total_size));
}

}  // namespace

const HostAddress* WorldHost::Find(const IpAddress& address) const {
  const auto found =
      std::ranges::find(addresses, address, &HostAddress::address);
  return found == addresses.end() ? nullptr : &*found;
}

std::optional<ActorId> WorldHost::Listener(uint16_t port) const {
  const auto found =
      std::ranges::lower_bound(bindings, port, {}, &Binding::port);
  if (found != bindings.end() && found->port == port) {
    return found->actor;
  }
  if (!bindings.empty() && bindings.front().port == 0) {
    return bindings.front().actor;
  }
  return std::nullopt;
}

Result<void> World::Impl::Attach(uint32_t host, Actor& actor, uint16_t port) {
  std::vector<Binding>& bindings = hosts_[host].bindings;
  const auto at = std::ranges::lower_bound(bindings, port, {}, &Binding::port);
  if (at != bindings.end() && at->port == port) {
    return Fail(Errc::kAddressInUse);
  }
  const ActorId id = FindOrAddActor(actor);
  bindings.insert(at, {.port = port, .actor = id});
  Rearm(id);
  return {};
}

void World::Impl::AttachRaw(uint32_t host, Actor& actor) {
  hosts_[host].raw = FindOrAddActor(actor);
  Rearm(*hosts_[host].raw);
}

void World::Impl::AttachTap(uint32_t host, Actor& actor) {
  hosts_[host].tap = FindOrAddActor(actor);
  Rearm(*hosts_[host].tap);
}

void World::Impl::Detach(Actor& actor) {
  const auto found = std::ranges::find(actors_, &actor, &WorldActor::actor);
  if (found == actors_.end()) {
    return;
  }
  const auto id = static_cast<ActorId>(found - actors_.begin());
  found->actor = nullptr;
  timers_.Set(found->timer, std::nullopt);
  for (WorldHost& host : hosts_) {
    std::erase_if(host.bindings,
                  [id](const Binding& binding) { return binding.actor == id; });
    if (host.raw == id) {
      host.raw.reset();
    }
    if (host.tap == id) {
      host.tap.reset();
    }
  }
}

ActorId World::Impl::FindOrAddActor(Actor& actor) {
  const auto found = std::ranges::find(actors_, &actor, &WorldActor::actor);
  const auto id = static_cast<ActorId>(found - actors_.begin());
  if (found == actors_.end()) {
    actors_.push_back({.actor = &actor, .timer = AddTimer(false, id)});
  }
  return id;
}

void World::Impl::Rearm(ActorId id) {
  const WorldActor& slot = actors_[id];
  if (slot.actor != nullptr) {
    timers_.Set(slot.timer, slot.actor->NextTimeout());
  }
}

bool IsAllHosts(const IpAddress& address) {
  static const IpAddress kAllNodes =
      IpAddress::V6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  return address == IpAddress::V4(224, 0, 0, 1) || address == kAllNodes;
}

void World::Impl::ArriveAtHost(PortId at, Packet* packet) {
  const auto info = ParsePacket(packet->bytes());
  if (!info) {
    Drop(WorldDrop::kMalformed, at, PacketDirection::kInbound, packet);
  } else if (!IsAllHosts(info->destination.address) &&
             hosts_[ports_[at].owner].Find(info->destination.address) ==
                 nullptr) {
    Drop(WorldDrop::kNotForUs, at, PacketDirection::kInbound, packet);
  } else if (hosts_[ports_[at].owner].tap) {
    TakeTapped(at, packet, *info);
  } else if (info->is_fragment) {
    TakeFragment(at, packet, *info);
  } else {
    TakeWhole(at, packet, *info);
  }
}

void World::Impl::TakeTapped(PortId at, Packet* packet,
                             const PacketInfo& info) {
  ++counters_.delivered;
  Record(at, PacketDirection::kInbound, packet->bytes());
  const ActorId tap = *hosts_[ports_[at].owner].tap;
  actors_[tap].actor->HandlePacket(now_,
                                   packet->bytes().first(info.total_size));
  Rearm(tap);
  pool_.Return(packet);
}

void World::Impl::TakeFragment(PortId at, Packet* packet,
                               const PacketInfo& info) {
  Reassembler& reassembler = hosts_[ports_[at].owner].reassembler;
  const auto fate = reassembler.Add(now_, packet->bytes(), info);
  if (fate == Reassembler::Fate::kRefused) {
    Drop(WorldDrop::kReassembly, at, PacketDirection::kInbound, packet);
    return;
  }
  Record(at, PacketDirection::kInbound, packet->bytes());
  pool_.Return(packet);
  if (fate != Reassembler::Fate::kComplete) {
    return;
  }
  Packet* whole = pool_.Take(reassembler.whole().size());
  CopyBytes(reassembler.whole(), whole->bytes());
  if (const auto parsed = ParsePacket(whole->bytes())) {
    TakeWhole(at, whole, *parsed);
  } else {
    Drop(WorldDrop::kMalformed, at, PacketDirection::kInbound, whole);
  }
}

void World::Impl::TakeWhole(PortId at, Packet* packet, const PacketInfo& info) {
  if (!HasValidTransportChecksum(packet->bytes(), info)) {
    Drop(WorldDrop::kBadChecksum, at, PacketDirection::kInbound, packet);
  } else if (IsUdp(info)) {
    TakeUdp(at, packet, info);
  } else {
    TakeOther(at, packet, info);
  }
}

void World::Impl::TakeUdp(PortId at, Packet* packet, const PacketInfo& info) {
  const auto payload = UdpPayload(packet->bytes(), info);
  if (!payload) {
    Drop(WorldDrop::kMalformed, at, PacketDirection::kInbound, packet);
    return;
  }
  const WorldHost& host = hosts_[ports_[at].owner];
  const auto listener = host.Listener(info.destination.port);
  if (!listener) {
    const auto error = MakeRefusal(packet->bytes(), info);
    Drop(WorldDrop::kClosedPort, at, PacketDirection::kInbound, packet);
    if (!error.empty()) {
      ++counters_.sent;
      EmitCopy(at, error);
    }
    return;
  }
  ++counters_.delivered;
  Record(at, PacketDirection::kInbound, packet->bytes());
  actors_[*listener].actor->HandleDatagram(now_, info.destination, info.source,
                                           *payload);
  Rearm(*listener);
  pool_.Return(packet);
}

void World::Impl::TakeOther(PortId at, Packet* packet, const PacketInfo& info) {
  ++counters_.delivered;
  Record(at, PacketDirection::kInbound, packet->bytes());
  WorldHost& host = hosts_[ports_[at].owner];
  if (IsEchoRequest(info)) {
    AnswerEcho(at, packet->bytes(), info);
  } else if (info.is_icmp_error()) {
    ReportIcmpError(host, packet->bytes(), info);
  }
  if (host.raw) {
    actors_[*host.raw].actor->HandlePacket(
        now_, packet->bytes().first(info.total_size));
    Rearm(*host.raw);
  }
  pool_.Return(packet);
}

void World::Impl::ReportIcmpError(WorldHost& host, ByteView packet,
                                  const PacketInfo& info) {
  ByteReader reader(packet.first(info.total_size));
  uint32_t rest = 0;
  if (!reader.Skip(info.transport_offset + kIcmpRestOffset) ||
      !reader.ReadU32(rest)) {
    return;
  }
  const auto quoted = ParseQuotedPacket(reader.ReadRest());
  if (!quoted || !quoted->has_transport || !IsUdp(*quoted) ||
      host.Find(quoted->source.address) == nullptr) {
    return;
  }
  if (const auto listener = host.Listener(quoted->source.port)) {
    actors_[*listener].actor->HandleIcmpError(now_,
                                              {.from = info.source.address,
                                               .type = info.icmp_type,
                                               .code = info.icmp_code,
                                               .rest = rest,
                                               .local = quoted->source,
                                               .remote = quoted->destination});
    Rearm(*listener);
  }
}

void World::Impl::AnswerEcho(PortId at, ByteView packet,
                             const PacketInfo& info) {
  ByteReader reader(packet.first(info.total_size));
  uint16_t sequence = 0;
  if (!reader.Skip(info.transport_offset + kEchoSequenceOffset) ||
      !reader.ReadU16(sequence)) {
    return;
  }
  const auto reply =
      BuildEcho(info.destination.address, info.source.address, EchoKind::kReply,
                info.icmp_id, sequence, reader.ReadRest());
  ++counters_.sent;
  EmitFragments(at, reply, hosts_[ports_[at].owner].mtu);
}

}  // namespace natkit::netsim
