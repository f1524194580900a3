#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/mesh/agent/agent_hub.h"

namespace natkit::c {

/// Datagrams that wait for the program, in blocks of memory that are used again
/// and again. They are taken in the order in which they came.
///
/// Where there is no room, the agent that has the most waiting loses its oldest
/// ones: a peer that floods the program takes no other agent's share. What an
/// agent with less than its part of all has is never lost.
class ReceiveQueue {
 public:
  /// Memory is given out in blocks: a datagram takes as many as it needs, an
  /// empty one takes one.
  static constexpr size_t kBlockSize = 512;

  struct Item {
    mesh::AgentId agent = 0;
    uint32_t size = 0;  ///< bytes
    Endpoint remote;    ///< where it came from; default: over a relay
    Endpoint local;     ///< where it came to; default: over a relay
  };

  /// `capacity` bytes, of which one agent has at most `share`; both are rounded
  /// down to blocks, at least one.
  ReceiveQueue(size_t capacity, size_t share);
  ReceiveQueue(const ReceiveQueue&) = delete;
  ReceiveQueue& operator=(const ReceiveQueue&) = delete;

  /// Copies `bytes`; `item.size` is not looked at. Returns how many datagrams
  /// were lost: older ones, or this one.
  size_t Push(const Item& item, ByteView bytes);
  /// nullptr: there is none. Until the next call that is not const.
  [[nodiscard]] const Item* Front() const;
  /// Copies the front's bytes to `out`, which has room for them.
  void CopyFront(MutableBytes out) const;
  void Pop();
  /// Forgets an agent and what came for it.
  void Remove(mesh::AgentId agent);

  /// How many of an agent's datagrams were lost since its first one.
  [[nodiscard]] uint64_t LostOf(mesh::AgentId agent) const;

  [[nodiscard]] bool is_empty() const { return oldest_ == kNone; }

 private:
  /// Blocks and datagrams have numbers: a datagram has that of its first block.
  static constexpr uint32_t kNone = UINT32_MAX;

  /// What waits for one agent.
  struct Box {
    uint32_t oldest = kNone;
    uint32_t newest = kNone;
    size_t blocks = 0;
    uint64_t lost = 0;
    Box* above = nullptr;  ///< among those of as many blocks
    Box* below = nullptr;
  };

  struct Datagram {
    Item item;
    Box* box = nullptr;
    uint32_t blocks = 0;
    uint32_t older = kNone;
    uint32_t newer = kNone;
    uint32_t newer_in_box = kNone;
  };

  [[nodiscard]] bool MakeRoom(Box& box, size_t needed);
  void Store(Box& box, const Item& item, ByteView bytes);
  void DropOldest(Box& box);
  void Release(uint32_t datagram);
  /// The box that has the most blocks, if any has some.
  [[nodiscard]] Box* Longest();
  void SetBlocks(Box& box, size_t blocks);

  size_t share_;  // blocks
  std::unique_ptr<uint8_t[]> memory_;
  std::vector<uint32_t> next_;       // block after a block
  std::vector<Datagram> datagrams_;  // by the first block
  uint32_t free_ = 0;                // first of a chain
  size_t free_count_;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  uint64_t lost_ = 0;
  std::unordered_map<mesh::AgentId, Box> boxes_;
  std::vector<Box*> by_blocks_;  // lists of the boxes of as many blocks
  size_t longest_ = 0;           // no box has more blocks
};

}  // namespace natkit::c
