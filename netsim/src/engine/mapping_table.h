#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/flow_hash.h"
#include "engine/hash_index.h"
#include "engine/intrusive_list.h"
#include "engine/session_table.h"
#include "engine/slab.h"
#include "engine/timer_lists.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"

namespace natkit::netsim::engine {

using SessionList = IntrusiveList<Session, &Session::mapping_links>;

/// Where a mapping's external port came from, and so how it is given back.
enum class PortSource : uint8_t {
  kShared,    ///< overloading or untranslated: nothing was taken
  kOwn,       ///< taken for this mapping alone
  kOwnBlock,  ///< the same, from a block of the host
};

/// What came from where: an inside endpoint's stand-in outside. What every
/// packet touches stands in the first cache line.
struct alignas(64) Mapping {
  Timer timer;
  ListLinks timer_links;
  Instant first_packet;
  uint8_t protocol = 0;
  Dependence dependence = Dependence::kEndpointIndependent;
  PortSource port_source = PortSource::kShared;
  bool is_forward = false;
  bool is_indexed = false;  ///< found by its inside endpoint
  bool is_sticky = false;   ///< found as the newest of its inside endpoint
  bool has_outbound = false;
  bool has_inbound = false;
  uint32_t pool_index = 0;  ///< of the external address
  uint32_t host = kNone;
  uint32_t session_count = 0;
  uint64_t serial = 0;  ///< in the order of making
  Endpoint inside;
  Endpoint external;
  /// As much of the remote endpoint as `dependence` says; else unspecified.
  Endpoint key_remote;
  SessionList sessions;
  std::optional<Instant> lease_end;  ///< forwards; nullopt is for ever
  ListLinks sticky_links;    ///< among sticky ones of this inside endpoint
  ListLinks external_links;  ///< among mappings with this external endpoint
  ListLinks recent_links;    ///< among all, the longest idle first
  ListLinks host_links;      ///< among the host's, the same order
};

/// All mappings. Address-and-port-dependent ones are not indexed by their
/// inside endpoint: each has one session, which is found instead.
class MappingTable {
 public:
  explicit MappingTable(uint64_t hash_seed) : seed_(hash_seed) {}

  /// The mapping with exactly this key, or kNone.
  [[nodiscard]] uint32_t FindByInside(uint8_t protocol, const Endpoint& inside,
                                      const Endpoint& key_remote) const;
  /// Of several with this external endpoint a forward if there is one, else
  /// always the same one until it goes; or kNone.
  [[nodiscard]] uint32_t FindByExternal(uint8_t protocol,
                                        const Endpoint& external) const;

  /// Of the sticky ones of this inside endpoint the newest, or kNone.
  [[nodiscard]] uint32_t FindNewestOf(uint8_t protocol,
                                      const Endpoint& inside) const;

  /// Takes a filled-in mapping; its links and timer are the table's to set.
  /// It is indexed unless it is address-and-port-dependent. A forward takes
  /// the place of another mapping with its key.
  uint32_t Add(const Mapping& mapping);
  /// The sessions have gone before.
  void Remove(uint32_t index);
  /// An endpoint-independent mapping becomes a forward where it stands.
  void MakeForward(uint32_t index);
  /// Indexes a forward that stood back for another with its key.
  void IndexForward(uint32_t index);

  [[nodiscard]] Mapping& operator[](uint32_t index) { return slab_[index]; }

  [[nodiscard]] const Mapping& operator[](uint32_t index) const {
    return slab_[index];
  }

  [[nodiscard]] Slab<Mapping>& slab() { return slab_; }

  [[nodiscard]] const Slab<Mapping>& slab() const { return slab_; }

  [[nodiscard]] size_t size() const { return slab_.size(); }

  [[nodiscard]] size_t forward_count() const { return forward_count_; }

  /// Forwards that are not indexed: an older one has their inside endpoint.
  [[nodiscard]] size_t hidden_forward_count() const {
    return hidden_forward_count_;
  }

  /// Of all mappings, in the order of their last use if that is kept.
  IntrusiveList<Mapping, &Mapping::recent_links> recent;

 private:
  [[nodiscard]] uint64_t HashOf(const Mapping& mapping) const {
    return HashFlow(seed_,
                    {mapping.protocol, mapping.inside, mapping.key_remote});
  }

  [[nodiscard]] uint64_t HashEndpoint(uint8_t protocol,
                                      const Endpoint& endpoint) const {
    return HashFlow(seed_, {protocol, endpoint, Endpoint{}});
  }

  void LinkInside(uint32_t index);
  void LinkSticky(uint32_t index);
  void UnlinkSticky(uint32_t index);
  void LinkExternal(uint32_t index);
  void UnlinkExternal(uint32_t index);

  uint64_t seed_;
  Slab<Mapping> slab_;
  HashIndex by_inside_;
  HashIndex by_sticky_;    ///< to the newest of a sticky_links chain
  HashIndex by_external_;  ///< to the head of an external_links chain
  size_t forward_count_ = 0;
  size_t hidden_forward_count_ = 0;
  uint64_t last_serial_ = 0;
};

}  // namespace natkit::netsim::engine
