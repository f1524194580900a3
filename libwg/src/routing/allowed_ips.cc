#include "routing/allowed_ips.h"

namespace natkit::wg {

void AllowedIps::Add(const IpPrefix& prefix, Peer& owner) {
  const Peer* before =
      TrieOf(prefix.address())
          .Insert(BitKey::Of(prefix.address()), prefix.length(), &owner);
  if (before != nullptr) {
    by_owner_[before].erase(prefix);
  }
  by_owner_[&owner].insert(prefix);
}

void AllowedIps::Remove(const IpPrefix& prefix, const Peer& owner) {
  const auto found = by_owner_.find(&owner);
  if (found != by_owner_.end() && found->second.erase(prefix) > 0) {
    RemoveFromTrie(prefix);
  }
}

void AllowedIps::RemoveAll(const Peer& owner) {
  const auto found = by_owner_.find(&owner);
  if (found == by_owner_.end()) {
    return;
  }
  for (const IpPrefix& prefix : found->second) {
    RemoveFromTrie(prefix);
  }
  by_owner_.erase(found);
}

const std::set<IpPrefix>& AllowedIps::PrefixesOf(const Peer& owner) const {
  static const std::set<IpPrefix> kNone;
  const auto found = by_owner_.find(&owner);
  return found == by_owner_.end() ? kNone : found->second;
}

void AllowedIps::RemoveFromTrie(const IpPrefix& prefix) {
  (void)TrieOf(prefix.address())
      .Remove(BitKey::Of(prefix.address()), prefix.length());
}

}  // namespace natkit::wg
