#include <algorithm>
#include <array>

#include "natkit/nat/demux.h"
#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxPendingPings = 256;
// 0100::/16: reserved (RFC 4291), never assigned or routed.
constexpr std::array<uint8_t, 2> kReservedPrefix = {0x01, 0x00};
constexpr size_t kPeerBytes = 8;  // the upper half of an IPv6 address

}  // namespace

Endpoint RelayedEndpoint(RelayId relay, wg::PeerId peer) {
  std::array<uint8_t, 16> raw{};
  ByteWriter out(raw);
  out.WriteBytes(kReservedPrefix);
  out.WriteU16(static_cast<uint16_t>(relay));
  out.WriteU32(peer);
  return {IpAddress::V6(raw), 1};
}

std::optional<RelayedSender> ParseRelayedEndpoint(const Endpoint& endpoint) {
  ByteReader in(endpoint.address.bytes());
  ByteView prefix;
  uint16_t relay = 0;
  RelayedSender sender{};
  if (endpoint.address.is_v4() ||
      !in.ReadView(kReservedPrefix.size(), prefix) ||
      !std::ranges::equal(prefix, kReservedPrefix) || !in.ReadU16(relay) ||
      !in.ReadU32(sender.peer) ||
      !std::ranges::all_of(endpoint.address.bytes().subspan(kPeerBytes),
                           [](uint8_t byte) { return byte == 0; })) {
    return std::nullopt;
  }
  sender.relay = relay;
  return sender;
}

void Node::Impl::HandleUdp(Instant now, const PacketBatch& datagrams) {
  for (size_t i = 0; i < datagrams.size(); ++i) {
    TakeDatagram(now, datagrams.bytes(i), datagrams.meta(i));
  }
  RunDevice(now);
  Settle(now);
}

void Node::Impl::TakeDatagram(Instant now, ByteView bytes,
                              const PacketBatch::Meta& meta) {
  switch (nat::Classify(bytes)) {
    case nat::DatagramKind::kStun:
      TakeStun(now, bytes, meta);
      return;
    case nat::DatagramKind::kWireGuard:
      if (!ParseRelayedEndpoint(meta.remote)) {
        wg_in_.AppendCopy(bytes, meta);
      }
      return;
    case nat::DatagramKind::kDisco:
    case nat::DatagramKind::kUnknown:
      ++counters_.dropped_unknown_datagrams;
      return;
  }
}

void Node::Impl::TakeStun(Instant now, ByteView bytes,
                          const PacketBatch::Meta& meta) {
  if (prober_.HandleDatagram(now, meta.local, meta.remote, bytes)) {
    return;
  }
  if (lifetime_.HandleDatagram(now, meta.local, meta.remote, bytes)) {
    return;
  }
  if (inbound_.HandleDatagram(now, meta.local, meta.remote, bytes)) {
    return;
  }
  if (hard_.HandleDatagram(now, meta.local, meta.remote, bytes)) {
    prober_.NoteUdp();
    return;
  }
  const auto id = mux_.Route(bytes);
  NodePeer* peer = id ? FindPeer(static_cast<wg::PeerId>(*id)) : nullptr;
  if (peer != nullptr &&
      peer->link.HandleDatagram(now, meta.local, meta.remote, bytes)) {
    prober_.NoteUdp();
    Touch(*peer);
    return;
  }
  ++counters_.dropped_foreign_stun;
}

void Node::Impl::HandleTun(Instant now, const PacketBatch& packets) {
  device_.SendPackets(now, FilterOutbound(now, packets), wg_out_);
  for (size_t i = 0; i < wg_out_.size(); ++i) {
    if (NodePeer* peer = FindPeer(wg_out_.meta(i).tag)) {
      peer->link.NoteTraffic(now);
      Touch(*peer);
    }
  }
  Settle(now);
}

void Node::Impl::RunDevice(Instant now) {
  if (wg_in_.is_empty()) {
    return;
  }
  device_.HandleDatagrams(now, wg_in_, plaintext_, wg_out_);
  wg_in_.Clear();
  TakePlaintext(now);
}

void Node::Impl::TakePlaintext(Instant now) {
  for (size_t i = 0; i < plaintext_.size(); ++i) {
    const PacketBatch::Meta& meta = plaintext_.meta(i);
    NodePeer* peer = FindPeer(meta.tag);
    if (peer == nullptr) {
      continue;
    }
    Touch(*peer);
    NoteReceived(now, *peer, meta, plaintext_.bytes(i).size());
    if (plaintext_.bytes(i).empty()) {
      continue;  // a keepalive
    }
    if (!MayEnter(now, plaintext_.bytes(i), meta.tag)) {
      continue;
    }
    peer->link.NoteTraffic(now);
    if (!TakePingReply(now, *peer, plaintext_.bytes(i), meta)) {
      tun_out_.AppendCopy(plaintext_.bytes(i), {});
    }
  }
  plaintext_.Clear();
}

