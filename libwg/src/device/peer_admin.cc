#include <chrono>
#include <utility>

#include "device/device_impl.h"
#include "noise/x25519.h"

namespace natkit::wg {

namespace {

constexpr Duration kMaxPersistentKeepalive = std::chrono::seconds(65535);

bool IsAcceptable(const PeerUpdate& update) {
  const Duration keepalive =
      update.persistent_keepalive.value_or(Duration::zero());
  return !update.public_key.is_zero() && keepalive >= Duration::zero() &&
         keepalive <= kMaxPersistentKeepalive;
}

}  // namespace

Device::Impl::Identity::Identity(StaticPrivateKey key)
    : private_key(std::move(key)),
      public_key(DerivePublicKey(private_key)),
      cookie_checker(public_key) {}

Device::Impl::Impl(const DeviceConfig& config, Rng& rng)
    : config_(config),
      rng_(rng),
      timestamps_(config.wall_clock_offset),
      load_meter_(config.handshakes_per_second),
      indices_(rng) {}

void Device::Impl::SetPrivateKey(StaticPrivateKey key, SessionFate sessions) {
  if (identity_ ? identity_->private_key.EqualsConstantTime(key)
                : key.is_zero()) {
    return;
  }
  identity_.reset();
  if (!key.is_zero()) {
    identity_.emplace(std::move(key));
    if (const Peer* self = FindByKey(identity_->public_key)) {
      RemovePeer(self->id);
    }
  }
  for (const auto& [id, peer] : peers_) {
    ComputeStaticStatic(*peer);
    if (!identity_) {
      FlushStaged(*peer);
    }
    if (identity_ && sessions == SessionFate::kKept) {
      DropPending(*peer);
    } else {
      if (ClearSessions(*peer)) {
        Raise(SessionExpired{id});
      }
      peer->timers.OnCleared();
    }
    peer->last_handshake_sent.reset();
    Reschedule(*peer);
  }
}

Result<PeerId> Device::Impl::SetPeer(Instant now, const PeerUpdate& update) {
  if (!IsAcceptable(update) ||
      (identity_ && identity_->public_key == update.public_key)) {
    return Fail(Errc::kBadValue);
  }
  Peer* peer = FindByKey(update.public_key);
  if (update.remove) {
    if (peer != nullptr) {
      RemovePeer(peer->id);
    }
    return kNoPeer;
  }
  if (peer == nullptr) {
    if (update.update_only) {
      return kNoPeer;
    }
    if (peers_.size() >= config_.max_peers) {
      return Fail(Errc::kLimitExceeded);
    }
    peer = &AddPeer(update.public_key);
  }
  UpdatePeer(now, *peer, update);
  return peer->id;
}

Result<void> Device::Impl::Apply(Instant now, DeviceUpdate update) {
  if (update.private_key) {
    SetPrivateKey(std::move(*update.private_key), SessionFate::kDropped);
  }
  listen_port_ = update.listen_port.value_or(listen_port_);
  fwmark_ = update.fwmark.value_or(fwmark_);
  if (update.replace_peers) {
    RemoveAllPeers();
  }
  for (const PeerUpdate& peer : update.peers) {
    if (identity_ && identity_->public_key == peer.public_key) {
      continue;
    }
    if (auto set = SetPeer(now, peer); !set) {
      return std::unexpected(set.error());
    }
  }
  return {};
}

bool Device::Impl::RemovePeer(PeerId id) {
  Peer* peer = FindById(id);
  if (peer == nullptr) {
    return false;
  }
  FlushStaged(*peer);
  ClearSessions(*peer);
  allowed_ips_.RemoveAll(*peer);
  deadlines_.Update(*peer, std::nullopt);
  by_key_.erase(peer->public_key);
  peers_.erase(id);
  return true;
}

void Device::Impl::RemoveAllPeers() {
  while (!peers_.empty()) {
    RemovePeer(peers_.begin()->first);
  }
}

Result<void> Device::Impl::SetEndpoint(PeerId id, const Endpoint& remote,
                                       const Endpoint& local) {
  Peer* peer = FindById(id);
  if (peer == nullptr) {
    return Fail(Errc::kNotFound);
  }
  peer->remote = remote;
  peer->local = local;
  return {};
}

Result<void> Device::Impl::JoinPeers(PeerId one, PeerId other) {
  Peer* first = FindById(one);
  Peer* second = FindById(other);
  if (first == nullptr || second == nullptr) {
    return Fail(Errc::kNotFound);
  }
  if (first == second) {
    return Fail(Errc::kBadValue);
  }
  first->joined = other;
  second->joined = one;
  return {};
}

Result<void> Device::Impl::MovePrefixes(Instant now, PeerId from, PeerId to,
                                        PacketBatch& out) {
  Peer* source = FindById(from);
  Peer* target = FindById(to);
  if (source == nullptr || target == nullptr) {
    return Fail(Errc::kNotFound);
  }
  if (source == target) {
    return Fail(Errc::kBadValue);
  }
  const auto& held = allowed_ips_.PrefixesOf(*source);
  const std::vector<IpPrefix> prefixes(held.begin(), held.end());
  for (const IpPrefix& prefix : prefixes) {
    allowed_ips_.Add(prefix, *target);
  }
  for (const auto& packet : source->staged.TakeAll()) {
    SendToPeer(now, *target, packet, out);
  }
  Reschedule(*target);
  return {};
}

Peer* Device::Impl::FindById(PeerId id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second.get();
}

Peer* Device::Impl::FindByKey(const PublicKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

PeerStatus Device::Impl::StatusOf(const Peer& peer, Instant now) const {
  PeerStatus status;
  status.id = peer.id;
  status.public_key = peer.public_key;
  status.has_preshared_key = !peer.preshared_key.is_zero();
  status.endpoint = peer.remote;
  status.local_endpoint = peer.local;
  status.persistent_keepalive = peer.timers.persistent_keepalive();
  if (peer.last_handshake_completed) {
    status.last_handshake = peer.last_handshake_completed->time_since_epoch() +
                            config_.wall_clock_offset;
  }
  status.rx_bytes = peer.rx_bytes;
  status.tx_bytes = peer.tx_bytes;
  status.has_session = peer.keypairs.Sealing(now) != nullptr;
  const auto& prefixes = allowed_ips_.PrefixesOf(peer);
  status.allowed_ips.assign(prefixes.begin(), prefixes.end());
  return status;
}

Peer& Device::Impl::AddPeer(const PublicKey& key) {
  const PeerId id = ++last_id_;
  auto owned = std::make_unique<Peer>(id, key, config_);
  Peer& peer = *owned;
  ComputeStaticStatic(peer);
  peers_.emplace(id, std::move(owned));
  by_key_.emplace(key, &peer);
  return peer;
}

void Device::Impl::UpdatePeer(Instant now, Peer& peer,
                              const PeerUpdate& update) {
  if (update.preshared_key) {
    peer.preshared_key = update.preshared_key->Clone();
  }
  if (update.endpoint) {
    peer.remote = *update.endpoint;
    peer.local = {};
  }
  if (update.persistent_keepalive) {
    peer.timers.SetPersistentKeepalive(now, *update.persistent_keepalive);
  }
  if (update.replace_allowed_ips) {
    allowed_ips_.RemoveAll(peer);
  }
  for (const IpPrefix& prefix : update.allowed_ips) {
    allowed_ips_.Add(prefix, peer);
  }
  Reschedule(peer);
}

void Device::Impl::ComputeStaticStatic(Peer& peer) const {
  peer.static_static.reset();
  if (!identity_) {
    return;
  }
  if (auto shared = DiffieHellman(identity_->private_key, peer.public_key)) {
    peer.static_static.emplace(std::move(*shared));
  }
}

}  // namespace natkit::wg
