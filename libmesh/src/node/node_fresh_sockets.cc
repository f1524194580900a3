#include <algorithm>

#include "natkit/base/queue.h"
#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

/// Those of HardPath count from 1.
constexpr uint32_t kFirstFreshRequest = uint32_t{1} << 31U;
constexpr size_t kMaxFreshSockets = 16;

}  // namespace

void Node::Impl::OpenFreshSocket(const NodePeer& peer,
                                 const IpAddress& address) {
  if (fresh_.size() + fresh_requests_.size() >= kMaxFreshSockets) {
    return;
  }
  ++counters_.fresh_sockets;
  const uint32_t request = kFirstFreshRequest | ++last_fresh_request_;
  fresh_requests_.emplace(request, peer.id);
  socket_commands_.emplace_back(
      SocketsOpen{.request = request, .address = address, .count = 1});
}

bool Node::Impl::TakeFreshSocket(Instant now, uint32_t request,
                                 const std::vector<Endpoint>& sockets) {
  const auto found = fresh_requests_.find(request);
  if (found == fresh_requests_.end()) {
    return false;
  }
  NodePeer* peer = FindPeer(found->second);
  fresh_requests_.erase(found);
  if (sockets.empty()) {
    return true;
  }
  if (peer == nullptr) {  // removed meanwhile
    socket_commands_.emplace_back(SocketsClose{sockets});
    return true;
  }
  fresh_.insert(sockets.front());
  peer->link.HandleFreshSocket(now, sockets.front());
  prober_.SetBases(now, ProbedBases());
  Touch(*peer);
  return true;
}

void Node::Impl::CloseUnlessMain(const Endpoint& socket) {
  if (std::ranges::find(local_.bases, socket) == local_.bases.end()) {
    hard_.Close(socket);
  }
}

void Node::Impl::CloseSocket(Instant now, const Endpoint& socket) {
  if (fresh_.erase(socket) == 0) {
    hard_.Close(socket);
    return;
  }
  socket_commands_.emplace_back(SocketsClose{{socket}});
  prober_.SetBases(now, ProbedBases());
}

std::vector<Endpoint> Node::Impl::ProbedBases() const {
  std::vector<Endpoint> bases = local_.bases;
  bases.insert(bases.end(), fresh_.begin(), fresh_.end());
  return bases;
}

bool Node::Impl::IsProbed(const Endpoint& base) const {
  return fresh_.contains(base) ||
         std::ranges::find(local_.bases, base) != local_.bases.end();
}

std::optional<SocketCommand> Node::Impl::PollSocketCommand() {
  if (auto command = hard_.PollCommand()) {
    return command;
  }
  if (auto command = lifetime_.PollCommand()) {
    return command;
  }
  return TakeFront(socket_commands_);
}

}  // namespace natkit::mesh
