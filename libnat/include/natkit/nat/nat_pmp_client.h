#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_pmp_message.h"
#include "natkit/nat/port_mapping.h"
#include "natkit/nat/restart_gate.h"

namespace natkit::nat {

/// Keeps mappings at a gateway that speaks NAT-PMP (RFC 6886).
///
/// Start() asks for the external address and with it whether there is such a
/// gateway. From then on every key of Map() is asked for, renewed at half of
/// its lifetime, and made anew when the gateway's epoch says that it lost its
/// state (section 3.6); ever later if that happens again and again. One request
/// is out at a time; it is sent 9 times, first after 250 ms, then twice as late
/// each time (section 3.1), after which the service counts as failed until
/// Start().
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. Takes
/// datagrams of the socket that it sends from, and announcements to
/// kPortMappingClientPort (section 3.2.1); those not from the gateway's port
/// 5351 have no effect. Memory grows with the number of keys alone.
class NatPmpClient {
 public:
  /// Keys that one client keeps at most.
  static constexpr size_t kMaxKeys = 64;

  /// `lifetime`, whole seconds, is what mappings are asked for.
  NatPmpClient(const IpAddress& gateway, Rng& rng,
               Duration lifetime = kPortMappingLifetime);

  // Inputs. After each one, drain all outputs.
  /// Begins, or asks everything again after a failure.
  void Start(Instant now);
  /// Wants a mapping; again: no effect. `suggested_port` 0 stands for the
  /// internal one. False: it cannot be (PEER, port 0, over kMaxKeys).
  bool Map(Instant now, const PortMappingKey& key, uint16_t suggested_port = 0);
  /// Deletes a mapping; MappingRemoved follows.
  void Unmap(Instant now, const PortMappingKey& key);
  /// True if the datagram was from the gateway and a NAT-PMP response.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  /// ICMP says that nobody listens at the gateway's port (section 3.1).
  void HandleUnreachable(Instant now);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<PortMappingClientEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Nothing is to be deleted.
  [[nodiscard]] bool is_idle() const;

 private:
  struct Entry {
    uint16_t suggested_port = 0;
    std::optional<Endpoint> external;
    Instant expires;
    std::optional<Instant> due;  ///< when to ask next
    bool is_leaving = false;
    bool was_leaving = false;  ///< answers to its deletion may still come
  };

  /// The request that is out: about a key, or the external address.
  struct Pending {
    std::optional<PortMappingKey> key;
    int sent = 0;
    Duration wait{};
    Instant deadline;
  };

  struct Epoch {
    uint32_t value = 0;
    Instant seen;
  };

  bool HandleOtherVersion(ByteView datagram);
  void SendNext(Instant now);
  [[nodiscard]] std::optional<Instant> EarliestDue() const;
  void Send(Instant now);
  void GiveUp(PortMappingError error);
  void Revive(Instant now);
  void Expire(Instant now);
  void CheckEpoch(Instant now, uint32_t epoch);
  void HandleAddress(Instant now, const NatPmpResponse& response);
  void HandleMapping(Instant now, const NatPmpResponse& response);
  void Grant(Instant now, const PortMappingKey& key, Entry& entry,
             const NatPmpResponse& response);
  void Refuse(Instant now, const PortMappingKey& key, Entry& entry,
              uint16_t result);
  [[nodiscard]] std::vector<uint8_t> BuildPending() const;

  Endpoint gateway_;
  Rng& rng_;
  uint32_t lifetime_;  ///< seconds
  std::map<PortMappingKey, Entry> entries_;
  std::optional<Instant> address_due_;
  std::optional<IpAddress> external_address_;
  std::optional<Pending> pending_;
  std::optional<Epoch> epoch_;
  RestartGate restart_gate_;
  bool is_running_ = false;
  bool has_answered_ = false;
  Instant last_now_;
  std::deque<Transmit> transmits_;
  std::deque<PortMappingClientEvent> events_;
};

}  // namespace natkit::nat
