#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/port_mapping.h"
#include "natkit/nat/upnp_request.h"

namespace natkit::nat {

/// Keeps mappings at a UPnP Internet Gateway Device.
///
/// Mappings are asked for again every ten minutes, or at half of their lease if
/// that is sooner (the device may give less than it is asked for), since
/// nothing announces that a device has lost them. What devices refuse is met: a
/// taken port (718, 729) by up to three others, "same port required" (724) by
/// the same, "only permanent leases" (725) by one that is deleted at the end.
/// One request is under way at a time.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it.
class UpnpClient {
 public:
  /// Keys that one client keeps at most.
  static constexpr size_t kMaxKeys = 64;

  /// `lifetime`, whole seconds, is the lease that mappings are asked for.
  UpnpClient(const IpAddress& gateway, const IpAddress& local,
             std::string description, Rng& rng,
             Duration lifetime = kPortMappingLifetime);

  // Inputs. After each one, drain all outputs.
  /// Looks for the device, again if it is known.
  void Start(Instant now);
  /// Wants a mapping; again: no effect. `suggested_port` 0 stands for the
  /// internal one. False: it cannot be (PEER, port 0, over kMaxKeys).
  bool Map(Instant now, const PortMappingKey& key, uint16_t suggested_port = 0);
  /// Deletes a mapping; MappingRemoved follows.
  void Unmap(Instant now, const PortMappingKey& key);
  /// Results of other requests than the one under way have no effect.
  void HandleResult(Instant now, const UpnpResult& result);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<UpnpRequest> PollRequest();
  [[nodiscard]] std::optional<PortMappingClientEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Nothing is to be deleted.
  [[nodiscard]] bool is_idle() const;

 private:
  struct Entry {
    uint16_t external_port = 0;  ///< asked for, or granted
    int conflicts = 0;
    bool is_permanent = false;
    bool is_granted = false;
    bool is_leaving = false;
    std::optional<Instant> due;
  };

  struct Pending {
    uint64_t id = 0;
    std::optional<PortMappingKey> key;  ///< nullopt: kDiscover
    bool is_deletion = false;
  };

  void SendNext(Instant now);
  void Discover();
  void Ask(const PortMappingKey& key, const Entry& entry);
  void HandleDiscovered(Instant now, const UpnpResult& result);
  void HandleAdded(Instant now, const PortMappingKey& key,
                   const UpnpResult& result);
  bool TryOtherwise(Instant now, const PortMappingKey& key, Entry& entry,
                    UpnpError error);
  void Remove(const PortMappingKey& key);

  IpAddress gateway_;
  IpAddress local_;
  std::string description_;
  Rng& rng_;
  Duration lifetime_;
  std::map<PortMappingKey, Entry> entries_;
  bool is_known_ = false;
  bool is_discovery_due_ = false;
  std::optional<IpAddress> external_address_;
  std::optional<Pending> pending_;
  uint64_t last_id_;  ///< results of another client's requests are not ours
  Instant last_now_;
  std::optional<UpnpRequest> request_;
  std::deque<PortMappingClientEvent> events_;
};

}  // namespace natkit::nat
