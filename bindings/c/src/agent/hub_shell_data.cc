// The data that goes through a hub.

#include "agent/hub_shell.h"

namespace natkit::c {

namespace {

constexpr size_t kMaxV4 = 65507;
constexpr size_t kMaxV6 = 65487;
/// Fewer than the hub's core keeps for a relay's stream.
constexpr size_t kRelayedAtOnce = 64;

ByteView BytesOf(const natkit_packet& packet) {
  return {packet.data, packet.size};
}

/// Gives packets to `take` until it refuses one. How many it took, or why none.
template <class Take>
Result<int> TakeInOrder(std::span<const natkit_packet> packets, Take&& take) {
  int taken = 0;
  for (const natkit_packet& packet : packets) {
    const ByteView bytes = BytesOf(packet);
    const Result<void> done =
        mesh::AgentHub::MayBeData(bytes) ? take(bytes) : Fail(Errc::kBadValue);
    if (!done && taken == 0) {
      return std::unexpected(done.error());
    }
    if (!done) {
      break;
    }
    ++taken;
  }
  return taken;
}

}  // namespace

void HubShell::OnDatagrams(PacketBatch& batch) {
  const Instant now = io::EventLoop::Now();
  for (size_t i = 0; i < batch.size(); ++i) {
    const PacketBatch::Meta& meta = batch.meta(i);
    const auto claim =
        hub_.HandleDatagram(now, meta.local, meta.remote, batch.bytes(i));
    const ReceiveQueue::Item item{
        .agent = claim.agent, .remote = meta.remote, .local = meta.local};
    if (claim.owner == mesh::DatagramOwner::kAgent) {
      Deliver(item, batch.bytes(i));
    } else if (claim.owner == mesh::DatagramOwner::kNobody) {
      Keep(item, batch.bytes(i));
    }
  }
}

void HubShell::Keep(const ReceiveQueue::Item& item, ByteView bytes) {
  if (unclaimed_) {
    ++counters_.unclaimed;
    counters_.dropped_unclaimed += unclaimed_->Push(item, bytes);
  }
}

void HubShell::Deliver(const ReceiveQueue::Item& item, ByteView bytes) {
  AgentCounters& agent = agents_[item.agent];
  ++agent.received;
  agent.received_bytes += bytes.size();
  ++counters_.received;
  counters_.dropped_received += received_.Push(item, bytes);
}

void HubShell::DeliverRelayed() {
  while (const auto data = hub_.PollRelayed()) {
    Deliver({.agent = data->agent}, data->bytes);
  }
}

void HubShell::CountSent(mesh::AgentId agent, mesh::PathKind way,
                         size_t bytes) {
  AgentCounters& counters = agents_[agent];
  counters.sent_bytes += bytes;
  if (way == mesh::PathKind::kDirect) {
    ++counters.sent_direct;
    ++counters_.sent_direct;
  } else {
    ++counters.sent_relayed;
    ++counters_.sent_relayed;
  }
}

AgentCounters HubShell::CountersOf(mesh::AgentId agent) const {
  const auto found = agents_.find(agent);
  AgentCounters counters =
      found == agents_.end() ? AgentCounters{} : found->second;
  counters.dropped_received = received_.LostOf(agent);
  return counters;
}

Result<int> HubShell::Send(mesh::AgentId agent,
                           std::span<const natkit_packet> packets) {
  if (packets.empty()) {
    return 0;
  }
  const Result<mesh::DataRoute> route =
      hub_.Route(io::EventLoop::Now(), agent, BytesOf(packets.front()));
  if (!route) {
    return std::unexpected(route.error());
  }
  auto sent = route->kind == mesh::PathKind::kDirect
                  ? SendDirect(agent, *route, packets)
                  : SendRelayed(agent, packets);
  Pump();
  return sent;
}

Result<int> HubShell::SendDirect(mesh::AgentId agent,
                                 const mesh::DataRoute& route,
                                 std::span<const natkit_packet> packets) {
  auto& socket = SocketFor(route.remote);
  if (!socket) {
    return Fail(Errc::kInvalidState);
  }
  const size_t longest = route.remote.address.is_v4() ? kMaxV4 : kMaxV6;
  const PacketBatch::Meta meta{.remote = route.remote,
                               .local = {.address = route.local.address}};
  const auto taken = TakeInOrder(packets, [&](ByteView bytes) -> Result<void> {
    if (bytes.size() > longest) {
      return Fail(Errc::kFrameTooLarge);
    }
    outgoing_.AppendCopy(bytes, meta);
    CountSent(agent, route.kind, bytes.size());
    if (outgoing_.size() == io::UdpSocket::kMaxBatch) {
      socket->Send(outgoing_);
      outgoing_.Clear();
    }
    return {};
  });
  socket->Send(outgoing_);
  outgoing_.Clear();
  return taken;
}

Result<int> HubShell::SendRelayed(mesh::AgentId agent,
                                  std::span<const natkit_packet> packets) {
  const Instant now = io::EventLoop::Now();
  size_t count = 0;
  return TakeInOrder(packets, [&](ByteView bytes) -> Result<void> {
    if (++count % kRelayedAtOnce == 0) {
      Pump();
    }
    auto sent = hub_.SendRelayed(now, agent, bytes);
    if (sent) {
      CountSent(agent, mesh::PathKind::kRelay, bytes.size());
    }
    return sent;
  });
}

uint64_t HubShell::CountUnsent() const {
  uint64_t count = hub_.counters().dropped_queued;
  for (const auto* socket : {&v4_, &v6_}) {
    if (*socket) {
      const io::UdpCounters& counters = (*socket)->counters();
      count += counters.send_errors + counters.send_overflows;
    }
  }
  return count;
}

}  // namespace natkit::c
