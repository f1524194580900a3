#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/local_service.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"

namespace natkit::netsim::portmap {

/// The protocol that a lease was asked for with.
enum class Requester : uint8_t { kNatPmp, kPcp, kUpnp };

/// RFC 6887 section 11.1: what a client knows its mapping by.
using Nonce = std::array<uint8_t, 12>;

/// What identifies a lease outside.
struct LeaseKey {
  uint8_t protocol = 0;
  Endpoint external;
  auto operator<=>(const LeaseKey&) const = default;
};

/// A port forward that an inside host asked for.
struct Lease {
  LeaseKey key;
  Endpoint inside;
  Instant ends_at;
  Requester requester = Requester::kNatPmp;
  Nonce nonce{};            ///< kPcp
  std::string description;  ///< kUpnp
  std::vector<RemoteFilter> filters;

  [[nodiscard]] Duration remaining(Instant now) const { return ends_at - now; }
};

/// What a lease is asked for with, besides the forward itself.
struct LeaseRequest {
  ForwardRequest forward;
  Requester requester = Requester::kNatPmp;
  Nonce nonce{};
  std::string description;
};

enum class LeaseError : uint8_t {
  kTaken,        ///< the port, and no other would do
  kNotYours,     ///< the mapping belongs to a PCP client with another nonce
  kQuota,        ///< the host has its share
  kNoResources,  ///< the box is full
  kBadValue,     ///< no such inside endpoint can be forwarded to
};

/// The leases of a box, in one list whichever protocol they came by. The
/// forwards themselves are the box's; here is who asked, and for how long.
///
/// What PCP made is changed only by who knows the nonce. What NAT-PMP or UPnP
/// made belongs to the inside host, which may go on with another protocol.
class LeaseBook {
 public:
  /// `control` outlives the book.
  LeaseBook(engine::ForwardControl& control, size_t max_per_host);

  /// Makes a forward, or renews the one that the inside endpoint has. Its
  /// filters replace those of a renewed lease.
  [[nodiscard]] std::expected<Lease, LeaseError> Add(
      Instant now, const LeaseRequest& request);
  void Remove(Instant now, const LeaseKey& key);

  /// The lease with this inside endpoint; of several the lowest by key.
  [[nodiscard]] const Lease* FindByInside(Instant now, uint8_t protocol,
                                          const Endpoint& inside);
  [[nodiscard]] const Lease* FindByPort(Instant now, uint8_t protocol,
                                        uint16_t external_port);
  /// All of one host and protocol.
  [[nodiscard]] std::vector<Lease> OfHost(Instant now, uint8_t protocol,
                                          const IpAddress& host);
  /// The i-th of all, in the order of their keys.
  [[nodiscard]] const Lease* At(Instant now, size_t index);

  /// Forgets all; the box has lost its forwards too.
  void Clear();

  [[nodiscard]] size_t size() const { return leases_.size(); }

  [[nodiscard]] engine::ForwardControl& control() { return control_; }

 private:
  using InsideIndex = std::set<std::pair<Endpoint, LeaseKey>>;

  void Expire(Instant now);
  void Erase(const LeaseKey& key);
  void Store(Lease lease);
  [[nodiscard]] size_t CountOf(const IpAddress& host) const;
  [[nodiscard]] const Lease* Existing(Instant now, const LeaseRequest& request);

  engine::ForwardControl& control_;
  size_t max_per_host_;
  std::map<LeaseKey, Lease> leases_;
  InsideIndex by_inside_;
  std::set<std::pair<Instant, LeaseKey>> by_end_;
};

}  // namespace natkit::netsim::portmap
