#include <chrono>

#include "natkit/base/queue.h"
#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxControlSignals = 256;
/// Who signals by the control way may have no other.
constexpr Duration kAnswerByControl = std::chrono::seconds(5);

}  // namespace

void Node::Impl::SetControlReach(Instant now, bool is_reachable) {
  if (is_reachable == has_control_) {
    return;
  }
  has_control_ = is_reachable;
  if (!is_reachable) {
    control_signals_.clear();
  }
  for (const auto& [id, peer] : peers_) {
    if (is_reachable && peer->link.is_active() && !RelayFor(*peer)) {
      SendSignal(now, *peer, Hello{});
      peer->link.HandleRelayUp(now);
    }
    Touch(*peer);
  }
  Settle(now);
}

void Node::Impl::HandleControlSignal(Instant now, const PublicKey& key,
                                     ByteView bytes) {
  NodePeer* peer = FindPeer(key);
  if (peer == nullptr) {
    peer = FindSignalling(key);
  }
  if (peer == nullptr) {
    ++counters_.dropped_unknown_senders;
    return;
  }
  peer->control_heard_at = now;
  TakeSignal(now, *peer, bytes);
  Touch(*peer);
  Settle(now);
}

bool Node::Impl::NeedsControl(Instant now, const NodePeer& peer) const {
  return peer.link.is_unanswered() ||
         peer.watch.trust() != PathWatch::Trust::kTrusted ||
         (peer.control_heard_at != Instant::min() &&
          now < peer.control_heard_at + kAnswerByControl);
}

void Node::Impl::PushControl(const NodePeer& peer,
                             std::vector<uint8_t> packet) {
  if (control_signals_.size() >= kMaxControlSignals) {
    control_signals_.pop_front();
  }
  ++counters_.sent_control_signals;
  control_signals_.push_back({peer.entry.public_key, std::move(packet)});
}

std::optional<ControlSignal> Node::Impl::PollControlSignal() {
  return TakeFront(control_signals_);
}

}  // namespace natkit::mesh
