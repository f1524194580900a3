#include "control/map_state.h"

#include <utility>

#include "natkit/mesh/control/map_digest.h"

namespace natkit::mesh {

namespace {

bool IsKnown(uint32_t item_class) {
  return item_class >= std::to_underlying(ItemClass::kSelf) &&
         item_class <= std::to_underlying(ItemClass::kSettings) &&
         item_class != std::to_underlying(ItemClass::kMember);
}

RuleKey RuleOf(const ItemKey& key) {
  return {.id = key.id, .direction = static_cast<RuleDirection>(key.sub)};
}

bool IsDirection(uint64_t sub) {
  return sub <= std::to_underlying(RuleDirection::kOutbound);
}

template <class Value, class Slot>
bool Store(Result<Value> decoded, Slot& slot) {
  if (decoded) {
    slot = *std::move(decoded);
  }
  return decoded.has_value();
}

template <class Key, class Value>
bool Store(Result<Value> decoded, const Key& key, std::map<Key, Value>& into) {
  if (decoded) {
    into.insert_or_assign(key, *std::move(decoded));
  }
  return decoded.has_value();
}

}  // namespace

bool MapState::Put(const MapItem& item) {
  if (size_ + item.body.size() + kItemOverhead > kMaxSize || !Decode(item)) {
    return false;
  }
  Replace(item);
  return true;
}

void MapState::Replace(const MapItem& item) {
  NoteItem(item.key);
  const auto [found, is_new] = bodies_.try_emplace(item.key, item.body);
  if (is_new) {
    unknown_ += IsKnown(item.key.item_class) ? 0 : 1;
    size_ += item.body.size() + kItemOverhead;
  } else {
    digest_ -= ItemDigest(key_, item.key, ItemVersion(key_, found->second));
    size_ += item.body.size();
    size_ -= found->second.size();
    found->second = item.body;
  }
  digest_ += ItemDigest(key_, item.key, ItemVersion(key_, item.body));
}

bool MapState::Decode(const MapItem& item) {
  const ByteView body = item.body;
  switch (static_cast<ItemClass>(item.key.item_class)) {
    case ItemClass::kSelf:
      return Store(DecodeSelf(body), map_.self);
    case ItemClass::kSettings:
      return Store(DecodeSettings(body), map_.settings);
    case ItemClass::kDns:
      return Store(DecodeDns(body), map_.dns);
    case ItemClass::kPeer:
      return Store(DecodePeer(body), item.key.id, map_.peers);
    case ItemClass::kRule:
      return IsDirection(item.key.sub) &&
             Store(DecodeRule(body), RuleOf(item.key), map_.rules);
    case ItemClass::kRoute:
      return Store(DecodeRoute(body), item.key.id, map_.routes);
    case ItemClass::kRelay:
      return Store(DecodeRelay(body), item.key.id, map_.relays);
    case ItemClass::kExit:
      map_.exits.insert(item.key.id);
      return true;
    case ItemClass::kMember:
      return false;  // they come as MemberChange only
  }
  return true;
}

void MapState::Remove(const ItemKey& key) {
  const auto found = bodies_.find(key);
  if (found == bodies_.end()) {
    return;
  }
  NoteItem(key);
  digest_ -= ItemDigest(key_, key, ItemVersion(key_, found->second));
  unknown_ -= IsKnown(key.item_class) ? 0 : 1;
  size_ -= found->second.size() + kItemOverhead;
  bodies_.erase(found);
  Erase(key);
}

void MapState::Erase(const ItemKey& key) {
  switch (static_cast<ItemClass>(key.item_class)) {
    case ItemClass::kSelf:
      map_.self.reset();
      return;
    case ItemClass::kSettings:
      map_.settings.reset();
      return;
    case ItemClass::kDns:
      map_.dns.reset();
      return;
    case ItemClass::kPeer:
      map_.peers.erase(key.id);
      return;
    case ItemClass::kRule:
      NoteMembers(RuleOf(key));
      SetMembers(RuleOf(key), {});
      map_.rules.erase(RuleOf(key));
      return;
    case ItemClass::kRoute:
      map_.routes.erase(key.id);
      return;
    case ItemClass::kRelay:
      map_.relays.erase(key.id);
      return;
    case ItemClass::kExit:
      map_.exits.erase(key.id);
      return;
    case ItemClass::kMember:
      return;
  }
}

bool MapState::Change(const MemberChange& change) {
  const RuleKey rule{.id = change.rule, .direction = change.direction};
  if (!map_.rules.contains(rule) ||
      size_ + (change.add.size() * kMemberOverhead) > kMaxSize) {
    return false;
  }
  NoteMembers(rule);
  if (change.is_whole) {
    SetMembers(rule, {change.add.begin(), change.add.end()});
    return true;
  }
  Members& members = map_.members[rule];
  for (const NodeId node : change.remove) {
    RemoveMember(rule, members, node);
  }
  for (const NodeId node : change.add) {
    AddMember(rule, members, node);
  }
  if (members.empty()) {
    map_.members.erase(rule);
  }
  return true;
}

void MapState::SetMembers(const RuleKey& rule, Members members) {
  Members& current = map_.members[rule];
  for (const NodeId node : std::exchange(current, {})) {
    digest_ -= MemberDigest(key_, rule.id, rule.direction, node);
    size_ -= kMemberOverhead;
  }
  for (const NodeId node : members) {
    AddMember(rule, current, node);
  }
  if (current.empty()) {
    map_.members.erase(rule);
  }
}

void MapState::AddMember(const RuleKey& rule, Members& members, NodeId node) {
  if (members.insert(node).second) {
    digest_ += MemberDigest(key_, rule.id, rule.direction, node);
    size_ += kMemberOverhead;
  }
}

void MapState::RemoveMember(const RuleKey& rule, Members& members,
                            NodeId node) {
  if (members.erase(node) != 0) {
    digest_ -= MemberDigest(key_, rule.id, rule.direction, node);
    size_ -= kMemberOverhead;
  }
}

void MapState::Begin() {
  is_open_ = true;
}

void MapState::Commit() {
  is_open_ = false;
  old_items_.clear();
  old_members_.clear();
}

void MapState::Rollback() {
  is_open_ = false;
  const auto old_items = std::exchange(old_items_, {});
  for (const auto& [key, body] : old_items) {
    if (!body) {
      Remove(key);
    }
  }
  for (const auto& [key, body] : old_items) {
    if (body) {
      const MapItem item{.key = key, .body = *body};
      (void)Decode(item);  // it did before
      Replace(item);
    }
  }
  for (auto& [rule, members] : std::exchange(old_members_, {})) {
    SetMembers(rule, std::move(members));
  }
}

void MapState::NoteItem(const ItemKey& key) {
  if (is_open_ && !old_items_.contains(key)) {
    const auto found = bodies_.find(key);
    old_items_[key] = found == bodies_.end() ? Body() : Body(found->second);
  }
}

void MapState::NoteMembers(const RuleKey& rule) {
  if (is_open_ && !old_members_.contains(rule)) {
    const auto found = map_.members.find(rule);
    old_members_[rule] =
        found == map_.members.end() ? Members() : found->second;
  }
}

}  // namespace natkit::mesh
