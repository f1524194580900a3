#include "natkit/mesh/node.h"

#include "node/node_impl.h"

namespace natkit::mesh {

Result<std::unique_ptr<Node>> Node::Create(NodeConfig config, Rng& rng) {
  const NodeEntry* self = config.mesh.FindNode(config.name);
  if (self == nullptr) {
    return Fail(Errc::kNotFound);
  }
  if (DerivePublicKey(config.private_key) != self->public_key) {
    return Fail(Errc::kBadValue);
  }
  const NodeEntry entry = *self;
  return std::unique_ptr<Node>(
      new Node(std::make_unique<Impl>(std::move(config), entry, rng)));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() = default;

void Node::Start(Instant now) {
  impl_->Start(now);
}

void Node::SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints) {
  impl_->SetLocalEndpoints(now, std::move(endpoints));
}

void Node::SetStunServers(Instant now, std::vector<Endpoint> servers) {
  impl_->SetStunServers(now, std::move(servers));
}

void Node::SetPortMapping(Instant now, PortMappingState state) {
  impl_->SetPortMapping(now, std::move(state));
}

void Node::SetPowerMode(Instant now, nat::PowerMode power) {
  impl_->SetPowerMode(now, power);
}

void Node::HandleUdp(Instant now, const PacketBatch& datagrams) {
  impl_->HandleUdp(now, datagrams);
}

void Node::HandleTun(Instant now, const PacketBatch& packets) {
  impl_->HandleTun(now, packets);
}

void Node::HandleRelayOpen(Instant now, RelayId relay,
                           const std::optional<PublicKey>& server_key) {
  impl_->HandleRelayOpen(now, relay, server_key);
}

void Node::HandleRelayBytes(Instant now, RelayId relay, ByteView bytes) {
  impl_->HandleRelayBytes(now, relay, bytes);
}

void Node::HandleRelayClosed(Instant now, RelayId relay,
                             std::string_view reason) {
  impl_->HandleRelayClosed(now, relay, reason);
}

void Node::HandleSocketsOpened(Instant now, uint32_t request,
                               const std::vector<Endpoint>& sockets) {
  impl_->HandleSocketsOpened(now, request, sockets);
}

void Node::HandleTimeout(Instant now) {
  impl_->HandleTimeout(now);
}

PacketFilter* Node::filter() {
  return impl_->filter();
}

Result<void> Node::SendPing(Instant now, std::string_view peer,
                            uint16_t sequence) {
  return impl_->SendPing(now, peer, sequence);
}

Result<void> Node::SetPeer(Instant now, PeerConfig peer) {
  return impl_->SetPeer(now, std::move(peer));
}

bool Node::RemovePeer(Instant now, const PublicKey& node_key) {
  return impl_->RemovePeer(now, node_key);
}

Result<void> Node::Apply(Instant now, NodeUpdate update) {
  return impl_->Apply(now, std::move(update));
}

Result<void> Node::SetRelays(Instant now,
                             const std::vector<RelayConfig>& relays,
                             std::optional<RelayId> home) {
  return impl_->SetRelays(now, relays, home);
}

void Node::SetSelf(Instant now, NodeEntry self) {
  impl_->SetSelf(now, std::move(self));
}

Result<void> Node::SetPrivateKey(Instant now, StaticPrivateKey next) {
  return impl_->SetPrivateKey(now, std::move(next));
}

void Node::RetirePrivateKey(Instant now) {
  impl_->RetirePrivateKey(now);
}

void Node::SetControlReach(Instant now, bool is_reachable) {
  impl_->SetControlReach(now, is_reachable);
}

void Node::HandleControlSignal(Instant now, const PublicKey& peer,
                               ByteView bytes) {
  impl_->HandleControlSignal(now, peer, bytes);
}

std::optional<ControlSignal> Node::PollControlSignal() {
  return impl_->PollControlSignal();
}

PacketBatch& Node::udp_out() {
  return impl_->udp_out();
}

PacketBatch& Node::openers_out() {
  return impl_->openers_out();
}

PacketBatch& Node::tun_out() {
  return impl_->tun_out();
}

std::optional<RelayCommand> Node::PollRelayCommand() {
  return impl_->PollRelayCommand();
}

std::optional<SocketCommand> Node::PollSocketCommand() {
  return impl_->PollSocketCommand();
}

size_t Node::PollRelayBytes(Instant now, RelayId relay, MutableBytes out) {
  return impl_->PollRelayBytes(now, relay, out);
}

std::optional<NodeEvent> Node::PollEvent() {
  return impl_->PollEvent();
}

std::optional<Instant> Node::NextTimeout() const {
  return impl_->NextTimeout();
}

Result<nat::PathDiagnosis> Node::Explain(Instant now,
                                         std::string_view peer) const {
  return impl_->Explain(now, peer);
}

std::optional<RelayId> Node::home_relay() const {
  return impl_->home_relay();
}

NodeState Node::Snapshot() const {
  return impl_->Snapshot();
}

const NodeCounters& Node::counters() const {
  return impl_->counters();
}

}  // namespace natkit::mesh
