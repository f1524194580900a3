#include <memory>
#include <utility>

#include "device/device_impl.h"

namespace natkit::wg {

Result<void> Device::Impl::InitiateHandshake(Instant now, PeerId id,
                                             HandshakePace pace,
                                             PacketBatch& out) {
  Peer* peer = FindById(id);
  if (peer == nullptr) {
    return Fail(Errc::kNotFound);
  }
  const auto cause = pace == HandshakePace::kForced ? HandshakeCause::kForced
                                                    : HandshakeCause::kWanted;
  auto started = StartHandshake(now, *peer, cause, out);
  Reschedule(*peer);
  return started;
}

// The caller reschedules the peer.
Result<void> Device::Impl::StartHandshake(Instant now, Peer& peer,
                                          HandshakeCause cause,
                                          PacketBatch& out) {
  if (!identity_ || !peer.static_static || !CanReach(peer)) {
    return Fail(Errc::kInvalidState);
  }
  if (cause != HandshakeCause::kRetry) {
    peer.timers.OnHandshakeWanted(now);
  }
  const Duration spacing =
      cause == HandshakeCause::kForced ? kMinInitiationSpacing : kRekeyTimeout;
  if (peer.last_handshake_sent && now - *peer.last_handshake_sent < spacing) {
    // Too soon. After a response of ours nothing else would try again.
    if (!peer.timers.IsArmed(Timer::kRetransmit)) {
      peer.timers.OnInitiationSent(*peer.last_handshake_sent, Jitter());
    }
    return Fail(Errc::kLimitExceeded);
  }
  return SendInitiation(now, peer, out);
}

Result<void> Device::Impl::SendInitiation(Instant now, Peer& peer,
                                          PacketBatch& out) {
  DropPending(peer);
  const SenderIndex index = indices_.Add({.peer = &peer});
  HandshakeInitiation message;
  auto handshake = InitiatorHandshake::Start(
      identity_->AsLocal(), {peer.public_key, *peer.static_static}, index,
      timestamps_.Next(now), rng_, message);
  if (!handshake) {
    indices_.Remove(index);
    return Fail(Errc::kInvalidState);
  }
  peer.pending.emplace(std::move(*handshake));

  const MutableBytes bytes = out.Append(kInitiationSize, peer.MetaTo());
  WriteInitiation(message, bytes.first<kInitiationSize>());
  peer.mac_writer.Write(now, bytes);
  peer.last_handshake_sent = now;
  peer.tx_bytes += bytes.size();
  ++counters_.initiations_sent;
  peer.timers.OnAnySent(now);
  peer.timers.OnInitiationSent(now, Jitter());
  return {};
}

// The cheap checks that come before any Diffie-Hellman (paper, section 5.3).
bool Device::Impl::AdmitHandshake(const Incoming& in, PacketBatch& replies) {
  if (!identity_) {
    Count(DropReason::kNoPrivateKey);
    return false;
  }
  CookieChecker& checker = identity_->cookie_checker;
  if (!checker.HasValidMac1(in.bytes)) {
    Count(DropReason::kBadMac1);
    return false;
  }
  const bool is_loaded = load_meter_.CountAndCheck(in.now);
  if (!is_loaded && reported_load_ == Load::kMeasured) {
    return true;
  }
  const Endpoint& from = in.meta.remote;
  if (!checker.HasValidMac2(in.now, in.bytes, from)) {
    const MutableBytes bytes = replies.Append(
        kCookieReplySize,
        {.remote = from, .local = in.meta.local, .tag = kNoPeer});
    WriteCookieReply(checker.MakeReply(in.now, in.bytes, from, rng_),
                     bytes.first<kCookieReplySize>());
    ++counters_.cookie_replies_sent;
    Count(DropReason::kCookieRequired);
    return false;
  }
  if (!rate_limiter_.Allow(in.now, from.address)) {
    Count(DropReason::kRateLimited);
    return false;
  }
  return true;
}

void Device::Impl::HandleInitiation(const Incoming& in, PacketBatch& replies) {
  if (!AdmitHandshake(in, replies)) {
    return;
  }
  const auto message = ParseInitiation(in.bytes);
  auto handshake = ResponderHandshake::Open(identity_->AsLocal(), *message);
  if (!handshake) {
    Count(DropReason::kHandshakeAuth);
    return;
  }
  Peer* peer = AuthenticateInitiation(in, *message, *handshake);
  if (peer == nullptr) {
    return;
  }
  ++counters_.initiations_accepted;
  OnAuthentic(in, *peer);
  SendResponse(in.now, *peer, *handshake, replies);
  Reschedule(*peer);
}

// The peer that sent the initiation, or nullptr with the drop counted.
Peer* Device::Impl::AuthenticateInitiation(const Incoming& in,
                                           const HandshakeInitiation& message,
                                           ResponderHandshake& handshake) {
  Peer* peer = FindByKey(handshake.remote_static());
  if (peer == nullptr || !peer->static_static) {
    Count(DropReason::kUnknownPeer);
    return nullptr;
  }
  const auto timestamp = handshake.ReadTimestamp(*peer->static_static, message);
  if (!timestamp) {
    Count(DropReason::kHandshakeAuth);
    return nullptr;
  }
  if (*timestamp <= peer->greatest_timestamp) {
    Count(DropReason::kTimestampReplayed);
    return nullptr;
  }
  if (peer->last_initiation_received &&
      in.now - *peer->last_initiation_received < kMinInitiationSpacing) {
    Count(DropReason::kInitiationFlood);
    return nullptr;
  }
  peer->greatest_timestamp = *timestamp;
  peer->last_initiation_received = in.now;
  return peer;
}

void Device::Impl::SendResponse(Instant now, Peer& peer,
                                ResponderHandshake& handshake,
                                PacketBatch& replies) {
  const SenderIndex index = indices_.Add({.peer = &peer});
  HandshakeResponse message;
  const auto keys = handshake.Respond(peer.preshared_key, index, rng_, message);
  if (!keys) {
    indices_.Remove(index);
    Count(DropReason::kHandshakeAuth);
    return;
  }
  AddSession(peer,
             {.role = Role::kResponder,
              .local_index = index,
              .remote_index = message.receiver,
              .created = now},
             *keys);
  const MutableBytes bytes = replies.Append(kResponseSize, peer.MetaTo());
  WriteResponse(message, bytes.first<kResponseSize>());
  peer.mac_writer.Write(now, bytes);
  peer.last_handshake_sent = now;
  peer.tx_bytes += bytes.size();
  peer.timers.OnAnySent(now);
}

void Device::Impl::HandleResponse(const Incoming& in, PacketBatch& replies) {
  if (!AdmitHandshake(in, replies)) {
    return;
  }
  const auto message = ParseResponse(in.bytes);
  const IndexEntry* entry = indices_.Find(message->receiver);
  if (entry == nullptr || entry->keypair != nullptr) {
    Count(DropReason::kUnexpectedResponse);
    return;
  }
  Peer& peer = *entry->peer;
  const auto keys = peer.pending->HandleResponse(identity_->AsLocal(),
                                                 peer.preshared_key, *message);
  if (!keys) {
    Count(DropReason::kHandshakeAuth);
    return;
  }
  ++counters_.responses_accepted;
  const SenderIndex index = peer.pending->index();
  peer.pending.reset();  // the session takes over its index
  OnAuthentic(in, peer);
  AddSession(peer,
             {.role = Role::kInitiator,
              .local_index = index,
              .remote_index = AsPeerIndex(message->sender),
              .created = in.now},
             *keys);
  OnHandshakeComplete(in.now, peer, Role::kInitiator);
  // The responder may use the session only after it has seen us use it.
  SendKeepalive(in.now, peer, replies);
  Reschedule(peer);
}

void Device::Impl::HandleCookieReply(const Incoming& in) {
  const auto message = ParseCookieReply(in.bytes);
  const IndexEntry* entry = indices_.Find(message->receiver);
  if (entry == nullptr ||
      !entry->peer->mac_writer.HandleReply(in.now, *message)) {
    Count(DropReason::kUnexpectedCookie);
    return;
  }
  ++counters_.cookie_replies_accepted;
}

// `config.local_index` is in the table already.
void Device::Impl::AddSession(Peer& peer, const Keypair::Config& config,
                              const TransportKeys& keys) {
  auto keypair = std::make_unique<Keypair>(config, keys);
  indices_.Assign(config.local_index,
                  {.peer = &peer, .keypair = keypair.get()});
  peer.keypairs.Add(std::move(keypair), [this](const Keypair& dropped) {
    indices_.Remove(dropped.local_index());
  });
  peer.dead_session_jitter = Jitter();
  peer.timers.OnSessionDerived(config.created);
}

void Device::Impl::OnHandshakeComplete(Instant now, Peer& peer, Role role) {
  peer.timers.OnHandshakeComplete();
  peer.has_rekeyed_after_receiving = false;
  peer.last_handshake_completed = now;
  Raise(HandshakeCompleted{peer.id, role});
}

bool Device::Impl::ClearSessions(Peer& peer) {
  const bool had_session = !peer.keypairs.is_empty();
  DropPending(peer);
  peer.keypairs.Clear([this](const Keypair& dropped) {
    indices_.Remove(dropped.local_index());
  });
  return had_session;
}

void Device::Impl::DropPending(Peer& peer) {
  if (peer.pending) {
    indices_.Remove(peer.pending->index());
    peer.pending.reset();
  }
}

}  // namespace natkit::wg
