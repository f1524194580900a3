#include "engine/session_table.h"

namespace natkit::netsim::engine {

uint32_t SessionTable::FindByInside(uint8_t protocol, const Endpoint& inside,
                                    const Endpoint& remote) const {
  return by_inside_.Find(Hash(protocol, inside, remote), [&](uint32_t index) {
    const Session& session = slab_[index];
    return session.protocol == protocol && session.inside == inside &&
           session.remote == remote;
  });
}

uint32_t SessionTable::FindByExternal(uint8_t protocol,
                                      const Endpoint& external,
                                      const Endpoint& remote) const {
  return by_external_.Find(
      Hash(protocol, external, remote), [&](uint32_t index) {
        const Session& session = slab_[index];
        return session.protocol == protocol && session.external == external &&
               session.remote == remote;
      });
}

uint32_t SessionTable::FindByRemoteAddress(uint8_t protocol,
                                           const Endpoint& external,
                                           const IpAddress& remote) const {
  return by_remote_address_.Find(
      Hash(protocol, external, {remote, 0}), [&](uint32_t index) {
        const Session& session = slab_[index];
        return session.protocol == protocol && session.external == external &&
               session.remote.address == remote;
      });
}

uint32_t SessionTable::Add(const Session& session) {
  const uint32_t index = slab_.Add();
  slab_[index] = session;
  by_external_.Insert(Hash(session.protocol, session.external, session.remote),
                      index);
  if (!session.is_local()) {
    by_inside_.Insert(Hash(session.protocol, session.inside, session.remote),
                      index);
    LinkRemote(index);
  }
  return index;
}

void SessionTable::Remove(uint32_t index) {
  const Session& session = slab_[index];
  by_external_.Erase(Hash(session.protocol, session.external, session.remote),
                     index);
  if (!session.is_local()) {
    by_inside_.Erase(Hash(session.protocol, session.inside, session.remote),
                     index);
    UnlinkRemote(index);
  }
  slab_.Remove(index);
}

// The chain's head is in the index; a new one goes in second, so that the
// index need not change.
void SessionTable::LinkRemote(uint32_t index) {
  if (!has_address_index_) {
    return;
  }
  Session& session = slab_[index];
  const uint32_t head = FindByRemoteAddress(session.protocol, session.external,
                                            session.remote.address);
  if (head == kNone) {
    by_remote_address_.Insert(
        Hash(session.protocol, session.external, {session.remote.address, 0}),
        index);
    return;
  }
  ListLinks& head_links = slab_[head].remote_links;
  session.remote_links = {head, head_links.next};
  if (head_links.next != kNone) {
    slab_[head_links.next].remote_links.previous = index;
  }
  head_links.next = index;
}

void SessionTable::UnlinkRemote(uint32_t index) {
  if (!has_address_index_) {
    return;
  }
  const Session& session = slab_[index];
  const ListLinks links = session.remote_links;
  if (links.next != kNone) {
    slab_[links.next].remote_links.previous = links.previous;
  }
  if (links.previous != kNone) {
    slab_[links.previous].remote_links.next = links.next;
    return;
  }
  const uint64_t hash =
      Hash(session.protocol, session.external, {session.remote.address, 0});
  by_remote_address_.Erase(hash, index);
  if (links.next != kNone) {
    by_remote_address_.Insert(hash, links.next);
  }
}

}  // namespace natkit::netsim::engine
