#include <chrono>

#include "node/node_impl.h"

namespace natkit::mesh {

void Node::Impl::TellFilterTheTime(Instant now) {
  if (filter_) {
    const auto unix_now = now.time_since_epoch() + config_.wall_clock_offset;
    filter_->SetUnixTime(
        now,
        std::chrono::duration_cast<std::chrono::seconds>(unix_now).count());
  }
}

const PacketBatch& Node::Impl::FilterOutbound(Instant now,
                                              const PacketBatch& packets) {
  if (!filter_) {
    return packets;
  }
  filtered_.Clear();
  for (size_t i = 0; i < packets.size(); ++i) {
    if (filter_->Check(now, Direction::kOutbound, packets.bytes(i)) ==
        Verdict::kAccept) {
      filtered_.AppendCopy(packets.bytes(i), packets.meta(i));
    }
  }
  return filtered_;
}

bool Node::Impl::MayEnter(Instant now, ByteView packet, wg::PeerId peer) {
  return !filter_ || filter_->Check(now, Direction::kInbound, packet, peer) ==
                         Verdict::kAccept;
}

}  // namespace natkit::mesh
