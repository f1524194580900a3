#include <utility>

#include "registry/registry_impl.h"

namespace natkit::mesh {

bool Registry::Impl::IsRevoked(const NodeKeys& keys) const {
  return revoked_machines_.contains(keys.machine_key) ||
         revoked_keys_.contains(keys.node_key) ||
         revoked_keys_.contains(keys.signalling_key);
}

bool Registry::Impl::IsKeyInUse(const PublicKey& key, NodeId except) const {
  const FormerKeyRecord* former = former_keys_.Find(key);
  if (former != nullptr && former->node != except) {
    return true;
  }
  if (!keys_in_use_.contains(key)) {
    return false;
  }
  const NodeRecord* node = FindNode(except);
  return node == nullptr ||
         (key != node->keys.node_key && key != node->keys.signalling_key &&
          key != node->next_key);
}

void Registry::Impl::RetireKey(WallTime now, NodeId node,
                               const PublicKey& key) {
  keys_in_use_.erase(key);
  const auto forgotten =
      former_keys_.Add({.key = key, .node = node, .since = now});
  Dirty("former_key", key.ToBase64());
  if (forgotten) {
    Dirty("former_key", forgotten->ToBase64());
  }
}

void Registry::Impl::ExchangeKeys(WallTime now, NodeRecord& node,
                                  const NodeKeys& keys) {
  const NodeKeys old = std::exchange(node.keys, keys);
  for (const PublicKey& key : {old.node_key, old.signalling_key}) {
    if (key != keys.node_key && key != keys.signalling_key) {
      RetireKey(now, node.id, key);
    }
  }
  if (node.next_key) {
    keys_in_use_.erase(*node.next_key);
    node.next_key.reset();
  }
  for (const PublicKey& key : {keys.node_key, keys.signalling_key}) {
    if (former_keys_.Find(key) != nullptr) {
      former_keys_.Remove(key);  // its own, out of a backup
      Dirty("former_key", key.ToBase64());
    }
  }
}

Decision<void> Registry::Impl::AnnounceKey(WallTime now, NodeId id,
                                           const PublicKey& next) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  if (node->next_key == next) {
    return {};
  }
  if (IsKeyInUse(next, 0) || revoked_keys_.contains(next) || next.is_zero()) {
    return Refuse(RefusalKind::kForbidden, "that key is or was a node's");
  }
  AbortKey(now, id);
  node->next_key = next;
  node->next_key_since = now;
  keys_in_use_.insert(next);
  DirtyNode(id);
  Note({.now = now,
        .type = "key_announced",
        .actor = "node",
        .subject = node->name});
  return {};
}

Decision<void> Registry::Impl::ActivateKey(WallTime now, NodeId id,
                                           const PublicKey& key) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  if (node->keys.node_key == key) {
    return {};  // said twice
  }
  if (node->next_key != key) {
    return Refuse(RefusalKind::kForbidden,
                  "that is not the key that was announced");
  }
  RetireKey(now, id, std::exchange(node->keys.node_key, key));
  node->next_key.reset();
  if (node->key_expiry && config_.rotation_renews && !node->is_expiry_fixed) {
    node->key_expiry = NewExpiry(now, node->owner);
    ResetExpiry(*node);
  }
  DirtyNode(id);
  Note({.now = now,
        .type = "key_switched",
        .actor = "node",
        .subject = node->name});
  return {};
}

void Registry::Impl::AbortKey(WallTime now, NodeId id) {
  NodeRecord* node = Find(id);
  if (node == nullptr || !node->next_key) {
    return;
  }
  keys_in_use_.erase(*node->next_key);
  node->next_key.reset();
  DirtyNode(id);
  Note({.now = now,
        .type = "key_aborted",
        .actor = "node",
        .subject = node->name});
}

}  // namespace natkit::mesh
