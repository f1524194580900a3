#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "address_table.h"
#include "event_queue.h"
#include "natkit/netsim/packet.h"
#include "natkit/netsim/world.h"
#include "packet_pool.h"
#include "reassembler.h"
#include "timer_heap.h"

namespace natkit::netsim {

using PortId = uint32_t;
using ActorId = uint32_t;

/// A range behind a box, as its outside network knows it.
struct RangeRoute {
  IpPrefix to;
  PortId via = 0;
};

struct WorldNetwork {
  std::string name;
  IpPrefix cidr;
  std::optional<IpPrefix> cidr6;
  LinkConfig link;
  AddressTable addresses;
  std::vector<RangeRoute> routes;  ///< longest prefix first
  std::optional<PortId> gateway;

  [[nodiscard]] bool IsOnLink(const IpAddress& address) const {
    return cidr.Contains(address) || (cidr6 && cidr6->Contains(address));
  }
};

/// Where a host or box is plugged into a network.
struct WorldPort {
  uint32_t network = 0;
  uint32_t owner = 0;  ///< number of the host or box
  bool is_box = false;
  Side side = Side::kInside;  ///< of a box
  bool is_up = true;
  bool has_cable = false;
  bool uses_down = false;  ///< else nothing happens on the way down
  std::string name;
  Link up;
  Link down;
  LaneId up_lane = 0;  ///< of the event queue
  LaneId down_lane = 0;
  std::optional<PcapngWriter::InterfaceId> trace_interface;
};

struct HostAddress {
  IpAddress address;
  PortId port = 0;
};

struct Binding {
  uint16_t port = 0;
  ActorId actor = 0;
};

struct WorldHost {
  std::string name;
  std::vector<PortId> ports;
  std::vector<HostAddress> addresses;
  std::vector<IpAddress> address_list;  ///< the same, for World::Addresses
  std::vector<Binding> bindings;        ///< by port; 0, the rest, first
  std::optional<ActorId> raw;
  std::optional<ActorId> tap;
  Reassembler reassembler;
  uint16_t mtu = 1500;
  uint16_t next_ip_id = 1;

  [[nodiscard]] const HostAddress* Find(const IpAddress& address) const;
  [[nodiscard]] std::optional<ActorId> Listener(uint16_t port) const;
};

struct WorldBox {
  std::string name;
  NatEngine engine;
  TimerHeap::TimerId timer = 0;
  PortId inside = 0;
  PortId outside = 0;
  std::vector<IpAddress> external;  ///< its own in use last
};

struct WorldActor {
  Actor* actor = nullptr;  ///< nullptr: detached
  TimerHeap::TimerId timer = 0;
};

/// Which actor or box a timer is of.
struct TimerOwner {
  bool is_box = false;
  uint32_t number = 0;
};

/// 224.0.0.1 (RFC 1112) and ff02::1 (RFC 4291): every host of a network.
[[nodiscard]] bool IsAllHosts(const IpAddress& address);

class World::Impl {
 public:
  explicit Impl(uint64_t seed) : seed_(seed) {}

  // build.cc
  void Build(const Scenario& scenario);
  NetworkId AddNetwork(std::string name, const IpPrefix& cidr,
                       const LinkConfig& link, std::optional<IpPrefix> cidr6);
  HostId AddHost(std::string name);
  BoxId AddBox(std::string name, uint32_t inside, uint32_t outside,
               const NatConfig& config);
  Result<void> AddAddress(uint32_t host, uint32_t network,
                          const IpAddress& address);
  Result<void> RemoveAddress(uint32_t host, const IpAddress& address);
  Result<void> SetCable(std::string_view member, std::string_view network,
                        const LinkConfig& up, const LinkConfig& down);
  void SetNetworkLink(uint32_t network, const LinkConfig& link);
  [[nodiscard]] WorldPort* FindPort(std::string_view member,
                                    std::string_view network);

  // host.cc
  Result<void> Attach(uint32_t host, Actor& actor, uint16_t port);
  void AttachRaw(uint32_t host, Actor& actor);
  void AttachTap(uint32_t host, Actor& actor);
  void Detach(Actor& actor);

  // host_send.cc
  Result<void> SendUdp(uint32_t host, Endpoint from, const Endpoint& to,
                       ByteView payload, const SendOptions& options);
  Result<void> SendRaw(uint32_t host, ByteView packet);

