#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat {

/// A socket of the owner; numbers are never used twice.
enum class SocketNumber : uint32_t {};

/// A UDP socket is wanted. The owner answers by HandleSocketOpened().
struct OpenSocket {
  SocketNumber socket{};
  /// An address of `BehaviorConfig::local_addresses`; `port` 0: any.
  Endpoint local;
};

/// A socket is no longer needed.
struct CloseSocket {
  SocketNumber socket{};
};

/// A datagram is to be sent.
struct SendDatagram {
  SocketNumber socket{};
  Endpoint to;
  std::vector<uint8_t> payload;
  /// TTL or hop limit; 0: the system's default.
  uint8_t ttl = 0;
};

/// A TCP connection is wanted. The owner answers by HandleSocketOpened() once
/// it is up, or with the reason why there is none; CloseSocket ends it, also
/// while it is being made.
struct OpenStream {
  SocketNumber socket{};
  /// An address of `BehaviorConfig::local_addresses`. `port` 0: any; others are
  /// those of connections that are up: they have to be shared.
  Endpoint local;
  Endpoint to;
};

/// Bytes are to be sent on a TCP connection that is up.
struct SendOnStream {
  SocketNumber socket{};
  std::vector<uint8_t> bytes;
};

using BehaviorAction = std::variant<OpenSocket, CloseSocket, SendDatagram,
                                    OpenStream, SendOnStream>;

/// A web page that is known to be empty (status 204), over plain HTTP.
struct PortalPage {
  Endpoint server;
  std::string host;  ///< for the Host header
  std::string path;  ///< begins with a slash
};

/// An ICMP or ICMPv6 error about a datagram of ours.
struct IcmpNotice {
  IpAddress from;  ///< who says it
  Endpoint to;     ///< where the datagram was to go
  uint8_t type = 0;
  uint8_t code = 0;
};

/// How a discovery is run. All addresses are of one family.
struct BehaviorConfig {
  /// STUN servers in order of preference. The first one with two addresses
  /// (RFC 5780) that answers is used for everything; others prove that UDP is
  /// blocked, or stand in for a second address.
  std::vector<Endpoint> servers;
  /// The questions that are asked, along with those whose answers they need:
  /// filtering needs mapping, hairpinning both. kUdp, kServer and kTranslation
  /// are always asked. Other axes stay untested, and cost nothing.
  std::set<Axis> axes = QuickAxes();
  /// Addresses of this host. With a second one the tests that need two hosts
  /// are run (overloading, paired pooling).
  std::vector<IpAddress> local_addresses;
  /// All of them are of one host, and it drops packets that arrive with one of
  /// them as their source (martians). Then it is not known whether a NAT
  /// hairpins without translating sources.
  bool drops_own_source = false;
  /// The router that packets to the servers leave by; it is asked for port
  /// mapping services.
  std::optional<IpAddress> gateway;
  /// The owner can make TCP connections: needed for kTcp.
  bool tests_tcp = false;
  /// Is asked for to find captive portals (kCaptivePortal), by TCP.
  std::optional<PortalPage> portal_page;
  /// NAT64 prefixes that this host was told of, by the addresses of
  /// ipv4only.arpa (FindNat64Prefixes()) or by its router (RFC 8781); nullopt:
  /// nobody asked.
  std::optional<std::vector<IpPrefix>> nat64_prefixes;
  /// Lifetimes beyond it are reported as "over".
  Duration longest_lifetime = std::chrono::seconds(600);
  /// No lifetime is looked at more closely once so much time has passed, or
  /// twice `longest_lifetime` and a little, whichever is longer.
  Duration lifetime_budget = std::chrono::minutes(15);
  /// Servers answer RESPONSE-PORT so rarely per source, since it makes them
  /// send to ports that did not ask.
  Duration response_port_interval = std::chrono::milliseconds(2100);
  /// Sockets that may wait for the end of a lifetime at once.
  size_t max_waiting = 64;
  /// Mappings opened to see whether the NAT behaves the same under load.
  size_t load_mappings = 64;
  /// RFC 5780 section 4.2: at most 10 transactions a second and server.
  uint32_t transactions_per_second = 10;
  /// Copies of a request until there is an answer, and between them.
  uint32_t attempts = 7;
  Duration interval = std::chrono::milliseconds(500);
};

/// Finds out what stands between this host and the Internet, from inside, with
/// a STUN server that has two addresses (RFC 5780; nat.md sections 5 and 6).
///
/// Life: Start(), then inputs until is_finished(). The tests of the axes use
/// sockets of their own; those that disturb each other take turns. A verdict
/// is only given when its evidence suffices: every absence of an answer is a
/// full schedule of copies and a control request that passes; a server that
/// answers from other addresses than it should is found out.
///
/// Pure: owns no socket, clock or random source. Bounded: the evidence of each
/// axis is at most 256 probes. Not thread-safe.
class BehaviorDiscovery {
 public:
  /// `rng` must outlive the discovery. No server or no local address is a bug
  /// of the caller and aborts.
  BehaviorDiscovery(BehaviorConfig config, Rng& rng);
  ~BehaviorDiscovery();
  BehaviorDiscovery(const BehaviorDiscovery&) = delete;
  BehaviorDiscovery& operator=(const BehaviorDiscovery&) = delete;
  BehaviorDiscovery(BehaviorDiscovery&&) = delete;
  BehaviorDiscovery& operator=(BehaviorDiscovery&&) = delete;

  // Inputs. After each one, drain all outputs.
  void Start(Instant now);
  /// The bound endpoint, address and port, or why there is no socket or no
  /// connection.
  void HandleSocketOpened(Instant now, SocketNumber socket,
                          const Result<Endpoint>& local);
  void HandleDatagram(Instant now, SocketNumber socket, const Endpoint& from,
                      ByteView datagram);
  /// What arrived on a TCP connection. That one has ended needs no input.
  void HandleStreamData(Instant now, SocketNumber socket, ByteView bytes);
  void HandleIcmpError(Instant now, SocketNumber socket,
                       const IcmpNotice& notice);
  void HandleTimeout(Instant now);
  /// Ends now: what is under way becomes inconclusive.
  void Abort(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<BehaviorAction> PollAction();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] bool is_finished() const;
  /// What is known so far; complete once finished.
  [[nodiscard]] const BehaviorReport& report() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::nat
