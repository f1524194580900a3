#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/netsim/link.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/pcapng.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

// What a World is made of; numbers from 0 in the order of addition.
enum class NetworkId : uint32_t {};
enum class HostId : uint32_t {};
enum class BoxId : uint32_t {};

/// An ICMP or ICMPv6 error about a UDP datagram that an actor sent.
struct IcmpReport {
  IpAddress from;  ///< who says it
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest = 0;  ///< the word after the checksum, such as the next-hop MTU
  Endpoint local;     ///< where the datagram had left from, as we know it
  Endpoint remote;    ///< where it was to go
};

/// A program on a simulated host: usually a core and what feeds it.
///
/// After each call of a handler the World asks for NextTimeout() and calls
/// HandleTimeout() when that has come. An actor that is changed from elsewhere
/// must be changed in World::At() or between two calls of World::Run().
class Actor {
 public:
  virtual ~Actor() = default;
  /// A UDP datagram. `payload` lasts for the call.
  virtual void HandleDatagram(Instant now, const Endpoint& local,
                              const Endpoint& from, ByteView payload) = 0;

  virtual void HandleIcmpError(Instant /*now*/, const IcmpReport& /*report*/) {}

  /// Raw actors: a whole IP packet that is not UDP, after reassembly. Taps:
  /// every packet, as it came.
  virtual void HandlePacket(Instant /*now*/, ByteView /*packet*/) {}

  [[nodiscard]] virtual std::optional<Instant> NextTimeout() const {
    return std::nullopt;
  }

  virtual void HandleTimeout(Instant /*now*/) {}
};

/// How a datagram is sent.
struct SendOptions {
  uint8_t ttl = 64;  ///< or hop limit
  /// IPv4: never fragmented, neither here (kBadLength) nor on the way.
  bool dont_fragment = false;
};

/// Why a packet ended before it reached a program.
enum class WorldDrop : uint8_t {
  kNoRoute,      ///< not on-link, and no box leads out
  kNoSuchHost,   ///< on-link, but nobody has the address
  kLoss,         ///< lost on a link
  kQueue,        ///< a link's queue was full
  kMtu,          ///< larger than a link's MTU
  kBlackhole,    ///< a link was a blackhole
  kCut,          ///< World::Cut() says so
  kLinkDown,     ///< a link was unplugged
  kBox,          ///< dropped by a NAT, firewall or router; see its counters
  kMalformed,    ///< a host got nonsense
  kBadChecksum,  ///< a host got a wrong transport checksum
  kNotForUs,     ///< a host got it, but does not have the address
  kClosedPort,   ///< nobody listens; the sender got an ICMP error
  kReassembly,   ///< a host had no room for the fragment, or it is wrong
  kCount,        // how many there are
};

/// What one says in traces, e.g. "lost on the link".
[[nodiscard]] std::string_view DescribeDrop(WorldDrop drop);

/// Counted since construction, in packets.
struct WorldCounters {
  uint64_t sent = 0;       ///< by hosts, fragments counted one by one
  uint64_t delivered = 0;  ///< that arrived at a host and were taken
  uint64_t hops = 0;       ///< arrivals at hosts and boxes
  std::array<uint64_t, static_cast<size_t>(WorldDrop::kCount)> drops{};

  [[nodiscard]] uint64_t dropped(WorldDrop drop) const {
    return drops[static_cast<size_t>(drop)];
  }
};