Result<void> Node::Impl::SendPing(Instant now, std::string_view name,
                                  uint16_t sequence) {
  const NodePeer* peer = FindPeer(name);
  if (peer == nullptr) {
    return Fail(Errc::kNotFound);
  }
  const NodeEntry* entry = &peer->entry;
  for (const IpAddress& destination : entry->addresses) {
    const auto source =
        std::ranges::find(self_.addresses, destination.family(),
                          [](const IpAddress& ip) { return ip.family(); });
    if (source == self_.addresses.end()) {
      continue;
    }
    if (pings_.size() >= kMaxPendingPings) {
      pings_.clear();  // replies that never came
    }
    pings_[{entry->name, sequence}] = now;
    PacketBatch packet;
    packet.AppendCopy(BuildEchoRequest({.source = *source,
                                        .destination = destination,
                                        .identifier = ping_identifier_,
                                        .sequence = sequence}),
                      {});
    HandleTun(now, packet);
    return {};
  }
  return Fail(Errc::kNotFound);
}

bool Node::Impl::TakePingReply(Instant now, NodePeer& peer, ByteView packet,
                               const PacketBatch::Meta& meta) {
  if (pings_.empty()) {
    return false;
  }
  const auto echo = ParseEcho(packet);
  if (!echo || !echo->is_reply || echo->identifier != ping_identifier_) {
    return false;
  }
  const auto sent = pings_.find({peer.entry.name, echo->sequence});
  if (sent == pings_.end()) {
    return false;
  }
  events_.emplace_back(PingReply{.peer = peer.entry.name,
                                 .sequence = echo->sequence,
                                 .rtt = now - sent->second,
                                 .path = PathOf(meta.remote, meta.local)});
  pings_.erase(sent);
  return true;
}

Path Node::Impl::PathOf(const Endpoint& remote, const Endpoint& local) const {
  if (const auto sender = ParseRelayedEndpoint(remote)) {
    return {.kind = PathKind::kRelay, .relay = RelayName(sender->relay)};
  }
  return {.kind = PathKind::kDirect, .remote = remote, .local = local};
}

void Node::Impl::RouteDatagrams(Instant now) {
  for (size_t i = 0; i < wg_out_.size(); ++i) {
    const PacketBatch::Meta& meta = wg_out_.meta(i);
    if (NodePeer* peer = FindPeer(meta.tag)) {
      RouteToPeer(now, *peer, wg_out_.bytes(i));
    } else if (meta.tag == wg::kNoPeer) {
      RouteReply(now, wg_out_.bytes(i), meta);
    } else {
      ++counters_.dropped_removed_peers;
    }
  }
  wg_out_.Clear();
}

void Node::Impl::RouteToPeer(Instant now, NodePeer& peer, ByteView datagram) {
  const PathChoice path = ChoosePath(now, peer);
  if (!peer.needs_deadline) {
    peer.needs_deadline = true;
    undated_.push_back(&peer);
  }
  if (path.direct) {
    SendDirect(now, peer, *path.direct, datagram);
  }
  const bool is_handshake = !IsTransportData(datagram);
  if (path.over_relay || (is_handshake && !peer.watch.is_proven(now))) {
    SendOverRelay(now, peer, datagram);
  }
}

void Node::Impl::RouteReply(Instant now, ByteView datagram,
                            const PacketBatch::Meta& meta) {
  const auto sender = ParseRelayedEndpoint(meta.remote);
  if (!sender) {
    udp_out_.AppendCopy(datagram, {.remote = meta.remote, .local = meta.local});
  } else if (NodePeer* peer = FindPeer(sender->peer)) {
    SendOverRelay(now, *peer, datagram);
  }
}

void Node::Impl::SendOverRelay(Instant now, NodePeer& peer, ByteView datagram) {
  const auto relay = RelayFor(peer);
  if (!relay || !relays_.at(*relay).Send(now, peer.active.key, datagram)) {
    ++counters_.dropped_no_relay;
    return;
  }
  ++counters_.sent_relayed;
}

std::optional<RelayId> Node::Impl::RelayFor(const NodePeer& peer) const {
  for (const auto& relay : {peer.home_relay, peer.heard_on}) {
    if (const auto stream = relay ? UpStream(*relay) : std::nullopt) {
      return stream;
    }
  }
  for (const auto& [relay, config] : relay_configs_) {
    if (const auto stream = UpStream(relay)) {
      return stream;
    }
  }
  return std::nullopt;
}

}  // namespace natkit::mesh
