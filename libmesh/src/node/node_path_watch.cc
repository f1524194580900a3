#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxHeldPackets = 32;
constexpr size_t kMaxHeldBytes = 32 * 1024;
/// Transport data messages hold 32 bytes more than the packet.
constexpr size_t kKeepaliveSize = wg::kDataOverhead;
constexpr uint8_t kTransportData = 4;

}  // namespace

bool IsTransportData(ByteView datagram) {
  return datagram.size() >= kKeepaliveSize && datagram[0] == kTransportData;
}

PathChoice Node::Impl::ChoosePath(Instant now, const NodePeer& peer) const {
  PathChoice choice = peer.link.Path();
  if (!choice.direct) {
    return choice;
  }
  choice.over_relay = choice.over_relay || peer.watch.needs_relay(now);
  if (peer.watch.trust() == PathWatch::Trust::kBroken) {
    choice.direct.reset();
  }
  return choice;
}

void Node::Impl::SendDirect(Instant now, NodePeer& peer,
                            const ice::SelectedPair& pair, ByteView datagram) {
  ++counters_.sent_direct;
  udp_out_.AppendCopy(datagram,
                      {.remote = pair.remote, .local = pair.local_base});
  if (IsTransportData(datagram)) {
    peer.watch.NoteSent(now, datagram.size());
    Hold(peer, datagram);
  }
}

void Node::Impl::Hold(NodePeer& peer, ByteView datagram) {
  if (peer.watch.trust() == PathWatch::Trust::kTrusted &&
      datagram.size() > kKeepaliveSize && peer.held.size() < kMaxHeldPackets &&
      peer.held_bytes + datagram.size() <= kMaxHeldBytes) {
    peer.held.AppendCopy(datagram, {});
    peer.held_bytes += datagram.size();
  }
}

void Node::Impl::NoteReceived(Instant now, NodePeer& peer,
                              const PacketBatch::Meta& meta, size_t size) {
  if (!ParseRelayedEndpoint(meta.remote)) {
    ++counters_.received_direct;
    prober_.NoteUdp();
    peer.watch.NoteReceived(now, size + wg::kDataOverhead);
    if (size > 0) {  // a keepalive answers a question, not what is held
      ReleaseHeld(peer);
    }
  }
}

void Node::Impl::ReleaseHeld(NodePeer& peer) {
  peer.held.Clear();
  peer.held_bytes = 0;
}

void Node::Impl::DrainWatch(Instant now, NodePeer& peer) {
  if (peer.watch.PollBeganToDoubt()) {
    for (size_t i = 0; i < peer.held.size(); ++i) {
      SendOverRelay(now, peer, peer.held.bytes(i));
    }
    counters_.resent += peer.held.size();
    ReleaseHeld(peer);
  }
  if (const auto query = peer.watch.PollQuery()) {
    if (query->is_doubt || peer.watch.is_unanswered()) {
      // What killed the path may have killed the relays' streams as well; the
      // one that we are reached by is not the one that the peer is.
      ProbeRelays(now);
    }
    SendSignal(now, peer, *query);
    SendKeepaliveDirectly(now, peer);
  }
}

void Node::Impl::ProbeRelays(Instant now) {
  for (auto& [stream, relay] : relays_) {
    relay.Probe(now);
  }
}

void Node::Impl::SendKeepaliveDirectly(Instant now, NodePeer& peer) {
  const PathChoice choice = peer.link.Path();
  if (!choice.direct) {
    return;
  }
  keepalive_.Clear();
  device_.SendKeepalive(now, peer.active.id, keepalive_);
  for (size_t i = 0; i < keepalive_.size(); ++i) {
    SendDirect(now, peer, *choice.direct, keepalive_.bytes(i));
  }
}

void Node::Impl::HandlePathQuery(Instant now, NodePeer& peer,
                                 const PathQuery& query) {
  peer.watch.HandleQuery(now, query);
  SendKeepaliveDirectly(now, peer);
  SendSignal(now, peer, peer.watch.Report(now, query));
}

}  // namespace natkit::mesh
