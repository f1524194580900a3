#include <algorithm>

#include "device/device_impl.h"
#include "routing/ip_packet.h"

namespace natkit::wg {

namespace {

constexpr size_t kPaddingMultiple = 16;

// Whole multiples of 16 hide the exact length, but never make a packet that
// fits the tunnel's MTU one that does not.
size_t PaddedSize(size_t size, size_t mtu) {
  const size_t padded =
      (size + kPaddingMultiple - 1) / kPaddingMultiple * kPaddingMultiple;
  const size_t limit = std::max(size, std::min(mtu, kMaxPlaintextSize));
  return std::min(padded, limit);
}

DropReason ReasonOf(Errc code) {
  switch (code) {
    case Errc::kReplayed:
      return DropReason::kDataReplayed;
    case Errc::kNoSession:
      return DropReason::kSessionExpired;
    default:
      return DropReason::kDataAuth;
  }
}

}  // namespace

void Device::Impl::SendPackets(Instant now, const PacketBatch& plaintext,
                               PacketBatch& datagrams) {
  for (size_t i = 0; i < plaintext.size(); ++i) {
    RoutePacket(now, plaintext.bytes(i), datagrams);
  }
}

void Device::Impl::SendPackets(Instant now, std::span<const ByteView> plaintext,
                               PacketBatch& datagrams) {
  for (const ByteView packet : plaintext) {
    RoutePacket(now, packet, datagrams);
  }
}

void Device::Impl::RoutePacket(Instant now, ByteView packet, PacketBatch& out) {
  const Result<IpHeader> header = ParseIpHeader(packet);
  if (!header || header->total_size > kMaxPlaintextSize) {
    Count(DropReason::kBadPlaintext);
    return;
  }
  Peer* peer = allowed_ips_.Find(header->destination);
  if (peer == nullptr) {
    Count(DropReason::kNoRoute);
    return;
  }
  if (!CanReach(*peer)) {
    Count(DropReason::kNoEndpoint);
    return;
  }
  SendToPeer(now, *peer, packet.first(header->total_size), out);
  Reschedule(*peer);
}

// The caller reschedules the peer.
void Device::Impl::SendToPeer(Instant now, Peer& peer, ByteView packet,
                              PacketBatch& out) {
  Keypair* keypair = peer.keypairs.Sealing(now);
  if (keypair == nullptr) {
    Count(DropReason::kStagedOverflow, peer.staged.Push(packet));
    (void)StartHandshake(now, peer, HandshakeCause::kWanted, out);
    return;
  }
  SealTo(now, peer, *keypair, packet, out);
}

void Device::Impl::SealTo(Instant now, Peer& peer, Keypair& keypair,
                          ByteView packet, PacketBatch& out) {
  const size_t padded = PaddedSize(packet.size(), config_.tunnel_mtu);
  const MutableBytes bytes =
      out.Append(Keypair::SealedSize(padded), peer.MetaTo());
  keypair.Seal(packet, bytes);
  peer.tx_bytes += bytes.size();
  peer.timers.OnAnySent(now);
  if (packet.empty()) {
    ++counters_.keepalives_sent;
  } else {
    ++counters_.data_sealed;
    peer.timers.OnDataSent(now, peer.dead_session_jitter);
  }
  if (keypair.NeedsRekeyAfterSending(now)) {
    (void)StartHandshake(now, peer, HandshakeCause::kWanted, out);
  }
}

void Device::Impl::SendStaged(Instant now, Peer& peer, PacketBatch& out) {
  for (const auto& packet : peer.staged.TakeAll()) {
    SendToPeer(now, peer, packet, out);
  }
}

// Staged packets do what a keepalive would. Without a session this starts a
// handshake, whose end sends one.
void Device::Impl::SendKeepalive(Instant now, Peer& peer, PacketBatch& out) {
  Keypair* keypair = peer.keypairs.Sealing(now);
  if (keypair == nullptr) {
    (void)StartHandshake(now, peer, HandshakeCause::kWanted, out);
  } else if (!peer.staged.is_empty()) {
    SendStaged(now, peer, out);
  } else {
    SealTo(now, peer, *keypair, {}, out);
  }
}

void Device::Impl::HandleDatagrams(Instant now, const PacketBatch& datagrams,
                                   PacketBatch& plaintext,
                                   PacketBatch& replies) {
  for (size_t i = 0; i < datagrams.size(); ++i) {
    HandleDatagram({now, datagrams.bytes(i), datagrams.meta(i)}, plaintext,
                   replies);
  }
}

void Device::Impl::HandleDatagrams(Instant now,
                                   std::span<const Datagram> datagrams,
                                   PacketBatch& plaintext,
                                   PacketBatch& replies) {
  for (const Datagram& datagram : datagrams) {
    HandleDatagram({now, datagram.bytes, datagram.meta}, plaintext, replies);
  }
}

void Device::Impl::HandleDatagram(const Incoming& in, PacketBatch& plaintext,
                                  PacketBatch& replies) {
  const Result<MessageType> type = ClassifyMessage(in.bytes);
  if (!type) {
    Count(DropReason::kMalformed);
    return;
  }
  switch (*type) {
    case MessageType::kHandshakeInitiation:
      return HandleInitiation(in, replies);
    case MessageType::kHandshakeResponse:
      return HandleResponse(in, replies);
    case MessageType::kCookieReply:
      return HandleCookieReply(in);
    case MessageType::kTransportData:
      return HandleData(in, plaintext, replies);
  }
}

void Device::Impl::HandleData(const Incoming& in, PacketBatch& plaintext,
                              PacketBatch& replies) {
  const auto data = ParseData(in.bytes);
  const IndexEntry* entry = indices_.Find(data->receiver);
  if (entry == nullptr || entry->keypair == nullptr) {
    Count(DropReason::kUnknownIndex);
    return;
  }
  Peer& peer = *entry->peer;
  Keypair& keypair = *entry->keypair;
  if (!keypair.CanOpen(in.now)) {
    Count(DropReason::kSessionExpired);
    return;
  }
  const MutableBytes inner =
      plaintext.Append(data->content.size() - kAeadTagSize, in.meta);
  plaintext.mutable_meta(plaintext.size() - 1).tag = peer.id;
  if (auto opened = keypair.Open(*data, inner); !opened) {
    Count(ReasonOf(opened.error().code));
    plaintext.DropLast();
    return;
  }
  OnAuthentic(in, peer);
  OnSessionUsed(in.now, peer, keypair, replies);
  DeliverInner(in.now, peer, plaintext);
  Reschedule(peer);
}

// An authentic message of `keypair` confirms it, and may call for a new one.
void Device::Impl::OnSessionUsed(Instant now, Peer& peer,
                                 const Keypair& keypair, PacketBatch& replies) {
  const bool is_confirmed =
      peer.keypairs.Confirm(&keypair, [this](const Keypair& dropped) {
        indices_.Remove(dropped.local_index());
      });
  peer.keypairs.NoteHeard(&keypair);
  if (is_confirmed) {
    OnHandshakeComplete(now, peer, Role::kResponder);
    SendStaged(now, peer, replies);
  }
  const Keypair* current = peer.keypairs.current();
  if (current != nullptr && !peer.has_rekeyed_after_receiving &&
      current->NeedsRekeyAfterReceiving(now)) {
    peer.has_rekeyed_after_receiving = true;
    (void)StartHandshake(now, peer, HandshakeCause::kWanted, replies);
  }
}

// Decides over the last packet of `plaintext`, which `peer` has sent.
void Device::Impl::DeliverInner(Instant now, Peer& peer,
                                PacketBatch& plaintext) {
  const ByteView inner = plaintext.bytes(plaintext.size() - 1);
  if (inner.empty()) {
    ++counters_.keepalives_received;
    if (!config_.reports_keepalives) {
      plaintext.DropLast();
    }
    return;
  }
  peer.timers.OnDataReceived(now);
  const Result<IpHeader> header = ParseIpHeader(inner);
  if (!header) {
    Count(DropReason::kBadInnerPacket);
    plaintext.DropLast();
    return;
  }
  const Peer* owner = allowed_ips_.Find(header->source);
  if (owner == nullptr || (owner != &peer && owner->id != peer.joined)) {
    Count(DropReason::kNotAllowed);
    plaintext.DropLast();
    return;
  }
  plaintext.TruncateLast(header->total_size);
  ++counters_.data_opened;
}

void Device::Impl::OnAuthentic(const Incoming& in, Peer& peer) {
  peer.rx_bytes += in.bytes.size();
  peer.timers.OnAnyReceived(in.now);
  if (peer.remote != in.meta.remote || peer.local != in.meta.local) {
    peer.remote = in.meta.remote;
    peer.local = in.meta.local;
    Raise(EndpointChanged{peer.id, in.meta.remote, in.meta.local});
  }
}

}  // namespace natkit::wg
