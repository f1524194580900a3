#include "transport/deadline_heap.h"

#include "device/peer_state.h"

namespace natkit::wg {

void DeadlineHeap::Update(Peer& peer, std::optional<Instant> deadline) {
  const size_t place = peer.heap_place;
  if (!deadline) {
    if (place != kNowhere) {
      RemoveAt(place);
    }
    return;
  }
  if (place == kNowhere) {
    items_.push_back({*deadline, &peer});
    SiftUp(items_.size() - 1);
  } else if (items_[place].deadline != *deadline) {
    items_[place].deadline = *deadline;
    SiftUp(place);
    SiftDown(peer.heap_place);
  }
}

std::optional<Instant> DeadlineHeap::Earliest() const {
  if (items_.empty()) {
    return std::nullopt;
  }
  return items_.front().deadline;
}

Peer* DeadlineHeap::Due(Instant now) const {
  const bool is_due = !items_.empty() && items_.front().deadline <= now;
  return is_due ? items_.front().peer : nullptr;
}

void DeadlineHeap::Place(size_t place, const Item& item) {
  items_[place] = item;
  item.peer->heap_place = place;
}

void DeadlineHeap::SiftUp(size_t place) {
  const Item item = items_[place];
  while (place > 0) {
    const size_t parent = (place - 1) / 2;
    if (items_[parent].deadline <= item.deadline) {
      break;
    }
    Place(place, items_[parent]);
    place = parent;
  }
  Place(place, item);
}

void DeadlineHeap::SiftDown(size_t place) {
  const Item item = items_[place];
  while (2 * place + 1 < items_.size()) {
    size_t child = 2 * place + 1;
    if (child + 1 < items_.size() &&
        items_[child + 1].deadline < items_[child].deadline) {
      ++child;
    }
    if (item.deadline <= items_[child].deadline) {
      break;
    }
    Place(place, items_[child]);
    place = child;
  }
  Place(place, item);
}

void DeadlineHeap::RemoveAt(size_t place) {
  items_[place].peer->heap_place = kNowhere;
  const Item last = items_.back();
  items_.pop_back();
  if (place < items_.size()) {
    Place(place, last);
    SiftUp(place);
    SiftDown(last.peer->heap_place);
  }
}

}  // namespace natkit::wg