/// An internet in virtual time: hosts with programs, networks, links, and boxes
/// (NATs, firewalls, routers), of which each is a NatEngine.
///
/// Packets are whole IP packets. Every member of a network has a cable with two
/// directions; without one of its own, a member sends over the network's link
/// and receives without delay. A packet for an address of its network goes
/// there; one for a range behind a box that does not translate it goes to that
/// box; all else goes to the box whose inside is the network. Boxes may be
/// nested in any depth. There is no ARP: addresses resolve at once. Packets to
/// 224.0.0.1 and ff02::1 reach every host of their network, no others.
///
/// Hosts answer pings, put fragments together (16 datagrams at a time, 30 s
/// each), drop wrong checksums, answer datagrams to closed ports with ICMP
/// port unreachable, and tell programs about ICMP errors.
///
/// Everything random comes from the seed, by the names of the parts, so two
/// runs of one World from one seed give the same packets at the same times, and
/// adding a part does not disturb the others. Times begin at Instant{} and
/// never go backwards. Does not allocate for packets once its buffers have
/// grown. Not thread-safe.
class World {
 public:
  explicit World(uint64_t seed);
  /// Builds the networks, hosts, boxes and cables of a scenario that has no
  /// problems; its steps are the caller's business.
  World(const Scenario& scenario, uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World(World&&) = delete;
  World& operator=(World&&) = delete;

  // Building. Names are unique among networks, and among hosts and boxes.

  /// `link` is what a packet between two members meets, once.
  NetworkId AddNetwork(std::string name, const IpPrefix& cidr,
                       const LinkConfig& link = {},
                       std::optional<IpPrefix> cidr6 = std::nullopt);
  HostId AddHost(std::string name);
  /// A box with a config that has no FindProblems(). It owns its external and
  /// outside addresses on `outside` and its inside addresses on `inside`.
  BoxId AddBox(std::string name, NetworkId inside, NetworkId outside,
               const NatConfig& config);

  [[nodiscard]] std::optional<NetworkId> FindNetwork(
      std::string_view name) const;
  [[nodiscard]] std::optional<HostId> FindHost(std::string_view name) const;
  [[nodiscard]] std::optional<BoxId> FindBox(std::string_view name) const;

  // Addresses, also at run time: packets under way to an address that is gone
  // are lost.

  /// Plugs the host into `network` if it is not yet, and gives it an address.
  /// Errors: kAlreadyExists if somebody on the network has it.
  Result<void> AddAddress(HostId host, NetworkId network,
                          const IpAddress& address);
  /// Errors: kNotFound.
  Result<void> RemoveAddress(HostId host, const IpAddress& address);
  /// In the order in which they were added.
  [[nodiscard]] const std::vector<IpAddress>& Addresses(HostId host) const;

  // Cables, by the names of a member and one of its networks.

  /// Errors: kNotFound (no such member, or it is not on the network).
  Result<void> SetCable(std::string_view member, std::string_view network,
                        const LinkConfig& up, const LinkConfig& down);
  /// Replaces what all members without a cable of their own send over.
  void SetNetworkLink(NetworkId network, const LinkConfig& link);
  /// Loses all that a member sends and gets over its network until then.
  /// Errors: kNotFound.
  Result<void> BlackholeUntil(std::string_view member, std::string_view network,
                              Instant until);
  /// The largest packet a host sends; default 1500. Larger datagrams are
  /// fragmented.
  void SetHostMtu(HostId host, uint16_t mtu);

  // Programs.

  /// Gives an actor, which must outlive the World or be detached, the datagrams
  /// to one port, or to all that no other actor has with `port` 0. Each actor
  /// is on one host. Errors: kAddressInUse.
  Result<void> Attach(HostId host, Actor& actor, uint16_t port = 0);
  /// Gives an actor everything but UDP, in addition to what the host does with
  /// it. One per host; the last one counts.
  void AttachRaw(HostId host, Actor& actor);
  /// Makes the host dumb: an actor gets every packet that arrives for one of
  /// its addresses, exactly as it came, by HandlePacket(). The host then puts
  /// no fragments together, checks nothing and answers nothing.
  void AttachTap(HostId host, Actor& actor);
  /// Takes all of an actor's ports away. Not from within its handlers.
  void Detach(Actor& actor);

  /// Sends a datagram from one of the host's addresses; an unspecified one
  /// stands for the first of its family. What happens on the way is not an
  /// error. Errors: kAddressNotAvailable (not the host's), kBadValue (families
  /// differ, port 0), kBadLength (over 65,507 bytes, or over the MTU with
  /// dont_fragment).
  Result<void> SendUdp(HostId host, const Endpoint& from, const Endpoint& to,
                       ByteView payload, const SendOptions& options = {});
  /// Sends any IP packet, as it is. Errors: kAddressNotAvailable if the host
  /// has no address, kBadLength if it is not a packet at all.
  Result<void> SendRaw(HostId host, ByteView packet);

  // Things that happen.

  /// Calls `call` once at `at`, or now if that is past.
  void At(Instant at, std::function<void()> call);
  /// What `netsim event` does to a running topology, by the same words:
  /// "reboot" (argument: empty, or another external address), "readdress"
  /// (argument: an address), "block-udp", "unblock-udp", "link-down",
  /// "link-up", "blackhole" (argument: for how long, "500ms" or "2s"; all its
  /// networks), "set-link" (argument: "delay=20ms loss=0.05", narrowed by
  /// "direction=up" and "network=NAME"). Errors: kNotFound, kBadValue,
  /// kUnsupported (not for a host).
  Result<void> ApplyEvent(std::string_view member, std::string_view event,
                          std::string_view argument = {});
  /// Drops what goes from one address to another, as seen on any network.
  void Cut(const IpAddress& source, const IpAddress& destination);
  /// Undoes every Cut().
  void Mend();
  /// Loses all state of a box; with an address, comes back under that.
  void Reboot(BoxId box, std::optional<IpAddress> new_external = std::nullopt);
  void SetUdpBlocked(BoxId box, bool is_blocked);

  // Running.

  /// Runs for `limit`, or until Stop(), or until `is_done`, which is asked
  /// before each event, says so. Returns whether it was stopped or done.
  bool Run(Duration limit, const std::function<bool()>& is_done = nullptr);
  /// Ends Run() after the event that is being handled.
  void Stop();
  [[nodiscard]] Instant now() const;

  /// Records every packet at both ends of each hop, interfaces named
  /// "member@network", with a comment where a packet ended. nullptr: no more.
  void SetTrace(PcapngWriter* trace);

  [[nodiscard]] const NatEngine& engine(BoxId box) const;
  /// To ask for forwards and the like.
  [[nodiscard]] NatEngine& engine(BoxId box);
  [[nodiscard]] const WorldCounters& counters() const;
  /// Packet buffers that exist: the most that were ever under way.
  [[nodiscard]] size_t buffer_count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::netsim
