#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "crossing.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/netsim/packet.h"
#include "verdict.h"
#include "world/reassembler.h"

namespace natkit::natcheck::conformance {

using netsim::IpProtocol;
using netsim::PacketInfo;

/// Addresses from `first` to `last`.
struct AddressRange {
  IpAddress first;
  IpAddress last;
};

/// Which addresses the two agents speak for. Nobody else uses them.
struct Site {
  /// Hosts behind the box: at least two; the more, the more load can be made.
  std::vector<IpAddress> inside;
  /// IPv4: the first three are where datagrams go (A1, A2 and B), the fourth
  /// is a router on the way.
  std::vector<IpAddress> outside;
  /// Set where the inside is IPv6 and reaches the outside by NAT64.
  std::optional<IpPrefix> nat64_prefix;
  /// Where subscribers ask for mappings (RFC 6888 REQ-9).
  std::optional<IpAddress> pcp_server;
  /// An address of the outside agent, not in `outside`, toward which the box
  /// should not translate (RFC 6888 REQ-6).
  std::optional<IpAddress> exempt;
  /// An address of the outside agent, not in `outside`, that is also one of the
  /// inside network (RFC 4787 REQ-7).
  std::optional<IpAddress> conflict;
  /// What the box was given as external addresses (RFC 6888 REQ-3).
  std::vector<AddressRange> pool;
};

/// A packet for one of the agents to put on its wire.
struct Injection {
  Side side = Side::kInside;
  std::vector<uint8_t> packet;
};

/// A whole packet that came to an agent.
struct Seen {
  Instant at;
  Side side = Side::kInside;
  std::vector<uint8_t> packet;
  PacketInfo info;
  /// Payload of UDP, TCP and echo: a view of `packet`'s bytes by offset.
  size_t payload_at = 0;
  /// The number in a payload of ours; 0: none.
  uint64_t token = 0;
  /// ICMP errors: what they quote.
  std::optional<PacketInfo> quoted;
  size_t quoted_at = 0;
  size_t fragments = 1;           ///< it came in so many pieces
  bool in_fragment_order = true;  ///< with rising offsets

  [[nodiscard]] ByteView payload() const {
    return ByteView(packet).subspan(payload_at);
  }
};

class Lab;
class Trial;

/// One endpoint of a test, on either side. Packets that are meant for it wait
/// in its inbox. ICMP echoes have their identifier as port. Lives in the Lab's
/// book as long as it exists.
class Socket {
 public:
  Socket(Trial& trial, Side side, IpProtocol protocol, const Endpoint& local);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] Side side() const { return side_; }

  [[nodiscard]] IpProtocol protocol() const { return protocol_; }

  [[nodiscard]] const Endpoint& local() const { return local_; }

  std::deque<Seen> inbox;

 private:
  friend class Lab;
  Trial& trial_;
  Side side_;
  IpProtocol protocol_;
  Endpoint local_;
};

/// The place where tests are made: who is where, what time it is, who waits
/// for which packet. No I/O: packets and time come in by the Handle functions,
/// packets to send go out by PollTransmit(), as in all cores.
class Lab {
 public:
  /// `rng` outlives it.
  Lab(Site site, Rng& rng);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // Inputs.
  void HandlePacket(Instant now, Side side, ByteView packet);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Injection> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  // For tests.
  [[nodiscard]] const Site& site() const { return site_; }

  [[nodiscard]] Instant now() const { return now_; }

  [[nodiscard]] Rng& rng() { return rng_; }

  /// How an inside host writes the address of an outside one.
  [[nodiscard]] Endpoint Toward(const Endpoint& outside) const;
  /// A port that no test has had on that side, from 1024 on, even.
  [[nodiscard]] uint16_t NextPort(Side side);
  /// NextPort(Side::kInside) leaves this one, and the odd one after it, out.
  void ReservePort(uint16_t port);

  [[nodiscard]] uint64_t NextToken() { return ++last_token_; }

  void Send(Trial& trial, Side side, std::vector<uint8_t> packet);
  /// Packets with this token are for `socket` wherever they come in.
  void ExpectToken(uint64_t token, Socket& socket);

  /// What packets took; Deliver() fills it.
  CrossingMeter crossing;

  /// About how many mappings one inside host was seen to have at most.
  std::optional<size_t> host_limit;

  /// What nobody expected; the newest 256.
  std::deque<Seen> strays;

 private:
  friend class Socket;
  friend class Trial;
  using SocketKey = std::tuple<Side, IpProtocol, Endpoint>;
  using FragmentKey = std::tuple<Side, IpAddress, IpAddress, uint8_t, uint16_t>;

  struct FragmentCount {
    size_t pieces = 0;
    uint16_t last_offset = 0;
    bool in_order = true;
  };

  void HandleWhole(Seen seen);
  [[nodiscard]] Socket* FindSocket(const Seen& seen);
  void Fire();
  void CountFragment(Side side, const PacketInfo& info);

  Site site_;
  Rng& rng_;
  Instant now_;
  std::map<SocketKey, Socket*> sockets_;
  std::map<uint64_t, Socket*> tokens_;
  std::vector<Trial*> trials_;
  std::deque<Injection> transmits_;
  netsim::Reassembler reassemblers_[2];
  std::map<FragmentKey, FragmentCount> fragment_counts_;
  uint64_t last_token_;
  uint16_t next_port_[2] = {20000, 30000};
  std::set<uint16_t> reserved_ports_;
};

/// The protocol under which sockets are booked: ICMPv6 counts as ICMP.
[[nodiscard]] IpProtocol BookedProtocol(uint8_t protocol);

/// Reads what came; nullopt for what is not an IP packet. Not for fragments.
[[nodiscard]] std::optional<Seen> ReadSeen(Instant at, Side side,
                                           ByteView packet);

/// A packet in words, such as "UDP 10.0.0.2:20000 > 198.51.100.1:30000, 40
/// bytes".
[[nodiscard]] std::string DescribePacket(ByteView packet);

}  // namespace natkit::natcheck::conformance
