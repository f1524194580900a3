#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/flow_hash.h"
#include "engine/hash_index.h"
#include "engine/intrusive_list.h"
#include "engine/slab.h"
#include "engine/tcp_state.h"
#include "engine/timer_lists.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::netsim::engine {

/// One flow: what RFC 4787 calls a session and Linux a conntrack entry. It
/// belongs to a mapping, or is a flow of the box itself (`mapping` is kNone
/// and `inside` unspecified), which takes up its external tuple.
struct alignas(64) Session {
  Endpoint inside;
  Endpoint external;
  Endpoint remote;
  uint8_t protocol = 0;
  bool has_outbound = false;  ///< a packet went this way
  bool has_inbound = false;
  TcpState tcp;
  uint32_t mapping = kNone;
  Instant first_packet;
  Timer timer;
  ListLinks timer_links;
  ListLinks mapping_links;  ///< among the sessions of the mapping
  ListLinks remote_links;   ///< among those with this remote address

  [[nodiscard]] bool is_local() const { return mapping == kNone; }
};

/// All sessions, found from either side in O(1). No two share (protocol,
/// inside, remote), and no two share (protocol, external, remote).
class SessionTable {
 public:
  /// `has_address_index` is for address-dependent filtering.
  SessionTable(uint64_t hash_seed, bool has_address_index)
      : seed_(hash_seed), has_address_index_(has_address_index) {}

  [[nodiscard]] uint32_t FindByInside(uint8_t protocol, const Endpoint& inside,
                                      const Endpoint& remote) const;
  [[nodiscard]] uint32_t FindByExternal(uint8_t protocol,
                                        const Endpoint& external,
                                        const Endpoint& remote) const;
  /// A session of this external endpoint with any port of the address; needs
  /// the address index. Flows of the box itself are not found.
  [[nodiscard]] uint32_t FindByRemoteAddress(uint8_t protocol,
                                             const Endpoint& external,
                                             const IpAddress& remote) const;

  /// Takes a filled-in session; its links and timer are the table's to set.
  uint32_t Add(const Session& session);
  void Remove(uint32_t index);

  [[nodiscard]] Session& operator[](uint32_t index) { return slab_[index]; }

  [[nodiscard]] const Session& operator[](uint32_t index) const {
    return slab_[index];
  }

  [[nodiscard]] Slab<Session>& slab() { return slab_; }

  [[nodiscard]] const Slab<Session>& slab() const { return slab_; }

  [[nodiscard]] size_t size() const { return slab_.size(); }

 private:
  [[nodiscard]] uint64_t Hash(uint8_t protocol, const Endpoint& a,
                              const Endpoint& b) const {
    return HashFlow(seed_, {protocol, a, b});
  }

  void LinkRemote(uint32_t index);
  void UnlinkRemote(uint32_t index);

  uint64_t seed_;
  bool has_address_index_;
  Slab<Session> slab_;
  HashIndex by_inside_;
  HashIndex by_external_;
  HashIndex by_remote_address_;  ///< to the head of a remote_links chain
};

}  // namespace natkit::netsim::engine
