#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim::engine {

/// The external addresses, and who uses which.
class AddressPool {
 public:
  AddressPool(const NatConfig& config, SimRng& rng)
      : config_(config), rng_(rng) {}

  [[nodiscard]] bool Contains(const IpAddress& address) const {
    return IndexOf(address).has_value();
  }

  /// Where it stands in `external`, if it is in use.
  [[nodiscard]] std::optional<uint32_t> IndexOf(const IpAddress& address) const;

  [[nodiscard]] const IpAddress& At(uint32_t index) const {
    return config_.external[index];
  }

  /// The address in use, or the first of the pool; 0.0.0.0 if there is none.
  [[nodiscard]] const IpAddress& primary() const;

  [[nodiscard]] uint32_t primary_index() const { return current_; }

  /// Which addresses are in use: all, or one where they have a lifetime.
  [[nodiscard]] uint32_t size() const;

  /// The i-th choice for a new mapping of this host, i < size(). Paired
  /// pooling goes by the subscriber number, so that a host has its address
  /// also after all state was lost.
  [[nodiscard]] uint32_t Choose(const IpAddress& inside);
  [[nodiscard]] uint32_t Next(uint32_t index) const;

  /// Takes the next address into use (`address_lifetime`).
  void Rotate(uint64_t steps);

  // Basic NAT: hosts get addresses in the order in which they first appear.
  /// nullopt if there are more hosts than addresses.
  [[nodiscard]] std::optional<IpAddress> BindHost(const IpAddress& inside);
  [[nodiscard]] std::optional<IpAddress> HostOf(
      const IpAddress& external) const;

  /// Hosts have to appear anew.
  void UnbindHosts();
  /// The same, and goes back to the first address.
  void Reset();

 private:
  [[nodiscard]] bool IsRotating() const {
    return config_.address_lifetime > Duration::zero();
  }

  const NatConfig& config_;
  SimRng& rng_;
  uint32_t current_ = 0;
  std::map<IpAddress, uint32_t> bound_;
  std::vector<IpAddress> hosts_;
};

}  // namespace natkit::netsim::engine
