#include <algorithm>
#include <chrono>

#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

/// How long keys that are out of use are kept.
constexpr Duration kRetireAfter = std::chrono::minutes(3);
/// WireGuard itself would wait five seconds.
constexpr Duration kCallEvery = std::chrono::milliseconds(500);
constexpr int kMaxCalls = 10;

}  // namespace

/// The prefixes, and what waits for a session, go to `key`.
void Node::Impl::ActivateKey(Instant now, NodePeer& peer, const PeerKey& key) {
  if (peer.active.id == key.id) {
    return;
  }
  (void)device_.MovePrefixes(now, peer.active.id, key.id, wg_out_);
  peer.active = key;
  if (peer.keys.size() > 1) {
    peer.retire_at = now + kRetireAfter;
  }
  Touch(peer);
}

void Node::Impl::HandleHandshake(Instant now, wg::PeerId id) {
  NodePeer* peer = FindPeer(id);
  if (peer == nullptr) {
    return;
  }
  events_.emplace_back(HandshakeCompleted{peer->entry.name});
  if (peer->call_at) {
    peer->call_at.reset();
    Touch(*peer);
  }
  const auto key = std::ranges::find(peer->keys, id, &PeerKey::id);
  // Who has used its next key does not go back: a handshake of the old one,
  // late or of a thief, moves nothing.
  if (key == peer->keys.end() || key->id == peer->active.id ||
      key->key != peer->next_key) {
    return;
  }
  ActivateKey(now, *peer, *key);
  events_.emplace_back(PeerKeyChanged{peer->entry.name, key->key});
}

void Node::Impl::RetireKeys(Instant now, NodePeer& peer) {
  if (!peer.retire_at || now < *peer.retire_at) {
    return;
  }
  peer.retire_at.reset();
  const std::vector<PeerKey> keys = peer.keys;
  for (const PeerKey& key : keys) {
    if (key.id != peer.active.id) {
      DropEntry(peer, key.key);
    }
  }
}

void Node::Impl::CallPeer(Instant now, NodePeer& peer) {
  peer.calls = 0;
  peer.call_at = now;
  CheckKeys(now, peer);
  Touch(peer);
}

void Node::Impl::CheckKeys(Instant now, NodePeer& peer) {
  RetireKeys(now, peer);
  if (!peer.call_at || now < *peer.call_at) {
    return;
  }
  if (peer.calls == kMaxCalls) {
    peer.call_at.reset();
    return;
  }
  ++peer.calls;
  peer.call_at = now + kCallEvery;
  (void)device_.InitiateHandshake(now, peer.active.id,
                                  wg::HandshakePace::kForced, wg_out_);
}

Result<void> Node::Impl::SetPrivateKey(Instant now, StaticPrivateKey next) {
  if (!config_.signalling_key) {
    return Fail(Errc::kInvalidState);
  }
  const PublicKey key = DerivePublicKey(next);
  if (next.is_zero() || by_key_.contains(key)) {
    return Fail(Errc::kBadValue);
  }
  if (key == self_.public_key) {
    return {};
  }
  RetirePrivateKey(now);
  self_.public_key = key;
  // Who does not know the new key yet goes on with the session that we have.
  device_.SetPrivateKey(now, std::move(next), wg::SessionFate::kKept);
  ++generation_;
  retire_own_at_ = now + kRetireAfter;
  for (const auto& [id, relay] : relay_configs_) {
    OpenRelay(now, RelayConfig(relay));
  }
  SetRelayChecks();
  for (const auto& [id, peer] : peers_) {
    if (peer->link.is_active()) {
      CallPeer(now, *peer);
    }
  }
  Settle(now);
  return {};
}

void Node::Impl::RetirePrivateKey(Instant now) {
  if (!retire_own_at_) {
    return;
  }
  retire_own_at_.reset();
  for (auto next = relays_.begin(); next != relays_.end();) {
    const RelayId stream = (next++)->first;
    if (!IsCurrent(stream)) {
      CloseStream(stream);
      if (!UpStream(RelayOf(stream))) {
        home_.HandleDown(now, RelayOf(stream));
      }
    }
  }
  TouchAll();
  Settle(now);
}

}  // namespace natkit::mesh
