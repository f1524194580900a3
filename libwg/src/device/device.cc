#include "natkit/wg/device.h"

#include <utility>

#include "device/device_impl.h"
#include "natkit/base/queue.h"

namespace natkit::wg {

Device::Device(const DeviceConfig& config, Rng& rng)
    : impl_(std::make_unique<Impl>(config, rng)) {}

Device::~Device() = default;

void Device::SetPrivateKey(Instant now, StaticPrivateKey key,
                           SessionFate sessions) {
  impl_->latest_now_ = now;
  impl_->SetPrivateKey(std::move(key), sessions);
}

Result<PeerId> Device::SetPeer(Instant now, const PeerUpdate& update) {
  impl_->latest_now_ = now;
  return impl_->SetPeer(now, update);
}

Result<void> Device::Apply(Instant now, DeviceUpdate update) {
  impl_->latest_now_ = now;
  return impl_->Apply(now, std::move(update));
}

bool Device::RemovePeer(PeerId peer) {
  return impl_->RemovePeer(peer);
}

void Device::RemoveAllPeers() {
  impl_->RemoveAllPeers();
}

Result<void> Device::SetEndpoint(PeerId peer, const Endpoint& remote,
                                 const Endpoint& local) {
  return impl_->SetEndpoint(peer, remote, local);
}

Result<void> Device::JoinPeers(PeerId one, PeerId other) {
  return impl_->JoinPeers(one, other);
}

Result<void> Device::MovePrefixes(Instant now, PeerId from, PeerId to,
                                  PacketBatch& out) {
  impl_->latest_now_ = now;
  return impl_->MovePrefixes(now, from, to, out);
}

void Device::ReportLoad(Load load) {
  impl_->reported_load_ = load;
}

void Device::SendPackets(Instant now, const PacketBatch& plaintext,
                         PacketBatch& datagrams) {
  impl_->latest_now_ = now;
  impl_->SendPackets(now, plaintext, datagrams);
}

void Device::SendPackets(Instant now, std::span<const ByteView> plaintext,
                         PacketBatch& datagrams) {
  impl_->latest_now_ = now;
  impl_->SendPackets(now, plaintext, datagrams);
}

void Device::HandleDatagrams(Instant now, const PacketBatch& datagrams,
                             PacketBatch& plaintext, PacketBatch& replies) {
  impl_->latest_now_ = now;
  impl_->HandleDatagrams(now, datagrams, plaintext, replies);
}

void Device::HandleDatagrams(Instant now, std::span<const Datagram> datagrams,
                             PacketBatch& plaintext, PacketBatch& replies) {
  impl_->latest_now_ = now;
  impl_->HandleDatagrams(now, datagrams, plaintext, replies);
}

void Device::HandleTimeout(Instant now, PacketBatch& out) {
  impl_->latest_now_ = now;
  impl_->HandleTimeout(now, out);
}

std::optional<Instant> Device::NextTimeout() const {
  return impl_->deadlines_.Earliest();
}

Result<void> Device::InitiateHandshake(Instant now, PeerId peer,
                                       HandshakePace pace, PacketBatch& out) {
  impl_->latest_now_ = now;
  return impl_->InitiateHandshake(now, peer, pace, out);
}

void Device::SendKeepalive(Instant now, PeerId peer, PacketBatch& out) {
  impl_->latest_now_ = now;
  Peer* found = impl_->FindById(peer);
  if (found != nullptr && found->keypairs.Sealing(now) != nullptr) {
    impl_->SendKeepalive(now, *found, out);
    impl_->Reschedule(*found);
  }
}

std::optional<DeviceEvent> Device::PollEvent() {
  return TakeFront(impl_->events_);
}

const DeviceCounters& Device::counters() const {
  return impl_->counters_;
}

const PublicKey& Device::public_key() const {
  static const PublicKey kNone;
  return impl_->identity_ ? impl_->identity_->public_key : kNone;
}

const StaticPrivateKey* Device::private_key() const {
  return impl_->identity_ ? &impl_->identity_->private_key : nullptr;
}

const PresharedKey* Device::preshared_key(PeerId peer) const {
  const Peer* found = impl_->FindById(peer);
  return found != nullptr && !found->preshared_key.is_zero()
             ? &found->preshared_key
             : nullptr;
}

uint16_t Device::listen_port() const {
  return impl_->listen_port_;
}

void Device::set_listen_port(uint16_t port) {
  impl_->listen_port_ = port;
}

uint32_t Device::fwmark() const {
  return impl_->fwmark_;
}

size_t Device::peer_count() const {
  return impl_->peers_.size();
}

std::optional<PeerId> Device::FindPeer(const PublicKey& key) const {
  const Peer* peer = impl_->FindByKey(key);
  return peer != nullptr ? std::optional(peer->id) : std::nullopt;
}

std::optional<PeerId> Device::FindRoute(const IpAddress& ip) const {
  const Peer* peer = impl_->allowed_ips_.Find(ip);
  return peer != nullptr ? std::optional(peer->id) : std::nullopt;
}

std::optional<PeerStatus> Device::GetPeer(PeerId peer) const {
  const Peer* found = impl_->FindById(peer);
  if (found == nullptr) {
    return std::nullopt;
  }
  return impl_->StatusOf(*found, impl_->latest_now_);
}

std::vector<PeerStatus> Device::ListPeers() const {
  std::vector<PeerStatus> all;
  all.reserve(impl_->peers_.size());
  for (const auto& [id, peer] : impl_->peers_) {
    all.push_back(impl_->StatusOf(*peer, impl_->latest_now_));
  }
  return all;
}

}  // namespace natkit::wg
