#pragma once

#include <map>
#include <set>

#include "natkit/base/endpoint.h"
#include "natkit/base/prefix_trie.h"

namespace natkit::wg {

struct Peer;

/// Which peer owns which prefix: the cryptokey routing table (paper, section
/// 2). A prefix has one owner; given to another peer it leaves the first.
class AllowedIps {
 public:
  void Add(const IpPrefix& prefix, Peer& owner);
  /// Takes `prefix` away if it belongs to `owner`.
  void Remove(const IpPrefix& prefix, const Peer& owner);
  /// Takes all prefixes of `owner` away.
  void RemoveAll(const Peer& owner);

  /// The owner of the longest prefix that holds `ip`, or nullptr. Does not
  /// allocate.
  [[nodiscard]] Peer* Find(const IpAddress& ip) const {
    return TrieOf(ip).Find(BitKey::Of(ip));
  }

  /// The prefixes of `owner` in order.
  [[nodiscard]] const std::set<IpPrefix>& PrefixesOf(const Peer& owner) const;

 private:
  using Trie = PrefixTrie<Peer>;

  [[nodiscard]] const Trie& TrieOf(const IpAddress& ip) const {
    return ip.is_v4() ? ipv4_ : ipv6_;
  }

  [[nodiscard]] Trie& TrieOf(const IpAddress& ip) {
    return ip.is_v4() ? ipv4_ : ipv6_;
  }

  void RemoveFromTrie(const IpPrefix& prefix);

  Trie ipv4_;
  Trie ipv6_;
  std::map<const Peer*, std::set<IpPrefix>> by_owner_;
};

}  // namespace natkit::wg
