// Datagrams that wait in a hub, to the caller's memory.

#include <climits>
#include <cstddef>
#include <initializer_list>

#include "agent/hub_object.h"
#include "natkit/agent.h"
#include "support/caller_batch.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

Result<int> Receive(HubObject& hub, natkit_agent** agent,
                    const Result<MutableBytes>& room, size_t* size) {
  if (!room || size == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  ReceiveQueue& queue = hub.shell().received();
  const ReceiveQueue::Item* const item = queue.Front();
  if (item == nullptr) {
    return 0;
  }
  *size = item->size;
  if (item->size > room->size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  queue.CopyFront(*room);
  if (agent != nullptr) {
    *agent = hub.OwnerOf(item->agent).handle;
  }
  queue.Pop();
  return 1;
}

/// Moves what waits in `queue` to the caller's batch until it is full;
/// `on_packet` is told of each, and its place among the batch's packets, and
/// writes to the caller's `arrays` of a pointer for each packet.
template <class OnPacket>
Result<int> MoveTo(natkit_batch* batch, ReceiveQueue* queue,
                   std::initializer_list<void*> arrays, OnPacket&& on_packet) {
  auto room = CallerBatch::Read(batch);
  if (!room || batch == nullptr) {
    return Fail(room ? Errc::kBadArgument : room.error().code);
  }
  const size_t first = batch->packet_count;
  for (void* const array : arrays) {
    if (array != nullptr &&
        room->HasSomeOf({static_cast<uint8_t*>(array) + first * sizeof(void*),
                         room->packet_room() * sizeof(void*)})) {
      return Fail(Errc::kBadArgument);
    }
  }
  int count = 0;
  while (queue != nullptr && !queue->is_empty() && count < INT_MAX) {
    const ReceiveQueue::Item& item = *queue->Front();
    if (room->packet_room() == 0 || room->memory().size() < item.size) {
      return count > 0 ? Result<int>(count) : Fail(Errc::kBufferTooSmall);
    }
    queue->CopyFront(room->memory());
    room->AppendWritten(item.size,
                        {.remote = item.remote, .local = item.local});
    on_packet(first + static_cast<size_t>(count), item);
    queue->Pop();
    ++count;
  }
  return count;
}

Result<int> ReceiveBatch(HubObject& hub, natkit_batch* batch,
                         natkit_agent** agents, void** users) {
  return MoveTo(batch, &hub.shell().received(), {agents, users},
                [&](size_t place, const ReceiveQueue::Item& item) {
                  const HubObject::Owner owner = hub.OwnerOf(item.agent);
                  if (agents != nullptr) {
                    agents[place] = owner.handle;
                  }
                  if (users != nullptr) {
                    users[place] = owner.user;
                  }
                });
}

}  // namespace
}  // namespace natkit::c

using namespace natkit::c;

int natkit_hub_receive(natkit_hub* hub, natkit_agent** out_agent, void* buffer,
                       size_t capacity, size_t* out_size) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return Receive(object, out_agent, ToMutableBytes(buffer, capacity),
                   out_size);
  });
}

int natkit_hub_receive_batch(natkit_hub* hub, natkit_batch* batch,
                             natkit_agent** out_agents, void** out_users) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return ReceiveBatch(object, batch, out_agents, out_users);
  });
}

int natkit_hub_receive_unclaimed(natkit_hub* hub, natkit_batch* batch) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return MoveTo(batch, object.shell().unclaimed(), {},
                  [](size_t, const ReceiveQueue::Item&) {});
  });
}
