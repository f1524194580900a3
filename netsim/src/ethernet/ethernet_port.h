#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ethernet/mac_address.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::netsim {

/// Counted since construction.
struct EthernetCounters {
  uint64_t dropped_not_ours = 0;    ///< frames to somebody else, or no IP
  uint64_t dropped_unresolved = 0;  ///< packets whose next hop did not answer
  uint64_t dropped_full = 0;        ///< packets, a limit below was reached
};

/// One Ethernet interface of a box: frames on one side, IP packets on the
/// other. Answers ARP and neighbor discovery for its addresses, and asks for
/// the hardware addresses that it needs. Pure; not thread-safe.
///
/// A neighbor is learned from its answer or its question, used for kFresh,
/// then asked for again while it is still used; after kProbes questions
/// without an answer it is forgotten and what waits for it is dropped (RFC
/// 4861 section 7.3 with fewer states). After every input drain
/// PollTransmit().
class EthernetPort {
 public:
  static constexpr size_t kMaxNeighbors = 1024;
  static constexpr size_t kMaxWaiting = 256;  ///< packets, all neighbors
  static constexpr size_t kMaxTransmits = 256;
  static constexpr int kProbes = 3;
  static constexpr Duration kProbeInterval = std::chrono::seconds(1);
  static constexpr Duration kFresh = std::chrono::seconds(60);

  /// Answers for `addresses` (and its IPv6 link-local one); asks from the
  /// first of the family.
  EthernetPort(MacAddress mac, std::vector<IpAddress> addresses);

  /// A frame from the wire. Returns the IP packet in it if this port is to
  /// handle it: it is addressed to the port or to a group.
  [[nodiscard]] std::optional<MutableBytes> HandleFrame(Instant now,
                                                        MutableBytes frame);

  /// `frame` is kEthernetHeaderSize bytes of room and an IP packet; writes the
  /// header for `next_hop`. False if the frame cannot be sent yet: a copy
  /// waits for the answer, or was dropped. Does not allocate for known
  /// neighbors.
  [[nodiscard]] bool AddressFrame(Instant now, const IpAddress& next_hop,
                                  MutableBytes frame);

  /// Replaces the addresses and tells everybody on the link.
  void SetAddresses(std::vector<IpAddress> addresses);
  /// Forgets all neighbors and what waits for them, as when the cable was out.
  void ForgetNeighbors();
  /// Says which addresses are here.
  void Announce();

  /// The next whole frame to send.
  [[nodiscard]] std::optional<std::vector<uint8_t>> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);

  [[nodiscard]] const MacAddress& mac() const { return mac_; }

  [[nodiscard]] size_t neighbor_count() const { return neighbors_.size(); }

  [[nodiscard]] size_t waiting_count() const { return waiting_; }

  [[nodiscard]] const EthernetCounters& counters() const { return counters_; }

 private:
  struct Neighbor {
    std::optional<MacAddress> mac;
    Instant confirmed_at;
    std::optional<Instant> next_probe;
    int probes_left = 0;
    std::vector<std::vector<uint8_t>> waiting;  ///< frames without header
  };

  using Neighbors = std::unordered_map<IpAddress, Neighbor>;

  void HandleMessage(Instant now, ByteView frame);
  void Learn(Instant now, const IpAddress& address, const MacAddress& mac,
             bool may_create);
  /// nullptr if the table is full of neighbors that are being asked for.
  Neighbor* Create(const IpAddress& address);
  bool MakeRoom();
  void StartProbing(Instant now, const IpAddress& address, Neighbor& neighbor);
  void Probe(Instant now, const IpAddress& address, Neighbor& neighbor);
  void Forget(Neighbors::iterator neighbor);
  void Wait(Neighbor& neighbor, ByteView frame);
  void Transmit(std::vector<uint8_t> frame);
  [[nodiscard]] bool IsOurs(const IpAddress& address) const;
  [[nodiscard]] std::optional<IpAddress> SourceFor(
      const IpAddress& target) const;

  MacAddress mac_;
  IpAddress link_local_;
  std::vector<IpAddress> addresses_;
  Neighbors neighbors_;
  std::set<std::pair<Instant, IpAddress>> probes_;
  std::deque<std::vector<uint8_t>> transmits_;
  size_t waiting_ = 0;
  EthernetCounters counters_;
};

}  // namespace natkit::netsim
