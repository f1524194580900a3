#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::wg {

/// Packets of one peer that wait for a handshake, bounded in number and bytes.
/// The oldest make room: what waited longest is worth least.
class StagedQueue {
 public:
  StagedQueue(size_t max_packets, size_t max_bytes)
      : max_packets_(max_packets), max_bytes_(max_bytes) {}

  /// Returns how many packets were dropped, `packet` itself included when it
  /// alone is over the bound.
  [[nodiscard]] size_t Push(ByteView packet) {
    packets_.emplace_back(packet.begin(), packet.end());
    bytes_ += packet.size();
    size_t dropped = 0;
    while (packets_.size() > max_packets_ || bytes_ > max_bytes_) {
      bytes_ -= packets_.front().size();
      packets_.pop_front();
      ++dropped;
    }
    return dropped;
  }

  /// Takes all packets out, the oldest first.
  [[nodiscard]] std::deque<std::vector<uint8_t>> TakeAll() {
    bytes_ = 0;
    return std::exchange(packets_, {});
  }

  [[nodiscard]] size_t size() const { return packets_.size(); }

  [[nodiscard]] bool is_empty() const { return packets_.empty(); }

 private:
  size_t max_packets_;
  size_t max_bytes_;
  size_t bytes_ = 0;
  std::deque<std::vector<uint8_t>> packets_;
};

}  // namespace natkit::wg
