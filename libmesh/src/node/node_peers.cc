#include <algorithm>

#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

std::vector<IpPrefix> AllowedIps(const NodeEntry& entry) {
  std::vector<IpPrefix> prefixes = entry.routes;
  for (const IpAddress& address : entry.addresses) {
    prefixes.push_back(*IpPrefix::Make(address, address.bit_count()));
  }
  return prefixes;
}

bool IsKeyOf(const PeerConfig& config, const PublicKey& key) {
  return key == config.entry.public_key || key == config.next_key;
}

}  // namespace

const StaticPrivateKey& Node::Impl::SignallingKey() const {
  return config_.signalling_key ? *config_.signalling_key : config_.private_key;
}

NodePeer* Node::Impl::FindSignalling(const PublicKey& key) {
  const auto found = by_signalling_key_.find(key);
  return found == by_signalling_key_.end() ? nullptr : found->second;
}

NodePeer* Node::Impl::FindPeer(std::string_view name) const {
  const auto found = std::ranges::find_if(peers_, [&](const auto& entry) {
    return entry.second->entry.name == name;
  });
  return found == peers_.end() ? nullptr : found->second.get();
}

NodePeer* Node::Impl::FindKnown(const PeerConfig& config) {
  NodePeer* peer =
      config.signalling_key ? FindSignalling(*config.signalling_key) : nullptr;
  if (peer == nullptr) {
    peer = FindPeer(config.entry.public_key);
  }
  if (peer == nullptr && config.next_key) {
    peer = FindPeer(*config.next_key);
  }
  return peer;
}

Result<void> Node::Impl::CheckPeer(const PeerConfig& config,
                                   const NodePeer* known) const {
  const auto is_bad = [&](const PublicKey& key) {
    const auto found = by_key_.find(key);
    return key.is_zero() || key == self_.public_key ||
           (found != by_key_.end() && found->second != known);
  };
  if (is_bad(config.entry.public_key) ||
      (config.next_key && (is_bad(*config.next_key) || !config.signalling_key ||
                           *config.next_key == config.entry.public_key))) {
    return Fail(Errc::kBadValue);
  }
  return {};
}

Result<void> Node::Impl::SetPeer(Instant now, PeerConfig config) {
  const auto result = PutPeer(now, std::move(config));
  Settle(now);
  return result;
}

Result<void> Node::Impl::PutPeer(Instant now, PeerConfig config) {
  NodePeer* known = FindKnown(config);
  if (auto checked = CheckPeer(config, known); !checked) {
    return checked;
  }
  const PublicKey signalling =
      config.signalling_key.value_or(config.entry.public_key);
  if (known != nullptr && known->signalling_key != signalling) {
    DropPeer(now, *known);  // nothing it had is of use to the new machine
    known = nullptr;
  }
  if (known != nullptr) {
    ChangePeer(*known, config);
    return PutEntries(now, *known, config);
  }
  PeerConfig copy{.entry = config.entry,
                  .signalling_key = config.signalling_key,
                  .was_active = config.was_active};
  auto owned = std::make_unique<NodePeer>(std::move(copy), SignallingKey(),
                                          local_, rng_);
  NodePeer& peer = *owned;
  peer.home_relay = config.home_relay;
  if (auto put = PutEntries(now, peer, config); !put) {
    for (const PeerKey& key : std::vector<PeerKey>(peer.keys)) {
      DropEntry(peer, key.key);
    }
    return put;
  }
  by_signalling_key_[signalling] = &peer;
  peers_.emplace(peer.id, std::move(owned));
  Touch(peer);
  return {};
}

void Node::Impl::ChangePeer(NodePeer& peer, PeerConfig& config) {
  peer.entry = config.entry;
  peer.home_relay = config.home_relay;
  peer.was_active = peer.was_active || config.was_active;
  peer.link.SetFixedEndpoint(peer.entry.endpoint);
  Touch(peer);
}

Result<void> Node::Impl::AddEntry(Instant now, NodePeer& peer,
                                  const PublicKey& key) {
  wg::PeerUpdate update;
  update.public_key = key;
  const auto id = device_.SetPeer(now, update);
  if (!id) {
    return std::unexpected(id.error());
  }
  if (!peer.keys.empty()) {
    (void)device_.JoinPeers(peer.active.id, *id);
  } else {
    peer.id = *id;
    peer.active = {key, *id};
  }
  peer.keys.push_back({key, *id});
  by_id_[*id] = &peer;
  by_key_[key] = &peer;
  return {};
}

