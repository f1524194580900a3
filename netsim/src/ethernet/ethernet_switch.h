#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "ethernet/mac_address.h"

namespace natkit::netsim {

/// What a learning bridge knows: behind which port an address was last seen.
/// At most kMaxAddresses; one more and everything is learned anew.
class EthernetSwitch {
 public:
  static constexpr size_t kMaxAddresses = 4096;

  void Learn(const MacAddress& mac, size_t port) {
    if (mac.is_group()) {
      return;
    }
    const uint64_t key = mac.AsNumber();
    if (const auto known = ports_.find(key); known != ports_.end()) {
      known->second = port;
      return;
    }
    if (ports_.size() >= kMaxAddresses) {
      ports_.clear();
    }
    ports_.emplace(key, port);
  }

  /// nullopt: send it to every port but the one it came from.
  [[nodiscard]] std::optional<size_t> PortOf(const MacAddress& mac) const {
    const auto known = ports_.find(mac.AsNumber());
    return known == ports_.end() ? std::nullopt : std::optional(known->second);
  }

  [[nodiscard]] size_t size() const { return ports_.size(); }

 private:
  std::unordered_map<uint64_t, size_t> ports_;
};

}  // namespace natkit::netsim
