#include "engine/mapping_table.h"

namespace natkit::netsim::engine {
namespace {

bool IsHidden(const Mapping& mapping) {
  return mapping.is_forward && !mapping.is_indexed;
}

}  // namespace

uint32_t MappingTable::FindByInside(uint8_t protocol, const Endpoint& inside,
                                    const Endpoint& key_remote) const {
  return by_inside_.Find(
      HashFlow(seed_, {protocol, inside, key_remote}), [&](uint32_t index) {
        const Mapping& mapping = slab_[index];
        return mapping.protocol == protocol && mapping.inside == inside &&
               mapping.key_remote == key_remote;
      });
}

uint32_t MappingTable::FindNewestOf(uint8_t protocol,
                                    const Endpoint& inside) const {
  return by_sticky_.Find(HashEndpoint(protocol, inside), [&](uint32_t index) {
    const Mapping& mapping = slab_[index];
    return mapping.protocol == protocol && mapping.inside == inside;
  });
}

uint32_t MappingTable::FindByExternal(uint8_t protocol,
                                      const Endpoint& external) const {
  return by_external_.Find(
      HashEndpoint(protocol, external), [&](uint32_t index) {
        const Mapping& mapping = slab_[index];
        return mapping.protocol == protocol && mapping.external == external;
      });
}

uint32_t MappingTable::Add(const Mapping& mapping) {
  const uint32_t index = slab_.Add();
  slab_[index] = mapping;
  slab_[index].serial = ++last_serial_;
  forward_count_ += mapping.is_forward ? 1 : 0;
  LinkInside(index);
  hidden_forward_count_ += IsHidden(slab_[index]) ? 1 : 0;
  LinkSticky(index);
  LinkExternal(index);
  recent.PushBack(slab_, index);
  return index;
}

void MappingTable::Remove(uint32_t index) {
  const Mapping& mapping = slab_[index];
  forward_count_ -= mapping.is_forward ? 1 : 0;
  hidden_forward_count_ -= IsHidden(mapping) ? 1 : 0;
  if (mapping.is_indexed) {
    by_inside_.Erase(HashOf(mapping), index);
  }
  UnlinkSticky(index);
  UnlinkExternal(index);
  recent.Remove(slab_, index);
  slab_.Remove(index);
}

void MappingTable::MakeForward(uint32_t index) {
  UnlinkSticky(index);
  slab_[index].is_sticky = false;
  UnlinkExternal(index);
  slab_[index].is_forward = true;
  hidden_forward_count_ += IsHidden(slab_[index]) ? 1 : 0;
  ++forward_count_;
  LinkExternal(index);
}

void MappingTable::IndexForward(uint32_t index) {
  LinkInside(index);
  --hidden_forward_count_;
}

void MappingTable::LinkInside(uint32_t index) {
  Mapping& mapping = slab_[index];
  if (mapping.dependence == Dependence::kAddressAndPortDependent) {
    return;
  }
  const uint32_t other =
      FindByInside(mapping.protocol, mapping.inside, mapping.key_remote);
  if (other != kNone) {
    if (slab_[other].is_forward) {
      return;
    }
    by_inside_.Erase(HashOf(slab_[other]), other);
    slab_[other].is_indexed = false;
  }
  by_inside_.Insert(HashOf(mapping), index);
  mapping.is_indexed = true;
}

void MappingTable::LinkSticky(uint32_t index) {
  Mapping& mapping = slab_[index];
  if (!mapping.is_sticky) {
    return;
  }
  const uint64_t hash = HashEndpoint(mapping.protocol, mapping.inside);
  const uint32_t head = FindNewestOf(mapping.protocol, mapping.inside);
  if (head != kNone) {
    by_sticky_.Erase(hash, head);
    slab_[head].sticky_links.previous = index;
  }
  mapping.sticky_links = {kNone, head};
  by_sticky_.Insert(hash, index);
}

void MappingTable::UnlinkSticky(uint32_t index) {
  const Mapping& mapping = slab_[index];
  if (!mapping.is_sticky) {
    return;
  }
  const ListLinks links = mapping.sticky_links;
  if (links.next != kNone) {
    slab_[links.next].sticky_links.previous = links.previous;
  }
  if (links.previous != kNone) {
    slab_[links.previous].sticky_links.next = links.next;
    return;
  }
  const uint64_t hash = HashEndpoint(mapping.protocol, mapping.inside);
  by_sticky_.Erase(hash, index);
  if (links.next != kNone) {
    by_sticky_.Insert(hash, links.next);
  }
}

// What is found is the head of a chain: its forward, or who came first.
// Others go in behind the head, so that the index need not change.
void MappingTable::LinkExternal(uint32_t index) {
  Mapping& mapping = slab_[index];
  const uint64_t hash = HashEndpoint(mapping.protocol, mapping.external);
  const uint32_t head = FindByExternal(mapping.protocol, mapping.external);
  if (head == kNone) {
    by_external_.Insert(hash, index);
    return;
  }
  Mapping& first = slab_[head];
  if (mapping.is_forward) {
    by_external_.Erase(hash, head);
    by_external_.Insert(hash, index);
    mapping.external_links = {kNone, head};
    first.external_links.previous = index;
    return;
  }
  mapping.external_links = {head, first.external_links.next};
  if (first.external_links.next != kNone) {
    slab_[first.external_links.next].external_links.previous = index;
  }
  first.external_links.next = index;
}

void MappingTable::UnlinkExternal(uint32_t index) {
  Mapping& mapping = slab_[index];
  const ListLinks links = mapping.external_links;
  mapping.external_links = {};
  if (links.next != kNone) {
    slab_[links.next].external_links.previous = links.previous;
  }
  if (links.previous != kNone) {
    slab_[links.previous].external_links.next = links.next;
    return;
  }
  const uint64_t hash = HashEndpoint(mapping.protocol, mapping.external);
  by_external_.Erase(hash, index);
  if (links.next != kNone) {
    by_external_.Insert(hash, links.next);
  }
}

}  // namespace natkit::netsim::engine