  // happen.cc
  void At(Instant at, std::function<void()> call);
  Result<void> ApplyEvent(std::string_view member, std::string_view event,
                          std::string_view argument);
  void Reboot(uint32_t box, std::optional<IpAddress> new_external);

  // run.cc
  bool Run(Duration limit, const std::function<bool()>& is_done);

  uint64_t seed_;
  Instant now_{};
  bool is_stopped_ = false;
  PcapngWriter* trace_ = nullptr;
  WorldCounters counters_;
  std::deque<WorldNetwork> networks_;
  std::deque<WorldHost> hosts_;
  std::deque<WorldBox> boxes_;
  std::deque<WorldPort> ports_;
  PacketPool pool_;
  std::set<std::pair<IpAddress, IpAddress>> cuts_;

 private:
  // build.cc
  PortId AddPort(bool is_box, uint32_t owner, std::string_view owner_name,
                 uint32_t network);
  void RebuildRoutes();
  void AddRangesBehind(const WorldBox& box, PortId via, WorldNetwork& to);
  void ClaimBoxAddresses(WorldBox& box);

  // forward.cc
  /// Sends a packet out of a port; takes it over.
  void Emit(PortId from, Packet* packet);
  void EmitToAllHosts(PortId from, Packet* packet);
  [[nodiscard]] std::expected<PortId, WorldDrop> Resolve(
      PortId from, const IpAddress& to) const;
  void SendUp(PortId from, PortId to, Packet* packet);
  void SendDown(PortId to, Packet* packet);
  /// `lane` is that of `link`, which said when the packet arrives.
  void Schedule(const Link& link, LaneId lane,
                const Link::Deliveries& deliveries, EventType type, PortId to,
                Packet* packet);
  void Arrive(PortId at, Packet* packet);
  void ArriveAtBox(PortId at, Packet* packet);
  void DrainBox(WorldBox& box);
  void Record(PortId at, PacketDirection direction, ByteView packet,
              std::string_view comment = {});
  /// Counts, traces and frees a packet that ends at a port.
  void Drop(WorldDrop reason, PortId at, PacketDirection direction,
            Packet* packet);

  // host.cc
  ActorId FindOrAddActor(Actor& actor);
  void ArriveAtHost(PortId at, Packet* packet);
  void TakeTapped(PortId at, Packet* packet, const PacketInfo& info);
  void TakeFragment(PortId at, Packet* packet, const PacketInfo& info);
  void TakeWhole(PortId at, Packet* packet, const PacketInfo& info);
  void TakeUdp(PortId at, Packet* packet, const PacketInfo& info);
  void TakeOther(PortId at, Packet* packet, const PacketInfo& info);
  void ReportIcmpError(WorldHost& host, ByteView packet,
                       const PacketInfo& info);
  void AnswerEcho(PortId at, ByteView packet, const PacketInfo& info);
  void Rearm(ActorId actor);

  // host_send.cc
  [[nodiscard]] Result<PortId> SourcePort(const WorldHost& host,
                                          IpAddress& address,
                                          AddressFamily family) const;
  void EmitFragments(PortId from, ByteView packet, size_t mtu);
  void EmitCopy(PortId from, ByteView packet);

  // happen.cc
  Result<void> ApplyToBox(uint32_t box, std::string_view event,
                          std::string_view argument);
  Result<void> ApplyToPorts(const std::vector<PortId>& ports,
                            std::string_view event, std::string_view argument);

  // run.cc
  void RearmAll();
  void HandleEvent(const QueuedEvent& event);
  void FireTimer(TimerHeap::TimerId timer);
  void RearmBox(WorldBox& box);
  TimerHeap::TimerId AddTimer(bool is_box, uint32_t number);

  EventQueue queue_;
  TimerHeap timers_;
  std::vector<TimerOwner> timer_owners_;
  std::deque<WorldActor> actors_;
  std::vector<std::function<void()>> calls_;
  std::vector<uint32_t> free_calls_;
  Instant last_fired_ = Instant::min();
  uint32_t fired_at_once_ = 0;
  std::vector<uint8_t> scratch_;  ///< a packet as it was before a box saw it
};

}  // namespace natkit::netsim