/// The device's entries are those of the peer's keys; see mesh.md 4.4.
Result<void> Node::Impl::PutEntries(Instant now, NodePeer& peer,
                                    PeerConfig& config) {
  peer.next_key = config.next_key;
  const auto add = [&](const PublicKey& key) -> Result<void> {
    const auto found = std::ranges::find(peer.keys, key, &PeerKey::key);
    return found == peer.keys.end() ? AddEntry(now, peer, key) : Result<void>{};
  };
  if (auto added = add(config.entry.public_key); !added) {
    return added;
  }
  if (config.next_key) {
    if (auto added = add(*config.next_key); !added) {
      return added;
    }
  }
  if (!IsKeyOf(config, peer.active.key)) {
    ActivateKey(
        now, peer,
        *std::ranges::find(peer.keys, config.entry.public_key, &PeerKey::key));
    if (peer.link.is_active()) {
      CallPeer(now, peer);  // the sessions of the old key are dead
    }
  }
  for (const PeerKey& key : std::vector<PeerKey>(peer.keys)) {
    if (!IsKeyOf(config, key.key)) {
      DropEntry(peer, key.key);
    }
  }
  UpdateEntries(now, peer);
  if (peer.keys.size() == 1) {
    peer.retire_at.reset();
  }
  return {};
}

/// Keys that are not in use have no prefixes, and the pair's pre-shared key.
void Node::Impl::UpdateEntries(Instant now, NodePeer& peer) {
  std::optional<PresharedKey> own;
  if (config_.pair_keys) {
    own = config_.pair_keys->FindPresharedKey(peer.signalling_key);
  }
  const std::optional<PresharedKey>& psk = own ? own : config_.preshared_key;
  for (const PeerKey& key : peer.keys) {
    wg::PeerUpdate update;
    update.public_key = key.key;
    update.preshared_key = psk ? psk->Clone() : PresharedKey();
    update.replace_allowed_ips = true;
    if (key.id == peer.active.id) {
      update.allowed_ips = AllowedIps(peer.entry);
    }
    (void)device_.SetPeer(now, update);
  }
}

/// Not the active one, unless the peer goes.
void Node::Impl::DropEntry(NodePeer& peer, const PublicKey& key) {
  const auto found = std::ranges::find(peer.keys, key, &PeerKey::key);
  if (found == peer.keys.end()) {
    return;
  }
  device_.RemovePeer(found->id);
  by_key_.erase(key);
  if (found->id != peer.id) {
    by_id_.erase(found->id);  // peer.id is its name as long as it exists
  }
  peer.keys.erase(found);
}

bool Node::Impl::RemovePeer(Instant now, const PublicKey& node_key) {
  NodePeer* peer = FindPeer(node_key);
  if (peer == nullptr) {
    return false;
  }
  DropPeer(now, *peer);
  Settle(now);
  return true;
}

Result<void> Node::Impl::Apply(Instant now, NodeUpdate update) {
  Result<void> result;
  for (const PublicKey& key : update.removed) {
    if (NodePeer* peer = FindPeer(key)) {
      DropPeer(now, *peer);
    }
  }
  for (PeerConfig& peer : update.peers) {
    if (auto put = PutPeer(now, std::move(peer)); !put) {
      result = put;
    }
  }
  Settle(now);
  return result;
}

void Node::Impl::SetSelf(Instant now, NodeEntry self) {
  self.public_key = self_.public_key;
  self_ = std::move(self);
  hard_.SetPolicy(self_.hard_nat);
  UpdateNetwork(now);
  TouchAll();
  Settle(now);
}

void Node::Impl::DropPeer(Instant now, NodePeer& peer) {
  events_.emplace_back(PeerRemoved{peer.entry.name, peer.entry.public_key});
  DropPeerSockets(now, peer);
  for (const PeerKey& key : std::vector<PeerKey>(peer.keys)) {
    DropEntry(peer, key.key);
  }
  by_id_.erase(peer.id);
  by_signalling_key_.erase(peer.signalling_key);
  mux_.Remove(peer.id);
  std::erase(touched_, &peer);
  std::erase(undated_, &peer);
  if (peer.deadline) {
    deadlines_.erase({*peer.deadline, peer.id});
  }
  std::erase_if(pings_, [&](const auto& entry) {
    return entry.first.first == peer.entry.name;
  });
  peers_.erase(peer.id);
}

void Node::Impl::DropPeerSockets(Instant now, NodePeer& peer) {
  if (hard_.busy_with() == peer.id) {
    hard_.Abort();
  }
  peer.link.Stop(now);
  while (const auto event = peer.link.PollEvent()) {
    if (const auto* released = std::get_if<SocketReleasedEvent>(&*event)) {
      CloseSocket(now, released->socket);
    }
  }
}

}  // namespace natkit::mesh
