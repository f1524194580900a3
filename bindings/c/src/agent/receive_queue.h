#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/mesh/agent/agent_hub.h"

namespace natkit::c {

/// Datagrams that wait for the program, in one piece of memory that is used
/// again and again. Where there is no room the oldest go.
class ReceiveQueue {
 public:
  struct Item {
    mesh::AgentId agent = 0;  ///< 0: it is gone
    ByteView bytes;           ///< until the next call that is not const
  };

  explicit ReceiveQueue(size_t capacity) : memory_(capacity) {}

  /// Copies `bytes`. Returns how many datagrams were lost: older ones, or this
  /// one if it is larger than the whole queue.
  size_t Push(mesh::AgentId agent, ByteView bytes);
  /// nullptr: there is none.
  [[nodiscard]] const Item* Front() const;
  void Pop();
  /// Forgets what came for one agent.
  void Remove(mesh::AgentId agent);

  [[nodiscard]] bool is_empty() const { return items_.empty(); }

 private:
  /// Where `size` bytes fit behind the newest item without touching the oldest;
  /// the memory's size if nowhere.
  [[nodiscard]] size_t FindRoom(size_t size) const;
  [[nodiscard]] size_t OffsetOf(const Item& item) const;

  std::vector<uint8_t> memory_;
  std::deque<Item> items_;
};

}  // namespace natkit::c
